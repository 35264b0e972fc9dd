"""A page for each exact text that Microsoft, a device or the relay shows, made from the catalogue that `explain` asks.

The title is the text, because people search for it; what stands below is the row of routes/replies.toml. Which texts a
row has stands in texts.toml.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from relay365.handbook.pages import Page
from relay365.mail.outcome import Class, Scope
from relay365.routes.catalogue import pasted
from relay365.routes.catalogue.rows import Row, catalogue

SPEAKERS = {
    "smtp": "Microsoft's SMTP servers",
    "token": "Microsoft's token service (Entra)",
    "graph": "Microsoft Graph",
    "device": "a device or another program",
    "relay": "relay365 itself",
}
# Class: what it means; what the relay does then (docs/outcomes.md).
CLASSES = {
    Class.TRANSIENT: "the other side is unwell for now",
    Class.RATE_LIMIT: "a quota or a throttle",
    Class.CONFIGURATION: "only a person can heal it",
    Class.SENDER: "this sender may not be used",
    Class.MESSAGE: "this message or this recipient can never go",
}
DEEDS = {
    Class.TRANSIENT: "It keeps the mail and tries again, after 1, 2, 5, 10, 20, then every 30 minutes. Nothing needs "
    "to be done unless it lasts.",
    Class.RATE_LIMIT: "It sends nothing more on that budget until it opens again, and keeps the mail. This counts as "
    "no attempt and never becomes a bounce.",
    Class.CONFIGURATION: "It stops hammering: the way is held, every mail is kept, people are told once. It probes "
    "gently, and goes on by itself when the fault is healed.",
    Class.SENDER: "It holds the mail of that sender before Microsoft shuts the mailbox for all; other senders go on.",
    Class.MESSAGE: "It fails the message and reports to its sender. A copy stays for a person to look at.",
}
SCOPES = {
    Scope.RECIPIENT: "one recipient",
    Scope.MESSAGE: "one message",
    Scope.MAILBOX: "everything that is sent as this mailbox",
    Scope.ROUTE: "everything on this route",
    Scope.TENANT: "everything in this tenant",
}
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~!&])")
_CODE = re.compile(r"(?:AADSTS)?(\d{3,})")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_WORD = re.compile(r"[\w.]+")
_SLUG_LENGTH = 96
_INDEX = """\
# Errors, by their exact text

Every text has a page: what it means, why it comes, what heals it, and what relay365 does meanwhile. The same in a
terminal: `relay365 explain 'the whole line, as you see it'`, or `relay365 docs error 5.7.139`.
"""


@dataclass(frozen=True, slots=True)
class Text:
    """One text of one row. name: that of its page; text: "" where the row has no words of its own."""

    name: str
    text: str
    row: Row

    @property
    def title(self) -> str:
        """The heading of its page."""
        return self.text or self.row.title


@cache
def texts() -> tuple[Text, ...]:
    """All texts, by place and code, those of one row together."""
    table = tomllib.loads(files("relay365.handbook").joinpath("texts.toml").read_text("utf-8"))
    rows = sorted(
        catalogue(), key=lambda row: (tuple(SPEAKERS).index(row.where), row.codes, row.statuses, row.id)
    )
    taken: set[str] = set()
    found = []
    for row in rows:
        for text in table.get(row.id, [""]):
            slug = _slug(text or row.id)
            name = slug if slug not in taken else f"{slug}-{row.id}"
            taken.add(name)
            found.append(Text(f"errors/{name}", text, row))
    return tuple(found)


def _slug(text: str) -> str:
    """The text as the name of a file: words with hyphens, not longer than a person can read."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words if len(words) <= _SLUG_LENGTH else words[:_SLUG_LENGTH].rpartition("-")[0]


def pages() -> tuple[Page, ...]:
    """The index, then a page for each text."""
    return (_index(), *(Page(one.name, one.title, _body(one)) for one in texts()))


def find(words: str) -> tuple[Text, ...]:
    """The texts that somebody means by a code, a status, an AADSTS number, a row's name, or the text as it was seen."""
    asked = words.strip().lower()
    if len(asked.split()) > 1:
        row = pasted.explain(words).row
        part = tuple(one for one in texts() if asked in one.title.lower())
        return part or tuple(one for one in texts() if one.row is row)
    number = _CODE.fullmatch(asked.upper())
    if number or _STATUS.fullmatch(asked):
        spelled = {asked, f"AADSTS{number[1]}"} if number else {asked}
        said = tuple(one for one in texts() if spelled & set(_WORD.findall(one.text)))
        return said or tuple(one for one in texts() if _matches(one.row, asked, number[1] if number else "0"))
    named = tuple(one for one in texts() if asked in (one.row.id, one.name, one.name.removeprefix("errors/")))
    return named or tuple(one for one in texts() if asked and asked in one.title.lower())


def _matches(row: Row, status: str, number: str) -> bool:
    """Whether a row speaks of a code or a status that none of its texts shows."""
    return status in row.statuses or int(number) in row.codes


def plain_markdown(text: str) -> str:
    """Text that says in Markdown exactly what it says."""
    return _SPECIAL.sub(r"\\\1", text)


def _index() -> Page:
    parts = [_INDEX]
    for where, speaker in SPEAKERS.items():
        said = sorted((one for one in texts() if one.row.where == where), key=_by_code)
        rows = [
            (f"[{plain_markdown(one.title)}]({one.name.removeprefix('errors/')}.md)", one.row.klass.value)
            for one in said
        ]
        parts.append(f"## Said by {speaker}\n\n| text | class |\n|---|---|")
        parts.append("\n".join(f"| {link} | {klass} |" for link, klass in rows) + "\n")
    return Page("errors/index", "Errors, by their exact text", "\n".join(parts))


def _by_code(one: Text) -> tuple[tuple[int, ...], str]:
    """The order of the index: by the numbers that a text begins with, texts without numbers last."""
    code = re.match(r"(?:AADSTS)?(\d+)(?: (\d+)\.(\d+)\.(\d+))?", one.text)
    return (tuple(int(n) for n in code.groups() if n) if code else (10**9,), one.title)


def _body(one: Text) -> str:
    row = one.row
    parts = [
        f"# {plain_markdown(one.title)}\n",
        *([f"**{plain_markdown(row.title)}**\n"] if one.text else []),
        f"- Said by: {SPEAKERS[row.where]}",
        f"- Class: `{row.klass.value}`, {CLASSES[row.klass]}",
        f"- Concerns: {SCOPES[row.scope]}",
        f"- Row of the catalogue: `{row.id}`\n",
        "## Why it comes\n",
        _numbered((plain_markdown(cause) for cause in row.causes_on(())), row.why or row.causes),
        "## What to do\n",
        _numbered((plain_markdown(cure) for cure in row.do), row.do),
        "## What relay365 does\n",
        f"{_deed(row)}\n",
        "## Ask the relay\n",
        _asking(one),
        *_others(one),
        "## Sources\n",
        "\n".join([*(f"- <{link}>" for link in row.links), f"- {plain_markdown(row.source)}"]),
    ]
    return "\n".join(parts) + "\n"


def _numbered(lines: Iterable[str], given: object) -> str:
    return (
        "".join(f"{n}. {line}\n" for n, line in enumerate(lines, 1)) if given else "Nothing more is known.\n"
    )


def _deed(row: Row) -> str:
    """What follows from class and place; times of the row's own are said."""
    deed = DEEDS[row.klass]
    if row.where == "device":
        return "Nothing: another program shows this text. It ends where the device sends through relay365 instead."
    if row.where == "relay":
        return (
            "These are its own words. As an answer to a device: the message was not taken, and the device still has "
            f"it. As the outcome of a delivery: {deed[:1].lower()}{deed[1:]}"
        )
    wait = (
        f" Where the other side names no time, it waits {_span(row.retry_after_s)}."
        if row.retry_after_s
        else ""
    )
    grace = f" It may heal by itself: people are told after {_span(row.until_s)}." if row.until_s else ""
    return deed + wait + grace


def _span(seconds: float) -> str:
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            n = int(seconds // size)
            return f"{n} {word}{'s' * (n != 1)}"
    return f"{seconds:g} seconds"


def _asking(one: Text) -> str:
    """The commands that say more, for this text and about the relay that met it."""
    where = " --where graph" if one.row.where == "graph" else ""
    line = f"relay365 explain{where} {shlex.quote(one.text or one.row.id)}"
    return "\n".join(["```", line, *one.row.tests, "```\n"])


def _others(one: Text) -> list[str]:
    others = [other for other in texts() if other.row is one.row and other is not one]
    links = [f"- [{plain_markdown(o.title)}]({o.name.removeprefix('errors/')}.md)" for o in others]
    return ["## The same, written otherwise\n", "\n".join(links) + "\n"] if links else []
