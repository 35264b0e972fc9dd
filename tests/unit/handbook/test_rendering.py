"""Markdown to HTML."""

from __future__ import annotations

from relay365.handbook.rendering import Place, render


def _html(text: str) -> str:
    return render(text, Place).html


def test_headings_can_be_linked_to() -> None:
    """Ids are those of GitHub: lower case, hyphens, no signs; a second one of the same words gets a number."""
    found = render("# One & Two: `three`\n\n## Same\n\n## Same\n\n### [x](y)\n", Place)

    assert ("one--two-three", "same", "same-1", "x") == found.anchors
    assert '<h2 id="same-1">Same</h2>' in found.html


def test_html_in_a_page_is_shown_and_not_passed_on() -> None:
    """A reply that holds a tag, or a page that somebody changed, runs nothing."""
    assert "&lt;script&gt;" in _html("A <script>alert(1)</script>\n")
    assert "<script" not in _html("<script>alert(1)</script>\n\n[x](javascript:alert(1))\n")
    assert "href" not in _html("[x](javascript:alert(1))\n")


def test_links_turn_and_come_back_as_written() -> None:
    """The page gets the site's address, the caller what stood there."""
    found = render("[a](b.md#c) ![d](e.svg)\n", lambda link: Place(f"/{link}"))

    assert ("b.md#c", "e.svg") == found.links
    assert '<a href="/b.md#c">a</a>' in found.html
    assert 'src="/e.svg"' in found.html


def test_of_a_link_to_the_outside_the_words_stay() -> None:
    """No link that leads nowhere, and the ones behind it are whole."""
    found = render("[a *b*](../x) and [c](d)\n", lambda link: Place("" if link == "../x" else link))

    assert "<span>a <em>b</em></span> and " in found.html
    assert '<a href="d">c</a>' in found.html


def test_a_link_named_by_a_file_gets_the_title() -> None:
    """`[senders.md](senders.md)` reads like a sentence in the site; own words stay."""
    html = render(
        "[senders.md](senders.md) [who](senders.md)\n", lambda _: Place("s.html", "Who may send")
    ).html

    assert ">Who may send</a>" in html
    assert ">who</a>" in html


def test_tables_and_code_scroll_by_keyboard() -> None:
    """What is wider than a phone has its own scroll bar, which the keyboard reaches and a screen reader names."""
    html = _html("| a |\n|---|\n| b |\n\n```\ncode\n```\n")

    assert '<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>' in html
    assert "</table></div>" in html
    assert '<pre tabindex="0">' in html
