r"""Transcripts: SMTP dialogues as text that can be read aloud, and their parser.

It stands apart from whoever plays them: the tests play them against the machine and against a live listener, and
`relay365 simulate` plays those of the zoo against a relay that runs.

    # Relaying is refused for one recipient and the transaction goes on.   RFC 5321 3.3
    ? rcpt 550 5.7.1 Relaying denied      a setting of the house, or an answer of it; answers are given in order
    S: 220 relay.test ESMTP               one line that the server must say, exactly
    S* 250 2.1                            one whole reply of any length, by its beginning
    S~ 250-AUTH                           one whole reply that has a line with this beginning
    S! 250-AUTH                           one whole reply that has none
    C: EHLO printer                       one line that the client says, a write of its own
    C+ RCPT TO:<x@else.test>              the same, glued to the write before
    C# 20 RCPT TO:<p{n}@else.test>        so many lines in one write, {n} counted from 0
    S# 20 250 2.1.5                       so many whole replies, each by its beginning
    C| "\x00\xff\r" + "a" * 900             raw octets, no line end added (C+| glues them)
    ~ tls                                 something else happens: a handshake, eof, gone, closed, pause 1.5
    => accepted from=<a@b.test> to=<c@d.test>,<e@f.test> octets=23
    =| "Subject: x\r\n\r\nhello\r\n"         the content of the message above
    => nothing                            no message was accepted
    => held                               it was accepted, and waits for a person
    => upstream from=<a@b.test>           what the next hop must hear of it
    =+ Subject: x                         what its content must hold there
    =- Bcc:                               and what it must not hold
    =~ "a\x00b"                            its body there, when the encoding of its octets is undone

A line of its own that begins with # is a comment. In a client transcript the client is ours and the server is played:
there S+, S| and S+| are writes, C: and C| are what our client must say, and => tells its outcomes.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

_TITLE = re.compile(r"# (\S.*\.) {3}(\S.*)")
_RAW_PART = re.compile(r'("(?:[^"\\]|\\.)*")(?: \* (\d+))?')
_PAIR = re.compile(r'([a-z0-9-]+)=(<[^>]*>(?:,<[^>]*>)*|"[^"]*"|\S+)')

WHOLE = ("*", "~", "!")  # marks of what stands for one whole reply


@dataclass
class Block:
    """What one side writes (pieces that are glued into one write), or an event; and what the other must then say."""

    pieces: list[bytes] = field(default_factory=list)
    event: str = ""
    expected: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def octets(self) -> bytes:
        """The write as a whole."""
        return b"".join(self.pieces)


@dataclass
class End:
    """One => line: its first word, its pairs, the rest of its text, and the content that follows."""

    word: str
    pairs: dict[str, str]
    text: str
    content: bytes | None = None
    decoded: bytes | None = None
    holds: list[str] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)


@dataclass
class Script:
    """One transcript. writer is the side whose lines are written by the player: C for server transcripts."""

    name: str
    title: str
    source: str
    writer: str
    settings: list[tuple[str, str]]
    blocks: list[Block]
    ends: list[End]

    def answers(self, topic: str) -> list[str]:
        """The answers that the house gives to a topic, in order."""
        return [text for name, text in self.settings if name == topic]

    def words(self, topic: str) -> list[str]:
        """All words of a setting."""
        return " ".join(self.answers(topic)).split()

    def merged(self) -> list[Block]:
        """The same script with as few writes as events allow."""
        blocks = [Block()]
        for block in self.blocks:
            if block.event:
                blocks.append(Block(event=block.event, expected=list(block.expected)))
            else:
                blocks[-1].pieces += block.pieces
                blocks[-1].expected += block.expected
        return blocks


def parse(name: str, text: str, writer: str) -> Script:
    """Parse a transcript; every line that is not understood is an error."""
    first, *lines = text.splitlines()
    title = _TITLE.fullmatch(first)
    if title is None:
        raise ValueError(f"{name}: the first line must be `# Claim.   SOURCE`, with three blanks between")
    script = Script(name, title[1], title[2], writer, [], [Block()], [])
    for number, line in enumerate(lines, 2):
        if line.strip() and not line.startswith("#"):
            try:
                _take(script, line)
            except (ValueError, SyntaxError) as error:
                raise ValueError(f"{name}:{number}: {error}") from error
    if script.blocks[0] == Block():  # the client speaks before the greeting
        del script.blocks[0]
    if not script.ends:
        raise ValueError(f"{name}: a transcript ends with what became of the mail (=>)")
    return script


def _take(script: Script, line: str) -> None:
    mark, _, text = line.partition(" ")
    if mark == "?":
        topic, _, rest = text.partition(" ")
        script.settings.append((topic, rest.strip()))
    elif mark == "~":
        script.blocks.append(Block(event=text.strip()))
    elif mark == "=>":
        word, _, rest = text.partition(" ")
        script.ends.append(End(word, pairs_of(rest), rest))
    elif mark == "=|":
        script.ends[-1].content = raw(text)
    elif mark == "=~":
        script.ends[-1].decoded = raw(text)
    elif mark == "=+":
        script.ends[-1].holds.append(text)
    elif mark == "=-":
        script.ends[-1].lacks.append(text)
    elif mark[:1] in ("C", "S"):
        _take_speech(script, mark, text)
    else:
        raise ValueError(f"not a transcript line: {line!r}")


def _take_speech(script: Script, mark: str, text: str) -> None:
    if mark[1:] == "#":
        number, _, line = text.partition(" ")
        first, others = (mark[0], f"{mark[0]}+") if mark[0] == script.writer else (f"{mark[0]}*",) * 2
        for n in range(int(number)):
            _take_speech(script, others if n else first.ljust(2, ":"), line.replace("{n}", str(n)))
        return
    octets = raw(text) if mark.endswith("|") else text.encode("utf-8") + b"\r\n"
    if mark[0] != script.writer:
        if mark[1:] not in (":", "*", "~", "!", "|") or (mark[0] == "C" and mark[1:] not in (":", "|")):
            raise ValueError(f"{mark} is not for the side that is tested")
        script.blocks[-1].expected.append((mark[1:], octets))
    elif mark[1:] in ("+", "+|"):
        script.blocks[-1].pieces.append(octets)
    elif mark[1:] in (":", "|"):
        script.blocks.append(Block(pieces=[octets]))
    else:
        raise ValueError(f"unknown mark {mark}")


def pairs_of(text: str) -> dict[str, str]:
    """`name=value` pairs; a value may be quoted, or addresses in brackets."""
    return {name: value.strip('"') for name, value in _PAIR.findall(text)}


def raw(text: str) -> bytes:
    """Quoted strings with escapes, joined by + and repeated by * n, as octets."""
    octets = b""
    for part in text.strip().split(" + "):
        found = _RAW_PART.fullmatch(part.strip())
        if found is None:
            raise ValueError(f"not a string: {part}")
        octets += ast.literal_eval("b" + found[1]) * int(found[2] or 1)
    return octets


def is_reply(mark: str, wanted: bytes, reply: bytes) -> bool:
    """Whether a whole reply is one that a mark of WHOLE asks for."""
    if mark == "*":
        return reply.startswith(wanted)
    return any(line.startswith(wanted) for line in reply.split(b"\r\n")) == (mark == "~")
