"""`relay365 docs`: the documents in the terminal, and as a site or man pages in a directory."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from relay365.cli.words.output import (
    PROBLEM,
    REFUSED,
    WRONG_USE,
    examples,
    fail,
    json_option,
    now,
    write_json,
)

if TYPE_CHECKING:
    from relay365.handbook.commandline import Command
    from relay365.handbook.pages import Page

_WIDEST = 100
_HITS = 12


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of pages for the tabulator key; nothing where there are none."""
    from relay365.handbook.pages import NoPagesError, written

    try:
        names = ["error", *(page.name for page in written())]
    except NoPagesError:
        return []
    return [name for name in names if name.startswith(incomplete)]


@click.command(
    epilog=examples(
        "relay365 docs alerts",
        "relay365 docs error 5.7.139",
        "relay365 docs --search 'secret expired'",
        "relay365 docs --site /srv/www/relay365",
        "relay365 docs --man /usr/local/share/man/man1",
    )
)
@click.argument("words", nargs=-1, metavar="[PAGE | error TEXT]", shell_complete=_complete)
@click.option("--search", "search_words", metavar="WORDS", help="The pages in which all these words stand.")
@click.option(
    "--site",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write all pages as HTML files that need no server into DIR.",
)
@click.option(
    "--man",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the man pages into DIR.",
)
@json_option
def docs(
    words: tuple[str, ...], search_words: str | None, site: Path | None, man: Path | None, as_json: bool
) -> None:
    """Show the documents, find a word in them, or write them down.

    Without a PAGE the list of all pages. `error` with a code, a status or a whole text shows what heals it.
    Nothing is asked of the network or of a service. Exit 1: nothing was found, or a link of the site leads nowhere;
    4: DIR has files in it that are no such site.
    """
    if site is not None:
        _say(_write(site, "page", _build_site), as_json=as_json)
    if man is not None:
        _say(_write(man, "man page", _write_manual), as_json=as_json)
    if site is not None or man is not None:
        return
    if search_words is not None:
        _search(" ".join((search_words, *words)), as_json=as_json)
    elif words[:1] == ("error",) and len(words) > 1:
        _show_error(" ".join(words[1:]), as_json=as_json)
    elif words:
        _show_page(" ".join(words), as_json=as_json)
    else:
        _list(as_json=as_json)


def _written() -> tuple[Page, ...]:
    """The pages that people wrote, or exit 1 where the package is not whole."""
    from relay365.handbook.pages import NoPagesError, written

    try:
        return written()
    except NoPagesError as error:
        fail(
            PROBLEM, "the documents are missing", str(error), "install relay365 anew, whole, from its package"
        )


def _all_pages() -> tuple[Page, ...]:
    from relay365.handbook import commandline, errors

    return (*_written(), *errors.pages(), *commandline.pages(_described()))


def _described() -> Command:
    """The whole command line; imports every command, which only those who write it down wait for."""
    from relay365.cli.main import main
    from relay365.handbook.commandline import describe

    return describe(main, "relay365")


def _list(*, as_json: bool) -> None:
    from relay365.handbook.pages import sections

    for section in sections(_written()):
        if not as_json:
            click.echo(f"\n{section.title}")
        for page in section.pages:
            if as_json:
                write_json({"page": page.name, "title": page.title, "section": section.title})
            else:
                click.echo(f"  {page.name:<24}  {page.title}")
    if not as_json:
        click.echo("\nErrors have a page for each text: relay365 docs error 5.7.139")


def _search(words: str, *, as_json: bool) -> None:
    from relay365.handbook import errors
    from relay365.handbook.searching import search

    hits = search(words, (*_written(), *errors.pages()))
    for hit in hits if as_json else hits[:_HITS]:
        if as_json:
            write_json({"page": hit.page.name, "title": hit.page.title, "line": hit.line})
        else:
            click.echo(f"{_called(hit.page)}\n    {hit.line}")
    if len(hits) > _HITS and not as_json:
        click.echo(f"{len(hits) - _HITS} more; another word makes them fewer")
    if not hits:
        do = "fewer or other words, or for the text of an error: relay365 explain 'the whole line'"
        fail(PROBLEM, f"nothing found for {words!r}", "no page has all of these words", do)


def _called(page: Page) -> str:
    """How a page is shown again."""
    if page.name.startswith("errors/") and page.name != "errors/index":
        return f"relay365 docs {page.name}\n    {page.title}"
    return f"relay365 docs {page.name}"


def _show_error(words: str, *, as_json: bool) -> None:
    from relay365.handbook import errors

    found = errors.find(words)
    if not found:
        do = "paste the whole line: relay365 explain 'the whole line, as you see it'"
        fail(PROBLEM, f"no page for {words!r}", "no text of the catalogue has it", do)
    if len({one.row.id for one in found}) > 1:
        for one in found:
            if as_json:
                write_json({"page": one.name, "title": one.title, "row": one.row.id})
            else:
                click.echo(f"{one.title}\n    relay365 docs error {one.row.id}")
        return
    page = next(page for page in errors.pages() if page.name == found[0].name)
    _print_page(page, as_json=as_json)


def _show_page(name: str, *, as_json: bool) -> None:
    from relay365.handbook import errors

    asked = name.strip().lower().removesuffix(".md")
    pages = {page.name: page for page in (*_written(), *errors.pages())}
    near = [one for one in pages if one.startswith(asked) or one.rpartition("/")[2].startswith(asked)]
    if asked not in pages and len(near) != 1:
        _no_such_page(name, near or _alike(asked, tuple(pages)))
    _print_page(pages.get(asked) or pages[near[0]], as_json=as_json)


def _alike(asked: str, names: Sequence[str]) -> list[str]:
    import difflib

    return difflib.get_close_matches(asked, names, n=3)


def _no_such_page(name: str, near: Sequence[str]) -> None:
    why = f"near to it: {', '.join(near[:6])}" if near else "no page has such a name"
    fail(
        WRONG_USE, f"there is no page {name!r}", why, "relay365 docs lists them; relay365 docs --search WORDS"
    )


def _print_page(page: Page, *, as_json: bool) -> None:
    from relay365.handbook.plain import text_of

    if as_json:
        write_json({"page": page.name, "title": page.title, "text": page.text})
        return
    size = shutil.get_terminal_size()
    text = text_of(page.text, min(size.columns, _WIDEST))
    if sys.stdout.isatty() and text.count("\n") >= size.lines:
        click.echo_via_pager(text)
    else:
        click.echo(text, nl=False)


def _write(directory: Path, what: str, work: Callable[[Path], int]) -> tuple[Path, str, int]:
    try:
        return directory, what, work(directory)
    except OSError as error:
        do = "give another directory, or one that you may write to"
        fail(WRONG_USE, f"{directory} cannot be written", error.strerror or "the system refused it", do)


def _say(made: tuple[Path, str, int], *, as_json: bool) -> None:
    directory, what, n = made
    if as_json:
        write_json({"directory": str(directory), "written": n, "what": what})
    else:
        click.echo(f"{n} {what}{'s' * (n != 1)} in {directory}")


def _build_site(directory: Path) -> int:
    from relay365 import __version__
    from relay365.handbook import website

    try:
        return website.build(directory, _all_pages(), __version__)
    except website.NotOursError:
        why = "it has files in it, and they are no site of relay365"
        fail(REFUSED, f"nothing is written into {directory}", why, "give a new or an empty directory")
    except website.BrokenLinksError as error:
        for page, link in error.links:
            click.echo(f"{page}: {link}", err=True)
        n = len(error.links)
        what = "1 link leads nowhere" if n == 1 else f"{n} links lead nowhere"
        fail(PROBLEM, what, "the pages above have them", "correct them; nothing was written")


def _write_manual(directory: Path) -> int:
    from relay365 import __version__
    from relay365.handbook.manual import manual

    pages = manual(_described(), __version__, now())
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (directory / name).write_text(text, "utf-8")
    return len(pages)
