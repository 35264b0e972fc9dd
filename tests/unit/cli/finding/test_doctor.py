"""`relay365 doctor` as people and programs see it; what it finds is proved in tests/e2e/test_doctor.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay365.cli.finding import doctor as command
from relay365.cli.main import main

FILE = """\
[server]
name = "relay.test"
data = "data"
[[listener]]
address = "127.0.0.1:2525"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
host = "127.0.0.1:9"
tls = "none"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "relay365.toml").write_text(FILE)
    return tmp_path / "relay365.toml"


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments, "--config", str(file)], prog_name="relay365")


def test_for_people(file: Path) -> None:
    """A line for each, three more for a fault; what stands behind it, and a sum."""
    done = run(file, "upstream")

    assert 1 == done.exit_code
    assert "upstream   OK   smarthost to 127.0.0.1:9" in done.stdout
    assert "           FAIL 127.0.0.1:9 cannot be reached\n" in done.stdout
    assert "                do:   check host and port in the route\n" in done.stdout
    assert (
        "           -    smarthost.greeting: not asked: upstream.smarthost.port comes first\n" in done.stdout
    )
    assert done.stdout.splitlines()[-1].startswith("1 fault, no warnings, 2 well, 1 wait behind a fault.")


def test_for_programs(file: Path) -> None:
    """The keys are an interface."""
    found = json.loads(run(file, "upstream", "--json").stdout)

    assert ["verdict", "counts", "findings", "left_out"] == list(found)
    assert [
        "check", "area", "subject", "state", "behind", "text", "said", "why", "do", "fixable", "took_ms",
    ] == list(found["findings"][0])  # fmt: skip
    assert {"good": 2, "warn": 0, "bad": 1, "unknown": 0, "behind": 1} == found["counts"]


def test_warnings_are_no_fault(file: Path) -> None:
    """Exit 0, and what --fix could do is told to programs."""
    (file.parent / "data").chmod(0o755)
    done = run(file, "local", "--json")
    found = json.loads(done.stdout)

    assert (0, "warn") == (done.exit_code, found["verdict"])
    assert ["local.data"] == [one["check"] for one in found["findings"] if one["fixable"]]


def test_areas_and_routes_are_chosen(file: Path) -> None:
    """Several areas; a route that there is not is wrong use."""
    found = json.loads(run(file, "local", "upstream", "--route", "smarthost", "--json").stdout)
    wrong = run(file, "--route", "nope")

    assert {"local", "upstream"} == {one["area"] for one in found["findings"]}
    assert (2, True) == (wrong.exit_code, "there is no route nope" in wrong.stderr)


def test_several_roads_are_told_apart(file: Path) -> None:
    """Each line of upstream begins with its road."""
    file.write_text(
        FILE + '[[route]]\nname = "second"\nkind = "smarthost"\nhost = "127.0.0.1:9"\ntls = "none"\n'
    )
    out = run(file, "upstream").stdout

    assert "FAIL smarthost: 127.0.0.1:9" in out and "FAIL second: 127.0.0.1:9" in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--resolver", "ns.contoso.com:53"), "is no address"),
        (("--resolver", "192.168.10.1"), "has no port"),
        (("--address", "relay.contoso.com"), "is no address"),
    ],
)
def test_wrong_words(options: tuple[str, ...], words: str, file: Path) -> None:
    """Exit 2 in three lines."""
    done = run(file, *options)

    assert 2 == done.exit_code
    assert words in done.stderr
    assert 3 == len(done.stderr.splitlines())


def test_a_report_that_cannot_be_written(file: Path) -> None:
    """Exit 2, and nothing on standard output."""
    done = run(file, "upstream", "--report", str(file.parent / "gone" / "doctor.html"))

    assert (2, "") == (done.exit_code, done.stdout)


def test_every_state_has_word_colour_and_code() -> None:
    """Also what stands behind a fault."""
    assert set(command.WORDS) == set(command._COLOURS) == {*command._CODES, "behind"}
