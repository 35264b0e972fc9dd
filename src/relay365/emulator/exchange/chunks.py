"""BDAT for the server machine: contents in counted chunks, as Exchange offers them (CHUNKING, BINARYMIME).

It stands here and not in smtp because the relay never offers CHUNKING to devices, and a second way to end a content is
a second way to be wrong about it: in the relay's own listener the word stays fatal. A chunk is handed on as
ContentBlock events; the last one ends like a final dot. There is no event for the first: whoever takes the blocks
begins with them.
(RFC 3030)
"""

from __future__ import annotations

import re

from relay365.mail.status import Reply
from relay365.smtp.events import ContentBlock, ContentEnded
from relay365.smtp.offers import Limits, Offers
from relay365.smtp.server import ServerSession
from relay365.smtp.states import Phase

_BDAT = re.compile(rb"BDAT +(\d{1,12})( +LAST)?[ \t]*", re.IGNORECASE)
_BINARY = re.compile(rb"(?<= )BODY=BINARYMIME\b *", re.IGNORECASE)
_WRONG_NOW = Reply.of(503, "5.5.1", "Bad sequence of commands")


class ChunkingSession(ServerSession):
    """One session that takes BDAT besides DATA."""

    def __init__(self, offers: Offers, limits: Limits, *, peer: str = "") -> None:
        super().__init__(offers, limits, peer=peer)
        self._chunk = _Chunk()
        self._is_begun = self._is_binary = False
        self._size_octets = 0

    @property
    def is_in_content(self) -> bool:
        """Whether the peer owes octets of a content and no command."""
        return self.phase is Phase.CONTENT or self._chunk.n_rest > 0

    def _read_line(self) -> bool:
        if self._chunk.is_open:
            return self._read_chunk()
        if self.phase is Phase.ENDED or self.phase is Phase.SASL or not self._in.starts_with(b"BDAT"):
            return super()._read_line()
        line = self._in.take_line(self._limits.command_octets)
        if line is None:
            return False
        self.counts.lines += 1
        found = _BDAT.fullmatch(line)
        if found is None:
            self.refuse(Reply.of(501, "5.5.4", "BDAT takes a number and LAST"))  # how much follows is unknown
            return True
        is_good = self.phase is Phase.RCPT
        self._is_begun = self._is_begun or is_good
        self._chunk = _Chunk(int(found[1]), is_last=found[2] is not None, is_good=is_good, is_open=True)
        if not self._chunk.n_rest:
            self._end_chunk()
        return True

    def _read_command(self, line: bytes) -> None:
        verb = line[:4].upper()
        if self._is_begun and verb in (b"RCPT", b"DATA"):
            self._fault_reply(_WRONG_NOW)
        elif self._is_binary and verb == b"DATA":
            self._fault_reply(Reply.of(503, "5.5.1", "BINARYMIME needs BDAT"))
        else:
            if verb == b"MAIL":
                plain = _BINARY.sub(b"", line).rstrip(b" ")
                self._is_binary, line = plain != line, plain
            super()._read_command(line)

    def _read_chunk(self) -> bool:
        """Octets of a chunk; those of a refused one are read and dropped (RFC 3030 2)."""
        if not len(self._in):
            return False
        octets, n_rest = self._in.take_all(), self._chunk.n_rest
        block, rest = octets[:n_rest], octets[n_rest:]
        self._chunk.n_rest -= len(block)
        if self._chunk.is_good:
            self._size_octets += len(block)
            self._events.append(ContentBlock(block))
        if not self._chunk.n_rest:
            self._in.feed(rest)
            self._end_chunk()
        return True

    def _end_chunk(self) -> None:
        chunk, self._chunk = self._chunk, _Chunk()
        if not chunk.is_good:
            self._fault_reply(_WRONG_NOW)
        elif chunk.is_last:
            self._ask(ContentEnded(self._size_octets))
        else:
            self._say(Reply.of(250, "2.0.0", f"{self._size_octets} octets received"))

    def _close_transaction(self) -> None:
        super()._close_transaction()
        self._forget_chunks()

    def _reset(self, verb: str) -> None:
        super()._reset(verb)
        self._forget_chunks()

    def _forget_chunks(self) -> None:
        self._is_begun = self._is_binary = False
        self._size_octets = 0


class _Chunk:
    """The chunk that is being read. n_rest: octets of it to come."""

    def __init__(
        self, n_octets: int = 0, *, is_last: bool = False, is_good: bool = False, is_open: bool = False
    ) -> None:
        self.n_rest = n_octets
        self.is_last, self.is_good, self.is_open = is_last, is_good, is_open
