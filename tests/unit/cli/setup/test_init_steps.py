"""Steps of the wizard that need nobody else; the whole is in tests/e2e/test_init_story.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from relay365.cli.setup.init_steps import (
    Place,
    agree_to_replace,
    configuration_of,
    make_key_of,
    scripts_of,
    wait_for_result,
    write_all,
    write_configuration,
)
from relay365.setup.answers import Answers, judged
from relay365.setup.resume import Progress, Result, mark_of
from relay365.setup.writing import FIRST_LINE

IDS = [f"{n}a1e0c52-0000-4000-8000-00000000000{n}" for n in range(1, 5)]
LINE = f"R365:{':'.join(IDS)}:scan@contoso.com"


def _answers(**changes: Any) -> Answers:
    return judged(
        {"mailbox": "scan@contoso.com", "networks": ["10.0.0.0/8"], "wait": "1s", **changes}, "answers"
    )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place of its own."""
    return Place(tmp_path / "relay365.toml", tmp_path / "data")


@pytest.mark.parametrize(
    "octets",
    [
        LINE.encode(),
        b"What if\r\n" + LINE.encode() + b"\r\n",
        LINE.encode("utf-16"),
        b"\xef\xbb\xbf" + LINE.encode(),
    ],
)
def test_the_result_in_a_file(octets: bytes, tmp_path: Path) -> None:
    """As either PowerShell writes it: UTF-8, or UTF-16 with a mark."""
    (tmp_path / "result.txt").write_bytes(octets)
    found = wait_for_result(_answers(result=str(tmp_path / "result.txt")), may_ask=False)

    assert Result(*IDS, "scan@contoso.com") == found


def test_no_result_in_time(tmp_path: Path) -> None:
    """None, when the time is over; None at once where nobody is asked."""
    assert wait_for_result(_answers(result=str(tmp_path / "none")), may_ask=False) is None
    assert wait_for_result(_answers(), may_ask=False) is None


def test_the_key_is_made_once(place: Place) -> None:
    """The second time it is the same; a file that is none is not overwritten."""
    first = make_key_of(place)
    assert first == make_key_of(place)
    place.key_file.write_text("mine", "utf-8")

    with pytest.raises(SystemExit) as left:
        make_key_of(place)
    assert (1, "mine") == (left.value.code, place.key_file.read_text("utf-8"))


def test_an_open_relay_is_refused(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is written: exit 4."""
    with pytest.raises(SystemExit) as left:
        configuration_of(_answers(networks=["0.0.0.0/0"]), place, None)

    assert 4 == left.value.code
    assert "open relay" in capsys.readouterr().err


def test_the_configuration_says_where_the_data_is(place: Place) -> None:
    """Absolute, and the key in it; with a secret there is no key of ours."""
    text = configuration_of(_answers(), place, Result(*IDS))

    assert f'data = "{place.data}"' in text
    assert str(place.key_file) in text
    own = configuration_of(_answers(client=IDS[1], secret={"env": "S"}), place, None)
    assert str(place.key_file) not in own
    assert IDS[1] in own


def test_nobodys_work_is_overwritten(place: Place) -> None:
    """A file of init's own is replaced and kept as a copy, any other one is left: exit 4."""
    assert write_configuration(f"{FIRST_LINE} on Monday\na\n", place) is None
    copy = write_configuration(f"{FIRST_LINE} on Tuesday\nb\n", place)
    assert copy is not None
    assert copy.name.startswith("relay365.toml.20")
    assert (f"{FIRST_LINE} on Monday\na\n", f"{FIRST_LINE} on Tuesday\nb\n") == (
        copy.read_text("utf-8"),
        place.config_file.read_text("utf-8"),
    )
    assert write_configuration(f"{FIRST_LINE} on Friday\nb\n", place) is None
    assert f"{FIRST_LINE} on Tuesday\nb\n" == place.config_file.read_text("utf-8")
    place.config_file.write_text("# mine\n", "utf-8")

    with pytest.raises(SystemExit) as left:
        write_configuration(f"{FIRST_LINE} c\n", place)
    assert (4, "# mine\n") == (left.value.code, place.config_file.read_text("utf-8"))


WRITTEN = f"{FIRST_LINE} on 2026-11-30: mail of all\ndata = 1\n"


@pytest.mark.parametrize(
    ("text", "written", "how", "is_replaced"),
    [
        (None, "", {}, True),
        (WRITTEN, "", {}, False),
        (WRITTEN, "", {"is_sure": True}, True),
        (WRITTEN, WRITTEN.replace("30", "29"), {}, True),
        (WRITTEN + "# by hand\n", WRITTEN, {}, False),
        (WRITTEN + "# by hand\n", WRITTEN, {"is_sure": True}, True),
        ("# mine\n", "# mine\n", {"is_sure": True}, False),
    ],
)
def test_who_agreed_that_it_is_replaced(
    place: Place, text: str | None, written: str, how: dict[str, bool], is_replaced: bool
) -> None:
    """Nobody asked: what the wizard itself wrote and nobody changed, or --yes; what init did not write never."""
    if text is not None:
        place.config_file.write_text(text, "utf-8")
    kept = Progress({}, written=mark_of(written)) if written else None
    code = 0
    try:
        agree_to_replace(place, kept, **{"may_ask": False, "is_sure": False, **how})
    except SystemExit as left:
        code = int(left.code or 0)

    assert (0 if is_replaced else 4) == code


def test_scripts_of_each_road(place: Place) -> None:
    """Two for an application, two for a connector; an application that exists gets the certificate, or nothing."""
    key = make_key_of(place)
    names = ["relay365-setup.ps1", "relay365-undo.ps1"]

    for road in ("application", "person", "graph", "hve"):
        assert names == sorted(scripts_of(_answers(road=road), IDS[0], key))
    assert {} == scripts_of(_answers(client=IDS[1], secret={"env": "S"}), IDS[0], None)
    assert ["relay365-rotate.ps1"] == list(scripts_of(_answers(client=IDS[1]), IDS[0], key))
    connector = scripts_of(_answers(road="address", address="8.8.4.4"), "", None)
    assert ["relay365-connector-undo.ps1", "relay365-connector.ps1"] == sorted(connector)
    write_all(connector, place.folder)
    assert "8.8.4.4" in (place.folder / "relay365-connector.ps1").read_text("utf-8")


def test_a_folder_that_cannot_be_written(place: Place) -> None:
    """Exit 1 with the file's name."""
    place.config_file.write_text("", "utf-8")

    with pytest.raises(SystemExit) as left:
        write_all({"a.ps1": ""}, place.config_file / "below")
    assert 1 == left.value.code
