"""What people paste when they ask for help: `relay365 explain` gives each its class, its cause and its cure."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from relay365.cli.main import main
from relay365.mail.outcome import Class

PAINS = tomllib.loads(Path(__file__).with_name("pains.toml").read_text("utf-8"))["pain"]
PASTED = [(one["number"], each["text"], each["row"]) for one in PAINS for each in one.get("pasted", ())]


@pytest.mark.parametrize(("number", "text", "row"), PASTED)
def test_a_pasted_text_has_class_cause_and_cure(
    number: int, text: str, row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone on the command line, without a configuration: known, with its row; a yes says that nothing is wrong."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RELAY365_CONFIG", raising=False)
    done = CliRunner().invoke(main, ["explain", "--json", text])
    answer = json.loads(done.stdout)

    assert (number, 0, row or None) == (number, done.exit_code, answer["row"])
    assert [] != [line for line in answer["why"] if line.strip()]
    assert [] != [line for line in answer["do"] if line.strip()]
    if row:
        assert Class(answer["class"])
    else:
        assert (None, True) == (answer["class"], answer["is_known"])


def test_none_is_left_out() -> None:
    """All thirty-four are here, and each has texts, or the reason why there is none to paste."""
    assert list(range(1, 35)) == [one["number"] for one in PAINS]
    assert [] == [one["number"] for one in PAINS if bool(one.get("pasted")) == bool(one.get("none"))]
