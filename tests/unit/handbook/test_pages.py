"""Where the pages are, and in which order they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay365.handbook import pages
from relay365.handbook.pages import NoPagesError, Page


def test_a_checkout_reads_its_own_docs() -> None:
    """Without a copy in the package the folder docs/ beside src/ is taken."""
    assert "docs" == pages.folder().name
    assert {"commands", "config", "decisions/0001-sans-io"} <= {page.name for page in pages.written()}


def test_a_package_without_pages_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a copy nor a checkout: the error names where it looked."""
    monkeypatch.setattr(pages, "__file__", str(tmp_path / "a" / "b" / "c" / "pages.py"))

    with pytest.raises(NoPagesError, match="there are no pages in"):
        pages.folder()


def test_a_package_with_pages_takes_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy that the wheel carries goes before a folder that happens to lie above it."""
    for folder in ("a/b/c/pages", "docs"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "commands.md").write_text("# Commands\n", "utf-8")
    monkeypatch.setattr(pages, "__file__", str(tmp_path / "a" / "b" / "c" / "pages.py"))

    assert tmp_path / "a" / "b" / "c" / "pages" == pages.folder()


def test_a_title_is_the_first_heading() -> None:
    """Without its marks; a page without a heading is called by its name."""
    assert "The probe command" == pages.page_of("probe", "# The `probe` command\n\nText.\n").title
    assert "x" == pages.page_of("x", "Text.\n").title


def test_comments_are_left_out_but_not_in_code() -> None:
    """What is told to those who write the pages is not shown; a comment inside a block of code is part of it."""
    text = "# A\n\n<!-- made: begin -->\n\nSeen.\n\n```\n<!-- kept -->\n```\n\n<!-- end\nof it -->\nLast.\n"
    page = pages.page_of("a", text)

    assert "made: begin" not in page.text
    assert "end\nof it" not in page.text
    assert "<!-- kept -->" in page.text
    assert "Seen." in page.text
    assert "Last." in page.text


def test_sections_keep_the_order_and_lose_no_page() -> None:
    """Each page stands once, in the order of contents.toml; what has no place there comes last."""
    names = ("run", "setup", "errors/x", "errors/index", "nowhere", "index")
    found = pages.sections([Page(name, name, "") for name in names])

    assert ["Start", "Errors", "Run", "More"] == [section.title for section in found]
    assert ["index", "setup"] == [page.name for page in found[0].pages]
    assert ["errors/index", "errors/x"] == [page.name for page in found[1].pages]
    assert ["nowhere"] == [page.name for page in found[-1].pages]
    assert sorted(names) == sorted(page.name for section in found for page in section.pages)


def test_contents_do_not_list_each_error() -> None:
    """Two hundred texts have an index of their own."""
    (section,) = pages.sections([Page("errors/index", "All", ""), Page("errors/x", "x", "")])

    assert ["errors/index"] == [page.name for page in section.listed()]


def test_assets_are_what_pages_show_and_link() -> None:
    """Pictures and the files for monitoring are among them, pages are not."""
    names = {name for name, _ in pages.assets()}

    assert {"grafana/alerts.yml", "grafana/relay365.json"} <= names
    assert not any(name.endswith(".md") for name in names)
