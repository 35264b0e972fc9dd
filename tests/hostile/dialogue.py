"""Malformed sessions from a seed: real dialogues, broken by a grammar of what goes wrong on wires and in heads.

Pure, so that a session that found a fault can be made again from its seed and number: `session_of(seed, number)`.
A dialogue is first a list of lines; line breakers change lines, octet breakers change what is written, and at last
the octets are cut into writes and the session gets its end.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Lines = list[bytes]

HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64))  # the beginning of a TLS handshake
HTTP = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60\r\n\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
LOGIN = base64.b64encode(b"\0scan\0wrong")
ENDS = (
    "half-close", "half-close", "half-close", "half-close", "quit", "quit", "reset", "close", "close-unread",
)  # fmt: skip

WORDS = (
    b"\0", b"\r", b"\n", b"\r\n", b"\r\r\n", b"\n\r", b".", b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"\r\n.\n", b"\x1b[2J",
    b"\x7f", b"\xff\xfe", b"\xc0\xaf", "\u2028".encode(), "\u202e".encode(), b"\xed\xa0\x80", b"\x85", b"%s%n{0}{x}",
    b"<", b">", b"<>", b"@", b":", b'"', b"\\", b" ", b"\t", b"=", b"*", b"A" * 64, b"../../etc/passwd", b"'; --",
    b"SIZE=99999999999999999999", b"SIZE=-1", b"BODY=BINARYMIME", b"SMTPUTF8", b"RET=HDRS", b"ENVID=+00+0D+0A",
    b"NOTIFY=NEVER,SUCCESS", b"ORCPT=rfc822;+0D+0AQUIT", b"REQUIRETLS", b"AUTH=<>", b"AUTH=a+0Ab",
)  # fmt: skip

COMMANDS = (
    b"EHLO device", b"EHLO", b"HELO x", b"HELO", b"LHLO x", b"MAIL FROM:<a@corp.test>", b"MAIL FROM:<>",
    b"MAIL FROM:a@corp.test", b"MAIL FROM: <a@corp.test> SIZE=10", b"MAIL", b"MAIL FROM:", b"RCPT TO:<b@else.test>",
    b"RCPT TO:<postmaster>", b"RCPT TO:<@x.test,@y.test:b@else.test>", b'RCPT TO:<"a\\"b c"@else.test>', b"RCPT TO:<>",
    b"RCPT TO:<b@[127.0.0.1]>", b"RCPT TO:<b@[IPv6:::1]>", "RCPT TO:<\u00e4@else.test>".encode(), b"DATA", b"DATA x",
    b"BDAT 5 LAST", b"BDAT 99999999999999999999", b"RSET", b"NOOP", b"NOOP x", b"VRFY root", b"EXPN all", b"HELP",
    b"QUIT", b"STARTTLS", b"STARTTLS x", b"AUTH PLAIN", b"AUTH PLAIN " + LOGIN, b"AUTH LOGIN", b"AUTH LOGIN =",
    b"AUTH XOAUTH2 " + LOGIN, b"AUTH CRAM-MD5", b"AUTH", b"*", b"=", b"c2Nhbg==", b"!!!!", b"", b".", b"..",
    b"XCLIENT A=1", b"ETRN #x", b"TURN", b"GET / HTTP/1.0", b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2",
)  # fmt: skip


@dataclass(frozen=True)
class Session:
    """What one peer does: its writes, in order, and how it goes."""

    writes: tuple[bytes, ...]
    end: str


def session_of(seed: int, number: int) -> Session:
    """The session with this number of this seed; always the same."""
    dice = Random(f"{seed}:{number}")
    lines = dice.choice(DIALOGUES)(dice)
    for _ in range(_few(dice)):
        dice.choice(LINE_BREAKERS)(lines, dice)
    octets = b"".join(line + _line_end(dice) for line in lines)
    for _ in range(_few(dice)):
        octets = dice.choice(OCTET_BREAKERS)(octets, dice)
    return Session(tuple(_cut(octets, dice)), dice.choice(ENDS))


def _few(dice: Random) -> int:
    """Mostly one or two, seldom many: a session with too many faults is stopped early and proves little."""
    return dice.choice((0, 1, 1, 1, 2, 2, 3, 8))


def _line_end(dice: Random) -> bytes:
    return (
        b"\r\n" if dice.random() < 0.97 else dice.choice((b"\n", b"\r", b"\r\r\n", b"\n\r", b"", b"\0\r\n"))
    )


# -- dialogues that are in order -------------------------------------------------------------------------------------


def _content(dice: Random) -> Lines:
    lines = [
        b"Subject: " + b"x" * dice.randrange(200),
        b"Message-ID: <%d@device.test>" % dice.getrandbits(40),
        b"",
    ]
    words = (b"text", b"..dots", b"", b" fold", b"y" * 998, bytes(range(14, 64)), b"\xe4\xf6\xfc")
    lines += [dice.choice(words) for _ in range(dice.choice((0, 1, 5, 40)))]
    return [*lines, b"."]


def _message(dice: Random) -> Lines:
    return [
        b"EHLO device",
        b"MAIL FROM:<a@corp.test>",
        b"RCPT TO:<b@else.test>",
        b"DATA",
        *_content(dice),
        b"QUIT",
    ]


def _two_messages(dice: Random) -> Lines:
    return [*_message(dice)[:-1], *_message(dice)[1:]]


def _many_paths(dice: Random) -> Lines:
    paths = [b"RCPT TO:<%d@else.test>" % n for n in range(dice.choice((2, 20, 120)))]
    return [b"EHLO device", b"MAIL FROM:<>", *paths, b"DATA", *_content(dice), b"RSET"]


def _login(dice: Random) -> Lines:
    mechanism = dice.choice(
        ([b"AUTH PLAIN " + LOGIN], [b"AUTH LOGIN", b"c2Nhbg==", b"d3Jvbmc="], [b"AUTH PLAIN", LOGIN])
    )
    return [b"EHLO device", *mechanism, *_message(dice)[1:]]


def _secure(dice: Random) -> Lines:
    return [b"EHLO device", b"STARTTLS", *_message(dice)]


def _soup(dice: Random) -> Lines:
    return dice.choices(COMMANDS, k=dice.randrange(1, 30))


DIALOGUES: tuple[Callable[[Random], Lines], ...] = (
    _message, _message, _message, _two_messages, _many_paths, _login, _secure, _soup, _soup,
)  # fmt: skip


# -- what goes wrong with lines --------------------------------------------------------------------------------------


def _repeat(lines: Lines, dice: Random) -> None:
    n = dice.randrange(len(lines))
    lines[n:n] = [lines[n]] * dice.choice((1, 2, 5, 30))


def _drop(lines: Lines, dice: Random) -> None:
    if len(lines) > 1:
        del lines[dice.randrange(len(lines))]


def _swap(lines: Lines, dice: Random) -> None:
    one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def _insert(lines: Lines, dice: Random) -> None:
    lines.insert(dice.randrange(len(lines) + 1), dice.choice(COMMANDS))


def _lengthen(lines: Lines, dice: Random) -> None:
    n = dice.randrange(len(lines))
    lines[n] += dice.choice((b"x", b" ", b"=", b"<", b"AB")) * dice.choice((500, 1000, 2100, 13_000, 70_000))


def _spoil(lines: Lines, dice: Random) -> None:
    n = dice.randrange(len(lines))
    at = dice.randrange(len(lines[n]) + 1)
    lines[n] = lines[n][:at] + dice.choice(WORDS) + lines[n][at:]


def _change_case(lines: Lines, dice: Random) -> None:
    n = dice.randrange(len(lines))
    lines[n] = lines[n].swapcase()


LINE_BREAKERS = (_repeat, _drop, _swap, _insert, _insert, _lengthen, _spoil, _spoil, _spoil, _change_case)


# -- what goes wrong with octets -------------------------------------------------------------------------------------


def _nothing(octets: bytes, dice: Random) -> bytes:
    return octets


def _truncate(octets: bytes, dice: Random) -> bytes:
    return octets[: dice.randrange(len(octets) + 1)]


def _flip(octets: bytes, dice: Random) -> bytes:
    spoilt = bytearray(octets)
    for _ in range(min(len(octets), dice.choice((1, 3, 20)))):
        spoilt[dice.randrange(len(octets))] = dice.randrange(256)
    return bytes(spoilt)


def _random_inside(octets: bytes, dice: Random) -> bytes:
    at = dice.randrange(len(octets) + 1)
    return octets[:at] + dice.randbytes(dice.choice((1, 10, 100, 3000))) + octets[at:]


def _tls_in_clear(octets: bytes, dice: Random) -> bytes:
    at = dice.choice((0, dice.randrange(len(octets) + 1)))
    return octets[:at] + HELLO + octets[at:]


def _web(octets: bytes, dice: Random) -> bytes:
    return HTTP + octets


def _bare_line_ends(octets: bytes, dice: Random) -> bytes:
    return octets.replace(b"\r\n", dice.choice((b"\n", b"\r", b"\r\r\n", b"\n\r")))


OCTET_BREAKERS = (_nothing, _nothing, _truncate, _flip, _random_inside, _tls_in_clear, _web, _bare_line_ends)


def _cut(octets: bytes, dice: Random) -> list[bytes]:
    """Into writes: one, a few, many, or one per line."""
    if dice.random() < 0.3:
        return octets.splitlines(keepends=True)
    ends = sorted(dice.randrange(len(octets) + 1) for _ in range(dice.choice((0, 0, 1, 3, 20))))
    return [
        octets[begin:end] for begin, end in zip([0, *ends], [*ends, len(octets)], strict=True) if begin < end
    ]
