"""A command that asks the service: the three lines where nobody can be asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from relay365.cli.words import asking as module
from relay365.engine.control import requests
from relay365.spool.lock import DirectoryLock

if TYPE_CHECKING:
    from cli.conftest import Desk
else:
    Desk = Any


@pytest.fixture
def running(desk: Desk) -> Iterator[Desk]:
    """As if the service were running."""
    data = desk.directory / "data"
    (data / "control").mkdir(parents=True)
    lock = DirectoryLock(data)
    lock.take()
    yield desk
    lock.release()


def _asked(desk: Desk, within_s: float = 0.1) -> dict[str, Any]:
    return module.asked(desk.directory / "relay365.toml", "reload", {}, within_s)


def test_nobody_runs(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first start, and where the lock is free."""
    for _ in range(2):
        with pytest.raises(SystemExit) as end:
            _asked(desk)
        assert 3 == end.value.code
        assert capsys.readouterr().err.startswith(
            "what: no relay runs with this configuration\nwhy:  nobody works on"
        )
        (desk.directory / "data").mkdir(exist_ok=True)


def test_nobody_answers(running: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 3, and the request is taken back."""
    with pytest.raises(SystemExit) as end:
        _asked(running)

    assert 3 == end.value.code
    assert "the service has not answered" in capsys.readouterr().err
    assert [] == list((running.directory / "data" / "control").iterdir())


def test_it_ends_before_it_answers(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 3 in its own words, long before the patience is over."""
    (desk.directory / "data" / "control").mkdir(parents=True)
    lock = DirectoryLock(desk.directory / "data")
    lock.take()
    threading.Timer(0.2, lock.release).start()
    with pytest.raises(SystemExit) as end:
        _asked(desk, within_s=600.0)

    assert 3 == end.value.code
    assert capsys.readouterr().err.startswith("what: the service has ended before it answered\n")


def test_the_folder_is_not_ours(
    running: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 1: who may ask is a matter of rights."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "control/x.part")

    monkeypatch.setattr(requests, "_write", refuse)
    with pytest.raises(SystemExit) as end:
        _asked(running)

    assert 1 == end.value.code
    assert "why:  control/x.part: Permission denied\ndo:   run this as root" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "code"), [
    ({"taken": True}, None), ({"unknown": "reload"}, 1), ({"failed": "ValueError: soon"}, 1),
])  # fmt: skip
def test_the_answer(
    running: Desk, answer: dict[str, Any], code: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given; a service that is older than the command is said."""
    folder = running.directory / "data" / "control"

    def serve() -> None:
        while not (found := list(folder.glob("*.request"))):
            pass
        requests._write(found[0].with_suffix(".answer"), answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        if code is None:
            assert answer == _asked(running, 10.0)
        else:
            with pytest.raises(SystemExit) as end:
                _asked(running, 10.0)
            assert code == end.value.code
    finally:
        thread.join()
