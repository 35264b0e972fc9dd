"""How answers are shown, and with which code one leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relay365.cli.microsoft.answering import as_object, give, host, leave, origin, say, today, wrong
from relay365.errors import ConfigError
from relay365.setup.tries.answer import Answer

GOOD = Answer("token", True, "roles: SMTP.SendAsApp")
BAD = Answer("sign-in", False, "535 5.7.3 no\x1b", "a policy", "mend it", "row-a")
AWAY = Answer("SMTP and TLS", False, "timed out", "nobody there", "open the port", is_known=False)


@pytest.mark.parametrize(("answers", "code"), [([GOOD], 0), ([GOOD, BAD], 1), ([AWAY], 3), ([AWAY, BAD], 1)])
def test_exit_codes(answers: list[Answer], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """0 all good; 1 something was refused; 3 where nobody could say."""
    with pytest.raises(SystemExit) as left:
        leave(answers, as_json=True, head={"route": "r"})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert code == left.value.code
    assert [answer.name for answer in answers] == [line["step"] for line in lines]
    assert {"r"} == {line["route"] for line in lines}


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for what is good, three more for what is not; control characters are made visible."""
    say(GOOD)
    say(BAD)
    say(AWAY)
    say(BAD, 75.0)
    lines = capsys.readouterr().out.splitlines()

    assert lines[0].endswith("ok   roles: SMTP.SendAsApp")
    assert ["what: 535 5.7.3 no?", "why:  a policy", "do:   mend it"] == [line.strip() for line in lines[2:5]]
    assert lines[1].endswith(" NO")
    assert lines[5].endswith(" UNKNOWN")
    assert lines[9].endswith("NOT YET   after 1 m")


def test_the_object() -> None:
    """The documented keys."""
    assert {
        "step": "sign-in", "state": "refused", "text": "535 5.7.3 no\x1b", "why": "a policy", "do": "mend it",
        "row": "row-a",
    } == as_object(BAD)  # fmt: skip
    assert ("good", "unknown") == (as_object(GOOD)["state"], as_object(AWAY)["state"])


def test_a_script_goes_to_the_screen_or_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a folder it is printed as it is; a folder that cannot be made is wrong use."""
    give("text\n", "a.ps1", None)
    give("text\n", "a.ps1", tmp_path / "new")
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(SystemExit) as left:
        give("text\n", "a.ps1", tmp_path / "file" / "below")

    assert 2 == left.value.code
    assert "text\n" == capsys.readouterr().out == (tmp_path / "new" / "a.ps1").read_text("utf-8")


def test_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """Three lines and exit 2."""
    with pytest.raises(SystemExit) as left:
        wrong(ConfigError("answers: mailbox", "an address", "nothing"))

    assert (2, 3) == (left.value.code, len(capsys.readouterr().err.splitlines()))


def test_who_made_it() -> None:
    """Program, host and day."""
    found = origin()

    assert found.program.startswith("relay365 ")
    assert (host(), today()) == (found.host, found.day)
    assert "." not in found.host
