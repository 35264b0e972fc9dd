"""`relay365 route open`: its words and exit codes; the real thing is in tests/e2e/test_reload.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from relay365.cli.running import route_open as module

if TYPE_CHECKING:
    from cli.conftest import Desk
else:
    Desk = Any

LANE = {"lane": "a", "was": "535 5.7.3 no\x07", "state": "well"}


@pytest.mark.parametrize(
    ("lane", "code", "said"),
    [
        (LANE, 0, "a: open again, one message went through (it was shut: 535 5.7.3 no?)"),
        ({**LANE, "was": ""}, 0, "a: it is open, there was nothing to do"),
        ({**LANE, "state": "empty"}, 0, "a: no mail waits there"),
        ({**LANE, "state": "frozen"}, 1, "a: a person has frozen the queue"),
        ({**LANE, "state": "tries"}, 1, "has not answered yet"),
        ({**LANE, "state": "shut", "reply": "535 5.7.3 no", "row": "auth-refused"}, 1,
         "what: a is still shut\nwhy:  535 5.7.3 no\ndo:   relay365 explain auth-refused; all mail is kept"),
        ({**LANE, "state": "shut", "reply": "999 what", "row": ""}, 1, "do:   relay365 explain 'the whole text'"),
    ],
)  # fmt: skip
def test_each_state(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, lane: dict[str, Any], code: int, said: str
) -> None:
    """A line for each lane, or three where it is still shut; nothing of a remote's reply moves the cursor."""
    monkeypatch.setattr(module, "asked", lambda *_: {"lanes": [lane]})
    result, as_json = desk.run("route", "open", "a"), desk.run("route", "open", "a", "--json")

    assert (code, code) == (result.exit_code, as_json.exit_code)
    assert said in result.stdout + result.stderr
    assert lane == json.loads(as_json.stdout)


def test_several_lanes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code is that of the worst."""
    shut = {**LANE, "lane": "b", "state": "shut", "reply": "no", "row": ""}
    monkeypatch.setattr(module, "asked", lambda *_: {"lanes": [LANE, shut]})

    assert 1 == desk.run("route", "open", "a").exit_code


def test_a_name_that_there_is_not(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2, with those that there are."""
    monkeypatch.setattr(module, "asked", lambda *_: {"lanes": [], "known": ["a", "b"]})
    result = desk.run("route", "open", "x")

    assert 2 == result.exit_code
    assert "what: there is no route x\nwhy:  the service has a, b\n" in result.stderr
