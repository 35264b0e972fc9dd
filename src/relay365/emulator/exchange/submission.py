"""SMTP AUTH client submission: what Exchange Online decides, in its order.

What the order is where documents are silent: moods first, then what holds for the whole mailbox (penalty box, senders
at once, rights, full), then what holds for the message (size, Send As), then the budgets (minute, recipients of a day),
so that a refused message costs no budget. The null reverse-path is no sender of anybody's and is denied like a wrong
one; that it is refused has been seen by operators, with which text has not, so it is that of Send As.
(Microsoft: "Improvements in SMTP AUTH client submission"; "Authenticate an IMAP, POP or SMTP connection using OAuth";
"Continuous error throttling for SMTP AUTH submissions"; Set-CASMailbox and Set-TransportConfig,
SmtpClientAuthenticationDisabled)
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from relay365.clock import Clock
from relay365.emulator.directory import Directory, MailboxState
from relay365.emulator.exchange.judge import Bench, Envelope, Guest, Letter, Verdict
from relay365.emulator.moods import Moods

_BOX_OF = {
    "mailbox-full": "box-full",
    "send-as-denied": "box-send-as",
    "send-as": "box-send-as",
    "too-many-recipients": "box-recipients",
    "no-such-recipient": "box-invalid-recipients",
}
"""Which errors are counted, and the row that is given once there were too many."""
NOBODY = "<>"  # the null reverse-path: no sender that a mailbox could be


class Submission(Bench):
    """See Judge. Penalty boxes are counted here; budgets are taken by whoever records the message."""

    def __init__(
        self, directory: Directory, judge_token: Callable[[str, str], str], moods: Moods, clock: Clock
    ) -> None:
        super().__init__("submission", moods)
        self._directory, self._judge_token, self._clock = directory, judge_token, clock

    def login(self, mechanism: str, identity: str, secret: str) -> tuple[Verdict, str]:
        """See Judge."""
        mailbox = self._directory.mailbox(identity)
        verdict = self._moody("auth", identity)
        if verdict is None and mailbox is not None:
            is_oauth = mechanism == "XOAUTH2"
            verdict = self._login_oauth(mailbox, secret) if is_oauth else self._login_basic(mailbox, secret)
        verdict = verdict or Verdict("auth-failed")
        return verdict, mailbox.settings.address if verdict.is_good and mailbox is not None else ""

    def mail(self, guest: Guest, reverse_path: str, size_octets: int) -> Verdict:
        """See Judge."""
        away = self._away()
        if away is not None:
            return away
        mailbox = self._directory.mailbox(guest.account)
        if mailbox is None:
            return Verdict("not-authenticated")
        return self._moody("mail", guest.account) or self._mail(mailbox, reverse_path, size_octets)

    def rcpt(self, guest: Guest, envelope: Envelope, address: str) -> Verdict:
        """See Judge."""
        mailbox, tenant = self._mailbox(guest), self._directory.tenant
        verdict = self._moody_rcpt(guest, envelope)
        if verdict is not None:
            return verdict
        if len(envelope.recipients) >= mailbox.settings.limits.recipients_per_message:
            return self._counted(mailbox, Verdict("too-many-recipients"))
        if tenant.unknown_reply == "rcpt" and self._directory.is_unknown_recipient(address):
            return self._counted(mailbox, Verdict("no-such-recipient"))
        return Verdict("recipient-ok")

    def begin(self, guest: Guest) -> bool:
        """See Judge."""
        return self._mailbox(guest).begin_sending()

    def end(self, guest: Guest) -> None:
        """See Judge."""
        self._mailbox(guest).end_sending()

    def dot(self, guest: Guest, letter: Letter) -> Verdict:
        """See Judge."""
        mailbox, verdict = self._mailbox(guest), self._moody_dot(guest, letter)
        for judge in (self._whole_mailbox, self._one_message, self._budgets):
            verdict = verdict or judge(mailbox, letter)
        return verdict or Verdict("accepted")

    def wait_s(self, guest: Guest) -> float:
        """See Judge."""
        return self._mailbox(guest).minute.wait_s(self._clock.mono())

    def taken(self, guest: Guest, *, is_good: bool) -> None:
        """See Judge."""
        self._mailbox(guest).n_refused += not is_good

    # -- inside -----------------------------------------------------------------------------------------------------

    def _mail(self, mailbox: MailboxState, reverse_path: str, size_octets: int) -> Verdict:
        if size_octets > mailbox.settings.limits.send_octets:
            return Verdict("too-big")
        is_early = self._directory.tenant.send_as_reply == "5.7.60"
        if is_early and reverse_path and not mailbox.may_send_as(reverse_path):
            return self._counted(mailbox, Verdict("send-as"))
        return Verdict("sender-ok")

    def _whole_mailbox(self, mailbox: MailboxState, letter: Letter) -> Verdict | None:
        shut = mailbox.box.locked(self._clock.mono())
        if shut:
            return Verdict(shut)
        if not letter.in_time:
            return Verdict("concurrent")
        if not mailbox.settings.rights:
            return Verdict("no-rights")
        return self._counted(mailbox, Verdict("mailbox-full")) if mailbox.settings.full else None

    def _one_message(self, mailbox: MailboxState, letter: Letter) -> Verdict | None:
        if letter.size_octets > mailbox.settings.limits.send_octets:
            return Verdict("too-big")
        for sender in (letter.reverse_path or NOBODY, letter.header_from):
            if sender and not mailbox.may_send_as(sender):
                return self._counted(mailbox, self._denied(mailbox.settings.address, sender))
        return None

    def _budgets(self, mailbox: MailboxState, letter: Letter) -> Verdict | None:
        now = self._clock.mono()
        if mailbox.day.wait_s(now, len(letter.recipients)):
            return Verdict("quota")
        refuses = mailbox.settings.limits.surplus == "refuse"
        if not refuses or not mailbox.minute.wait_s(now):
            return None
        mailbox.minute.refuse(now)
        return Verdict("thread-limit")

    def _login_oauth(self, mailbox: MailboxState, token: str) -> Verdict:
        if self._judge_token(token, mailbox.settings.address):
            return Verdict("auth-failed")
        switch = self._directory.smtp_auth_switch(mailbox.settings)
        return Verdict(f"auth-{switch}" if switch else "signed-in")

    def _login_basic(self, mailbox: MailboxState, password: str) -> Verdict:
        settings = mailbox.settings
        switch = self._directory.smtp_auth_switch(settings)
        if switch:
            return Verdict(f"auth-{switch}")
        if not settings.basic_auth:
            return Verdict("auth-basic")
        is_right = hmac.compare_digest(password.encode(), settings.password.encode())
        return Verdict("signed-in" if is_right else "auth-password")

    def _denied(self, mailbox: str, sender: str) -> Verdict:
        if self._directory.tenant.send_as_reply == "5.7.60":
            return Verdict("send-as")
        return Verdict("send-as-denied", {"mailbox": mailbox, "sender": sender})

    def _counted(self, mailbox: MailboxState, verdict: Verdict) -> Verdict:
        """An error that continuous error throttling counts."""
        mailbox.box.error(_BOX_OF[verdict.text], self._clock.mono())
        return verdict

    def _mailbox(self, guest: Guest) -> MailboxState:
        mailbox = self._directory.mailbox(guest.account)
        if mailbox is None:
            raise RuntimeError("a transaction without a login")  # MAIL is refused without one
        return mailbox
