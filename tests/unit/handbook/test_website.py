"""The site: files that need no server and no script."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from relay365.handbook import pages, website
from relay365.handbook.pages import Page
from relay365.handbook.website import BrokenLinksError, NotOursError

INDEX = Page(
    "index", "relay365", "# relay365\n\n[run](run.md#stop) [old](decisions/0001-x.md) [src](../bench)\n"
)
RUN = Page("run", "Running <it>", "# Running <it>\n\n## Stop\n\n[above](#stop) <https://example.com/x>\n")
TEXTS = Page("errors/index", "Errors", "# Errors\n")
OLD = Page("decisions/0001-x", "0001: x", "# 0001: x\n\n[up](../run.md) [picture](../p/a.svg)\n")


class _Reader(HTMLParser):
    """Collects ids and what a page loads or leads to; notices elements that are not closed."""

    VOID = frozenset(("meta", "link", "input", "br", "img", "hr"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "action"):
                self.targets.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


@pytest.fixture
def picture(tmp_path: Path) -> dict[str, Path]:
    """The one asset of these pages."""
    (tmp_path / "a.svg").write_text("<svg/>", "utf-8")
    return {"p/a.svg": tmp_path / "a.svg"}


def _contents(*all_pages: Page, assets: dict[str, Path] | None = None) -> dict[str, str]:
    return {
        name: content if isinstance(content, str) else content.read_text("utf-8")
        for name, content in website.contents(all_pages, "1.0", assets or {}).items()
    }


def test_links_lead_to_the_files_of_the_site(picture: dict[str, Path]) -> None:
    """Pages by their HTML files with the place in them, from any folder; outside addresses as they are."""
    made = _contents(INDEX, RUN, OLD, assets=picture)

    assert {"run.html#stop", "decisions/0001-x.html"} <= set(_read(made["index.html"]).targets)
    assert "../bench" not in made["index.html"]
    assert {"../run.html", "../p/a.svg", "../style.css", "../index.html"} <= set(
        _read(made["decisions/0001-x.html"]).targets
    )
    assert "https://example.com/x" in _read(made["run.html"]).targets


def test_every_file_that_a_page_needs_is_there(picture: dict[str, Path]) -> None:
    """No page loads anything from elsewhere, and what it loads exists."""
    made = _contents(INDEX, RUN, OLD, TEXTS, assets=picture)
    for name, html in made.items():
        if not name.endswith(".html"):
            continue
        folder = Path(name).parent
        for target in _read(html).targets:
            if target.startswith(("https://", "#")):
                continue
            path = (Path("/") / folder / target.partition("#")[0]).resolve().relative_to("/").as_posix()

            assert path in made, f"{name} needs {target}"
    assert "<script" not in made["run.html"]
    assert "http" not in made["style.css"]


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("[a](nowhere.md)", "nowhere.md"),
        ("[a](run.md#nowhere)", "run.md#nowhere"),
        ("[a](#nowhere)", "#nowhere"),
        ("![a](nowhere.svg)", "nowhere.svg"),
        ("[a](run)", "run"),
    ],
)
def test_a_link_that_leads_nowhere_stops_the_build(text: str, link: str, tmp_path: Path) -> None:
    """A missing page, heading or picture is named, and nothing is written."""
    with pytest.raises(BrokenLinksError) as caught:
        website.build(tmp_path / "site", [Page("index", "i", text), RUN], "1.0")

    assert (("index", link),) == caught.value.links
    assert not (tmp_path / "site").exists()


def test_pages_are_sound(picture: dict[str, Path]) -> None:
    """Language, title, one main part, a way past the menu, the present page marked; elements closed, ids once."""
    made = _contents(INDEX, RUN, OLD, assets=picture)
    html = made["run.html"]
    reader = _read(html)

    assert [] == reader.open
    assert len(reader.ids) == len(set(reader.ids))
    assert '<html lang="en">' in html
    assert "<title>Running &lt;it&gt; - relay365</title>" in html
    assert 1 == html.count("<main") == html.count("<h1") == html.count('aria-current="page"')
    assert html.index('class="skip" href="#page"') < html.index("<header>")
    assert 'name="viewport"' in html
    assert '<label class="unseen" for="q">Words to search for</label>' in html


def test_a_long_page_lists_its_parts() -> None:
    """From five parts on, below the title, closed; a short page has none."""
    long = Page(
        "config", "Keys", "# Keys\n\nIntro.\n" + "".join(f"\n## [[t{n}]] <x>\n\n### a\n" for n in range(3))
    )
    made = _contents(RUN, long)

    assert (
        '</h1>\n<details class="parts"><summary>On this page</summary><ul><li class="h2"><a href="#t0-x">'
        in made["config.html"]
    )
    assert (
        '<a href="#t2-x">[[t2]] &lt;x&gt;</a></li><li class="h3"><a href="#a-2">a</a></li></ul></details>'
        in made["config.html"]
    )
    assert "<details" not in made["run.html"]


def test_the_search_has_every_page_and_nothing_that_breaks_out(picture: dict[str, Path]) -> None:
    """The index is JSON behind a name; only the search page loads it, and without scripts it says what to do."""
    made = _contents(INDEX, RUN, OLD, assets=picture)
    index = json.loads(made["search-index.js"].removeprefix("const INDEX = ").rstrip().removesuffix(";"))

    assert ["index.html", "run.html", "decisions/0001-x.html"] == [one["u"] for one in index]
    assert "Stop" in index[1]["x"]
    assert '<script src="search-index.js" defer>' in made["search.html"]
    assert "relay365 docs --search" in made["search.html"]


def test_a_directory_of_others_is_left_alone(tmp_path: Path) -> None:
    """Files that are no site of ours are never mixed with one; an older site is written over."""
    (tmp_path / "letter.txt").write_text("mine", "utf-8")
    with pytest.raises(NotOursError):
        website.build(tmp_path, [RUN], "1.0")
    n_made = [website.build(tmp_path / "site", [RUN], version) for version in ("1.0", "1.1")]

    assert ["letter.txt", "site"] == sorted(one.name for one in tmp_path.iterdir())
    assert n_made[0] == n_made[1]
    assert "relay365 1.1" in (tmp_path / "site" / "run.html").read_text("utf-8")


def test_a_page_that_is_gone_goes(tmp_path: Path) -> None:
    """A new version leaves no page of the old one, touches nothing else, and no file outside whatever its list says."""
    folder, outside = tmp_path / "site", tmp_path / "outside.txt"
    website.build(folder, [RUN, Page("old", "Old", "# Old\n")], "1.0")
    outside.write_text("mine", "utf-8")
    (folder / "notes.txt").write_text("mine", "utf-8")
    with (folder / website.MARK).open("a", encoding="utf-8") as mark:
        mark.write("../outside.txt\n")
    website.build(folder, [RUN], "1.1")

    assert not (folder / "old.html").exists()
    assert "mine" == outside.read_text("utf-8") == (folder / "notes.txt").read_text("utf-8")
    assert (folder / "run.html").is_file()


def test_assets_are_copied_as_they_are(tmp_path: Path) -> None:
    """A dashboard in the site is the file of the package, octet for octet."""
    website.build(tmp_path / "site", [RUN], "1.0")
    (name, file) = next(pages.assets())

    assert file.read_bytes() == (tmp_path / "site" / name).read_bytes()
