"""Postfix itself as the judge of our reader: postconf and postmap over the samples of tests/golden/moving."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from clients.order import INTEROP
from fakes.moving import SAMPLES
from relay365.moving.postfix.files.main_cf import MainCf
from relay365.moving.postfix.files.master_cf import services_of
from relay365.moving.postfix.files.table import Files, rows_of

_PACKAGE = INTEROP / ".tools/postfix"
_NAMES = sorted(one.name for one in (SAMPLES / "postfix").iterdir())
_TABLES = sorted(
    (one.parent.name, one.name)
    for one in (SAMPLES / "postfix").glob("*/*")
    if one.name not in ("main.cf", "master.cf") and not one.read_text("utf-8").startswith("/")
)
_BROKEN = frozenset(("broken line", "a line without a sign"))


def _program(name: str) -> str:
    unpacked = _PACKAGE / "usr/sbin" / name
    return (
        str(unpacked)
        if unpacked.exists()
        else shutil.which(name) or shutil.which(name, path="/usr/sbin") or ""
    )


pytestmark = pytest.mark.skipif(not _program("postconf"), reason="Postfix is not here")


def _said(*command: str) -> str:
    environ = {**os.environ, "LD_LIBRARY_PATH": str(_PACKAGE / "usr/lib/postfix"), "LC_ALL": "C"}
    done = subprocess.run(
        [_program(command[0]), *command[1:]], capture_output=True, text=True, timeout=30, env=environ
    )
    return done.stdout


def _folder(name: str, directory: Path) -> Path:
    """A copy of a sample without the lines at which Postfix gives up."""
    target = directory / name
    target.mkdir()
    for file in (SAMPLES / "postfix" / name).iterdir():
        rows = file.read_text("utf-8").splitlines(keepends=True)
        (target / file.name).write_text("".join(row for row in rows if row.strip() not in _BROKEN), "utf-8")
    return target


def _plain(text: str) -> str:
    return " ".join(text.replace(",", " , ").split())


@pytest.mark.parametrize("name", _NAMES)
def test_values_are_those_of_postconf(name: str, tmp_path: Path) -> None:
    """Every parameter that a sample sets has for us the value that `postconf -x` gives, every $name expanded."""
    folder = _folder(name, tmp_path)
    cf = MainCf.of((folder / "main.cf").read_text("utf-8"))
    names = [one for one in cf.settings if one != "broken_value"]
    theirs = dict(
        line.partition(" =")[::2] for line in _said("postconf", "-x", "-c", str(folder), *names).splitlines()
    )
    ours = {one: _plain(cf.value(one)) for one in names if one in theirs}

    assert len(ours) > len(names) * 0.8
    assert {key: _plain(value) for key, value in theirs.items() if key in ours} == ours


def test_defaults_are_those_of_postconf(tmp_path: Path) -> None:
    """What nobody sets has Postfix's default, by host name and by compatibility level."""
    names = [
        "mydomain",
        "myorigin",
        "mydestination",
        "smtpd_relay_restrictions",
        "mynetworks_style",
        "inet_interfaces",
        "default_transport",
    ]
    for level in ("0", "2", "3.6"):
        text = f"myhostname = relay.contoso.com\ncompatibility_level = {level}\n"
        (tmp_path / "main.cf").write_text(text)
        (tmp_path / "master.cf").write_text("")
        cf = MainCf.of(text)
        theirs = _said("postconf", "-x", "-h", "-c", str(tmp_path), *names).splitlines()

        assert [_plain(one) for one in theirs] == [_plain(cf.value(name)) for name in names]


@pytest.mark.parametrize("name", _NAMES)
def test_services_are_those_of_postconf(name: str, tmp_path: Path) -> None:
    """Every line of master.cf is for us the service that `postconf -M` gives, with the -o of `postconf -P`."""
    folder = _folder(name, tmp_path)
    services, broken = services_of((folder / "master.cf").read_text("utf-8"))
    listed = [
        line.split() for line in _said("postconf", "-M", "-c", str(folder)).splitlines() if line[:1].strip()
    ]
    options = {}
    for line in _said("postconf", "-P", "-c", str(folder)).splitlines():
        key, _, value = line.partition(" =")
        options[key] = _plain(value)

    assert [(one[0], one[1], one[7]) for one in listed] == [
        (one.name, one.kind, one.command) for one in services
    ]
    assert options == {
        f"{one.name}/{one.kind}/{key}": _plain(value)
        for one in services
        for key, value in one.options.items()
    }
    assert [] == broken


@pytest.mark.parametrize(("name", "table"), _TABLES)
def test_rows_are_those_of_postmap(name: str, table: str) -> None:
    """Every key of a table leads `postmap -q` to the value that we read."""
    file = SAMPLES / "postfix" / name / table
    kind = "cidr" if file.suffix == ".cidr" or table == "welcome" else "texthash"
    rows = rows_of(f"{kind}:{file}", Files(file.parent), "main.cf:1")

    assert rows
    assert [row.value for row in rows] == [
        _said(
            "postmap", "-q", row.key.partition("/")[0] if kind == "cidr" else row.key, f"{kind}:{file}"
        ).strip()
        for row in rows
    ]
