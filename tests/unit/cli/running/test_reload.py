"""`relay365 reload`: its words and exit codes; the real thing is in tests/e2e/test_reload.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from relay365.cli.running import reload as module

if TYPE_CHECKING:
    from cli.conftest import Desk
else:
    Desk = Any

TAKEN = {
    "taken": True, "changes": ["listener 127.0.0.1:25 added", "[[allow]] changed"], "needs_restart": [],
    "listeners": {"changed": [], "added": ["127.0.0.1:25"], "removed": []}, "tables": ["[[allow]]"],
}  # fmt: skip
ERROR = {
    "where": 'route a: password = { file = "x" }',
    "expected": "a secret",
    "found": "nothing\x1b[31m",
    "hint": "",
}


@pytest.mark.parametrize(
    ("answer", "code", "out", "err"),
    [
        (TAKEN, 0, "listener 127.0.0.1:25 added\n[[allow]] changed\nthis holds for", ""),
        ({**TAKEN, "changes": []}, 0, "nothing has changed\n", ""),
        ({**TAKEN, "needs_restart": ["[server] data"]}, 1, "listener 127.0.0.1:25 added",
         "what: [server] data has changed and does not hold yet\nwhy:  the running"),
        ({"taken": False, "why": "bad", "errors": [ERROR]}, 2, "",
         'what: route a: password = { file = "x" }\nwhy:  expected a secret, found nothing?[31m; the relay goes on'),
        ({"taken": False, "why": "refused for safety", "errors": [{**ERROR, "hint": "narrow it"}]}, 4, "",
         "\ndo:   narrow it\n"),
    ],
)  # fmt: skip
def test_each_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], code: int, out: str, err: str
) -> None:
    """What changed on standard output, what is wrong in three lines on standard error, and the code of the contract."""
    monkeypatch.setattr(module, "asked", lambda *_: answer)
    result, as_json = desk.run("reload"), desk.run("reload", "--json")

    assert (code, code) == (result.exit_code, as_json.exit_code)
    assert result.stdout.startswith(out)
    assert err in result.stderr
    assert answer == json.loads(as_json.stdout)


def test_a_file_that_this_command_cannot_read_either(desk: Desk) -> None:
    """It is not sent to the service; the words say that a relay that runs is not touched."""
    with (desk.directory / "relay365.toml").open("a") as file:
        file.write("[serveer]\n")
    result = desk.run("reload")

    assert 2 == result.exit_code
    assert "did you mean server?" in result.stderr
    assert result.stderr.endswith("a relay that runs goes on as it was\n")
