"""Find pages by words: every word must stand in the page; titles and headings count more than the rest.

Apart from the site's search, which is a script for a browser; both look for the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from relay365.handbook.pages import Page

_EXCERPT = 100
_TITLE, _HEADING = 20, 5


@dataclass(frozen=True, slots=True)
class Hit:
    """A page in which all the words stand, how well it fits, and the first line that has most of them."""

    page: Page
    weight: int
    line: str


def search(words: str, pages: Iterable[Page]) -> list[Hit]:
    """The pages that have every word, the best first; none for no words."""
    asked = [word for word in words.lower().split() if word]
    hits = [hit for page in pages if asked and (hit := _hit(page, asked)) is not None]
    return sorted(hits, key=lambda hit: (-hit.weight, hit.page.name))


def _hit(page: Page, asked: list[str]) -> Hit | None:
    low, title = page.text.lower(), page.title.lower()
    if not all(word in low or word in title for word in asked):
        return None
    lines = page.text.splitlines()
    headings = " ".join(line.lower() for line in lines if line.startswith("#"))
    weight = sum(
        _TITLE * (word in title) + _HEADING * (word in headings) + min(low.count(word), 10) for word in asked
    )
    best = max(
        lines, key=lambda line: (sum(word in line.lower() for word in asked), not line.startswith("#"))
    )
    return Hit(page, weight, _excerpt(best, asked))


def _excerpt(line: str, asked: list[str]) -> str:
    """The line around the first of the words, without marks."""
    bare = " ".join(re.sub(r"[*`|\\]|\]\([^)]*\)|\[|^#+ ", " ", line).split())
    first = min((at for word in asked if (at := bare.lower().find(word)) >= 0), default=0)
    start = max(0, first - _EXCERPT // 3)
    cut = bare[start : start + _EXCERPT]
    return ("..." if start else "") + cut + ("..." if len(bare) > start + _EXCERPT else "")
