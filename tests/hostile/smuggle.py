"""End-of-data variants: everything that some server has taken for the end of a content, and that is none.

A probe is one message whose content hides a second one behind such an end. A server is good when it sees one message,
and sends on one message that even a careless next hop reads as one. (RFC 5321 4.1.1.4; CVE-2023-51764 to -51766)
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

BEFORE = (
    b"\r\n", b"\n", b"\r", b"\n\n", b"\r\r", b"\n\r", b"\r\n\n", b"\r\n\r", b"\r\n\0", b"\n\0", b"\r\0", b"\r\0\n",
    b"\0\n", b"\r\n ", b"\n ", b"\r\n\0\0",
)  # fmt: skip
DOT = (b".", b".\0", b". ", b".\t")
AFTER = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\n\n",
    b"\r\r",
    b"\n\r",
    b"\r\r\n",
    b"\0\r\n",
    b"\r\0\n",
    b"\r\n\0",
    b"\n\0",
)
END = b"\r\n.\r\n"
HEAD = b"Message-ID: <probe@device.test>\r\nSubject: probe\r\n\r\n"

HIDDEN = b"MAIL FROM:<admin@corp.test>\r\nRCPT TO:<victim@else.test>\r\nDATA\r\nSubject: hidden\r\n\r\nboo"


@dataclass(frozen=True)
class Probe:
    """One variant; name says its octets, wire is what goes behind the 354, content what was meant, NUL and all."""

    name: str
    wire: bytes
    content: bytes


def probes() -> list[Probe]:
    """Every combination that is not the true end."""
    variants = [b"".join(parts) for parts in itertools.product(BEFORE, DOT, AFTER)]
    return [_probe(variant) for variant in dict.fromkeys(variants) if END not in variant + HIDDEN]


def _probe(variant: bytes) -> Probe:
    said = HEAD + b"before" + variant + HIDDEN
    name = variant.decode("ascii").encode("unicode_escape").decode("ascii").replace("\\x00", "\\0")
    return Probe(name, said + END, normalised(said + b"\r\n"))


def normalised(wire: bytes) -> bytes:
    """What content octets on the wire mean: dots unstuffed, then every line end CRLF.

    Octet by octet, so that nobody has to believe a regular expression: CR LF is a line end, CR CR LF is one, and
    every other CR and every other LF is one, too. What a NUL stood between does not come together.
    """
    lines = [line.removeprefix(b".") for line in wire.split(b"\r\n")]
    octets, out, n = b"\r\n".join(lines), b"", 0
    while n < len(octets):
        for end in (b"\r\r\n", b"\r\n", b"\r", b"\n"):
            if octets.startswith(end, n):
                out, n = out + b"\r\n", n + len(end)
                break
        else:
            out, n = out + octets[n : n + 1], n + 1
    return out
