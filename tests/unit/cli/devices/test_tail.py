"""`relay365 tail`: each line once, in order, of whom it was asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from relay365.cli.devices.tail import Follower, is_well
from relay365.engine.blackbox.archive import Archive


def session(
    name: str, n_lines: int, *, ended: bool = False, began_at: float = 0.0, messages: int = 0
) -> dict[str, Any]:
    lines = [[n, "client", f"NOOP {n}"] for n in range(n_lines)]
    return {
        "session": name, "began_at": began_at, "ended": ended, "reading": "why", "lines": lines,
        "messages": messages, "refused": 0,
    }  # fmt: skip


class Scene:
    """An archive that a service writes."""

    def __init__(self, folder: Path) -> None:
        self.archive = Archive(folder)
        self._n = 0

    def write(self, key: str, *sessions: dict[str, Any]) -> None:
        """Each write has a time of its own, however fast it comes."""
        self.archive.write(key, {"client": key, "sessions": list(sessions)})
        self._n += 1
        os.utime(self.archive.folder / f"{key}.json", ns=(self._n, self._n))

    def follow(self, name: str = "", *, whole: bool = False) -> Follower:
        return Follower(self.archive, name, whole=whole)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def said(follower: Follower) -> list[str]:
    return [line.split("  ", 1)[1] for news in follower.news() for line in news.lines()]


def test_each_line_comes_once(scene: Scene) -> None:
    """What was there before is no news; what a session says is, and its reading when it has ended."""
    scene.write("device-ups", session("a", 3, ended=True), session("b", 1))
    follower = scene.follow()
    assert [] == said(follower)
    scene.write("device-ups", session("a", 3, ended=True), session("b", 2))
    assert ["ups  -> NOOP 1"] == said(follower)
    scene.write("device-ups", session("a", 3, ended=True), session("b", 2, ended=True))
    assert ["ups  == why"] == [line.strip() for line in said(follower)]
    assert [] == said(follower)


def test_clients_come_in_the_order_of_their_sessions(scene: Scene) -> None:
    """Whoever connected first."""
    follower = scene.follow()
    scene.write("device-b", session("b", 1, began_at=1.0))
    scene.write("device-a", session("a", 1, began_at=2.0))

    assert ["b  -> NOOP 0", "a  -> NOOP 0"] == said(follower)


@pytest.mark.parametrize("name", ["ups", "192.0.2.7"])
def test_one_device_may_be_followed(scene: Scene, name: str) -> None:
    """By its name or its address."""
    follower = scene.follow(name)
    for key in ("device-ups", "address-192.0.2.7", "device-other"):
        scene.write(key, session(key, 1))

    assert [f"{name}  -> NOOP 0"] == said(follower)


def test_whole_sessions_come_when_they_have_ended(scene: Scene) -> None:
    """For objects and for errors: nobody knows before whether it went well."""
    follower = scene.follow(whole=True)
    scene.write("device-ups", session("a", 1))
    assert [] == said(follower)
    scene.write("device-ups", session("a", 2, ended=True))

    assert ["ups  -> NOOP 0", "ups  -> NOOP 1"] == said(follower)[:2]


def test_a_session_is_well_when_it_gave_something_and_nothing_was_refused() -> None:
    """Everything else is what --errors is for."""
    assert is_well(session("a", 1, messages=1))
    assert not is_well(session("a", 1))
    assert not is_well({**session("a", 1, messages=1), "refused": 1})


def test_without_a_service_there_is_nothing_to_follow(desk: Any) -> None:
    """Exit 3, and the command that starts one."""
    done = desk.run("tail")

    assert (3, "do:   relay365 run --config relay365.toml") == (done.exit_code, done.stderr.splitlines()[-1])
