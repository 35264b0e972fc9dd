"""What a test message may do wrong, by the names of [tolerate]: to see whether a device like that would be served.

Each changes commands on their way out, or the content; none changes what is expected of the relay. (mail.tolerance)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from relay365.mail.tolerance import BY_NAME

Change = Callable[[bytes], bytes]

_PATH = re.compile(rb"(?i)^((?:MAIL FROM|RCPT TO):)<([^>]*)>")
_HELLO = re.compile(rb"(?i)^(EHLO|HELO) ([^\r\n]*)")


def _same(octets: bytes) -> bytes:
    return octets


@dataclass(frozen=True, slots=True)
class Quirk:
    """One deviation. command, content: what it changes."""

    name: str
    command: Change = _same
    content: Change = _same

    @property
    def meaning(self) -> str:
        """What it is, in the words of [tolerate]."""
        return BY_NAME[self.name].meaning


def _in_the_middle(octets: bytes, what: bytes) -> bytes:
    """Behind the head, or at the end where there is no body."""
    head, found, body = octets.partition(b"\r\n\r\n")
    return head + found + what + body if found else octets + what


QUIRKS: dict[str, Quirk] = {
    one.name: one
    for one in (
        Quirk("empty_helo", lambda line: _HELLO.sub(rb"\1", line)),
        Quirk("odd_helo", lambda line: _HELLO.sub(rb"\1 my_scanner on floor 2", line)),
        Quirk("bare_lf_commands", lambda line: line.replace(b"\r\n", b"\n")),
        Quirk("space_after_colon", lambda line: _PATH.sub(rb"\1 <\2>", line)),
        Quirk("no_brackets", lambda line: _PATH.sub(rb"\1\2", line)),
        Quirk("unknown_parameter", lambda line: _PATH.sub(rb"\1<\2> XDEVICE=1", line)),
        Quirk("bare_line_ends", content=lambda octets: octets.replace(b"\r\n", b"\n")),
        Quirk("nul_octets", content=lambda octets: _in_the_middle(octets, b"a NUL: \0\r\n")),
        Quirk("long_lines", content=lambda octets: _in_the_middle(octets, b"x" * 1500 + b"\r\n")),
    )
}
"""Those that one message can show; of [tolerate] the others are about connections and logins."""


def named(words: str) -> tuple[list[Quirk], list[str]]:
    """Words such as no-brackets,bare-lf-commands as quirks, and those that are none."""
    names = [one.strip().lower().replace("-", "_") for one in words.split(",") if one.strip()]
    return [QUIRKS[one] for one in names if one in QUIRKS], [one for one in names if one not in QUIRKS]


def bend_of(quirks: list[Quirk]) -> Change:
    """All changes of commands, one behind the other."""

    def bend(octets: bytes) -> bytes:
        for quirk in quirks:
            octets = quirk.command(octets)
        return octets

    return bend


def spoiled(content: bytes, quirks: list[Quirk]) -> bytes:
    """A content with all changes; that of the line ends comes last, or others would be put right by it."""
    for quirk in sorted(quirks, key=lambda one: one.name == "bare_line_ends"):
        content = quirk.content(content)
    return content
