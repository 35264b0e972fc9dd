"""Azure Communication Services Email by SMTP (smtp.azurecomm.net): user name forms, small rates, any recipient.

What it says when a rate is used up is published nowhere; our words are marked unsure.
(Microsoft: "Create credentials for SMTP authentication", "SMTP authentication with OAuth"; Azure Communication Services
service limits)
"""

from __future__ import annotations

import hmac
import re

from relay365.clock import Clock
from relay365.emulator.directory import Directory
from relay365.emulator.entra.scopes import COMMUNICATION
from relay365.emulator.entra.signing import BadTokenError, Signer
from relay365.emulator.exchange.judge import Bench, Envelope, Guest, Letter, Verdict
from relay365.emulator.moods import Moods
from relay365.emulator.window import HOUR_S, MINUTE_S, Sliding


class AzureMail(Bench):
    """See Judge."""

    def __init__(self, directory: Directory, signer: Signer, moods: Moods, clock: Clock) -> None:
        super().__init__("acs", moods)
        self._directory, self._signer, self._clock = directory, signer, clock
        self._minute = Sliding(directory.acs.per_minute, MINUTE_S)
        self._hour = Sliding(directory.acs.per_hour, HOUR_S)

    def login(self, mechanism: str, identity: str, secret: str) -> tuple[Verdict, str]:
        """See Judge."""
        verdict = self._moody("auth", identity)
        if verdict is None:
            is_good = self._is_name(identity) and (
                self._is_token(secret) if mechanism == "XOAUTH2" else self._is_secret(secret)
            )
            verdict = Verdict("signed-in" if is_good else "auth-failed")
        return verdict, identity if verdict.is_good else ""

    def mail(self, guest: Guest, reverse_path: str, size_octets: int) -> Verdict:
        """See Judge."""
        verdict = self._moody_mail(guest)
        if verdict is not None:
            return verdict
        if not self._is_sender(reverse_path):
            return Verdict("acs-sender")
        return Verdict("too-big" if size_octets > self._directory.acs.message_octets else "sender-ok")

    def rcpt(self, guest: Guest, envelope: Envelope, address: str) -> Verdict:
        """See Judge."""
        verdict = self._moody_rcpt(guest, envelope)
        if verdict is not None:
            return verdict
        is_over = len(envelope.recipients) >= self._directory.acs.recipients_per_message
        return Verdict("too-many-recipients" if is_over else "recipient-ok")

    def dot(self, guest: Guest, letter: Letter) -> Verdict:
        """See Judge."""
        verdict = self._moody_dot(guest, letter)
        if verdict is not None:
            return verdict
        if letter.size_octets > self._directory.acs.message_octets:
            return Verdict("too-big")
        now = self._clock.mono()
        is_over = self._minute.wait_s(now) or self._hour.wait_s(now)
        return Verdict("acs-throttled" if is_over else "accepted")

    def taken(self, guest: Guest, *, is_good: bool) -> None:
        """See Judge."""
        if is_good:
            self._minute.take(self._clock.mono())
            self._hour.take(self._clock.mono())

    # -- inside -----------------------------------------------------------------------------------------------------

    def _is_name(self, identity: str) -> bool:
        """An SMTP Username of the resource, or resource, application and tenant joined by bars or dots."""
        acs, ours = self._directory.acs, self._directory.identity
        if identity.lower() in {one.lower() for one in acs.usernames}:
            return True
        parts = re.fullmatch(r"(.+)([|.])([0-9a-f-]{36})\2([0-9a-f-]{36})", identity.lower())
        return parts is not None and (acs.resource.lower(), ours.client_id, ours.tenant_id) == (
            parts[1], parts[3], parts[4],
        )  # fmt: skip

    def _is_secret(self, secret: str) -> bool:
        return hmac.compare_digest(secret.encode(), self._directory.identity.secret.encode())

    def _is_token(self, token: str) -> bool:
        try:
            self._signer.read(token, (COMMUNICATION,))
        except BadTokenError:
            return False
        return True

    def _is_sender(self, address: str) -> bool:
        senders = {one.lower() for one in self._directory.acs.senders}
        return address.lower() in senders if senders else self._directory.is_internal(address)
