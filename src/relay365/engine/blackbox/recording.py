"""Recording: what one session heard and said, as references to octets; nothing is formatted while the session lives.

Apart from engine.blackbox.dialogue, which makes lines for people of it, because this runs for every octet that comes.
What answers a login prompt is dropped here already; every other secret stands on a line that dialogue does not show.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from relay365.clock import Clock
from relay365.mail.envelope import SpoolId, SubmitterFacts
from relay365.mail.status import Reply
from relay365.rules.client import NOBODY, Client

MOST_ENTRIES = 250  # of the beginning of a session
MOST_LAST_ENTRIES = 50  # and of its end, when it was longer
ENTRY_OCTETS = 2048
SESSION_OCTETS = 24 * 1024
MOST_IDS = 20
SLOW_S = 60.0  # so often a content that is still on its way is told of
HUNG_UP = "peer closed the connection"


class Kind(Enum):
    """What an entry of a tape is."""

    HEARD = "heard"
    SECRET = "secret"  # noqa: S105  # a kind of entry, which holds a number
    CONTENT = "content"
    HEAD = "head"
    SAID = "said"
    COMMAND = "command"  # what we said to the next hop, and REPLY what it said
    REPLY = "reply"
    NOTE = "note"


_HEARD, _SAID, _CONTENT = Kind.HEARD, Kind.SAID, Kind.CONTENT  # to look up a member takes longer than a name


class Entry(NamedTuple):
    """One piece of a session. mono: when; octets: what, cut to ENTRY_OCTETS; n_octets: how many there were."""

    mono: float
    kind: Kind
    octets: bytes
    n_octets: int


_Raw = tuple[float, Kind, bytes, int]
"""An Entry that nobody has asked for yet: a plain tuple is made in a tenth of the time."""


class Tape:
    """The entries of one session: its beginning, and its end where it was long; bounded in number and octets."""

    __slots__ = ("_first", "_last", "_n_kept", "n_left_out")

    def __init__(self) -> None:
        self._first: list[_Raw] = []
        self._last: deque[_Raw] = deque()
        self._n_kept = 0
        self.n_left_out = 0

    def add(self, mono: float, kind: Kind, octets: bytes, n_octets: int) -> None:
        """One more entry; the oldest ones behind the beginning make room for it."""
        if n_octets > ENTRY_OCTETS:
            octets = octets[:ENTRY_OCTETS]
        self._n_kept += len(octets)
        last = self._last
        if not last and self._n_kept <= SESSION_OCTETS // 2 and len(self._first) < MOST_ENTRIES:
            self._first.append((mono, kind, octets, n_octets))
            return
        last.append((mono, kind, octets, n_octets))
        n_too_many = len(last) - MOST_LAST_ENTRIES
        while n_too_many > 0 or (self._n_kept > SESSION_OCTETS and len(last) > 1):
            self._n_kept -= len(last.popleft()[2])
            self.n_left_out += 1
            n_too_many -= 1

    def give_back(self, n_octets: int) -> bytes:
        """Take the last octets heard off again: they were content."""
        pieces: list[bytes] = []
        for kept in (self._last, self._first):
            for place in reversed(range(len(kept))):
                mono, kind, octets, n_there = kept[place]
                if n_octets <= 0 or kind is not Kind.HEARD:
                    return b"".join(reversed(pieces))
                n_left = n_there - min(n_octets, n_there)
                n_octets -= n_there - n_left
                pieces.append(octets[n_left:])
                kept[place] = mono, kind, octets[:n_left], n_left
        return b"".join(reversed(pieces))

    def entries(self) -> list[Entry]:
        """All that is kept, in order."""
        return list(map(Entry._make, (*self._first, *self._last)))

    @property
    def n_added(self) -> int:
        """How many entries there were in all."""
        return len(self._first) + len(self._last) + self.n_left_out

    @property
    def split_at(self) -> int:
        """How many entries of the beginning there are; what was left out stood behind them."""
        return len(self._first)


class Attempt:
    """One attempt as it is heard; an Ear (routes.wire.ear). Nothing is formatted while it goes on."""

    __slots__ = ("_clock", "_ended", "_n_content", "began_mono", "spool_id", "tape")

    def __init__(self, spool_id: SpoolId, clock: Clock, ended: Callable[[Attempt], None]) -> None:
        self.spool_id = spool_id
        self.began_mono = clock.mono()
        self.tape = Tape()
        self._clock, self._ended = clock, ended
        self._n_content = 0

    def note(self, text: str) -> None:
        """See Ear."""
        octets = text.encode("utf-8", "replace")
        self._add(Kind.NOTE, octets, len(octets))

    def said(self, octets: bytes) -> None:
        """See Ear."""
        if octets:
            self._add(Kind.COMMAND, octets, len(octets))

    def heard(self, octets: bytes) -> None:
        """See Ear."""
        self._add(Kind.REPLY, octets, len(octets))

    def secret(self, n_octets: int) -> None:
        """See Ear."""
        self._add(Kind.SECRET, b"", n_octets)

    def content(self, n_octets: int) -> None:
        """See Ear; blocks that follow each other are one line."""
        self._n_content += n_octets

    def ended(self) -> None:
        """See Ear."""
        self._flush()
        self._ended(self)

    def _add(self, kind: Kind, octets: bytes, n_octets: int) -> None:
        self._flush()
        self.tape.add(self._clock.mono(), kind, octets, n_octets)

    def _flush(self) -> None:
        if self._n_content:
            self.tape.add(self._clock.mono(), Kind.CONTENT, b"", self._n_content)
            self._n_content = 0


@dataclass(slots=True)
class Tally:
    """What came of a session. tolerated: name of a tolerance -> how often it was needed.

    attempts: the last ones to send its messages on, n_attempts of all that there were (engine.blackbox.upstream).
    n_pieces: how many of the messages were pieces of a divided one, piece: which one the last was (`1/5`).
    """

    n_accepted: int = 0
    n_refused: int = 0
    spool_ids: list[str] = field(default_factory=list)
    reverse_path: str = ""
    tolerated: Counter[str] = field(default_factory=Counter)
    n_attempts: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    n_pieces: int = 0
    piece: str = ""


class Recording:
    """One session. facts and client are what is known of the peer now; reason is why it ended, "" while it has not."""

    def __init__(self, clock: Clock, *, is_on: bool = True, head_octets: int = 0) -> None:
        self.facts: SubmitterFacts | None = None
        self.client: Client = NOBODY
        self.began_at, self.began_mono = clock.now(), clock.mono()
        self.tape = Tape()
        self.tally = Tally()
        self.reason = ""
        self.is_learning = False
        self._clock, self._is_on = clock, is_on
        self._head_octets = head_octets
        self._content = Content()

    def heard(self, octets: bytes, *, is_secret: bool) -> None:
        """Octets came. is_secret: their first line answers a login prompt."""
        content = self._content
        if content.is_open:
            content.came(octets, self._head_octets)
            return
        if not self._is_on:
            return
        if is_secret:
            line, end, octets = octets.partition(b"\n")
            self.tape.add(self._clock.mono(), Kind.SECRET, b"", len(line) + len(end))
        if octets:
            self.tape.add(self._clock.mono(), _HEARD, octets, len(octets))

    def said(self, octets: bytes) -> None:
        """Octets were written."""
        if self._is_on and octets:
            self.tape.add(self._clock.mono(), _SAID, octets, len(octets))

    def note(self, text: str) -> None:
        """Something happened that is no octets."""
        if self._is_on:
            octets = text.encode("utf-8", "replace")
            self.tape.add(self._clock.mono(), Kind.NOTE, octets, len(octets))

    def content_begins(self, n_waiting: int) -> None:
        """354 is about to be said; so many of the octets that were heard are content already."""
        now_mono = self._clock.mono()
        self._content = Content(is_open=True, began_mono=now_mono, told_mono=now_mono)
        if n_waiting:
            self._content.came(self.tape.give_back(n_waiting), self._head_octets)
            self._content.n_octets = n_waiting  # the tape may have cut them

    def tell_progress(self) -> None:
        """Of a content that takes minutes: a line each minute, how much has come and how fast."""
        content, now_mono = self._content, self._clock.mono()
        if not content.is_open or now_mono - content.told_mono < SLOW_S:
            return
        content.told_mono = now_mono
        took_s = now_mono - content.began_mono
        rate = content.n_octets / took_s
        self.note(f"(the content goes on: {content.n_octets} octets in {took_s:.0f} s, {rate:.0f} a second)")

    def content_ends(self, n_waiting: int) -> None:
        """The final dot came; so many octets behind it are not content."""
        content = self._content
        if content.is_open:
            content.is_open = False
            behind = content.last[-n_waiting:] if n_waiting else b""
            self._count_content(content.n_octets - len(behind))
            if behind:
                self.heard(behind, is_secret=False)
            content.last = b""

    def ends(self, reason: str) -> None:
        """The session is over; the first reason counts. A content that was open stays open: it was cut off."""
        if not self.reason:
            self.reason = reason
            if self._content.is_open:
                self._count_content(self._content.n_octets)
            if reason == HUNG_UP:
                self.note(reason)

    def _count_content(self, n_octets: int) -> None:
        if self._is_on:
            now_mono, head = self._clock.mono(), self._content.head
            if head:
                self.tape.add(now_mono, Kind.HEAD, head, len(head))
            self.tape.add(now_mono, _CONTENT, b"", n_octets)

    def answered(self, reply: Reply, *, spool_id: str = "", piece: str = "") -> None:
        """A MAIL, RCPT or final dot was judged; spool_id: the message that is ours now; piece: see Tally."""
        if spool_id:
            self.tally.n_accepted += 1
            if piece:
                self.tally.n_pieces += 1
                self.tally.piece = piece
            if len(self.tally.spool_ids) < MOST_IDS:
                self.tally.spool_ids.append(spool_id)
        elif reply.code >= 400:
            self.tally.n_refused += 1

    def content_seems_over(self) -> None:
        """What came last looks like an end to whoever takes LF for a line end, and is none."""
        self._content.seems_over = True

    @property
    def seems_over(self) -> bool:
        """Whether the client waits for the answer to an end of content that is none."""
        return self._content.is_open and self._content.seems_over

    @property
    def is_in_content(self) -> bool:
        """Whether a content was begun and not ended."""
        return self._content.is_open


@dataclass(slots=True)
class Content:
    """A content on its way: its number of octets, its last chunk, and its head where that is kept.

    began_mono: when 354 was said; told_mono: when it was last told of.
    """

    is_open: bool = False
    n_octets: int = 0
    last: bytes = b""
    head: bytes = b""
    seems_over: bool = False
    began_mono: float = 0.0
    told_mono: float = 0.0

    def came(self, octets: bytes, head_octets: int) -> None:
        """Some of it."""
        if len(self.head) < head_octets:
            self.head += octets[: head_octets - len(self.head)]
        self.n_octets += len(octets)
        self.last = octets
        self.seems_over = False
