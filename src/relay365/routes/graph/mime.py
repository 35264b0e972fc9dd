"""A message as the body of MIME sendMail: the base64 of trace, header and the rest, in blocks as they come.

Apart from the route because it only turns octets into octets, and must never hold a whole message.
(Microsoft: "user: sendMail", Example "Send a message in MIME format"; RFC 4648 4)
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass

from relay365.mail.content import Content
from relay365.mail.headers import MAX_HEAD_OCTETS
from relay365.mail.repair.fields import end_of_head

_BLOCK = 57 * 1024  # octets: a multiple of three, so that only the last block is padded


@dataclass(frozen=True, slots=True)
class Opening:
    """The beginning of a content. head: its header section; body: some of what follows; head_octets: len(head)."""

    head: bytes
    body: bytes


async def opening(content: Content) -> Opening | None:
    """The header section of a content; None where none ends within 64 KiB. Raises SpoolError."""
    octets = content.octets()
    if octets is None:
        octets = b""
        async for block in content.blocks():
            octets += block
            if len(octets) > 2 * MAX_HEAD_OCTETS:
                break
    end = end_of_head(octets, is_whole=len(octets) >= content.size_octets)
    return Opening(octets[:end], octets[end:][:MAX_HEAD_OCTETS]) if end >= 0 else None


async def without_head(content: Content, n_octets: int) -> AsyncIterator[bytes]:
    """The content behind its first n octets."""
    whole = content.octets()
    if whole is not None:
        yield whole[n_octets:]
        return
    async for block in content.blocks():
        skipped = min(n_octets, len(block))
        n_octets -= skipped
        if skipped < len(block):
            yield block[skipped:]


class MimeBody:
    """The request body. is_out: its last block was given out, so that Graph may have all of it."""

    def __init__(self, head: bytes, content: Content, n_skipped: int) -> None:
        self._head, self._content, self._n_skipped = head, content, n_skipped
        self.size_octets = (len(head) + content.size_octets - n_skipped + 2) // 3 * 4
        self.is_out = False

    async def blocks(self) -> AsyncIterator[bytes]:
        """See routes.graph.client.Body; raises SpoolError."""
        self.is_out = False
        waiting = bytearray(self._head)
        async for block in without_head(self._content, self._n_skipped):
            waiting += block
            while len(waiting) > _BLOCK:
                yield b64encode(waiting[:_BLOCK])
                del waiting[:_BLOCK]
        self.is_out = True
        yield b64encode(waiting)
