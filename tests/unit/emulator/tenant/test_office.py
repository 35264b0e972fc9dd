"""The post office: what becomes of a message after it was accepted."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from relay365.emulator.directory import Directory
from relay365.emulator.moods import Moods
from relay365.emulator.record import Record
from relay365.emulator.tenant.office import Posting, PostOffice, Service, subject_of
from relay365.emulator.tenant.postbox import Folder

SCAN, OUTSIDE, GONE = "scan@contoso.com", "lena@fabrikam.example", "a@gone.example"
CONTENT = b"From: scan@contoso.com\r\nMessage-ID: <1@x>\r\nSubject: Scan\r\n\r\nhello\r\n"


class Desk:
    """A post office with everything behind it."""

    def __init__(self, directory: Directory, folder: Path, clock: FakeClock) -> None:
        self.directory, self.clock, self.moods = directory, clock, Moods(clock)
        self.office = PostOffice(directory, Record(folder), self.moods, clock)

    def send(
        self, *recipients: str, service: Service = "submission", sender: str = SCAN, mailbox: str = SCAN
    ) -> None:
        draft = self.office.begin()
        draft.write(CONTENT)
        self.office.take(draft, Posting(service, mailbox, sender, recipients, "192.0.2.1"))

    def statuses(self) -> list[tuple[str, str, str]]:
        now = self.clock.now()
        return [(one.recipient, one.status(now), one.detail[:10]) for one in self.office.traces]

    def subjects(self, mailbox: str = SCAN, folder: Folder = "inbox") -> list[str]:
        return [one.subject for one in self.office.postbox.items(mailbox, folder, self.clock.now())]


@pytest.fixture
def desk_of(directory_of: Callable[..., Directory], tmp_path: Path, clock: FakeClock) -> Callable[..., Desk]:
    return lambda **settings: Desk(directory_of(**settings), tmp_path, clock)


def test_a_good_message(desk_of: Callable[..., Desk], clock: FakeClock) -> None:
    """It is pending, then delivered; the copy in Sent Items is there at once, the recipient's message later."""
    desk = desk_of(tenant={"delivery_s": 5})
    desk.send(OUTSIDE, "erp@contoso.com")
    before = desk.statuses(), desk.subjects("erp@contoso.com"), desk.subjects(folder="sentitems")
    clock.pass_s(5.0)

    assert ([(OUTSIDE, "pending", ""), ("erp@contoso.com", "pending", "")], [], ["Scan"]) == before
    assert [(OUTSIDE, "delivered", ""), ("erp@contoso.com", "delivered", "")] == desk.statuses()
    assert (["Scan"], []) == (desk.subjects("erp@contoso.com"), desk.subjects())


def test_an_unknown_recipient_is_reported(desk_of: Callable[..., Desk], clock: FakeClock) -> None:
    """One recipient that does not exist fails in the trace and in a report to the sender; the other is delivered."""
    desk = desk_of(tenant={"unknown_recipients": ("gone.example",)})
    desk.send(OUTSIDE, GONE)
    early = desk.subjects()
    clock.pass_s(1.0)

    assert [(OUTSIDE, "delivered", ""), (GONE, "failed", "550 5.1.10")] == desk.statuses()
    assert ([], ["Undeliverable: Scan"]) == (early, desk.subjects())
    (item,) = desk.office.postbox.items(SCAN, "inbox", clock.now())
    report = email.message_from_bytes(item.content, policy=email.policy.default)
    assert report["Message-ID"] == item.message_id
    status = list(report.iter_parts())[1].get_payload()
    assert [f"rfc822;{GONE}"] == [one["Final-Recipient"] for one in status[1:]]


@pytest.mark.parametrize(
    ("sender", "mailbox", "service"),
    [("", SCAN, "submission"), ("boss@elsewhere.example", "", "mx")],
)
def test_nobody_to_report_to(
    desk_of: Callable[..., Desk], clock: FakeClock, sender: str, mailbox: str, service: Service
) -> None:
    """The null sender gets no report, nor does a sender that is none of ours."""
    desk = desk_of(tenant={"unknown_recipients": ("gone.example",)})
    desk.send(GONE, sender=sender, mailbox=mailbox, service=service)
    clock.pass_s(1.0)

    assert ([], "failed") == (desk.subjects(), desk.statuses()[0][1])


def test_an_alias_gets_its_report(desk_of: Callable[..., Desk], clock: FakeClock) -> None:
    """A report to an alias lies in the inbox of its mailbox."""
    desk = desk_of(tenant={"external_per_day": 0})
    desk.send(OUTSIDE, sender="scanner@contoso.com")
    clock.pass_s(1.0)

    assert ["Undeliverable: Scan"] == desk.subjects()
    assert [(OUTSIDE, "failed", "550 5.7.23")] == desk.statuses()


@pytest.mark.parametrize(
    ("service", "used", "copies"),
    [("submission", 1, 1), ("graph", 1, 1), ("mx", 0, 0), ("hve", 0, 0), ("acs", 0, 0)],
)
def test_budget_and_copy_by_service(
    desk_of: Callable[..., Desk], clock: FakeClock, service: Service, used: int, copies: int
) -> None:
    """Submission and Graph share a mailbox's budget and leave a copy; the other services do neither."""
    desk = desk_of()
    desk.send(OUTSIDE, service=service, mailbox="" if service == "mx" else SCAN)
    mailbox = desk.directory.mailbox(SCAN)

    assert mailbox is not None
    assert (used, copies) == (mailbox.day.used(clock.mono()), len(desk.subjects(folder="sentitems")))


def test_graph_hears_of_the_daily_limit_later(desk_of: Callable[..., Desk], clock: FakeClock) -> None:
    """What Graph accepted above the recipients of a day fails as 5.1.90."""
    desk = desk_of(limits={"recipients_per_day": 1})
    desk.send(OUTSIDE, service="graph")
    desk.send(OUTSIDE, service="graph")
    clock.pass_s(1.0)

    assert [(OUTSIDE, "delivered", ""), (OUTSIDE, "failed", "550 5.1.90")] == desk.statuses()


def test_the_mood_ndr(desk_of: Callable[..., Desk], clock: FakeClock) -> None:
    """`ndr` fails a recipient with a row or with words as written."""
    desk = desk_of()
    desk.moods.add({"name": "ndr", "text": "550 5.7.999 Because", "count": 1})
    desk.send(OUTSIDE, "erp@contoso.com")
    clock.pass_s(1.0)

    assert ["failed", "delivered"] == [one[1] for one in desk.statuses()]
    desk.office.clear()
    assert ([], []) == (desk.statuses(), desk.subjects())


@pytest.mark.parametrize(
    ("head", "subject"),
    [
        (b"Subject: plain\r\n\r\n", "plain"), (b"X: y\r\n\r\n", ""),
        (b"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\r\n", "grüße"),
        (b"Subject: two\r\n lines\r\n\r\n", "two lines"),
        (b"Subject: =?nosuch?q?=ff?= \r\n\r\n", "=?nosuch?q?=ff?="), (b"Subject: \xff\r\n\r\n", "\ufffd"),
    ],
)  # fmt: skip
def test_subjects(head: bytes, subject: str) -> None:
    """A subject is decoded to one line of text, whatever its octets are."""
    assert subject == subject_of(head)
