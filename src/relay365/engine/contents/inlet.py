"""Inlet: one content between the session and the spool's intake, where it is looked at and put right.

The first mebibyte is held back, as the spool would: a message that is smaller is judged as a whole, of a larger one
the beginning is judged while the rest streams through. What is decided is decided in mail.repair; here octets move.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from relay365.engine.contents.workshop import Workshop
from relay365.mail import headers, notice
from relay365.mail.envelope import Envelope, SubmitterFacts
from relay365.mail.refusals import entering, keeping
from relay365.mail.refusals.refusal import limit_words
from relay365.mail.repair.body.encoders import long_line
from relay365.mail.repair.body.parts import PartsFilter
from relay365.mail.repair.fields import Change, Draft, apply, end_of_head, record
from relay365.mail.repair.glance import Glance
from relay365.mail.repair.plan import Plan, make_plan
from relay365.mail.repair.rules import Given
from relay365.mail.repair.words import readable, text_of
from relay365.mail.status import Reply
from relay365.rules.client import Client
from relay365.rules.oversize import HOLD, HOUSE, NOTIFY, Decided, route_of
from relay365.spool.api import Hold, Intake, Spool

HELD_OCTETS = 1024 * 1024
_BEGINNING_OCTETS = 8192  # of the body, to see whether it is signed

NUL = "nul_octets"  # in a record
REFUSED = "refused"  # in a hold: what would be refused, but for accept_then_report

LONG_LINE = keeping.LONG_LINE.said()
_NO_PLAN = Plan("", "", "")


class Case(NamedTuple):
    """What a content is judged by beside itself. now: the clock. size: what may go out, as soon as that is known."""

    workshop: Workshop
    client: Client
    facts: SubmitterFacts
    reverse_path: str
    is_utf8: bool
    hostname: str
    now: Callable[[], float]
    size: Decided = Decided()


class Finished(NamedTuple):
    """What became of a content. repairs: the record for its history. n_received: how many relays it has seen."""

    plan: Plan
    n_received: int
    repairs: str = ""
    tolerances: tuple[str, ...] = ()
    refusal: Reply | None = None
    held: Hold | None = None


class Inlet:
    """See the module. write() until the end, then finish(); or abandon()."""

    __slots__ = (
        "_case",
        "_filter",
        "_glance",
        "_hash",
        "_held",
        "_line",
        "_n_nuls",
        "_plan",
        "_refusal",
        "_spool",
        "intake",
        "n_octets",
    )

    def __init__(self, spool: Spool, case: Case) -> None:
        self.intake: Intake = spool.begin()
        self.n_octets = 0
        self._spool, self._case = spool, case
        self._hash = hashlib.sha256() if case.workshop.twins is not None else None
        self._held: list[bytes] | None = []
        self._glance: Glance | None = None
        self._plan = _NO_PLAN
        self._filter: PartsFilter | None = None
        self._refusal: Reply | None = None
        # Where routes differ the size is judged at the end, when it is known which way the message goes.
        if not case.workshop.sizes.routes:
            self._case = case._replace(size=self._decided())
        self._n_nuls = 0  # left out behind the header
        self._line = b""  # what has come of a line that is not at its end; only where long ones are refused

    def write(self, octets: bytes) -> bool:
        """Take some of the content; False asks to stop reading until the intake is drained."""
        self.n_octets += len(octets)
        if self._hash is not None:
            self._hash.update(octets)
        if self._held is not None:
            self._held.append(octets)
            if self.n_octets <= HELD_OCTETS:
                return True
            octets = self._open(is_whole=False)
        elif self._is_refused() or self.is_replaced:
            return True
        else:
            self._watch(octets)
            octets = self._filter.feed(octets) if self._filter is not None else octets
        return self._hand_on(octets)

    def finish(self, lanes_of: Callable[[Plan], Sequence[str]] = lambda plan: ()) -> Finished:
        """All has come. Afterwards the intake has all that will be stored. Raises SpoolError.

        lanes_of: which lanes a message with this plan would take; asked where the routes of the file differ in size.
        """
        if self._held is not None:
            self._hand_on(self._open(is_whole=True))
        if self._case.workshop.sizes.routes:
            ways = {route_of(lane) for lane in lanes_of(self._plan)}
            self._case = self._case._replace(size=self._decided(ways))
        if self._filter is not None:
            self._hand_on(self._filter.end())
        plan, n_received = self._plan, self._glance.facts.n_received if self._glance is not None else 0
        if self._is_clean():
            return Finished(plan, n_received)
        changes = list(plan.changes)
        has_long_lines = any(one.name == "parts" for one in changes)
        if self._filter is not None:
            changes += self._filter.changes
            has_long_lines = has_long_lines or self._filter.has_long_lines
        if self._n_nuls:
            changes.append(Change(NUL, f"{self._n_nuls} in the content left out{self._why_left_out()}"))
        refused, held = self._refusal, None
        if refused is not None and self._case.client.kept_octets:
            refused, held = None, Hold(REFUSED, str(refused))
        elif self._is_over() and refused is None:
            if self._case.size.action == HOLD:
                held = Hold("oversize", self._too_large())
            elif self._case.size.action != NOTIFY:
                refused = self._too_big()
        tolerances = ("long_lines",) if has_long_lines else ()
        return Finished(plan, n_received, record(changes), tolerances, refused, held)

    def replaced(self, finished: Finished, envelope: Envelope) -> Finished:
        """Where a message is too large and a notice is to go instead: the notice. Raises SpoolError."""
        if finished.refusal is not None or not self.is_replaced:
            return finished
        self.intake.abandon()
        self.intake = self._spool.begin()
        at, case = self._case.now(), self._case
        message_id = headers.new_message_id(case.hostname, self.intake.spool_id, at)
        paths = envelope.forward_paths
        author = envelope.reverse_path or finished.plan.header_from or f"postmaster@{case.hostname}"
        told = notice.TooLarge(
            author, paths[0].address if len(paths) == 1 else "", self._subject(),
            case.facts.device or case.facts.login or case.facts.peer_address,
            self.n_octets, self._case.size.limit_octets, case.hostname, at, message_id,
        )  # fmt: skip
        self.intake.write(notice.build(told))
        what = f"{self._too_large()}: a notice went instead, the message was not kept"
        plan = Plan(finished.plan.reverse_path, message_id, author)
        return Finished(plan, finished.n_received, record([Change("oversize", what)]))

    def fingerprint(self, envelope: Envelope) -> bytes:
        """What two messages have in common that one client sent twice: content, envelope, and who it is."""
        facts = self._case.facts
        who = facts.device or facts.login or facts.peer_address
        twin = self._hash.copy() if self._hash is not None else hashlib.sha256()
        twin.update(
            repr((envelope.reverse_path, envelope.forward_paths, who)).encode("utf-8", "backslashreplace")
        )
        return twin.digest()

    # -- the beginning ------------------------------------------------------------------------------------------------

    def _open(self, *, is_whole: bool) -> bytes:
        """Judge what was held back; gives what goes on of it."""
        octets = b"".join(self._held or ())
        self._held = None
        self._watch(octets)
        end = end_of_head(octets, is_whole=is_whole)
        rules, case = self._case.workshop.rules, self._case
        n_nuls = 0
        if octets.find(b"\0", 0, max(end, 0)) >= 0:  # without them it may end earlier
            n_nuls = octets.count(b"\0", 0, end)
            octets = octets[:end].replace(b"\0", b"") + octets[end:]
            end = end_of_head(octets, is_whole=is_whole)
        if end < 0:
            return self._pass_unread(octets)
        glance = self._glance = Glance(octets[:end])
        at = case.now()
        client, new_message_id = case.client, ""
        if not glance.facts.message_id:
            new_message_id = headers.new_message_id(case.hostname, self.intake.spool_id, at)
        given = Given(case.reverse_path, new_message_id, at, client.sender, client.charset, case.is_utf8)
        body = octets[end : end + _BEGINNING_OCTETS]
        plan = make_plan(glance, body, rules, case.workshop.authors, given)
        if n_nuls:
            gone = Change(NUL, f"{n_nuls} in the header left out")
            plan = plan._replace(changes=(gone, *plan.changes))
        self._plan = plan
        if plan.refused and self._refusal is None:
            self._refusal = entering.FROM_DOMAIN.said(client.mark)
        if self._wants_filter(octets, is_whole=is_whole):
            return self._begin_filter(apply(octets[:end], plan.edits), octets[end:], body)
        return apply(octets, plan.edits) if plan.edits else octets

    def _pass_unread(self, octets: bytes) -> bytes:
        """A header section without an end: nothing in it is judged by us but what decides."""
        self._n_nuls += octets.count(b"\0")
        octets = octets.replace(b"\0", b"")
        facts = headers.read_head(octets)
        changes = [Change("syntax", "the header is longer than 64 KiB: nothing in it was put right")]
        case, message_id, added = self._case, facts.message_id, b""
        if not message_id:
            message_id = headers.new_message_id(case.hostname, self.intake.spool_id, case.now())
            added = f"Message-ID: {message_id}\r\n".encode("ascii")
            changes.append(Change("message_id", "added", b"", added))
        if case.workshop.authors.refuses(facts.header_from) and not case.client.sender:
            self._refusal = entering.FROM_DOMAIN.said(case.client.mark)
        path = case.client.sender or case.reverse_path
        self._plan = Plan(path, message_id, facts.header_from, added, changes=tuple(changes))
        return octets

    def _wants_filter(self, octets: bytes, *, is_whole: bool) -> bool:
        """Whether there may be a part that wants repair; of a message that is not whole nobody knows."""
        rules = self._case.workshop.rules
        if not is_whole:
            return rules.parts or rules.raw_headers
        return (rules.parts and (b"\0" in octets or long_line(octets)[0])) or (
            rules.raw_headers and not octets.isascii() and b"ultipart/" in octets
        )

    def _begin_filter(self, head: bytes, rest: bytes, body: bytes) -> bytes:
        """The parts pass through a filter, unless somebody has signed them."""
        rules, plan = self._case.workshop.rules, self._plan
        seal = Draft(head, body).seal
        if seal:
            self._plan = plan._replace(seal=seal)
            if long_line(rest)[0]:
                left = Change("parts", f"left alone, the message is sealed ({seal}): it has long lines")
                self._plan = self._plan._replace(changes=(*plan.changes, left))
            return head + rest
        self._filter = PartsFilter(
            mends_lines=rules.parts, mends_names=rules.raw_headers, charset=self._case.client.charset
        )
        return self._filter.start(head) + self._filter.feed(rest)

    def _hand_on(self, octets: bytes) -> bool:
        """The only way to the intake: a NUL that no repair could keep ends here, so that none ever goes out."""
        if b"\0" in octets:
            self._n_nuls += octets.count(b"\0")
            octets = octets.replace(b"\0", b"")
        return not octets or self.intake.write(octets)

    def _why_left_out(self) -> str:
        if self._plan.seal:
            return f": the message is sealed ({self._plan.seal})"
        return "" if self._case.workshop.rules.parts else ": parts is off"

    # -- limits -------------------------------------------------------------------------------------------------------

    def _watch(self, octets: bytes) -> None:
        """Look for a long line where this client is not forgiven any."""
        if "long_lines" in self._case.client.tolerances or self._refusal is not None:
            return
        octets = self._line + octets
        is_long, line_at = long_line(octets)
        self._line = octets[line_at:]
        if is_long:
            self._refusal, self._line = LONG_LINE, b""

    def _decided(self, route_names: Iterable[str] = ()) -> Decided:
        """What may go out. A client's own limit is kept by its session, but where all that it sends is kept for a
        person: to such a one nothing is refused.
        """
        client = self._case.client
        size = self._case.workshop.sizes.decide(client.oversize, route_names)
        if not client.kept_octets:
            return size
        own, limit = client.max_octets, size.limit_octets
        if own and not (limit and limit <= own):
            size = size._replace(limit_octets=own, limit_by=client.name)
        return size.kept()

    def _is_clean(self) -> bool:
        """Whether there is nothing to be told of it; so nearly all mail is."""
        return not (
            self._plan.changes
            or self._filter is not None
            or self._n_nuls
            or self._refusal is not None
            or self._is_over()
        )

    def _is_over(self) -> bool:
        return self._case.size.is_over(self.n_octets)

    def _is_refused(self) -> bool:
        return self._refusal is not None and not self._case.client.kept_octets

    @property
    def is_replaced(self) -> bool:
        """Whether nothing of this content will be kept: it is too large."""
        return self._is_over() and self._case.size.action != HOLD

    def _too_large(self) -> str:
        size, limit = notice.size_words(self.n_octets), notice.size_words(self._case.size.limit_octets)
        by = "" if self._case.size.limit_by == HOUSE else f", by {self._case.size.limit_by}"
        return f"{size} is more than the {limit} that may go out{by}"

    def _too_big(self) -> Reply:
        size, client = self._case.size, self._case.client
        is_own = size.limit_by == client.oversize.by and client.oversize.is_any
        return keeping.TOO_BIG.said(client.mark if is_own else "", limit=limit_words(size.limit_octets))

    def _subject(self) -> str:
        """For people, in the notice."""
        field = Draft(self._glance.octets).first("subject") if self._glance is not None else None
        return readable(text_of(field.value, self._case.client.charset)) if field is not None else ""
