"""The command line as a description: every command with its words, arguments, options and examples.

Made from the same click commands as `--help`, so that manual, site and help cannot differ. Apart from those two, which
only write it down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import click

from relay365.handbook.errors import plain_markdown
from relay365.handbook.pages import Page

_EXAMPLES = re.compile(r"\n?Examples:\n", re.IGNORECASE)
_SENTENCE = re.compile(r".+?(?:[.?!](?=\s|$)|$)")
_NOT_OURS = frozenset(("help", "version"))


@dataclass(frozen=True, slots=True)
class Entry:
    """An option or an argument. names: as typed, `--to ADDRESS`; said: its help; more: default and the like."""

    names: str
    said: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """One command. path: `relay365 queue list`; usage: the line of its --help; words: paragraphs of its help."""

    path: str
    usage: str
    words: tuple[str, ...]
    options: tuple[Entry, ...]
    examples: tuple[str, ...]
    below: tuple[Command, ...] = ()

    @property
    def summary(self) -> str:
        """The first sentence, as lists of commands show it."""
        found = _SENTENCE.match(self.words[0]) if self.words else None
        return found[0] if found else ""

    def all(self) -> Iterator[Command]:
        """This command and everything below it."""
        yield self
        for one in self.below:
            yield from one.all()


def describe(command: click.Command, path: str) -> Command:
    """path: how it is called; hidden commands are left out."""
    context = click.Context(command, info_name=path)
    below = []
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            one = command.get_command(context, name)
            if one is not None and not one.hidden:
                below.append(describe(one, f"{path} {name}"))
    return Command(
        path,
        " ".join([path, *command.collect_usage_pieces(context)]),
        _paragraphs(command.help or ""),
        tuple(_entry(one, context) for one in command.params if one.name not in _NOT_OURS),
        _examples(command.epilog or ""),
        tuple(below),
    )


def _paragraphs(words: str) -> tuple[str, ...]:
    """Paragraphs on one line each; those that click is told not to fold keep their lines."""
    found = []
    for part in re.split(r"\n\s*\n", click.unstyle(words).strip()):
        lines = [line.strip() for line in part.splitlines()]
        found.append("\n".join(lines[1:]) if lines[:1] == ["\b"] else " ".join(lines))
    return tuple(part for part in found if part)


def _entry(one: click.Parameter, context: click.Context) -> Entry:
    if isinstance(one, click.Option):
        names, said = one.get_help_record(context) or ("", "")
        is_said = re.search(r"repeated|again|several", said) is not None
        return Entry(
            names, said or one.help or "", "May be repeated." if one.multiple and not is_said else ""
        )
    names = one.make_metavar(context)
    return Entry(names, "", "Needed." if one.required else "May be left out.")


def _examples(epilog: str) -> tuple[str, ...]:
    """The lines of an epilog that are commands."""
    lines = _EXAMPLES.split(epilog)[-1].splitlines() if _EXAMPLES.search(epilog) else []
    return tuple(line.strip() for line in lines if line.strip())


def pages(root: Command) -> tuple[Page, ...]:
    """A page of the reference for each command of the first level, with what stands below it."""
    return tuple(_page(one) for one in root.below)


def _page(command: Command) -> Page:
    parts = [part for one in command.all() for part in _described(one, 1 if one is command else 2)]
    return Page(f"commands/{command.path.rpartition(' ')[2]}", command.path, "\n\n".join(parts) + "\n")


def _described(one: Command, level: int) -> list[str]:
    parts = [f"{'#' * level} {one.path}", *(_paragraph(part) for part in one.words), f"```\n{one.usage}\n```"]
    if one.options:
        rows = [f"| `{entry.names.replace('|', chr(92) + '|')}` | {_cell(entry)} |" for entry in one.options]
        parts.append("\n".join(["| option | does |", "|---|---|", *rows]))
    if one.examples:
        parts.append("\n".join(["```", *one.examples, "```"]))
    return parts


def _paragraph(words: str) -> str:
    return f"```\n{words}\n```" if "\n" in words else _marked(words)


def _cell(entry: Entry) -> str:
    words = _marked(" ".join(part for part in (entry.said.rstrip(), entry.more) if part).replace("\n", " "))
    return re.sub(r"(?<!\\)\|", r"\\|", words)


def _marked(words: str) -> str:
    """Help as Markdown: what stands in backticks is code, everything else is what it says."""
    parts = words.split("`")
    if len(parts) % 2 == 0:
        return plain_markdown(words)
    return "".join(f"`{part}`" if n % 2 else plain_markdown(part) for n, part in enumerate(parts))
