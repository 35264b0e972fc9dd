"""What Exchange decides of a client submission at each step, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.emulator.directory import Directory, MailboxState
from relay365.emulator.exchange.judge import Envelope, Guest, Letter
from relay365.emulator.exchange.submission import Submission
from relay365.emulator.moods import Moods

Make = Callable[..., Directory]
SCAN = "scan@contoso.com"


class Court:
    """A judge with its directory and moods; the token "good" is good."""

    def __init__(self, directory: Directory, clock: FakeClock) -> None:
        self.directory, self.moods, self.clock = directory, Moods(clock), clock
        self.judge = Submission(
            directory, lambda token, mailbox: "" if token == "good" else "bad", self.moods, clock
        )
        self.guest = Guest(account=SCAN)

    @property
    def scan(self) -> MailboxState:
        mailbox = self.directory.mailbox(SCAN)
        assert mailbox is not None
        return mailbox

    def login(self, mechanism: str, secret: str, identity: str = SCAN) -> str:
        return self.judge.login(mechanism, identity, secret)[0].text

    def dot(self, **changes: Any) -> str:
        letter = {
            "reverse_path": SCAN, "recipients": ("a@b",), "header_from": SCAN, "size_octets": 10, "in_time": True,
        }  # fmt: skip
        return self.judge.dot(self.guest, Letter(**(letter | changes))).text

    def deliver(self, times: int) -> list[str]:
        """So many good messages; what the judge said to each."""
        answers = []
        for _ in range(times):
            answers.append(self.dot())
            if answers[-1] == "accepted":
                self.scan.take(1)
        return answers


@pytest.fixture
def court_of(directory_of: Make, clock: FakeClock) -> Callable[..., Court]:
    return lambda **settings: Court(directory_of(**settings), clock)


@pytest.mark.parametrize(
    ("mechanism", "secret", "settings", "text"),
    [
        ("XOAUTH2", "good", {}, "signed-in"),
        ("XOAUTH2", "good", {"basic_auth": False}, "signed-in"),
        ("XOAUTH2", "bad", {}, "auth-failed"),
        ("XOAUTH2", "good", {"tenant": {"smtp_auth": False}}, "auth-tenant"),
        ("XOAUTH2", "good", {"smtp_auth": False}, "auth-mailbox"),
        ("XOAUTH2", "good", {"tenant": {"smtp_auth": False}, "smtp_auth": True}, "signed-in"),
        ("LOGIN", "right", {}, "signed-in"),
        ("LOGIN", "wrong", {}, "auth-password"),
        ("LOGIN", "right", {"basic_auth": False}, "auth-basic"),
        ("LOGIN", "right", {"smtp_auth": False}, "auth-mailbox"),
        ("LOGIN", "wrong", {"tenant": {"smtp_auth": False}}, "auth-tenant"),
    ],
)
def test_login(
    court_of: Callable[..., Court], mechanism: str, secret: str, settings: dict[str, Any], text: str
) -> None:
    """Switches hold for OAuth and password alike; basic authentication only for passwords."""
    assert text == court_of(**settings).login(mechanism, secret)


def test_login_gives_the_mailbox_only_where_it_is_good(court_of: Callable[..., Court]) -> None:
    """A refused login yields no mailbox; an unknown name is refused like a wrong token."""
    court = court_of()

    assert SCAN == court.judge.login("XOAUTH2", "SCAN@contoso.com", "good")[1]
    assert "" == court.judge.login("XOAUTH2", SCAN, "bad")[1]
    assert "auth-failed" == court.login("LOGIN", "right", "nobody@contoso.com")


def test_mail(court_of: Callable[..., Court]) -> None:
    """Without a login 530; a declared size above the send limit is refused; other senders wait for the final dot."""
    court = court_of(limits={"send_octets": 100})

    assert ["not-authenticated", "too-big", "sender-ok", "sender-ok"] == [
        court.judge.mail(Guest(), SCAN, 0).text, court.judge.mail(court.guest, SCAN, 101).text,
        court.judge.mail(court.guest, SCAN, 100).text, court.judge.mail(court.guest, "boss@contoso.com", 0).text,
    ]  # fmt: skip


def test_the_other_send_as_reply(court_of: Callable[..., Court]) -> None:
    """With 5.7.60 a wrong sender is refused at MAIL, a wrong header and the null sender at the final dot."""
    court = court_of(tenant={"send_as_reply": "5.7.60"})

    assert ["send-as", "sender-ok", "send-as", "send-as"] == [
        court.judge.mail(court.guest, "boss@contoso.com", 0).text, court.judge.mail(court.guest, "", 0).text,
        court.dot(header_from="boss@contoso.com"), court.dot(reverse_path=""),
    ]  # fmt: skip


def test_rcpt(court_of: Callable[..., Court]) -> None:
    """Recipients up to the limit of a message are taken, except those that do not exist."""
    court = court_of(limits={"recipients_per_message": 2}, tenant={"unknown_recipients": ("gone.example",)})

    assert ["recipient-ok", "too-many-recipients", "no-such-recipient"] == [
        court.judge.rcpt(court.guest, Envelope(SCAN, ["x@y"] * n), address).text
        for n, address in ((1, "a@b.example"), (2, "a@b.example"), (0, "a@gone.example"))
    ]


@pytest.mark.parametrize(
    ("settings", "letter", "text"),
    [
        ({}, {}, "accepted"),
        ({}, {"reverse_path": ""}, "send-as-denied"),
        ({}, {"header_from": ""}, "accepted"),
        ({}, {"header_from": "Scanner@contoso.com", "reverse_path": "noreply@contoso.com"}, "accepted"),
        ({}, {"in_time": False}, "concurrent"),
        ({"rights": False}, {}, "no-rights"),
        ({"full": True}, {}, "mailbox-full"),
        ({"limits": {"send_octets": 9}}, {}, "too-big"),
        ({}, {"reverse_path": "boss@contoso.com"}, "send-as-denied"),
        ({}, {"header_from": "boss@contoso.com"}, "send-as-denied"),
        ({"limits": {"recipients_per_day": 1}}, {"recipients": ("a@b", "c@d")}, "quota"),
        ({"rights": False, "full": True}, {"in_time": False, "header_from": "x@y"}, "concurrent"),
        ({"full": True, "limits": {"send_octets": 9}}, {"header_from": "x@y"}, "mailbox-full"),
        ({"limits": {"recipients_per_day": 1}}, {"recipients": ("a@b", "c@d"), "header_from": "x@y"}, "send-as-denied"),
    ],
)  # fmt: skip
def test_the_final_dot(
    court_of: Callable[..., Court], settings: dict[str, Any], letter: dict[str, Any], text: str
) -> None:
    """What holds for the mailbox comes before what holds for the message, and that before the budgets."""
    assert text == court_of(**settings).dot(**letter)


@pytest.mark.parametrize(
    ("model", "pauses", "accepted"),
    [
        ("sliding", [0.0, 59.0, 1.0], [3, 0, 3]),
        ("fixed", [0.0, 19.0, 1.0], [3, 0, 3]),  # the clock stands 40 s into a minute
        ("bucket", [0.0, 19.0, 1.0], [3, 0, 1]),
    ],
)
def test_the_three_models_of_a_minute(
    court_of: Callable[..., Court], clock: FakeClock, model: str, pauses: list[float], accepted: list[int]
) -> None:
    """Of five tries at each time as many are accepted as the model has room for; refused ones use nothing."""
    court = court_of(limits={"per_minute": 3, "minute": model})
    counts = []
    for pause_s in pauses:
        clock.pass_s(pause_s)
        answers = court.deliver(5)
        assert {"accepted", "thread-limit"} >= set(answers)
        counts.append(answers.count("accepted"))

    assert accepted == counts


def test_the_surplus_can_be_delayed(court_of: Callable[..., Court], clock: FakeClock) -> None:
    """With `delay` nothing is refused, and the judge says how long the next message waits."""
    court = court_of(limits={"per_minute": 2, "surplus": "delay"})
    waits = []
    for _ in range(3):
        assert "accepted" == court.dot()
        waits.append(court.judge.wait_s(court.guest))
        court.scan.take(1)
        clock.pass_s(10.0)

    assert [0.0, 0.0, 40.0] == waits


def test_recipients_of_a_day(court_of: Callable[..., Court], clock: FakeClock) -> None:
    """The recipients of the last 24 hours count, and free themselves one message after the other."""
    court = court_of(limits={"recipients_per_day": 3})
    answers = court.deliver(4)
    clock.pass_s(86_399.0)
    answers.append(court.dot())
    clock.pass_s(1.0)
    answers.append(court.dot())

    assert ["accepted"] * 3 + ["quota", "quota", "accepted"] == answers


@pytest.mark.parametrize(
    ("settings", "act", "box"),
    [
        ({"full": True}, lambda court: court.dot(), "box-full"),
        ({}, lambda court: court.dot(header_from="x@y"), "box-send-as"),
        (
            {"limits": {"recipients_per_message": 1}},
            lambda court: court.judge.rcpt(court.guest, Envelope(SCAN, ["x@y"] * 1), "a@b"),
            "box-recipients",
        ),
        (
            {"tenant_unknown": True},
            lambda court: court.judge.rcpt(court.guest, Envelope(SCAN, ["x@y"] * 0), "a@gone.example"),
            "box-invalid-recipients",
        ),
    ],
)
def test_the_penalty_box(
    court_of: Callable[..., Court],
    clock: FakeClock,
    settings: dict[str, Any],
    act: Callable[[Court], object],
    box: str,
) -> None:
    """Enough equal errors shut the whole mailbox, good messages too, for the set time; other mailboxes go on."""
    tenant: dict[str, Any] = {"penalty_after": 3, "penalty_s": 100}
    if settings.pop("tenant_unknown", False):
        tenant["unknown_recipients"] = ("gone.example",)
    court = court_of(tenant=tenant, **settings)
    for _ in range(3):
        assert "" == court.scan.box.locked(clock.mono())
        act(court)
    court.scan.change({"full": False})
    other = court.judge.dot(
        Guest(account="erp@contoso.com"), Letter("erp@contoso.com", ("a@b",), "", 1, in_time=True)
    )

    assert (box, "accepted") == (court.dot(), other.text)
    clock.pass_s(100.0)
    assert "accepted" == court.dot()


@pytest.mark.parametrize(
    ("mood", "text"),
    [
        ({"name": "throttle"}, "thread-limit"), ({"name": "concurrent"}, "concurrent"),
        ({"name": "storedrv"}, "no-rights"), ({"name": "send-as"}, "send-as-denied"), ({"name": "quota"}, "quota"),
        ({"name": "full"}, "mailbox-full"), ({"name": "penalty"}, "box-send-as"),
        ({"name": "penalty", "text": "box-license"}, "box-license"),
        ({"name": "reply", "text": "bad-sender"}, "bad-sender"),
    ],
)  # fmt: skip
def test_moods_at_the_dot(court_of: Callable[..., Court], mood: dict[str, Any], text: str) -> None:
    """A mood rules once where it is counted once, whatever else is wrong, and is not counted as an error."""
    court = court_of(rights=False, tenant={"penalty_after": 1})
    court.moods.add(mood | {"count": 1, "mailbox": SCAN})

    assert [text, "no-rights"] == [court.dot(), court.dot()]


@pytest.mark.parametrize("at", ["auth", "mail", "rcpt", "dot"])
def test_any_reply_at_any_step(court_of: Callable[..., Court], at: str) -> None:
    """The mood `reply` speaks at its step only."""
    court = court_of()
    court.moods.add({"name": "reply", "at": at, "text": "451 4.3.2 Not now"})
    answers = {
        "auth": court.judge.login("XOAUTH2", SCAN, "good")[0],
        "mail": court.judge.mail(court.guest, SCAN, 0),
        "rcpt": court.judge.rcpt(court.guest, Envelope(SCAN, ["x@y"] * 0), "a@b"),
        "dot": court.judge.dot(court.guest, Letter(SCAN, ("a@b",), "", 1, in_time=True)),
    }

    assert [at] == [step for step, verdict in answers.items() if not verdict.is_good]
    assert "451 4.3.2 Not now" == str(answers[at].raw)


def test_outages(court_of: Callable[..., Court]) -> None:
    """An outage speaks at the greeting, or at MAIL to sessions that are open, each in its way."""
    court = court_of()
    court.moods.add({"name": "outage", "how": "greeting", "count": 1})
    open_session = court.judge.mail(court.guest, SCAN, 0).text
    first, second = court.judge.greeting(), court.judge.greeting()
    court.moods.add({"name": "outage", "how": "proxy", "count": 1})

    assert ("service-unavailable", "service-unavailable", None) == (
        open_session,
        first and first.text,
        second,
    )
    assert ["proxy", "sender-ok"] == [court.judge.mail(court.guest, SCAN, 0).text for _ in range(2)]


def test_the_mood_of_auth(court_of: Callable[..., Court]) -> None:
    """The mood `auth` refuses a login that would be good, for its mailbox."""
    court = court_of()
    court.moods.add({"name": "auth", "text": "auth-criteria", "mailbox": SCAN})

    assert ["auth-criteria", "auth-failed"] == [
        court.login("XOAUTH2", "good"), court.login("XOAUTH2", "bad", "erp@contoso.com"),
    ]  # fmt: skip
