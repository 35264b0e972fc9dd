"""Find pages by words."""

from __future__ import annotations

from relay365.handbook.pages import Page
from relay365.handbook.searching import search

PAGES = (
    Page("tokens", "Signing in", "# Signing in\n\nA secret ends. The secret has `expired`, say so.\n"),
    Page("alerts", "Alerts", "# Alerts\n\n## A secret\n\nIt calls. See [tokens](tokens.md) expired.\n"),
    Page("secret", "Secret things expired", "# Secret things expired\n"),
    Page("run", "Running", "# Running\n\nNothing here.\n"),
)


def _names(words: str) -> list[str]:
    return [hit.page.name for hit in search(words, PAGES)]


def test_every_word_must_stand_there() -> None:
    """In any case and order; the title counts most, then headings, then how often."""
    assert ["secret", "alerts", "tokens"] == _names("EXPIRED secret")
    assert ["run"] == _names("nothing")
    assert [] == _names("secret nothing")


def test_no_words_find_nothing() -> None:
    """Nor do blanks."""
    assert [] == _names("")
    assert [] == _names("  \t ")


def test_the_line_shows_why() -> None:
    """The line with most of the words, without marks; cut around the first of them where it is long."""
    long = Page("x", "x", "# x\n\n" + "word " * 60 + "needle " + "word " * 60)
    by_name = {hit.page.name: hit.line for hit in search("secret expired", PAGES)}
    (hit,) = search("needle", [long])

    assert "A secret ends. The secret has expired , say so." == by_name["tokens"]
    assert hit.line.startswith("...")
    assert hit.line.endswith("...")
    assert "needle" in hit.line
    assert len(hit.line) <= 110
