"""A sheet on a terminal and on paper: the same words, and nothing that a device said is markup."""

from __future__ import annotations

from html.parser import HTMLParser

from relay365.cli.devices.sheet_page import Sheet, page, text
from relay365.cli.devices.sheet_words import Meaning, Row

SHEET = Sheet(
    "<b>copier", "Kyocera & co", ["it does not run"], [Row("Server", "192.168.10.5", "a number"), Row("Port", "<i>25")],
    ["port 465"], ["press test"], [Meaning("535 5.7.8 wrong", "the login", "enter it anew")], "R1 says more.",
    "made now",
)  # fmt: skip


class Reader(HTMLParser):
    """The words of a page, its tags, and whatever would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [str(value) for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_terminal_has_a_line_for_each_field() -> None:
    """What is to be typed stands in one column."""
    lines = text(SHEET)

    assert "  Server ........ 192.168.10.5               a number" in lines
    assert "  Port .......... <i>25" in lines
    assert ["! it does not run"] == [line for line in lines if line.startswith("!")]


def test_the_page_has_the_same_words() -> None:
    """Escaped, black on white, without a script and without anything from elsewhere."""
    made, reader = page(SHEET), Reader()
    reader.feed(made)
    shown = " ".join(" ".join(reader.words).split())

    for words in (
        "<b>copier",
        "Kyocera & co",
        "192.168.10.5",
        "535 5.7.8 wrong",
        "enter it anew",
        "R1 says more.",
    ):
        assert words in shown, words
    assert set() == reader.tags & {"b", "i", "script", "link", "img"}
    assert [] == reader.fetched
    assert "body { background: #fff; color: #000;" in made
    assert "@page { size: A4;" in made
