"""The body of sendMail is the base64 of the whole message, as long as it says, and holds no more than a block."""

from __future__ import annotations

import asyncio
from base64 import b64decode

import pytest

from fakes.content import InMemory
from relay365.routes.graph.mime import MimeBody, Opening, opening


@pytest.mark.parametrize("n_octets", [0, 1, 2, 3, 58_367, 58_368, 58_369, 300_000])
@pytest.mark.parametrize("block", [0, 1_000, 65_536])
def test_the_body_is_as_long_as_it_says_and_decodes_to_the_message(n_octets: int, block: int) -> None:
    """At every border of the blocks, and again when it is asked for a second time; is_out rises with the last block."""
    body = MimeBody(b"H: 1\r\n\r\n", InMemory(b"old" + b"x" * n_octets, block), 3)

    async def story() -> None:
        for _ in range(2):
            states, octets = [], b""
            async for piece in body.blocks():
                states.append(body.is_out)
                octets += piece
            assert body.size_octets == len(octets)
            assert b"H: 1\r\n\r\n" + b"x" * n_octets == b64decode(octets, validate=True)
            assert [False] * (len(states) - 1) + [True] == states

    asyncio.run(story())


@pytest.mark.parametrize("block", [0, 1, 5])
def test_the_opening_is_the_header_and_some_of_the_body(block: int) -> None:
    """However the content is cut; a header that does not end in 64 KiB is none."""
    content = InMemory(b"A: 1\r\nB: 2\r\n\r\nbody\r\n", block)
    assert Opening(b"A: 1\r\nB: 2\r\n", b"\r\nbody\r\n") == asyncio.run(opening(content))
    assert asyncio.run(opening(InMemory(b"A: 1\r\n" * 20_000, block * 10_000))) is None
