"""What every service decides at each step of a session: the form of a judge, and what all judges share.

No sockets: facts in, a verdict out. A verdict names a row of texts.TEXTS. Moods come first (they are bad days), then
the service's own rules, which stand in a module of their own for each service.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from relay365.emulator.moods import Moods
from relay365.emulator.tenant.office import Service
from relay365.emulator.texts import TEXTS, as_written
from relay365.mail.status import Reply


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


@dataclass(slots=True)
class Guest:
    """Who is connected. names: what its client certificate stands for, () where it has none that is trusted.

    account: what it signed in as, "" before that; for a mailbox its primary address.
    """

    ip: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    account: str = ""


@dataclass(slots=True)
class Envelope:
    """One transaction so far: the reverse-path, and the recipients that were accepted."""

    reverse_path: str = ""
    recipients: list[str] = field(default_factory=list)
    n_asked: int = 0


@dataclass(frozen=True, slots=True)
class Letter:
    """What is known of a message at its final dot. in_time: it began while fewer than the allowed senders were at
    it.
    """

    reverse_path: str
    recipients: tuple[str, ...]
    header_from: str
    size_octets: int
    in_time: bool = True


class Judge(Protocol):
    """One service's judgement. The session asks in the order of a session; moods are counted here."""

    service: Service

    def greeting(self) -> Verdict | None:
        """None greets."""
        ...

    def malformed(self) -> Verdict:
        """AUTH whose response is not of the mechanism's form."""
        ...

    def login(self, mechanism: str, identity: str, secret: str) -> tuple[Verdict, str]:
        """AUTH; the account where it was good, else ""."""
        ...

    def mail(self, guest: Guest, reverse_path: str, size_octets: int) -> Verdict:
        """MAIL; size_octets is what SIZE declared, or 0."""
        ...

    def rcpt(self, guest: Guest, envelope: Envelope, address: str) -> Verdict:
        """RCPT; the envelope holds what was accepted before."""
        ...

    def begin(self, guest: Guest) -> bool:
        """A content begins; whether in time (Letter.in_time). end() must follow in both cases."""
        ...

    def end(self, guest: Guest) -> None:
        """The content has its answer, or its connection is gone."""
        ...

    def dot(self, guest: Guest, letter: Letter) -> Verdict:
        """The final dot, all but a delay; see wait_s()."""
        ...

    def wait_s(self, guest: Guest) -> float:
        """How long an accepted message is delayed, in seconds; ask again after that time."""
        ...

    def taken(self, guest: Guest, *, is_good: bool) -> None:
        """A message was answered: count it."""
        ...

    def accepted(self, message_id: str, size_octets: int) -> Verdict:
        """The words for a message that was taken."""
        ...


class Bench:
    """What judges share: moods of their service, and answers that most services give alike."""

    service: Service

    def __init__(self, service: Service, moods: Moods) -> None:
        self.service = service
        self._moods = moods

    def greeting(self) -> Verdict | None:
        """See Judge."""
        mood = self._moods.strike("outage", service=self.service, how="greeting")
        if mood is not None:
            return Verdict("service-unavailable")
        return self._moody("greeting", "")

    def malformed(self) -> Verdict:
        """See Judge."""
        return Verdict("auth-failed")

    def begin(self, guest: Guest) -> bool:
        """See Judge."""
        return True

    def end(self, guest: Guest) -> None:
        """See Judge."""

    def wait_s(self, guest: Guest) -> float:
        """See Judge."""
        return 0.0

    def taken(self, guest: Guest, *, is_good: bool) -> None:
        """See Judge."""

    def accepted(self, message_id: str, size_octets: int) -> Verdict:
        """See Judge."""
        return Verdict("accepted", {"message_id": message_id})

    # -- moods ------------------------------------------------------------------------------------------------------

    def _away(self) -> Verdict | None:
        """MAIL during an outage."""
        if self._moods.strike("outage", service=self.service, how="proxy"):
            return Verdict("proxy")
        return Verdict("service-unavailable") if self._moods.find("outage", service=self.service) else None

    def _moody(self, at: str, account: str, ip: str = "") -> Verdict | None:
        mood = self._moods.strike("auth", account, self.service) if at == "auth" else None
        if mood is not None:
            return Verdict(mood.word("text"))
        mood = self._moods.strike("reply", account, self.service, at=at)
        return said(mood.word("text"), ip) if mood else None

    def _moody_mail(self, guest: Guest) -> Verdict | None:
        """What stands in the way of any sender: the service is away, nobody has signed in, a mood."""
        away = self._away()
        if away is None and not guest.account:
            away = Verdict("not-authenticated")
        return away or self._moody("mail", guest.account, guest.ip)

    def _moody_rcpt(self, guest: Guest, envelope: Envelope) -> Verdict | None:
        """Moods that choose among recipients; the envelope counts every one that was asked for."""
        envelope.n_asked += 1
        mixed = self._moods.find("mixed", guest.account, self.service)
        if mixed is not None and envelope.n_asked % max(1, int(mixed.seconds("every"))) == 0:
            self._moods.strike("mixed", guest.account, self.service)
            return said(mixed.word("text"), guest.ip)
        few = self._moods.find("few", guest.account, self.service)
        if few is not None and len(envelope.recipients) >= few.seconds("most"):
            self._moods.strike("few", guest.account, self.service)
            return said(few.word("text"), guest.ip)
        return self._moody("rcpt", guest.account, guest.ip)

    def _moody_dot(self, guest: Guest, letter: Letter) -> Verdict | None:
        account = guest.account
        for name, text in _MOOD_AT_DOT.items():
            if self._moods.strike(name, account, self.service):
                sender = letter.header_from or letter.reverse_path
                return Verdict(text, {"mailbox": account, "sender": sender})
        small = self._moods.find("small", account, self.service)
        if small is not None and letter.size_octets > small.seconds("octets"):
            self._moods.strike("small", account, self.service)
            return Verdict("too-big")
        penalty = self._moods.strike("penalty", account, self.service)
        return Verdict(penalty.word("text")) if penalty else self._moody("dot", account, guest.ip)


_MOOD_AT_DOT = {
    "throttle": "thread-limit",
    "concurrent": "concurrent",
    "storedrv": "no-rights",
    "send-as": "send-as-denied",
    "quota": "quota",
    "full": "mailbox-full",
}


def said(words: str, ip: str = "") -> Verdict:
    """A row of the table by its name, or a whole reply as written; raises ValueError for neither."""
    if words in TEXTS:
        facts = {
            "mailbox": "this mailbox", "sender": "this sender", "message_id": "<id>", "ip": ip, "internal_id": "1",
            "host": "host", "size": "0", "seconds": "0.1", "rate": "0.1",
        }  # fmt: skip
        return Verdict(words, facts)
    return Verdict(words, raw=as_written(words))
