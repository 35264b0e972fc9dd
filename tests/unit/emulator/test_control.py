"""The control API behind its ASGI interface: what it changes, and when it answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.emulator.control import Control
from relay365.emulator.directory import Directory
from relay365.emulator.moods import KINDS, Moods
from relay365.emulator.record import INLINE_OCTETS, Record
from relay365.emulator.texts import TEXTS
from unit.emulator.conftest import ask


class Desk:
    """The API with what it rules; settled counts how often it waited for moods to rule."""

    def __init__(self, directory: Directory, folder: Path, clock: FakeClock) -> None:
        self.directory, self.moods, self.record = directory, Moods(clock), Record(folder)
        self.n_settled = 0
        self._app = Control(directory, self.moods, self.record, self._settle).app()

    async def _settle(self) -> None:
        self.n_settled += 1

    def ask(self, method: str, target: str, body: object = None) -> tuple[int, Any]:
        status, answer, _ = ask(self._app, method, target, b"" if body is None else json.dumps(body).encode())
        return status, answer

    def deliver(self, content: bytes) -> None:
        draft = self.record.begin()
        draft.write(content)
        self.record.keep(draft, "scan@contoso.com", ("a@x", ("b@y",)), at=1.0, repairs=0, answered=True)


@pytest.fixture
def desk(directory_of: Callable[..., Directory], tmp_path: Path, clock: FakeClock) -> Desk:
    return Desk(directory_of(), tmp_path, clock)


def test_moods_come_and_go(desk: Desk) -> None:
    """A mood is set, shown and taken back; each time the API waits until it rules."""
    status, mood = desk.ask("POST", "/moods", {"name": "slow", "seconds": 3})

    assert (201, 3.0) == (status, mood["seconds"])
    assert (200, [mood]) == desk.ask("GET", "/moods")
    assert 204 == desk.ask("DELETE", f"/moods/{mood['id']}")[0]
    desk.ask("POST", "/moods", {"name": "quota"})
    assert 204 == desk.ask("DELETE", "/moods")[0]
    assert ((200, []), 4) == (desk.ask("GET", "/moods"), desk.n_settled)


def test_what_is_known(desk: Desk) -> None:
    """All kinds of moods and all replies are listed, with bounds and parameters."""
    _, known = desk.ask("GET", "/moods/known")

    assert list(KINDS) == [one["name"] for one in known["moods"]]
    assert list(TEXTS) == list(known["texts"])
    assert {"count", "for_s", "after", "seconds", "at"} == set(
        next(one for one in known["moods"] if one["name"] == "slow")["parameters"]
    )


@pytest.mark.parametrize("size", [10, INLINE_OCTETS + 10])
def test_contents(desk: Desk, size: int) -> None:
    """A content is given as it was written, from memory and from its file."""
    desk.deliver(b"x" * size)

    assert (200, b"x" * size) == desk.ask("GET", "/messages/1/content")
    assert (200, "b@y") == (
        desk.ask("GET", "/messages/1")[0], desk.ask("GET", "/messages/1")[1]["recipients"][0],
    )  # fmt: skip


def test_lists_are_cut(desk: Desk) -> None:
    """after and limit cut the list; DELETE empties it."""
    for _ in range(5):
        desk.deliver(b"x")
    numbers = [one["number"] for one in desk.ask("GET", "/messages?after=1&limit=3")[1]]

    assert [2, 3, 4] == numbers
    assert 204 == desk.ask("DELETE", "/messages")[0]
    assert (200, []) == desk.ask("GET", "/messages")


def test_switches_change(desk: Desk, clock: FakeClock) -> None:
    """PATCH changes mailbox, tenant and application; usage is forgotten on demand."""
    mailbox = desk.directory.mailbox("scan@contoso.com")
    assert mailbox is not None
    mailbox.take(7)
    used = desk.ask("GET", "/mailboxes/scan@contoso.com")[1]["now"]
    statuses = [
        desk.ask("PATCH", "/mailboxes/scan@contoso.com", {"full": True})[0],
        desk.ask("PATCH", "/tenant", {"smtp_auth": False})[0],
        desk.ask("PATCH", "/application", {"enabled": False})[0],
        desk.ask("DELETE", "/mailboxes/scan@contoso.com/usage")[0],
    ]

    assert [200, 200, 200, 204] == statuses
    assert {"sending": 0, "minute": 1, "recipients_24_h": 7, "penalty": None} == used
    assert (True, False, False, 0) == (
        mailbox.settings.full, desk.directory.tenant.smtp_auth, desk.directory.application.enabled,
        mailbox.day.used(clock.mono()),
    )  # fmt: skip


def test_what_is_wrong_is_told(desk: Desk) -> None:
    """A wrong value is 400 with its key, what is not there is 404."""
    assert (
        400,
        {"error": "full: expected a valid boolean, unable to interpret input, found 'perhaps'"},
    ) == desk.ask("PATCH", "/mailboxes/scan@contoso.com", {"full": "perhaps"})
    assert (404, {"error": "no mailbox has this address"}) == desk.ask("GET", "/mailboxes/x@y")
    assert (404, ["error"]) == (
        desk.ask("GET", "/messages/1/content")[0], list(desk.ask("GET", "/messages/1/content")[1]),
    )  # fmt: skip


def test_the_counters(desk: Desk) -> None:
    """The counters are those of the record and of each mailbox."""
    desk.deliver(b"x")
    desk.deliver(b"x")
    desk.record.tally.refused["quota"] += 1
    _, stats = desk.ask("GET", "/stats")

    assert (2, 1, {"quota": 1}, 0) == (
        stats["accepted"], stats["duplicates"], stats["refused"], stats["connections"],
    )  # fmt: skip
    assert {"accepted": 0, "refused": 0, "most_parallel": 0, "most_in_60_s": 0} == (
        stats["mailboxes"]["erp@contoso.com"]
    )
