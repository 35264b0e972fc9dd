"""The post office: takes every message that a service has accepted, and decides what becomes of it later.

One place for all services, so that a message which came by Graph and one which came by SMTP fail, are traced and are
reported alike. What fails here was answered 250 (or 202) before: the sender learns of it by a report in the mailbox and
by the trace. (Microsoft: "Email non-delivery reports in Exchange Online"; Graph: "Things to know about sending mail")
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Literal

from relay365.clock import Clock
from relay365.emulator import texts
from relay365.emulator.directory import Directory
from relay365.emulator.moods import Moods
from relay365.emulator.record import Arrival, Delivered, Draft, Record
from relay365.emulator.tenant import reports
from relay365.emulator.tenant.external import ExternalLimits
from relay365.emulator.tenant.postbox import Folder, Item, Postbox
from relay365.emulator.tenant.traces import Trace, Traces
from relay365.emulator.texts import TEXTS

Service = Literal["submission", "mx", "hve", "acs", "graph"]
WITH_SENT_COPY = frozenset({"submission", "graph"})

_SUBJECT = re.compile(rb"^subject[ \t]*:((?:[^\r\n]|\r\n[ \t])*)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Posting:
    """How a message came. mailbox: primary address of the account that sent it, or "" (MX host).

    answered is False where the emulator kept its answer back; saves_copy whether Sent Items gets a copy.
    """

    service: Service
    mailbox: str
    reverse_path: str
    recipients: tuple[str, ...]
    from_ip: str = ""
    repairs: int = 0
    answered: bool = True
    saves_copy: bool = True


class PostOffice:
    """Takes messages. traces and postbox are what others may list."""

    def __init__(self, directory: Directory, record: Record, moods: Moods, clock: Clock) -> None:
        self.traces, self.postbox = Traces(), Postbox()
        self.external = ExternalLimits(directory, clock)
        self._directory, self._record, self._moods, self._clock = directory, record, moods, clock

    def begin(self) -> Draft:
        """A place for a content that begins."""
        return self._record.begin()

    def take(self, draft: Draft, posting: Posting) -> Delivered:
        """A message was accepted: record it, use the mailbox's budgets, trace it, report what fails. Raises OSError.

        Messages that fail for all their recipients are in the record, too: it says what the emulator was given.
        """
        at, head = self._clock.now(), bytes(draft.head)
        arrival = Arrival(
            posting.mailbox, posting.reverse_path, posting.recipients, at, posting.repairs, posting.answered,
            posting.service,
        )  # fmt: skip
        delivered = self._record.keep(draft, arrival)
        over_quota = self._use_budget(posting)
        self._moods.accepted(posting.mailbox, posting.service)
        fates = {one: over_quota or self._fate(posting, one) for one in posting.recipients}
        head = head.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        letter = _Letter(delivered, posting, subject_of(head), head, at + self._directory.tenant.delivery_s)
        for recipient, diagnostic in fates.items():
            self._trace(letter, recipient, diagnostic)
            self._deliver(letter, recipient, diagnostic)
        self._copy(letter)
        self._report(letter, {one: words for one, words in fates.items() if words})
        return delivered

    def clear(self) -> None:
        """Forget traces and folders."""
        self.traces.clear()
        self.postbox.clear()

    # -- inside -----------------------------------------------------------------------------------------------------

    def _use_budget(self, posting: Posting) -> str:
        """Take it from the mailbox's windows; gives the diagnostic where Graph accepted more than a day allows."""
        mailbox = self._directory.mailbox(posting.mailbox)
        if mailbox is None or posting.service not in WITH_SENT_COPY:
            return ""
        is_over = mailbox.day.wait_s(self._clock.mono(), len(posting.recipients)) > 0
        mailbox.take(len(posting.recipients))
        return str(TEXTS["daily-limit"]) if is_over and posting.service == "graph" else ""

    def _fate(self, posting: Posting, recipient: str) -> str:
        """The diagnostic of a recipient that fails, or ""."""
        mood = self._moods.strike("ndr", posting.mailbox, posting.service)
        if mood is not None:
            words = mood.word("text")
            return str(TEXTS[words]) if words in TEXTS else words
        if self._directory.is_unknown_recipient(recipient):
            return str(TEXTS["no-such-recipient"])
        row = self.external.count(posting.service, posting.reverse_path, recipient)
        return str(TEXTS[row]) if row else ""

    def _trace(self, letter: _Letter, recipient: str, diagnostic: str) -> None:
        posting, delivered = letter.posting, letter.delivered
        self.traces.add(
            Trace(
                letter.trace_id, delivered.message_id, posting.reverse_path, recipient, letter.subject,
                delivered.size, posting.from_ip, "", delivered.received_at, letter.settles_at,
                "failed" if diagnostic else "delivered", diagnostic,
            )
        )  # fmt: skip

    def _deliver(self, letter: _Letter, recipient: str, diagnostic: str) -> None:
        owner = self._directory.owner(recipient)
        if owner is not None and not diagnostic:
            self.postbox.put(owner.settings.address, letter.item("inbox", letter.settles_at))

    def _copy(self, letter: _Letter) -> None:
        posting = letter.posting
        if posting.mailbox and posting.saves_copy and posting.service in WITH_SENT_COPY:
            self.postbox.put(posting.mailbox, letter.item("sentitems", letter.delivered.received_at))

    def _report(self, letter: _Letter, failures: dict[str, str]) -> None:
        """A report into the mailbox of the reverse-path; none for the null one, nor where that is not one of ours."""
        posting = letter.posting
        owner = self._directory.owner(posting.reverse_path) if posting.reverse_path else None
        if not failures or owner is None:
            return
        delivered, domain = letter.delivered, self._directory.tenant.domain
        original = reports.Original(
            posting.reverse_path, letter.subject, delivered.message_id, letter.head, delivered.received_at
        )
        failed = tuple(reports.Failure(one, words.split(" ")[1], words) for one, words in failures.items())
        content = reports.build(original, failed, (texts.MAILBOX_HOST, domain, letter.settles_at))
        author = f"{reports.POSTMASTER}@{domain}"
        found = re.search(rb"^Message-ID: (<.+>)\r$", content, re.MULTILINE)
        item = Item(
            "inbox", letter.settles_at, author, (posting.reverse_path,), f"Undeliverable: {letter.subject}",
            found[1].decode("ascii") if found else "", content=content,
        )  # fmt: skip
        self.postbox.put(owner.settings.address, item)


class _Letter:
    """One message on its way through the post office."""

    def __init__(
        self, delivered: Delivered, posting: Posting, subject: str, head: bytes, settles_at: float
    ) -> None:
        self.delivered, self.posting, self.subject = delivered, posting, subject
        self.head, self.settles_at = head, settles_at
        self.trace_id = str(uuid.uuid4())

    def item(self, folder: Folder, at: float) -> Item:
        """It as an item of a folder."""
        return Item(
            folder, at, self.posting.reverse_path, self.posting.recipients, self.subject, self.delivered.message_id,
            self.delivered.number,
        )  # fmt: skip


def subject_of(head: bytes) -> str:
    """The Subject of a header section as text on one line, "" where there is none; never raises."""
    found = _SUBJECT.search(head)
    raw = found[1].decode("utf-8", "replace") if found else ""
    try:
        words = str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        words = raw
    return " ".join("".join(one if one.isprintable() else " " for one in words).split())
