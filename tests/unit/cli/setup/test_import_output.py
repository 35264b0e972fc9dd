"""What an import writes: nothing unless it is asked to, never a file that somebody wrote, never an open relay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes.moving import SAMPLES, folder
from relay365.config import parse

OFFICE = str(SAMPLES / "postfix/office365")
PUBLIC = "relayhost = [10.0.0.25]\nmynetworks = 127.0.0.0/8 20.40.60.0/28\ninet_interfaces = 127.0.0.1\n"


def _files(desk: Any) -> dict[str, str]:
    return {one.name: one.read_text() for one in sorted(desk.directory.iterdir()) if one.is_file()}


def test_a_difference_can_be_read_first(desk: Any) -> None:
    """It has the file's name and only additions; nothing is written."""
    before = _files(desk)
    done = desk.run("import", "postfix", OFFICE, "--diff")
    lines = done.stdout.splitlines()

    assert (1, before) == (done.exit_code, _files(desk))
    assert ["--- relay365.toml", "+++ relay365.toml (after import)"] == lines[:2]
    assert [] == [line for line in lines[2:] if line.startswith("-")]
    assert '+network = "10.20.30.0/24"' in lines


def test_applying_keeps_the_old_file(desk: Any) -> None:
    """The copy bears the instant; the new file is what --diff showed, and the own route stays."""
    before = (desk.directory / "relay365.toml").read_text()
    (shown,) = desk.objects("import", "postfix", OFFICE, "--diff")
    (done,) = desk.objects("import", "postfix", OFFICE, "--apply")
    config = parse((desk.directory / "relay365.toml").read_text(), "x")

    assert (shown["toml"], True) == ((desk.directory / "relay365.toml").read_text(), done["applied"])
    assert before == Path(done["backup"]).read_text()
    assert (["smarthost"], 5) == ([one.kind for one in config.route], len(config.listener))


def test_strangers_are_refused_until_somebody_says_yes(desk: Any) -> None:
    """Exit 4 and nothing changed for public addresses; with --yes they are in."""
    directory = folder(desk.directory / "pf", PUBLIC)
    before = _files(desk)
    refused = desk.run("import", "postfix", str(directory), "--apply")

    assert (4, before) == (refused.exit_code, _files(desk))
    assert "20.40.60.0/28" in refused.stderr
    assert "--yes" in refused.stderr

    done = desk.run("import", "postfix", str(directory), "--apply", "--yes")
    assert 0 == done.exit_code
    assert "20.40.60.0/28" in (desk.directory / "relay365.toml").read_text()


def test_an_open_relay_is_never_written(desk: Any) -> None:
    """Not with --yes either: the service would refuse to start with it."""
    directory = folder(desk.directory / "pf", "relayhost = [10.0.0.25]\nmynetworks = 0.0.0.0/0\n")
    before = _files(desk)
    done = desk.run("import", "postfix", str(directory), "--apply", "--yes")

    assert (4, before) == (done.exit_code, _files(desk))
    assert "open relay" in done.stderr


def test_what_our_reader_does_not_take_is_not_written(desk: Any) -> None:
    """Exit 2 with the reader's own words; a file without a route is such a one."""
    (desk.directory / "relay365.toml").unlink()
    directory = folder(desk.directory / "pf", "relayhost = [smtp.office365.com]:587\n")
    done = desk.run("import", "postfix", str(directory), "--apply")

    assert (2, {}) == (done.exit_code, _files(desk))
    assert "[[route]]" in done.stderr
    assert "nothing was changed" in done.stderr


def test_a_first_file_is_made(desk: Any) -> None:
    """Where there is none yet --apply makes it, and there is nothing to keep."""
    (desk.directory / "relay365.toml").unlink()
    (done,) = desk.objects("import", "postfix", str(SAMPLES / "postfix/smarthost"), "--apply")

    assert (True, None) == (done["applied"], done["backup"])
    assert parse((desk.directory / "relay365.toml").read_text(), "x").allow


def test_out_overwrites_nothing(desk: Any) -> None:
    """A new file is written and can be checked; one that exists is left alone with exit 2."""
    done = desk.run("import", "postfix", str(SAMPLES / "postfix/smarthost"), "--out", "new.toml")
    again = desk.run("import", "postfix", str(SAMPLES / "postfix/smarthost"), "--out", "new.toml")

    assert (0, 2) == (done.exit_code, again.exit_code)
    assert "relay365 config check --config new.toml" in done.stdout
    assert "new.toml exists" in again.stderr


@pytest.mark.parametrize("how", ["--diff", "--apply"])
def test_a_broken_file_stops_it(desk: Any, how: str) -> None:
    """A present configuration that cannot be read is said, and left alone."""
    (desk.directory / "relay365.toml").write_text("x = \n")
    done = desk.run("import", "postfix", OFFICE, how)

    assert (2, "x = \n") == (done.exit_code, (desk.directory / "relay365.toml").read_text())


def test_nothing_new_touches_nothing(desk: Any) -> None:
    """No copy is made, and the file stays as old as it was."""
    desk.run("import", "postfix", OFFICE, "--apply")
    before = _files(desk)
    done = desk.run("import", "postfix", OFFICE, "--apply")

    assert before == _files(desk)
    assert "has it all already and was not touched" in done.stdout


def test_no_rights_is_said(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be replaced is an error with three lines, and the old one stays."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shutil.copy2", refuse)
    before = _files(desk)
    done = desk.run("import", "postfix", OFFICE, "--apply")

    assert (2, before) == (done.exit_code, _files(desk))
    assert "relay365.toml cannot be written" in done.stderr
