"""What Exchange Online decides at each step of a submission, in its order. No sockets: facts in, a verdict out.

A verdict names a row of texts.TEXTS. What the order is where documents are silent: moods first (they are bad days),
then what holds for the whole mailbox (penalty box, senders at once, rights, full), then what holds for the message
(size, Send As), then the budgets (minute, recipients of a day), so that a refused message costs no budget.
(Microsoft: "Improvements in SMTP AUTH client submission"; "Authenticate an IMAP, POP or SMTP connection using OAuth";
"Continuous error throttling for SMTP AUTH submissions"; Set-CASMailbox and Set-TransportConfig,
SmtpClientAuthenticationDisabled)
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from relay365.clock import Clock
from relay365.emulator.directory import Directory, MailboxState
from relay365.emulator.moods import Moods
from relay365.emulator.texts import TEXTS, as_written
from relay365.mail.status import Reply

_BOX_OF = {
    "mailbox-full": "box-full",
    "send-as-denied": "box-send-as",
    "send-as": "box-send-as",
    "too-many-recipients": "box-recipients",
    "no-such-recipient": "box-invalid-recipients",
}
"""Which errors are counted, and the row that is given once there were too many."""

_MOOD_AT_DOT = {
    "throttle": "thread-limit",
    "concurrent": "concurrent",
    "storedrv": "no-rights",
    "send-as": "send-as-denied",
    "quota": "quota",
    "full": "mailbox-full",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row of the table of replies with its facts, or a raw reply that a mood dictates."""

    text: str
    facts: dict[str, str] = field(default_factory=dict)
    raw: Reply | None = None

    @property
    def is_good(self) -> bool:
        """Whether the step may go on."""
        return self.raw.is_positive if self.raw is not None else TEXTS[self.text].code < 400


@dataclass(frozen=True, slots=True)
class Letter:
    """What is known of a message at its final dot. in_time: it began while fewer than the allowed senders were at
    it.
    """

    reverse_path: str
    recipients: tuple[str, ...]
    header_from: str
    size_octets: int
    in_time: bool


class Judge:
    """Decides. Moods and penalty boxes are counted here; budgets are taken by whoever records the message."""

    def __init__(
        self, directory: Directory, judge_token: Callable[[str], str], moods: Moods, clock: Clock
    ) -> None:
        self._directory, self._judge_token = directory, judge_token
        self._moods, self._clock = moods, clock

    def greeting(self) -> Verdict | None:
        """None greets."""
        return Verdict("service-unavailable") if self._moods.strike("outage", how="greeting") else None

    def login(self, mechanism: str, identity: str, secret: str) -> tuple[Verdict, MailboxState | None]:
        """AUTH; the mailbox where it was good."""
        mailbox = self._directory.mailbox(identity)
        verdict = self._moody("auth", identity)
        if verdict is None and mailbox is not None:
            is_oauth = mechanism == "XOAUTH2"
            verdict = self._login_oauth(mailbox, secret) if is_oauth else self._login_basic(mailbox, secret)
        verdict = verdict or Verdict("auth-failed")
        return verdict, mailbox if verdict.is_good else None

    def mail(self, mailbox: MailboxState | None, reverse_path: str, size_octets: int) -> Verdict:
        """MAIL; size_octets is what SIZE declared, or 0."""
        if self._moods.strike("outage", how="proxy"):
            return Verdict("proxy")
        if self._moods.find("outage"):
            return Verdict("service-unavailable")
        if mailbox is None:
            return Verdict("not-authenticated")
        return self._moody("mail", mailbox.settings.address) or self._mail(mailbox, reverse_path, size_octets)

    def rcpt(self, mailbox: MailboxState, address: str, n_accepted: int) -> Verdict:
        """RCPT; n_accepted recipients stand already."""
        verdict = self._moody("rcpt", mailbox.settings.address)
        if verdict is not None:
            return verdict
        if n_accepted >= mailbox.settings.limits.recipients_per_message:
            return self._counted(mailbox, Verdict("too-many-recipients"))
        if self._directory.is_unknown_recipient(address):
            return self._counted(mailbox, Verdict("no-such-recipient"))
        return Verdict("recipient-ok")

    def dot(self, mailbox: MailboxState, letter: Letter) -> Verdict:
        """The final dot, all but the delay of a minute's surplus; see wait_s()."""
        verdict = self._moody_dot(mailbox.settings.address, letter)
        for judge in (self._whole_mailbox, self._one_message, self._budgets):
            verdict = verdict or judge(mailbox, letter)
        return verdict or Verdict("accepted")

    def wait_s(self, mailbox: MailboxState) -> float:
        """How long an accepted message is delayed by the minute; ask again after that time."""
        return mailbox.minute.wait_s(self._clock.mono())

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
        for sender in (letter.reverse_path, letter.header_from):
            if sender and not mailbox.may_send_as(sender):
                return self._counted(mailbox, self._denied(mailbox.settings.address, sender))
        return None

    def _budgets(self, mailbox: MailboxState, letter: Letter) -> Verdict | None:
        now = self._clock.mono()
        if mailbox.day.wait_s(now, len(letter.recipients)):
            return Verdict("quota")
        refuses = mailbox.settings.limits.surplus == "refuse"
        return Verdict("thread-limit") if refuses and mailbox.minute.wait_s(now) else None

    def _login_oauth(self, mailbox: MailboxState, token: str) -> Verdict:
        if self._judge_token(token):
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

    def _moody_dot(self, address: str, letter: Letter) -> Verdict | None:
        for name, text in _MOOD_AT_DOT.items():
            if self._moods.strike(name, address):
                sender = letter.header_from or letter.reverse_path
                return Verdict(text, {"mailbox": address, "sender": sender})
        penalty = self._moods.strike("penalty", address)
        return Verdict(penalty.word("text")) if penalty else self._moody("dot", address)

    def _moody(self, at: str, address: str) -> Verdict | None:
        if at == "auth" and (mood := self._moods.strike("auth", address)):
            return Verdict(mood.word("text"))
        mood = self._moods.strike("reply", address, at=at)
        return said(mood.word("text")) if mood else None


def said(words: str) -> Verdict:
    """A row of the table by its name, or a whole reply as written; raises ValueError for neither."""
    if words in TEXTS:
        return Verdict(words, {"mailbox": "this mailbox", "sender": "this sender", "message_id": "<id>"})
    return Verdict(words, raw=as_written(words))
