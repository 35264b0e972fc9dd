"""The command line as a description."""

from __future__ import annotations

import click

from relay365.cli.words.output import examples
from relay365.handbook import commandline
from relay365.handbook.commandline import Entry, describe


@click.group()
def top() -> None:
    """Do things. Mostly well."""


@top.command(
    epilog=examples("top go lena --to 3", "top go x > y"),
    help="Go there.\n\nAnd come\nback: <safely>.\n\n\b\nas it\n  stands",
)
@click.argument("name")
@click.argument("rest", nargs=-1)
@click.option("--to", type=click.IntRange(1, 5), default=2, show_default=True, help="How far, or *how* long.")
@click.option("--kind", multiple=True, type=click.Choice(["a", "b"]), help="Which `one|two`.")
@click.option("--secret", hidden=True, help="Nobody's business.")
def go(**_: object) -> None:
    """Goes nowhere."""


@top.command(hidden=True)
def inner() -> None:
    """Hidden."""


def test_a_command_is_described_as_help_has_it() -> None:
    """Usage, paragraphs, options with their values, examples; what is hidden is left out."""
    (command,) = describe(top, "top").below

    assert "top go [OPTIONS] NAME [REST]..." == command.usage
    assert ("Go there.", "And come back: <safely>.", "as it\nstands") == command.words
    assert "Go there." == command.summary
    assert ("top go lena --to 3", "top go x > y") == command.examples
    assert Entry("NAME", "", "Needed.") in command.options
    assert Entry("--to INTEGER RANGE", "How far, or *how* long.  [default: 2; 1<=x<=5]") in command.options
    assert Entry("--kind [a|b]", "Which `one|two`.", "May be repeated.") in command.options
    assert "--secret" not in str(command)


def test_the_reference_says_it_all_in_markdown() -> None:
    """A page for each command: signs are no marks, a bar does not end a cell, lines to copy are code."""
    (page,) = commandline.pages(describe(top, "top"))

    assert ("commands/go", "top go") == (page.name, page.title)
    assert "And come back: \\<safely\\>." in page.text
    assert "| `--kind [a\\|b]` | Which `one\\|two`. May be repeated. |" in page.text
    assert "How far, or \\*how\\* long." in page.text
    assert "```\ntop go lena --to 3\ntop go x > y\n```" in page.text


def test_all_commands_come_in_order() -> None:
    """A command before what stands below it."""
    assert ["top", "top go"] == [one.path for one in describe(top, "top").all()]
