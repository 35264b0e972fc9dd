"""Sheets and the file that they make: what is written is what was listed, and for its owner alone."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from relay365.keeping.bundle.masking import Mask
from relay365.keeping.bundle.paper import Paper, Sheet, write

SECRET = "Kanarie-Secret-7"


def _paper(*, hides_people: bool = True) -> Paper:
    return Paper(Mask(b"k", (SECRET,), hides_people=hides_people), (SECRET,))


def test_sheets_are_masked_and_listed() -> None:
    """Text, an object, and a list as lines; the README in front has each with its size and with what was cut."""
    paper = _paper()
    paper.add("a.txt", f"lena@x.test {SECRET}")
    paper.add("b.json", {"to": "lena@x.test"}, "no contents")
    paper.add("c.jsonl", [{"n": 1}, {"n": 2}])
    readme, a, b, c = paper.sheets()

    assert "README.txt" == readme.name
    assert ("1 addresses masked, 1 secrets cut", "no contents, 1 addresses masked", "") == (
        a.cut,
        b.cut,
        c.cut,
    )
    assert b'{"n": 1}\n{"n": 2}\n' == c.octets
    assert json.loads(b.octets)["to"].endswith("@x.test")
    for one in (a, b, c):
        assert f"{one.name} " in readme.octets.decode()
        assert str(len(one.octets)) in readme.octets.decode()
        assert b"lena" not in one.octets
        assert SECRET.encode() not in one.octets


def test_what_was_forgotten_is_not_written() -> None:
    """Should a mask not know a secret that stands in a sheet, the sheet is left out: the last look is another one."""
    paper = Paper(Mask(b"k", ()), (SECRET,))
    paper.add("a.txt", f"blind to {SECRET}")
    (_, sheet) = paper.sheets()

    assert SECRET.encode() not in sheet.octets
    assert "LEFT OUT: a secret stood in it" == sheet.cut


def test_the_readme_says_when_people_are_shown() -> None:
    """Who reads it knows whether names are names."""
    assert b"--no-mask" in _paper(hides_people=False).sheets()[0].octets
    assert b"m-1a2b3c4d" in _paper().sheets()[0].octets


def test_the_zip_has_what_was_listed(tmp_path: Path) -> None:
    """Each sheet under its name, nothing else; rights for its owner alone; nothing is overwritten."""
    sheets = [Sheet("README.txt", b"hello", ""), Sheet("config/set.json", b"{}", "")]
    size = write(sheets, tmp_path / "b.zip")

    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        assert {one.name: one.octets for one in sheets} == {name: file.read(name) for name in file.namelist()}
    assert size == (tmp_path / "b.zip").stat().st_size
    assert 0o600 == (tmp_path / "b.zip").stat().st_mode & 0o777
    with pytest.raises(FileExistsError):
        write(sheets, tmp_path / "b.zip")
