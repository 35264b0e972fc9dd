"""The pages: where they are, what they are called, and in which order they stand.

In a checkout they are read from `docs/`, in an installed package from the copy that the wheel carries. Apart from
what shows them, because terminal, site and search take the same pages.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path

from relay365.errors import Relay365Error

_COMMENT = re.compile(r"<!--.*?-->\n*", re.DOTALL)
_FENCE = re.compile(r"^(```|~~~)", re.MULTILINE)
# What stands in a section without being named in the list of pages: there are too many of them.
_UNLISTED = ("errors/",)


class NoPagesError(Relay365Error):
    """The package has no pages, and there is no checkout around it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page. name: its file without the ending, such as `decisions/0001-sans-io`; text: CommonMark with tables."""

    name: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """Some pages under one title, in order."""

    title: str
    pages: tuple[Page, ...]

    def listed(self) -> tuple[Page, ...]:
        """The pages that a list of contents names; the texts of errors have an index of their own."""
        return tuple(p for p in self.pages if p.name == "errors/index" or not p.name.startswith(_UNLISTED))


def folder() -> Path:
    """Where the written pages are. NoPagesError where there are none."""
    here = Path(__file__).resolve().parent
    for place in (here / "pages", here.parents[2] / "docs"):
        if (place / "commands.md").is_file():
            return place
    raise NoPagesError(f"there are no pages in {here / 'pages'}")


@cache
def written() -> tuple[Page, ...]:
    """The pages that people wrote, by name. NoPagesError where there are none."""
    place = folder()
    found = sorted(place.rglob("*.md"))
    return tuple(
        page_of(file.relative_to(place).as_posix().removesuffix(".md"), file.read_text("utf-8"))
        for file in found
    )


def page_of(name: str, text: str) -> Page:
    """A page from its Markdown; comments outside of code are for those who write it and are left out."""
    parts = _FENCE.split(
        text
    )  # prose, fence, code, fence, prose: every other part between two fences is code
    prose = [_COMMENT.sub("", part) if n % 4 == 0 else part for n, part in enumerate(parts)]
    shown = "".join(prose)
    first = next((line for line in shown.splitlines() if line.startswith("# ")), f"# {name}")
    return Page(name, first[2:].replace("`", "").strip(), shown)


def assets() -> Iterator[tuple[str, Path]]:
    """(name below docs, file) of what pages show or lead to beside other pages: pictures, dashboards, rules."""
    place = folder()
    for file in sorted(place.rglob("*")):
        if file.is_file() and file.suffix != ".md":
            yield file.relative_to(place).as_posix(), file


@cache
def order() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(title, patterns of names) of each section, as contents.toml has them."""
    tables = tomllib.loads(files("relay365.handbook").joinpath("contents.toml").read_text("utf-8"))["section"]
    return tuple((table["title"], tuple(table["pages"])) for table in tables)


def sections(pages: Iterable[Page]) -> tuple[Section, ...]:
    """The pages in the order of contents.toml, each once; what no pattern names stands in a last section, `More`."""
    left = {page.name: page for page in pages}
    found = []
    for title, patterns in order():
        names = [name for pattern in patterns for name in _named(pattern, tuple(left))]
        taken = tuple(left.pop(name) for name in dict.fromkeys(names))
        if taken:
            found.append(Section(title, taken))
    return (*found, Section("More", tuple(left.values()))) if left else tuple(found)


def _named(pattern: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if fnmatchcase(name, pattern)]
