"""Markdown as text for a terminal."""

from __future__ import annotations

import pytest

from relay365.handbook import pages
from relay365.handbook.plain import text_of


def test_headings_paragraphs_and_code() -> None:
    """Headings are underlined, lines are folded, code is as it was, with its blanks."""
    said = text_of("# A `b`\n\none two three four\nfive\n\n```sh\n  x --y   # z\n```\n\n## C\n", 12)

    assert "A b\n===\n\none two\nthree four\nfive\n\n      x --y   # z\n\nC\n-\n" == said


def test_lists_are_numbered_and_hang() -> None:
    """Numbers go on from where the list begins, lines below hang, lists in lists are indented."""
    said = text_of("3. one two three\n4. four\n   - five\n\n- six\n", 10)

    assert "3. one two\n   three\n4. four\n\n   - five\n\n- six\n" == said


def test_a_table_that_fits_keeps_its_columns() -> None:
    """Cells are folded inside their column."""
    said = text_of("| key | meaning |\n|---|---|\n| `a` | one two three |\n| b | |\n", 16)

    assert "key  meaning\n---  -----------\na    one two\n     three\nb\n" == said


def test_a_table_that_does_not_fit_becomes_entries() -> None:
    """Nothing is cut: each row is an entry with what its cells are called."""
    said = text_of(
        "| key | type | meaning |\n|---|---|---|\n| longer-than-it-can-be | text | what it does |\n", 30
    )

    assert "longer-than-it-can-be\n    type: text\n    meaning: what it does\n" == said


def test_links_say_where_they_lead() -> None:
    """To a page by the command that shows it, elsewhere by the address, a bare address once."""
    said = text_of(
        "[run.md](run.md) [who](senders.md) [RFC](https://x.example/1) <https://x.example/2>\n", 100
    )

    assert "`relay365 docs run` who RFC <https://x.example/1> https://x.example/2\n" == said


def test_pictures_quotes_rules_and_entities() -> None:
    """A picture has its words, a quote is indented, &lt; is a sign."""
    said = text_of("![a chart](x.svg)\n\n> quoted\n\n---\n\nMAIL FROM: &lt;a@b>\n", 60)

    assert f"[picture: a chart]\n\n  quoted\n\n{'-' * 40}\n\nMAIL FROM: <a@b>\n" == said


@pytest.mark.parametrize("width", [40, 80, 100])
def test_every_page_fits(width: int) -> None:
    """No line of prose is wider than the terminal, unless a single word is; code is never folded."""
    for page in pages.written():
        wide = [
            line
            for line in text_of(page.text, width).splitlines()
            if len(line) > width and not line.startswith("    ") and len(line.split()) > 3
        ]

        assert [] == wide, page.name
