"""The PROXY header, read in any pieces: what HAProxy's specification shows is taken, everything else is refused."""

from __future__ import annotations

import ipaddress
import random
import struct

import pytest

from relay365.net.proxy import MOST_V1_OCTETS, MOST_V2_OCTETS, SIGNATURE, Header, HeaderReader, ProxyError

WORDS = b"EHLO printer\r\nQUIT\r\n"


def v2(command: int, family: int, body: bytes, *, n_octets: int | None = None) -> bytes:
    return (
        SIGNATURE + struct.pack("!BBH", command, family, len(body) if n_octets is None else n_octets) + body
    )


def pair(source: str, target: str, port: int) -> bytes:
    packed = [ipaddress.ip_address(one).packed for one in (source, target)]
    return b"".join(packed) + struct.pack("!HH", port, 25)


def feed_singly(octets: bytes) -> list[Header | None]:
    reader = HeaderReader()
    return [reader.feed(octets[n : n + 1]) for n in range(len(octets))]


V6 = pair("2001:db8::7", "2001:db8::1", 65535)
GOOD = {
    "v1-tcp4": (b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n", ("192.0.2.7", 40000)),
    "v1-tcp6": (b"PROXY TCP6 2001:db8::7 2001:db8::1 0 25\r\n", ("2001:db8::7", 0)),
    "v1-mapped": (b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.1 1 25\r\n", ("192.0.2.7", 1)),
    "v1-unknown": (b"PROXY UNKNOWN\r\n", None),
    "v1-unknown-with-more": (b"PROXY UNKNOWN ffff:f...f:ffff what ever 65535 65535\r\n", None),
    "v2-tcp4": (v2(0x21, 0x11, pair("192.0.2.7", "192.0.2.1", 40000)), ("192.0.2.7", 40000)),
    "v2-tcp6": (v2(0x21, 0x21, V6), ("2001:db8::7", 65535)),
    "v2-extensions": (v2(0x21, 0x21, V6 + b"\x04\x00\x03abc"), ("2001:db8::7", 65535)),
    "v2-local": (v2(0x20, 0x00, b""), None),
    "v2-local-with-addresses": (v2(0x20, 0x11, pair("192.0.2.7", "192.0.2.1", 1)), None),
    "v2-unspecified": (v2(0x21, 0x00, b"whatever"), None),
}
BAD = {
    "a-command": (b"EHLO printer\r\n", "no PROXY header"),
    "tls": (b"\x16\x03\x01\x02\x00\x01", "no PROXY header"),
    "lower-case": (b"proxy TCP4 192.0.2.7 192.0.2.1 1 25\r\n", "no PROXY header"),
    "no-words": (b"PROXY \r\n", "not PROXY TCP4 or TCP6"),
    "udp": (b"PROXY UDP4 192.0.2.7 192.0.2.1 1 25\r\n", "not PROXY TCP4 or TCP6"),
    "a-word-too-few": (b"PROXY TCP4 192.0.2.7 192.0.2.1 25\r\n", "not PROXY TCP4 or TCP6"),
    "two-blanks": (b"PROXY TCP4  192.0.2.7 192.0.2.1 1 25\r\n", "not PROXY TCP4 or TCP6"),
    "no-address": (b"PROXY TCP4 printer 192.0.2.1 1 25\r\n", "addresses are none"),
    "a-zone": (b"PROXY TCP6 fe80::1%\x1b[31m fe80::2 1 25\r\n", "addresses are none"),
    "other-family": (b"PROXY TCP4 2001:db8::7 2001:db8::1 1 25\r\n", "another family"),
    "mixed-families": (b"PROXY TCP4 192.0.2.7 2001:db8::1 1 25\r\n", "another family"),
    "port-too-large": (b"PROXY TCP4 192.0.2.7 192.0.2.1 65536 25\r\n", "ports are none"),
    "port-with-sign": (b"PROXY TCP4 192.0.2.7 192.0.2.1 1 +5\r\n", "ports are none"),
    "endless-line": (b"PROXY UNKNOWN " + b"x" * MOST_V1_OCTETS, "more than 107"),
    "v2-version": (v2(0x11, 0x11, b"\0" * 12), "unknown version or command"),
    "v2-command": (v2(0x22, 0x11, b"\0" * 12), "unknown version or command"),
    "v2-udp": (v2(0x21, 0x12, b"\0" * 12), "something else than TCP"),
    "v2-unix": (v2(0x21, 0x31, b"\0" * 216), "something else than TCP"),
    "v2-short": (v2(0x21, 0x21, b"\0" * 12), "too short"),
    "v2-endless": (v2(0x21, 0x11, b"", n_octets=MOST_V2_OCTETS + 1), "more than 4096"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_header_is_read_cut_after_every_octet(name: str) -> None:
    """Wherever the octets are cut, the peer is the same and not an octet behind the header is lost."""
    header, peer = GOOD[name]
    whole = header + WORDS
    for cut in range(1, len(whole)):
        reader = HeaderReader()
        found = reader.feed(whole[:cut])
        assert (found is not None) == (cut >= len(header))
        if found is None:
            found = reader.feed(whole[cut:])
            assert Header(peer, WORDS) == found
        else:
            assert Header(peer, whole[len(header) : cut]) == found


@pytest.mark.parametrize("name", GOOD)
def test_a_header_is_read_octet_by_octet(name: str) -> None:
    """Single octets: nothing is found before the last one."""
    header, peer = GOOD[name]

    assert [None] * (len(header) - 1) + [Header(peer, b"")] == feed_singly(header)


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_header_is_refused_in_words(name: str) -> None:
    """Whole or octet by octet, the error is the same and comes at the latest with the last octet."""
    octets, words = BAD[name]
    with pytest.raises(ProxyError, match=words):
        HeaderReader().feed(octets)
    with pytest.raises(ProxyError, match=words):
        feed_singly(octets)


def test_any_octets_wait_end_or_are_refused() -> None:
    """20,000 seeded mutations: a header, a wait or a ProxyError, and what waits stays within the limits."""
    dice = random.Random(365)
    n_headers = n_errors = 0
    seeds = [header for header, _ in GOOD.values()] + [octets for octets, _ in BAD.values()]
    for _ in range(20_000):
        octets = bytearray(dice.choice(seeds))
        for _ in range(dice.randrange(4)):
            octets[dice.randrange(len(octets))] = dice.randrange(256)
        try:
            found = HeaderReader().feed(bytes(octets) + dice.randbytes(dice.randrange(9)))
        except ProxyError:
            n_errors += 1
            continue
        n_headers += found is not None
        if found is not None and found.peer is not None:
            assert found.peer[0] == str(ipaddress.ip_address(found.peer[0]))
            assert 0 <= found.peer[1] < 65536

    assert n_headers > 1000
    assert n_errors > 1000
