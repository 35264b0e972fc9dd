"""Questions about what only the relay's user may read: secrets, keys, logins; and about what ends some day.

(The files are named by the configuration; what a secret is is never looked at)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from cryptography import x509

from relay365.doctor.finding import Finding, Mend, State, bad, good, warn
from relay365.doctor.wire.shown import described
from relay365.errors import ConfigError
from relay365.owner import may_owner_read
from relay365.routes.identity.expiry import Ending

SOON_DAYS = 30
_OTHERS = 0o077
_RENEW = (
    "make a new one for the application: relay365 app rotate for a certificate, the Entra portal for a secret"
)


async def private(label: str, file: Path, data: Path) -> Finding:
    """Whether a secret file can be read, by us and by nobody else; where root asks, by whom the data belong to."""
    return await asyncio.to_thread(_private, label, file, data)


def _private(label: str, file: Path, data: Path) -> Finding:
    try:
        mode = file.stat().st_mode & 0o777
        is_theirs = may_owner_read(file, data)
    except FileNotFoundError:
        return bad(
            f"{label}: there is no {file}", "the configuration names it", "put it there, with chmod 600"
        )
    except OSError as error:
        return bad(
            f"{label}: {file}: {error.strerror}",
            "the folder cannot be entered",
            f"check the rights of {file.parent}",
        )
    if not os.access(file, os.R_OK):
        do = "chown it to the relay's user, or run the doctor as that user"
        return bad(f"{label}: {file} cannot be read", "it belongs to another user", do)
    if not is_theirs:
        why = f"root may read it, and the relay's user, to whom {data} belongs, may not"
        do = f'chown it to that user, or make it a credential: {{ credential = "{file.name}" }} (docs/service.md)'
        return bad(f"{label}: {file} cannot be read by the service", why, do)
    if os.name != "nt" and mode & _OTHERS:
        return Finding(
            State.WARN, f"{label}: {file} can be read by other users (mode {mode:04o})",
            "whoever has it can send as us", f"chmod 600 {file}", mend=Mend(file, 0o600),
        )  # fmt: skip
    return good(f"{label}: {file} is ours alone")


async def certificate(label: str, file: Path, now: float) -> Finding:
    """How long a certificate of ours in a file is good."""
    try:
        leaf = x509.load_pem_x509_certificate(await asyncio.to_thread(file.read_bytes))
    except OSError as error:
        return bad(
            f"{label}: {file}: {error.strerror}",
            "the configuration names it",
            "put it there, readable by the relay",
        )
    except ValueError:
        return bad(
            f"{label}: {file} is no certificate", "it is not PEM, or damaged", "put the chain there, in PEM"
        )
    days = described(leaf).days_left(now)
    if days < 0:
        return bad(
            f"{label}: {file} ended {-days} days ago",
            "who checks it refuses us",
            "renew it: the relay reads it anew",
        )
    if days < SOON_DAYS:
        return warn(
            f"{label}: {file} ends in {days} days",
            "who checks it will refuse us",
            "renew it: the relay reads it anew",
        )
    return good(f"{label}: {file} is good for {days} days")


async def lasts(label: str, ending: Callable[[], Ending | None], now: float, *, is_secret: bool) -> Finding:
    """How long the credential of a road is good. is_secret: a client secret, which itself does not tell."""
    try:
        found = await asyncio.to_thread(ending)
    except ConfigError as error:
        said = f"expected {error.expected}, found {error.found}"
        what = f"{label}: its credential cannot be read: {error.where}"
        return bad(what, said, error.hint or "relay365 config check")
    if found is None:
        note = " (write secret_expires into the route to be warned)" if is_secret else ""
        return good(f"{label}: nothing of its credential is known to end{note}")
    days = found.days_left(now)
    if days < 0:
        why = "Microsoft refuses it: AADSTS7000222 for a secret, 700027 for a certificate"
        return bad(
            f"{label}: the {found.what} ended {-days} days ago",
            why,
            "make a new one for the application: relay365 app",
        )
    if days < SOON_DAYS:
        why = "on that day all mail of this route stops"
        return warn(f"{label}: the {found.what} ends in {days} days", why, _RENEW)
    return good(f"{label}: the {found.what} is good for {days} days")
