"""Which route `app rotate` means; the renewal itself is in tests/e2e/test_app_story.py."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from relay365.cli.main import main
from relay365.setup.keys import make_key

NOW = 1_796_000_000.0
HEAD = '[server]\ndata = "./data"\n[[listener]]\naddress = "127.0.0.1:0"\n'
ROUTE = (
    '[[route]]\nkind = "submission"\nname = "{name}"\ntenant = "t"\nclient = "c"\nmailbox = "{name}@contoso.com"\n'
    'certificate = {{ file = "{name}.pem" }}\nkey = {{ file = "{name}.pem" }}\nauthority = "https://127.0.0.1:1"\n'
    'graph_endpoint = "https://127.0.0.1:1"\n'
)


def _run(folder: Path, names: str, *arguments: str) -> Result:
    (folder / "r.toml").write_text(HEAD + "".join(ROUTE.format(name=name) for name in names), "utf-8")
    return CliRunner().invoke(
        main, ["app", "rotate", "--config", str(folder / "r.toml"), *arguments], prog_name="relay365"
    )


def test_one_of_several(tmp_path: Path) -> None:
    """It must be named; then its own file is looked at."""
    for name in "ab":
        make_key(tmp_path / f"{name}.pem", "srv", NOW)
    unclear, named = _run(tmp_path, "ab", "--if-due"), _run(tmp_path, "ab", "b", "--if-due", "--json")

    assert 2 == unclear.exit_code
    assert "which route?" in unclear.stderr
    assert (str(tmp_path / "b.pem"), False) == (
        json.loads(named.stdout)["file"],
        json.loads(named.stdout)["renewed"],
    )


def test_a_file_that_is_damaged(tmp_path: Path) -> None:
    """Exit 1, and nothing is made."""
    (tmp_path / "a.pem").write_text("nothing", "utf-8")
    done = _run(tmp_path, "a")

    assert 1 == done.exit_code
    assert not (tmp_path / "a.pem.next").exists()


def test_nobody_answers(tmp_path: Path) -> None:
    """The next pair is made and kept for the next try; the present one is as it was."""
    make_key(tmp_path / "a.pem", "srv", NOW)
    before = (tmp_path / "a.pem").read_bytes()
    first = _run(tmp_path, "a", "--registration", "x")
    kept = (tmp_path / "a.pem.next").read_bytes()
    second = _run(tmp_path, "a", "--registration", "x")

    assert (1, 1) == (first.exit_code, second.exit_code)
    assert "no token for Graph" in first.stderr
    assert (before, kept) == ((tmp_path / "a.pem").read_bytes(), (tmp_path / "a.pem.next").read_bytes())


def test_the_script_for_an_administrator(tmp_path: Path) -> None:
    """It finds the application by its id, and has the next certificate."""
    make_key(tmp_path / "a.pem", "srv", NOW)
    done = _run(tmp_path, "a", "--script")

    assert 0 == done.exit_code
    assert "$findApp = 'appId%20eq%20%27c%27'" in done.stdout
