"""Man pages: the description of the command line as troff with the man macros (man(7), man-pages(7)).

relay365.1 is the overview, and each command of the first level has a page of its own with all that stands below it.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime

from relay365.handbook.commandline import Command

CODES = (
    ("0", "Good."),
    ("1", "A problem was found."),
    ("2", "Wrong use or bad configuration."),
    ("3", "The service cannot be reached."),
    ("4", "Refused for safety."),
)
_FILES = (
    (
        "/etc/relay365/relay365.toml",
        "The configuration, where neither --config nor RELAY365_CONFIG names another.",
    ),
    ("./relay365.toml", "The configuration, where there is none in /etc."),
)
_ENVIRONMENT = (
    ("RELAY365_CONFIG", "The configuration file; --config goes before it."),
    ("NO_COLOR", "No colour, whatever its value is."),
)


def manual(root: Command, version: str, at: float) -> dict[str, str]:
    """The pages by the names of their files. at: Unix seconds, for the date in the margin."""
    day = datetime.fromtimestamp(at, UTC).date().isoformat()
    pages = {"relay365.1": _overview(root, version, day)}
    for one in root.below:
        pages[f"{_name(one)}.1"] = _page(one, version, day)
    return pages


def _name(command: Command) -> str:
    """`relay365 queue` as the name of a page."""
    return command.path.replace(" ", "-")


def _overview(root: Command, version: str, day: str) -> str:
    rows = [(one.path.rpartition(" ")[2], f"{one.summary} See {_name(one)}(1).") for one in root.below]
    examples = [
        line for name in ("init", "run", "status", "doctor", "explain") for line in _first(root, name)
    ]
    return _joined(
        [
            _title(root, version, day),
            *_synopsis([root]),
            *_section("DESCRIPTION", [line for part in root.words for line in _paragraph(part)]),
            *_section("COMMANDS", _tagged(rows)),
            *_section("EXIT STATUS", _tagged(CODES)),
            *_section("ENVIRONMENT", _tagged(_ENVIRONMENT)),
            *_section("FILES", _tagged(_FILES)),
            *_section("EXAMPLES", _code(examples)),
            *_section("SEE ALSO", [_escaped("The documents stand in the program: relay365 docs")]),
        ]
    )


def _first(root: Command, name: str) -> list[str]:
    return [one.examples[0] for one in root.below if one.path.endswith(f" {name}") and one.examples]


def _page(command: Command, version: str, day: str) -> str:
    lines = [_title(command, version, day), *_synopsis(command.all())]
    lines += _section("DESCRIPTION", [line for part in command.words for line in _paragraph(part)])
    lines += _section("OPTIONS", _options(command))
    for one in [one for one in command.all() if one is not command]:
        lines += _section(one.path.partition(" ")[2].upper(), [])
        lines += [line for part in one.words for line in _paragraph(part)] + _options(one)
    examples = [line for one in command.all() for line in one.examples]
    lines += _section("EXAMPLES", _code(examples))
    lines += _section("EXIT STATUS", _tagged(CODES))
    lines += _section("SEE ALSO", [".BR relay365 (1)"])
    return _joined(lines)


def _title(command: Command, version: str, day: str) -> str:
    name = _name(command)
    summary = command.summary.rstrip(".")
    return (
        f'.TH "{name.upper()}" 1 "{day}" "relay365 {version}" "relay365"\n'
        f".nh\n.ad l\n.SH NAME\n{_escaped(name)} \\- {_escaped(summary[:1].lower() + summary[1:])}"
    )


def _synopsis(commands: Iterable[Command]) -> list[str]:
    lines = [".SH SYNOPSIS"]
    for n, one in enumerate(commands):
        rest = _escaped(one.usage.removeprefix(one.path).strip())
        lines += [".br"] * (n > 0) + [f"\\fB{_escaped(one.path)}\\fR {rest}".rstrip()]
    return lines


def _section(title: str, lines: list[str]) -> list[str]:
    return [f'.SH "{_escaped(title)}"', *lines] if lines or " " in title else []


def _options(command: Command) -> list[str]:
    rows = [
        (one.names, " ".join(part for part in (one.said.strip(), one.more) if part))
        for one in command.options
    ]
    return _tagged(rows)


def _paragraph(words: str) -> list[str]:
    return _code(words.splitlines()) if "\n" in words else [".PP", *_folded(words)]


def _tagged(rows: Iterable[tuple[str, str]]) -> list[str]:
    return [
        line
        for tag, said in rows
        for line in (".TP", f"\\fB{_escaped(tag)}\\fR", *(_folded(said) or ["\\&"]))
    ]


def _code(lines: Iterable[str]) -> list[str]:
    found = [_escaped(line) for line in lines]
    return [".PP", ".nf", ".RS 4", *found, ".RE", ".fi"] if found else []


def _folded(words: str) -> list[str]:
    """Lines short enough for every tool that reads sources; none begins with a request."""
    return [
        _escaped(line) for line in textwrap.wrap(words, 76, break_long_words=False, break_on_hyphens=False)
    ]


def _escaped(text: str) -> str:
    """Text that prints as it is: backslashes, hyphens that can be copied, and no request at the start of a line."""
    said = text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti")
    said = said.replace("`", "\\(ga").replace("'", "\\(aq")
    return f"\\&{said}" if said.startswith(".") else said


def _joined(lines: Iterable[str]) -> str:
    text = "\n".join(lines) + "\n"
    return re.sub(
        r"^(\.SH .*\n)\.PP\n", r"\1", text, flags=re.MULTILINE
    )  # a section begins with a paragraph anyway
