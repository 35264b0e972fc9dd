"""Command lines as documents and --help show them: taken out of code blocks, and held against the command line itself.

A module of its own because pages, examples and error pages are all judged by it. Nothing is run: click reads the words
of a line, knows its options and their types, and stops there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click

from relay365.cli.main import main

_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_CONTINUED = re.compile(r"\\\n\s*")
_CALL = re.compile(r"(?:docker exec \S+ )?(relay365 .*)")
# The form of a command, `[--fix]`, and a golden case are no lines to type.
_FORM = re.compile(r" \[[-A-Za-z|]|=> exit")
_OTHER_LANGUAGES = frozenset(("toml", "ini", "yaml", "json", "xml"))
_ENDS = frozenset(("|", "||", "&&", ";", "&", ">", ">>", "<", "2>&1", ")"))


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """(language, content) of every fenced block of a page."""
    yield from ((found[1].strip(), found[2]) for found in _BLOCK.finditer(text))


def shown(text: str) -> Iterator[str]:
    """Every line of a page's code blocks that calls relay365, from that word on; with prompts, those behind one."""
    for language, content in blocks(text):
        if language in _OTHER_LANGUAGES:
            continue
        lines = [line.strip() for line in _CONTINUED.sub("", content).splitlines()]
        typed = [line[2:] for line in lines if line.startswith("$ ")]
        yield from (
            found[1] for line in typed or lines if (found := _CALL.match(line)) and not _FORM.search(line)
        )


def mentioned(text: str) -> Iterator[str]:
    """Every `relay365 ...` in the sentences and tables of a page; what a command needs may be left out there."""
    yield from re.findall(r"`(relay365 [^`\n]*)`", _BLOCK.sub("", text))


def fault(line: str) -> str:
    """Why the command line does not take a line; "" where it does."""
    try:
        words = _words(line)
        _parse(main, words[1:], click.Context(main, info_name="relay365"))
    except click.exceptions.Exit:
        return ""
    except click.BadParameter as error:
        is_file = isinstance(error.param and error.param.type, click.Path | click.File)
        return "" if is_file and "does not exist" in error.message else error.format_message()
    except (click.UsageError, ValueError) as error:
        return error.format_message() if isinstance(error, click.UsageError) else str(error)
    return ""


def _words(line: str) -> list[str]:
    """The words up to the shell's next sign; comments are left out."""
    reader = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
    reader.whitespace_split = True
    words: list[str] = []
    for word in reader:
        if word in _ENDS or word[0] in "<>|&;":
            break
        words.append(word)
    return words


def _parse(command: click.Command, words: list[str], context: click.Context) -> None:
    """Go down the groups and read the last command's options; its own work is not done."""
    if isinstance(command, click.Group) and words and not words[0].startswith("-"):
        below = command.get_command(context, words[0])
        if below is None:
            raise click.UsageError(f"no command {words[0]!r}")
        _parse(below, words[1:], click.Context(below, parent=context, info_name=words[0]))
    else:
        command.make_context(command.name or "", list(words), parent=context)
