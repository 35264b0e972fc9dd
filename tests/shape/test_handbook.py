"""The documents as users get them: each in its place, whole in the package, and saying nothing that is not so."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

from relay365.cli.main import main
from relay365.handbook import commandline, errors, pages, website
from shape import command_lines, fragments
from shape.tree import DOCS, ROOT

TEXTS = {
    file.relative_to(ROOT).as_posix(): file.read_text("utf-8")
    for file in (*sorted(DOCS.rglob("*.md")), *sorted(ROOT.glob("*.md")))
}


def _all_pages() -> tuple[pages.Page, ...]:
    root = commandline.describe(main, "relay365")
    return (*pages.written(), *errors.pages(), *commandline.pages(root))


def test_every_page_has_its_place() -> None:
    """contents.toml places each page, and names none that is not there."""
    names = [page.name for page in _all_pages()]
    patterns = [pattern for _, section in pages.order() for pattern in section]

    assert "More" not in [section.title for section in pages.sections(_all_pages())]
    assert [] == [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in names)]


def test_every_link_of_the_site_leads_somewhere() -> None:
    """Pages, headings and files that any page links to are in the site; what is made is linked as well as written."""
    made = website.contents(_all_pages(), "1.0", dict(pages.assets()))

    assert {"index.html", "search.html", "style.css", "errors/index.html", "commands/queue.html"} <= set(made)
    assert len(made) > 250


def test_every_command_line_of_a_page_is_one() -> None:
    """Each line of a code block that calls relay365 names a command, options and values that there are."""
    made = {page.name: page.text for page in errors.pages()}
    faults = {
        f"{name}: {line}": fault
        for name, text in {**TEXTS, **made}.items()
        for line in command_lines.shown(text)
        if (fault := command_lines.fault(line))
    }

    assert {} == faults


def test_every_command_in_a_sentence_is_one() -> None:
    """What a sentence calls `relay365 ...` exists with its options; only what the command needs may be missing."""
    faults = {
        f"{name}: {line}": fault
        for name, text in TEXTS.items()
        for line in command_lines.mentioned(text)
        if re.search(r"[Nn]o such|no command '[a-z]|Invalid value", fault := command_lines.fault(line))
    }

    assert {} == faults


def test_a_false_command_line_would_be_seen() -> None:
    """The check bites: an unknown command, option and value are found; comments, pipes and prompts do not matter."""
    page = (
        "```\n$ relay365 queue list --json | jq .id   # all\nrelay365 says this\n```\n\n"
        "```\nsudo -u x relay365 y\nrelay365 \\\n  status\n```\n"
    )

    assert ["relay365 queue list --json | jq .id   # all", "relay365 status"] == list(
        command_lines.shown(page)
    )
    assert ["", ""] == [command_lines.fault(line) for line in command_lines.shown(page)]
    assert "no command 'quue'" == command_lines.fault("relay365 quue list")
    assert "No such option" in command_lines.fault("relay365 status --fast")
    assert "is not one of" in command_lines.fault("relay365 explain x --where post")
    assert "quotation" in command_lines.fault("relay365 explain 'x")
    assert ["relay365 y --z"] == list(
        command_lines.mentioned("Say `relay365 y --z`, or\n\n```\nrelay365 a\n```\n")
    )


def test_every_table_of_a_page_passes_the_reader() -> None:
    """Each TOML block that shows the configuration is taken by the program's own reader."""
    shown = [(name, block) for name, text in TEXTS.items() for block in fragments.shown(text)]
    faults = {f"{name}: {block[:60]}": fault for name, block in shown if (fault := fragments.fault(block))}

    assert len(shown) >= 20
    assert {} == faults


def test_a_false_table_would_be_seen() -> None:
    """The check bites, and a table that belongs to another file is left alone."""
    assert "per_minutes" in fragments.fault('[[allow]]\nnetwork = "10.0.0.0/8"\nper_minutes = 3\n')
    assert [] == list(fragments.shown('```toml\nmailbox = "a@contoso.com"\n```\n'))
    assert [] == list(fragments.shown('```toml\n[moods]\n[tenant]\ndomain = "contoso.com"\n```\n'))


def test_every_text_of_an_error_is_known_to_explain() -> None:
    """What is the title of an error page gets the same row from `relay365 explain`, and every row has a page."""
    from relay365.routes.catalogue import pasted
    from relay365.routes.catalogue.rows import catalogue

    wrong = [
        one.text
        for one in errors.texts()
        if one.text
        and pasted.explain(one.text, "graph" if one.row.where == "graph" else "").row is not one.row
    ]

    assert [] == wrong
    assert {row.id for row in catalogue()} == {one.row.id for one in errors.texts()}
    assert [] == [
        one.row.id for one in errors.texts() if not one.text and one.row.where not in ("relay", "graph")
    ]


def test_texts_of_errors_have_rows() -> None:
    """texts.toml names no row that the catalogue does not have, and each page has a name of its own."""
    import tomllib

    table = tomllib.loads((ROOT / "src/relay365/handbook/texts.toml").read_text("utf-8"))
    names = [one.name for one in errors.texts()]

    assert set(table) <= {one.row.id for one in errors.texts()}
    assert len(names) == len(set(names))


def test_the_package_carries_every_page(tmp_path: Path) -> None:
    """A wheel, built as it is for people, has all of docs/ inside, and the data files of the handbook."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert 0 == done.returncode, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        f"relay365/handbook/pages/{file.relative_to(DOCS).as_posix()}"
        for file in DOCS.rglob("*")
        if file.is_file()
    }

    assert set() == expected - inside
    assert {
        f"relay365/handbook/{n}" for n in ("contents.toml", "texts.toml", "style.css", "search.js")
    } <= inside
