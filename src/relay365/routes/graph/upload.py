"""Large mail by Graph: a draft built from the parts of the message, its attachments uploaded, then sent.

Apart from the route because here the message is built anew: what its header said beyond the fields of a draft, and
its exact octets, are lost. The content is read twice, once to learn what is in it and once to upload; never is more
of it in memory than one chunk. A draft that was not sent is deleted, unless the same content goes to others soon:
then its recipients are changed. (Microsoft: "Attach large files to Outlook messages or events"; "Create message";
"message: send"; "message: copy"; "attachment: createUploadSession", read 2026-11)
"""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from relay365.clock import Clock
from relay365.errors import SpoolError, TokenRefused, TransportError
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.graph import judge
from relay365.routes.graph.answer import GraphAnswer
from relay365.routes.graph.client import GraphClient
from relay365.routes.graph.decoding import text_in
from relay365.routes.graph.envelope import draft_of, people_of
from relay365.routes.graph.halves import Drafts, named_in
from relay365.routes.graph.parts import Leaf, Leaves, TooComplex, facts_of
from relay365.routes.graph.route import PARTED, Large
from relay365.routes.wire.line import accept_cancellation

_LOG = logging.getLogger("relay365.graph")

SMALL_OCTETS = 3_110_000  # below, in one request, whose base64 stays under 4 MiB; above, in a session
CHUNK_OCTETS = 327_680 * 10  # a multiple of 320 KiB, below 4 MB
TEXT_OCTETS = 1_000_000  # a longer text goes as an attachment
TRIES = 4  # of one chunk
DELETE_S = 30.0
CLOSE_S = 0.7  # less than the scheduler gives a route to close
_JSON = {"Content-Type": "application/json"}


class Refused(Exception):
    """A step before the last was refused; outcome says how."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.reply_text)


class Upload:
    """Rebuilds and sends; see routes.graph.route.Rebuild."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._deletions: set[asyncio.Task[None]] = set()
        self._drafts: Drafts[tuple[GraphClient, str]] = Drafts()

    async def close(self) -> None:
        """Give deletions a last moment."""
        for place in self._drafts.outdated():
            self._delete_later(*place)
        if self._deletions:
            _, late = await asyncio.wait(self._deletions, timeout=CLOSE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def __call__(self, client: GraphClient, user: str, message: Large) -> Outcome:
        """Draft, attachments, send. Raises TokenRefused, SpoolError, CancelledError; nothing was sent then."""
        for place in self._drafts.outdated(self._clock.mono()):
            self._delete_later(*place)
        outcome = await self._again(client, user, message)
        return outcome if outcome is not None else await self._anew(client, user, message)

    async def _anew(self, client: GraphClient, user: str, message: Large) -> Outcome:
        """The whole way."""
        table = Table()
        try:
            async for leaf, octets in leaves_of(message):
                table.note(leaf, octets)
        except TooComplex as error:
            return judge.our_no("graph-too-large", f"it must be built anew, and {error}")
        draft = ""
        try:
            answer = await client.request(
                "POST", f"{user}/messages", content=_json(draft_of(message.head, table.body())), headers=_JSON
            )
            draft = _place(user, wanted(answer, self._clock, 201))
            await self._attach(client, draft, message, table)
        except (Refused, TransportError, TokenRefused, SpoolError, asyncio.CancelledError) as error:
            self._delete_later(client, draft)
            if isinstance(error, Refused):
                return error.outcome
            if isinstance(error, TransportError):
                return judge.outcome_of_break(_before_send(error))
            raise
        return await self._send(client, user, draft, message)

    async def _again(self, client: GraphClient, user: str, message: Large) -> Outcome | None:
        """With the content that an earlier attempt has uploaded; None where there is none, or it is of no use."""
        spool_id = message.consignment.spool_id
        found = self._drafts.take(spool_id)
        if found is None:
            return None
        draft = found[1]
        try:
            answer = await client.request(
                "PATCH", draft, content=_json(people_of(message.head)), headers=_JSON
            )
            wanted(answer, self._clock, 200)
        except (TransportError, TokenRefused, asyncio.CancelledError) as error:
            self._drafts.keep(spool_id, found, self._clock.mono())
            if isinstance(error, TransportError):
                return judge.outcome_of_break(_before_send(error))
            raise
        except Refused as error:
            outcome = error.outcome
            self._drafts.keep(spool_id, found, self._clock.mono())
        else:
            outcome = await self._send(client, user, draft, message)
        if outcome.row in PARTED or outcome.klass not in (Class.MESSAGE, Class.CONFIGURATION):
            return outcome
        kept = self._drafts.take(spool_id)  # whether this is the draft's fault, a new one shows
        if kept is not None:
            self._delete_later(*kept)
        return None

    async def _send(self, client: GraphClient, user: str, draft: str, message: Large) -> Outcome:
        """A copy stays for those who are left; from the request to send on the message may be on its way."""
        spool_id, copy = message.consignment.spool_id, ""
        try:
            if message.n_left:
                copy = await self._copy(client, user, draft)
            outcome = await self._say_send(client, draft)
        except (TokenRefused, asyncio.CancelledError):
            self._drafts.keep(spool_id, (client, draft), self._clock.mono())
            self._delete_later(client, copy)
            raise
        is_gone = outcome.kind in (Kind.DELIVERED, Kind.UNCERTAIN)
        rest, surplus = (copy, "") if is_gone else (draft, copy)
        if rest and (is_gone or _goes_on(outcome, message)):
            self._drafts.keep(spool_id, (client, rest), self._clock.mono())
            rest = surplus
        self._delete_later(client, rest)
        return outcome

    async def _say_send(self, client: GraphClient, draft: str) -> Outcome:
        """The request that sends."""
        try:
            answer = await client.request("POST", f"{draft}/send")
        except asyncio.CancelledError:
            accept_cancellation()
            return judge.unanswered("the relay was stopped")
        except TransportError as error:
            return judge.outcome_of_break(error)
        return judge.outcome_of_answer(answer, self._clock.now())

    async def _copy(self, client: GraphClient, user: str, draft: str) -> str:
        """The draft once more, without another upload; "" where Graph does not make one that can be sent."""
        try:
            answer = await client.request(
                "POST", f"{draft}/copy", content=_json({"destinationId": "drafts"}), headers=_JSON
            )
            made = wanted(answer, self._clock, 201)
        except (Refused, TransportError):
            return ""
        copy = _place(user, made)
        if made.get("isDraft") is True:
            return copy
        self._delete_later(client, copy)
        return ""

    def _delete_later(self, client: GraphClient, draft: str) -> None:
        """No half a message stays in the mailbox; its outcome does not wait for that."""
        if draft:
            task = asyncio.ensure_future(_delete(client, draft))
            self._deletions.add(task)
            task.add_done_callback(self._deletions.discard)

    async def _attach(self, client: GraphClient, draft: str, message: Large, table: Table) -> None:
        """The second reading: every attachment goes up while it is read."""
        chunks: _Chunks | None = None
        async for leaf, octets in leaves_of(message):
            if leaf.number not in table.files:
                continue
            if chunks is None or chunks.number != leaf.number:
                if chunks is not None:
                    await chunks.end()
                chunks = _Chunks(client, self._clock, draft, leaf, table.sizes[leaf.number])
            await chunks.add(octets)
        if chunks is not None:
            await chunks.end()


def wanted(answer: GraphAnswer, clock: Clock, *statuses: int) -> dict[str, Any]:
    """What a step answered; raises Refused where its status is none of these."""
    if answer.status not in statuses:
        raise Refused(judge.outcome_of_step(answer, clock.now()))
    return answer.json()


def _place(user: str, made: dict[str, Any]) -> str:
    """The path of a draft that was made."""
    return f"{user}/messages/{quote(str(made.get('id', '')), safe='')}"


def _goes_on(outcome: Outcome, message: Large) -> bool:
    """Whether others of the message will have their turn although these did not get it."""
    addresses = [path.address for path in message.consignment.envelope.forward_paths]
    is_parted = outcome.row in PARTED and 1 < len(addresses) > len(named_in(outcome.reply_text, addresses))
    return message.n_left > 0 or is_parted


class Table:
    """What the first reading learns: sizes of all leaves, and the octets of what is shown as the text.

    That is the first text, and of a multipart/alternative that it stands in one text of each type.
    """

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}
        self._shown: dict[str, Leaf] = {}
        self._octets: dict[int, bytearray] = {}

    def note(self, leaf: Leaf, octets: bytes) -> None:
        """Some decoded octets of a leaf."""
        size = self.sizes[leaf.number] = self.sizes.get(leaf.number, 0) + len(octets)
        if leaf.is_text and self._may_be_shown(leaf):
            self._shown.setdefault(leaf.media_type, leaf)
            self._octets.setdefault(leaf.number, bytearray()).extend(octets)
        if size > TEXT_OCTETS and self._shown.get(leaf.media_type) == leaf:
            del self._shown[leaf.media_type], self._octets[leaf.number]

    @property
    def files(self) -> set[int]:
        """The numbers of all others, but for what is empty."""
        return {number for number, size in self.sizes.items() if size and number not in self._octets}

    def body(self) -> dict[str, str]:
        """As a draft has it: HTML rather than plain text."""
        leaf = self._shown.get("text/html") or self._shown.get("text/plain")
        if leaf is None:
            return {"contentType": "text", "content": ""}
        kind = "html" if leaf.media_type == "text/html" else "text"
        return {"contentType": kind, "content": text_in(bytes(self._octets[leaf.number]), leaf.charset)}

    def _may_be_shown(self, leaf: Leaf) -> bool:
        """Whether it is shown already, or the first, or the other form of it; what was too long is neither."""
        if self.sizes[leaf.number] > TEXT_OCTETS or leaf.number in self._octets:
            return leaf.number in self._octets
        first = next(iter(self._shown.values()), None)
        is_beside = first is not None and 0 < first.alternative == leaf.alternative
        return first is None or (is_beside and leaf.media_type not in self._shown)


class _Chunks:
    """One attachment on its way up."""

    def __init__(self, client: GraphClient, clock: Clock, draft: str, leaf: Leaf, size: int) -> None:
        self.number = leaf.number
        self._client, self._clock, self._draft = client, clock, draft
        self._facts, self._size = facts_of(leaf), size
        self._url, self._at = "", 0
        self._waiting = bytearray()

    async def add(self, octets: bytes) -> None:
        """Some more of it; raises Refused, TransportError, TokenRefused."""
        self._waiting += octets
        while self._size >= SMALL_OCTETS and len(self._waiting) >= CHUNK_OCTETS:
            await self._chunk(CHUNK_OCTETS)

    async def end(self) -> None:
        """The rest of it."""
        if self._size < SMALL_OCTETS:
            body = Attachment(self._facts, self._waiting)
            answer = await self._client.request(
                "POST", f"{self._draft}/attachments", content=body, headers=_JSON
            )
            wanted(answer, self._clock, 201)
        elif self._waiting:
            await self._chunk(len(self._waiting))

    async def _chunk(self, n_octets: int) -> None:
        if not self._url:
            await self._open()
        until = self._at + n_octets
        n_tries = 0
        while self._at < until:
            n_tries += 1
            answer = await self._try(until, may_break=n_tries < TRIES)
            at = until if answer is not None and answer.status == 201 else await self._expected(answer)
            if not self._at <= at <= until or (at == self._at and n_tries >= TRIES):
                text = f"the upload stands at {at}, and {self._at} to {until} was sent"
                raise Refused(Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, text))
            del self._waiting[: at - self._at]
            self._at = at

    async def _try(self, until: int, *, may_break: bool) -> GraphAnswer | None:
        """One PUT, to another host and so without our token; None where the way broke."""
        with memoryview(self._waiting) as waiting:
            piece = bytes(waiting[: until - self._at])
        ranged = {"Content-Range": f"bytes {self._at}-{until - 1}/{self._size}"}
        try:
            return await self._client.request(
                "PUT", self._url, content=piece, headers={**ranged, **_OCTETS}, authorise=False
            )
        except TransportError:
            if not may_break:
                raise
            return None

    async def _expected(self, answer: GraphAnswer | None) -> int:
        """Where the session wants to go on: as it just said, or asked where the way broke."""
        if answer is None or answer.status in (409, 416) or answer.status >= 500:
            answer = await self._client.request("GET", self._url, authorise=False)
        ranges = wanted(answer, self._clock, 200, 202).get("nextExpectedRanges")
        first = str(ranges[0]) if isinstance(ranges, list) and ranges else ""
        start = first.partition("-")[0]
        return int(start) if start.isascii() and start.isdigit() and len(start) < 16 else -1

    async def _open(self) -> None:
        item = {"attachmentType": "file", "size": self._size, **self._facts}
        answer = await self._client.request(
            "POST",
            f"{self._draft}/attachments/createUploadSession",
            content=_json({"AttachmentItem": item}),
            headers=_JSON,
        )
        self._url = str(wanted(answer, self._clock, 201).get("uploadUrl", ""))


_OCTETS = {"Content-Type": "application/octet-stream"}


class Attachment:
    """A small attachment as a request body: JSON around base64, without a second copy of it."""

    def __init__(self, facts: dict[str, Any], octets: bytearray) -> None:
        head = json.dumps({"@odata.type": "#microsoft.graph.fileAttachment", **facts, "contentBytes": ""})
        self._head, self._octets = head[:-2].encode("utf-8"), octets
        self.size_octets = len(self._head) + (len(octets) + 2) // 3 * 4 + 2

    async def blocks(self) -> AsyncIterator[bytes]:
        """See routes.graph.client.Body."""
        yield self._head
        step = 57 * 1024
        for at in range(0, len(self._octets), step):
            yield b64encode(self._octets[at : at + step])
        yield b'"}'


async def leaves_of(message: Large) -> AsyncIterator[tuple[Leaf, bytes]]:
    """All leaves of a message with their decoded octets, in pieces; raises SpoolError."""
    leaves, content = Leaves(), message.consignment.content
    whole = content.octets()
    if whole is not None:
        for piece in leaves.feed(whole) if whole else ():
            yield piece
    else:
        async for block in content.blocks():
            for piece in leaves.feed(block) if block else ():
                yield piece
    for piece in leaves.feed(b""):
        yield piece


def _before_send(error: TransportError) -> TransportError:
    """The same; nothing of a draft is on its way, so that even an answer that never came is no doubt."""
    phase = "send" if error.phase == "await" else error.phase
    moved = TransportError(phase, str(error))
    moved.__cause__ = error.__cause__
    return moved


async def _delete(client: GraphClient, draft: str) -> None:
    """As far as that can be had now; else a person is told."""
    reason = "the relay was stopped"
    try:
        async with asyncio.timeout(DELETE_S):
            answer = await client.request("DELETE", draft)
        reason = "" if answer.status in (204, 404) else f"{answer.status} {answer.error()[0]}"
    except (TransportError, TokenRefused, TimeoutError) as error:
        reason = str(error) or "no answer"
    finally:
        if reason:
            _LOG.warning("draft.left draft=%s reason=%r", draft, reason)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
