"""A next hop that opens what it takes: one line for each recipient, and of a digest one for each message inside.

`python -m torture.opened RECORD DELAY_S`, as torture.sink. The names are NAME/RECIPIENT; behind the hash stands in
what it came: `letter N` for N people, `digest N` of N messages. A digest is taken apart by RFC 2046 5.1, not by the
relay's code.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from torture.sink import name_and_hash, serve

_DIGEST = re.compile(rb'^Content-Type: multipart/digest; boundary="([^"\r\n]+)"', re.MULTILINE)


def opened(content: bytes, envelope: Sequence[str]) -> list[str]:
    """The lines of the record. envelope: reverse-path, then forward-paths."""
    inside = members(content)
    how = f"digest {len(inside)}" if inside else f"letter {len(envelope) - 1}"
    lines = []
    for one in inside or [content]:
        name, digest = name_and_hash(one)
        lines += [f"{name}/{to} {digest} {how}" for to in envelope[1:]]
    return lines


def members(content: bytes) -> list[bytes]:
    """The messages in a digest, octet for octet; none where it is no digest."""
    found = _DIGEST.search(content)
    if found is None:
        return []
    parts = content[found.end() :].split(b"\r\n--" + found[1])
    return [part.partition(b"\r\n\r\n")[2] for part in parts[1:] if not part.startswith(b"--")]


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), float(sys.argv[2]), opened))
