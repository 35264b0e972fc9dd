"""The chain and key that a listener shows, watched: renewed, read anew when the files change, and complained about.

Apart from net.tls because it has a memory and a journal. A changed file that cannot be used never takes the old
certificate away. look() reads files and may make a key, so the caller runs it in a thread.
"""

from __future__ import annotations

import datetime as dt
import logging
import ssl
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from relay365.net.tls import server_context

_LOG = logging.getLogger("relay365.listener")

DAY_S = 86_400.0
WARN_DAYS = 21  # an automatic renewal comes 30 days before the end; when it has not, a person has three weeks

_Seen = tuple[tuple[int, int, int], ...]


class Identity:
    """One listener's chain and key. Raises ssl.SSLError or OSError when they cannot be used at the beginning.

    renew: makes the files anew where they are due; None for an admin's own. suites: see net.tls.server_context.
    wants_rsa: whether there are devices that know nothing else.
    """

    wants_rsa = True

    def __init__(
        self, certificate: Path, key: Path, suites: str, renew: Callable[[float], object] | None = None
    ) -> None:
        self._files = (certificate, key)
        self._suites, self._renew = suites, renew
        self._seen = self._look_at_files()
        self._n_failed = 0
        self._warned_at = 0.0
        self.context = self._make()

    def look(self, now: float) -> ssl.SSLContext | None:
        """A new context where the files have changed, else None. Warns once a day of what will lock devices out."""
        fresh = None
        try:
            if self._renew is not None:
                self._renew(now)
            seen = self._look_at_files()
            if seen != self._seen:
                fresh = self._make()
                self.context, self._seen = fresh, seen
                self._warned_at = 0.0
                _LOG.info("certificate.reloaded file=%s", self._files[0])
            self._n_failed = 0
        except (OSError, ValueError, TypeError) as error:  # the last two: damaged files of our own
            self._complain(error)
        if now - self._warned_at >= DAY_S:
            self._warned_at = now
            self._warn(now)
        return fresh

    def _make(self) -> ssl.SSLContext:
        """The context with what the files hold now; raises OSError or ValueError."""
        return server_context(*self._files, self._suites)

    def _look_at_files(self) -> _Seen:
        stats = [file.stat() for file in self._files]
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in stats)

    def _complain(self, error: Exception) -> None:
        """At the second look only: whoever replaces chain and key does so one after the other."""
        self._n_failed += 1
        if self._n_failed == 2:
            _LOG.error("certificate.unusable file=%s reason=%s", self._files[0], error)

    def _warn(self, now: float) -> None:
        file = self._files[0]
        try:
            leaf = x509.load_pem_x509_certificate(file.read_bytes())
            is_rsa = isinstance(leaf.public_key(), rsa.RSAPublicKey)
        except (OSError, ValueError):  # said by _complain()
            return
        if self.wants_rsa and not is_rsa:
            _LOG.warning("certificate.not-rsa file=%s", file)
        left = leaf.not_valid_after_utc - dt.datetime.fromtimestamp(now, dt.UTC)
        if left < dt.timedelta(days=WARN_DAYS):
            _LOG.warning(
                "certificate.ends-soon file=%s ends=%s", file, leaf.not_valid_after_utc.date().isoformat()
            )
