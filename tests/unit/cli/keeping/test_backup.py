"""`relay365 backup`: exit codes, words and JSON; what a backup is worth is proved in unit/keeping and e2e."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from relay365.cli.main import main
from relay365.keeping import sealing
from relay365.spool.lock import DirectoryLock

PASSPHRASE = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A passphrase costs no half second here."""
    monkeypatch.setattr(sealing.Sealer.__init__, "__defaults__", (10,))


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["backup", *arguments], prog_name="relay365")


def _three(result: Result) -> list[str]:
    """The three lines of a failure."""
    lines = result.stderr.splitlines()
    assert ["what", "why", "do"] == [line.partition(":")[0] for line in lines]
    return [line.partition(":")[2].strip() for line in lines]


def _make(desk: Any, *more: str) -> dict[str, Any]:
    (found,) = desk.objects("backup", "create", "b.tar.gz", *more)
    assert isinstance(found, dict)
    return found


def test_there_and_back(full_desk: Any) -> None:
    """Create, verify and restore agree on what is in it, in JSON."""
    made = _make(full_desk)
    verified = json.loads(_run("verify", "b.tar.gz", "--json").stdout)
    restored = json.loads(_run("restore", "b.tar.gz", "--to", "new", "--json").stdout)

    counts = {"queued": 1, "held": 1, "failed": 1, "delivered": 1}
    assert (counts, 4, 2) == (made["recipients"], made["messages"], made["waiting"])
    assert (counts, 4, 2) == (verified["recipients"], verified["messages"], verified["waiting"])
    assert (True, True, False) == (verified["good"], verified["restorable"], verified["encrypted"])
    assert [] == verified["problems"] == made["problems"]
    assert (4, 2, 0, 1, True) == tuple(
        restored[key] for key in ("messages", "waiting", "on_the_way", "held_before", "held")
    )
    assert "new/restored/config/relay365.toml" == restored["config_file"]
    assert str(full_desk.directory / "relay365.toml") == restored["was"]


def test_a_folder_gets_a_name_with_its_time(full_desk: Any) -> None:
    """For a job that runs every night: each backup has another name, and says whether it is sealed."""
    (full_desk.directory / "night").mkdir()
    (full_desk.directory / "p").write_text(PASSPHRASE)
    plain = full_desk.objects("backup", "create", "night")[0]["file"]
    sealed = full_desk.objects("backup", "create", "night", "--passphrase-file", "p")[0]["file"]

    assert plain.startswith("night/relay365-")
    assert plain.endswith("Z.tar.gz")
    assert sealed.endswith("Z.tar.gz.age")
    assert tarfile.is_tarfile(plain)
    assert not tarfile.is_tarfile(sealed)


def test_a_sealed_one_needs_its_passphrase(full_desk: Any) -> None:
    """From a file; a wrong one is told as wrong, and without a terminal nobody is asked in vain."""
    (full_desk.directory / "p").write_text(f"{PASSPHRASE}\nsecond line\n")
    (full_desk.directory / "wrong").write_text("wrong horse battery")
    assert _make(full_desk, "--passphrase-file", "p")["encrypted"]

    assert 0 == _run("verify", "b.tar.gz", "--passphrase-file", "p").exit_code
    wrong = _run("verify", "b.tar.gz", "--passphrase-file", "wrong")
    unasked = _run("verify", "b.tar.gz")
    lacking = _run("verify", "b.tar.gz", "--passphrase-file", "nowhere")
    assert (1, 2, 2) == (wrong.exit_code, unasked.exit_code, lacking.exit_code)
    assert "passphrase is another one" in _three(wrong)[1]
    assert "--passphrase-file FILE" == _three(unasked)[2]
    assert "nowhere cannot be read" == _three(lacking)[0]


def test_a_passphrase_that_is_guessed_is_refused(full_desk: Any) -> None:
    """Eleven letters are too few; nothing is written."""
    (full_desk.directory / "p").write_text("12345678901")
    refused = full_desk.run("backup", "create", "b.tar.gz", "--passphrase-file", "p")
    unasked = full_desk.run("backup", "create", "b.tar.gz", "--encrypt")

    assert (2, 2) == (refused.exit_code, unasked.exit_code)
    assert "has 11 letters" in _three(refused)[1]
    assert not Path("b.tar.gz").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("create", "there"), 4, "there is there already"),
        (("create", "data/b"), 4, "the backup would lie in the data directory"),
        (("create", "nowhere/b"), 2, "there is no"),
        (("verify", "nothing"), 2, "there is no nothing"),
        (("verify", "there"), 1, "there is no good backup"),
        (("restore", "there", "--to", "new"), 1, "there is no good backup"),
        (("restore", "nothing", "--to", "new"), 2, "there is no nothing"),
        (("restore", "there", "--to", "data"), 4, "data is not empty"),
    ],
)
def test_every_failure_has_three_lines(
    full_desk: Any, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """What happened, why, and what to do, with the code of the contract; nothing is left behind."""
    Path("there").write_text("not a backup")
    result = full_desk.run("backup", *arguments) if arguments[0] == "create" else _run(*arguments)

    assert code == result.exit_code
    assert words in _three(result)[0]
    assert not Path("new").exists()


def test_without_a_queue_there_is_nothing_to_copy(desk: Any) -> None:
    """A relay that never ran: exit 3, as every command that needs its queue."""
    result = desk.run("backup", "create", "b.tar.gz")

    assert 3 == result.exit_code
    assert "there is no queue in" in _three(result)[0]


def test_one_at_a_time(full_desk: Any) -> None:
    """A second backup while one is under way waits for nobody: exit 4."""
    (full_desk.directory / "data" / "backup").mkdir()
    lock = DirectoryLock(full_desk.directory / "data" / "backup")
    lock.take()
    result = full_desk.run("backup", "create", "b.tar.gz")
    lock.release()

    assert 4 == result.exit_code
    assert "another backup is under way" in _three(result)[1]


def test_what_lacks_makes_it_a_problem(full_desk: Any) -> None:
    """A backup without a file that the configuration names is written, told, and exits 1, so that a job notices."""
    file = full_desk.directory / "relay365.toml"
    file.write_text(file.read_text() + 'ca_file = "roots.pem"\n')
    result = full_desk.run("backup", "create", "b.tar.gz")

    assert 1 == result.exit_code
    assert "left out  FAULT: route.ca_file" in result.stdout
    assert Path("b.tar.gz").exists()
