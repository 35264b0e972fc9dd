"""High Volume Email (smtp.hve.mx.microsoft): internal recipients, its own sender, fresh tokens.

Not seen by us in a document of Microsoft's are the words of 5.2.240, 5.7.62, 5.6.241 and 5.5.105, and at which step
they come; the codes are published. (Microsoft: "Manage high volume emails for Microsoft 365"; Add-HVEAppAccess,
Set-HVEAccountSettings)
"""

from __future__ import annotations

import hmac

from relay365.clock import Clock
from relay365.emulator.directory import Directory
from relay365.emulator.entra.scopes import OUTLOOK
from relay365.emulator.entra.signing import BadTokenError, Signer
from relay365.emulator.exchange.judge import Bench, Envelope, Guest, Letter, Verdict
from relay365.emulator.moods import Moods
from relay365.emulator.scenario import HveAccount

PERMISSION = "Mail.Send"


class HighVolume(Bench):
    """See Judge."""

    def __init__(self, directory: Directory, signer: Signer, moods: Moods, clock: Clock) -> None:
        super().__init__("hve", moods)
        self._directory, self._signer, self._clock = directory, signer, clock

    def malformed(self) -> Verdict:
        """See Judge."""
        return Verdict("hve-malformed")

    def login(self, mechanism: str, identity: str, secret: str) -> tuple[Verdict, str]:
        """See Judge. Who is a mailbox and no account may sign in, and hears 5.2.240 at MAIL."""
        account = self._directory.hve_account(identity)
        verdict = self._moody("auth", identity)
        if verdict is None and account is None and self._directory.mailbox(identity) is None:
            verdict = Verdict("auth-failed")
        if verdict is None and mechanism == "XOAUTH2":
            verdict = self._login_oauth(account, secret)
        verdict = verdict or self._login_basic(account, secret)
        return verdict, identity if verdict.is_good else ""

    def mail(self, guest: Guest, reverse_path: str, size_octets: int) -> Verdict:
        """See Judge."""
        verdict = self._moody_mail(guest)
        if verdict is not None:
            return verdict
        if self._directory.hve_account(guest.account) is None:
            return Verdict("hve-account")
        if reverse_path.lower() != guest.account.lower():
            return Verdict("hve-sender")
        return Verdict("too-big" if size_octets > self._directory.hve.message_octets else "sender-ok")

    def rcpt(self, guest: Guest, envelope: Envelope, address: str) -> Verdict:
        """See Judge."""
        verdict = self._moody_rcpt(guest, envelope)
        if verdict is not None:
            return verdict
        if len(envelope.recipients) >= self._directory.hve.recipients_per_message:
            return Verdict("too-many-recipients")
        if not self._directory.is_internal(address):
            return Verdict("hve-external")
        is_gone = self._directory.is_unknown_recipient(address)
        is_gone = is_gone and self._directory.tenant.unknown_reply == "rcpt"
        return Verdict("no-such-recipient" if is_gone else "recipient-ok")

    def dot(self, guest: Guest, letter: Letter) -> Verdict:
        """See Judge."""
        verdict = self._moody_dot(guest, letter)
        if verdict is not None:
            return verdict
        if letter.size_octets > self._directory.hve.message_octets:
            return Verdict("too-big")
        is_own = letter.header_from.lower() == guest.account.lower()
        return Verdict("accepted" if is_own else "hve-from")

    # -- inside -----------------------------------------------------------------------------------------------------

    def _login_oauth(self, account: HveAccount | None, token: str) -> Verdict:
        directory = self._directory
        try:
            claims = self._signer.read(token, OUTLOOK)
        except BadTokenError as error:
            return Verdict("hve-expired" if "expired" in str(error) else "auth-failed")
        if PERMISSION not in claims.roles | claims.scopes:
            return Verdict("hve-permissions")
        if claims.expires_at - self._clock.now() < directory.hve.fresh_s:
            return Verdict("hve-stale" if directory.hve.stale_reply == "5.7.142" else "hve-stale-preview")
        if account is not None and not account.allowed_app:
            return Verdict("hve-app")
        return Verdict("signed-in")

    def _login_basic(self, account: HveAccount | None, password: str) -> Verdict:
        """The tenant's SMTP AUTH switch does not hold here; the authentication policy does."""
        if account is None:
            return Verdict("auth-failed")
        if not account.basic_auth:
            return Verdict("auth-organization")
        is_right = hmac.compare_digest(password.encode(), account.password.encode())
        return Verdict("signed-in" if is_right else "auth-password")
