"""`relay365 docs`: the documents in the terminal, as a site and as man pages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay365.cli.main import main
from relay365.handbook import pages, website
from relay365.handbook.pages import NoPagesError, Page


def _docs(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["docs", *arguments], prog_name="relay365")


def _objects(*arguments: str) -> list[dict[str, str]]:
    done = _docs(*arguments, "--json")

    assert 0 == done.exit_code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_without_a_page_they_are_listed() -> None:
    """In the order of the contents, under their titles; as JSON with the section of each."""
    said = _docs().stdout
    listed = _objects()

    assert said.index("\nStart\n") < said.index("\nErrors\n") < said.index("\nReference\n")
    assert "  alerts                    Alerts\n" in said
    assert {"page": "alerts", "title": "Alerts", "section": "Run"} in listed
    assert {page.name for page in pages.written()} == {one["page"] for one in listed}


@pytest.mark.parametrize("name", ["alerts", "alerts.md", "ALERTS", "decisions/0004", "0004"])
def test_a_page_is_shown_by_its_name(name: str) -> None:
    """With or without its ending, or by a beginning that only one has."""
    done = _docs(name)

    assert 0 == done.exit_code
    assert done.stdout.startswith(("Alerts\n======", "0004: One process"))


def test_a_page_that_is_not_there_is_wrong_use() -> None:
    """Three lines; near names are said."""
    done = _docs("alrts")
    several = _docs("start")

    assert (2, "") == (done.exit_code, done.stdout)
    assert "what: there is no page 'alrts'\nwhy:  near to it: alerts" in done.stderr
    assert "start-linux" in several.stderr
    assert 2 == several.exit_code


def test_an_error_is_shown_by_its_code() -> None:
    """One meaning: its page. Several: each with the line that shows it. None: exit 1, and what else to try."""
    one, several, none = _docs("error", "5.7.64"), _docs("error", "5.7.139"), _docs("error", "5.9.99")

    assert one.stdout.startswith("550 5.7.64 TenantAttribution; Relay Access Denied SMTP\n====")
    assert "    relay365 docs error smtp-auth-disabled-tenant\n" in several.stdout
    assert 0 == several.exit_code
    assert 1 == none.exit_code
    assert "do:   paste the whole line: relay365 explain" in none.stderr


def test_an_error_is_shown_by_its_text_in_words() -> None:
    """A line may be given as several words, as shells leave it without quotes."""
    (found,) = _objects("error", "550", "5.7.64", "TenantAttribution;", "Relay", "Access", "Denied", "[host]")

    assert found["title"].startswith("550 5.7.64 TenantAttribution")
    assert "## What to do" in found["text"]


def test_words_are_found() -> None:
    """The best pages first, each with the command that shows it and the line; nothing found is exit 1."""
    done = _docs("--search", "secret expired")
    none = _docs("--search", "no-such-word-anywhere")
    more = _objects("--search", "mailbox", "secret")

    assert 0 == done.exit_code
    assert "AADSTS7000222" in done.stdout
    assert all({"page", "title", "line"} == set(one) for one in more)
    assert 1 == none.exit_code
    assert none.stderr.startswith("what: nothing found for 'no-such-word-anywhere'\n")


def test_site_and_manual_are_written(tmp_path: Path) -> None:
    """Both with one call; how many pages each has is said."""
    found = _objects("--site", str(tmp_path / "site"), "--man", str(tmp_path / "man"))

    assert ["page", "man page"] == [one["what"] for one in found]
    assert len(list((tmp_path / "site").rglob("*.html"))) == int(found[0]["written"])
    assert {"relay365.1", "relay365-docs.1"} <= {file.name for file in (tmp_path / "man").iterdir()}


def test_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    """Exit 4, and the file that was there is there."""
    (tmp_path / "letter.txt").write_text("mine", "utf-8")
    done = _docs("--site", str(tmp_path))

    assert (4, ["letter.txt"]) == (done.exit_code, [file.name for file in tmp_path.iterdir()])
    assert done.stderr.splitlines()[-1] == "do:   give a new or an empty directory"


def test_a_broken_link_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1 with the page and the link."""
    monkeypatch.setattr(pages, "written", lambda: (Page("a", "A", "# A\n\n[b](b.md)\n"),))
    done = _docs("--site", str(tmp_path / "site"))

    assert 1 == done.exit_code
    assert done.stderr.startswith("a: b.md\nwhat: 1 link leads nowhere\n")


def test_a_place_that_cannot_be_written_is_wrong_use(tmp_path: Path) -> None:
    """Three lines with the system's reason."""
    (tmp_path / "file").write_text("", "utf-8")
    done = _docs("--man", str(tmp_path / "file" / "man"))

    assert 2 == done.exit_code
    assert "why:  Not a directory" in done.stderr


def test_a_package_without_pages_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that was taken apart is a problem with a cure, not a trace."""

    def none() -> tuple[Page, ...]:
        raise NoPagesError("there are no pages in /x")

    monkeypatch.setattr(pages, "written", none)
    done = _docs("alerts")

    assert 1 == done.exit_code
    assert "what: the documents are missing\nwhy:  there are no pages in /x\n" in done.stderr


def test_a_long_page_is_paged_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is longer than the screen goes through the pager, and only there."""
    from relay365.cli.handbook import docs as command

    shown: list[str] = []
    monkeypatch.setattr(command.click, "echo_via_pager", shown.append)
    monkeypatch.setattr(command.sys.stdout, "isatty", lambda: True, raising=False)
    command._print_page(Page("a", "A", "# A\n\n" + "line\n\n" * 200), as_json=False)
    command._print_page(Page("b", "B", "# B\n"), as_json=False)

    assert 1 == len(shown)
    assert shown[0].startswith("A\n=\n")


def test_the_site_of_the_checkout_is_whole(tmp_path: Path) -> None:
    """Every page of the reference is in it: one for each command."""
    _docs("--site", str(tmp_path / "site"))

    assert (tmp_path / "site" / website.MARK).is_file()
    assert (tmp_path / "site" / "commands" / "send-test.html").is_file()
