"""A command asks, the service answers; nothing is left behind, and nobody is answered twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from relay365.clock import SystemClock
from relay365.engine.control.requests import (
    FOLDER,
    KEPT_S,
    MOST_OCTETS,
    PATIENCE_S,
    Control,
    NotAnswered,
    ServiceGone,
    ask,
)
from relay365.spool.lock import DirectoryLock


@contextlib.contextmanager
def _alive(data: Path) -> Iterator[DirectoryLock]:
    """As if a service worked on it."""
    lock = DirectoryLock(data)
    lock.take()
    try:
        yield lock
    finally:
        lock.release()


async def _echo(request: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"heard": request["word"]}


def _served(data: Path, *asks: tuple[str, dict[str, Any]], within_s: float = 10.0) -> list[Any]:
    """Run the service's side while the commands ask, each in a thread of its own."""

    async def story() -> list[Any]:
        task = asyncio.ensure_future(Control(data, {"echo": _echo}, SystemClock()).run())
        await asyncio.sleep(0.05)
        try:
            return await asyncio.gather(
                *(asyncio.to_thread(ask, data, kind, body, within_s) for kind, body in asks)
            )
        finally:
            task.cancel()

    with _alive(data):
        return asyncio.run(story())


def test_each_hears_its_own_answer(tmp_path: Path) -> None:
    """Several at once; the folder is empty afterwards, and nobody else may look into it."""
    found = _served(tmp_path, *(("echo", {"word": n}) for n in range(5)))

    assert [{"heard": n} for n in range(5)] == found
    assert [] == list((tmp_path / FOLDER).iterdir())
    assert 0o700 == (tmp_path / FOLDER).stat().st_mode & 0o777


def test_a_request_that_cannot_be_obeyed_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who has asked hears what was wrong; whoever asks beside and after it is answered as ever."""
    found = _served(tmp_path, ("echo", {}), ("echo", {"word": 1}))

    assert [{"failed": "KeyError: 'word'"}, {"heard": 1}] == found
    assert ["control.failed kind='echo'"] == caplog.messages


def test_a_kind_that_nobody_knows(tmp_path: Path) -> None:
    """It is said: an older service, perhaps."""
    assert [{"unknown": "sing"}] == _served(tmp_path, ("sing", {}))


def test_nobody_answers(tmp_path: Path) -> None:
    """After its time the command gives up, and takes its request back."""
    (tmp_path / FOLDER).mkdir()
    with pytest.raises(NotAnswered):
        ask(tmp_path, "echo", {}, 0.1)

    assert [] == list((tmp_path / FOLDER).iterdir())


def test_the_service_ends_before_it_answers(tmp_path: Path) -> None:
    """Nobody waits for a dead one: the command knows within a second or two, and takes its request back."""
    (tmp_path / FOLDER).mkdir()
    with _alive(tmp_path) as service:
        threading.Timer(0.2, service.release).start()
        began_mono = time.monotonic()
        with pytest.raises(ServiceGone):
            ask(tmp_path, "echo", {}, 600.0)

    assert time.monotonic() - began_mono < 60.0
    assert [] == list((tmp_path / FOLDER).iterdir())


def test_its_last_act_was_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that came just before the end counts."""
    (tmp_path / FOLDER).mkdir()

    def ended(_: DirectoryLock) -> None:
        (request,) = (tmp_path / FOLDER).glob("*.request")
        request.with_suffix(".answer").write_text('{"heard": 1}')

    monkeypatch.setattr(DirectoryLock, "holder", ended)
    assert {"heard": 1} == ask(tmp_path, "echo", {"word": 1}, 600.0)


def test_a_service_that_starts(tmp_path: Path) -> None:
    """Who asks before it can answer waits for it: the folder is not there yet, or the request lies in it already."""
    (tmp_path / "second" / FOLDER).mkdir(parents=True)
    (tmp_path / "first").mkdir()

    async def story() -> list[Any]:
        asks = [
            asyncio.create_task(asyncio.to_thread(ask, tmp_path / one, "echo", {"word": one}, 10.0))
            for one in ("first", "second")
        ]
        await asyncio.sleep(0.2)
        serving = [
            asyncio.create_task(Control(tmp_path / one, {"echo": _echo}, SystemClock()).run())
            for one in ("first", "second")
        ]
        found = await asyncio.gather(*asks)
        for one in serving:
            one.cancel()
        return found

    with _alive(tmp_path / "first"), _alive(tmp_path / "second"):
        assert [{"heard": "first"}, {"heard": "second"}] == asyncio.run(story())


def test_a_folder_that_never_comes(tmp_path: Path) -> None:
    """The command does not wait for ever."""
    with pytest.raises(NotAnswered):
        ask(tmp_path, "echo", {}, 0.1)


def test_what_nobody_waits_for_any_more(tmp_path: Path) -> None:
    """A request of long ago is taken away and not done."""
    (tmp_path / FOLDER).mkdir()
    old = tmp_path / FOLDER / f"{'a' * 16}.request"
    old.write_text('{"kind": "echo", "word": 1}')
    at = SystemClock().now() - PATIENCE_S - 5
    os.utime(old, (at, at))

    assert [] == Control(tmp_path, {}, SystemClock())._take()
    assert not old.exists()


def test_what_nobody_fetched_is_swept_up(tmp_path: Path) -> None:
    """After ten minutes, when somebody asks again; a fresh one stays."""
    control = Control(tmp_path, {}, SystemClock())
    folder = tmp_path / FOLDER
    folder.mkdir()
    for name, age_s in (("old.answer", KEPT_S + 60), ("fresh.answer", 0.0)):
        (folder / name).write_text("{}")
        at = SystemClock().now() - age_s
        os.utime(folder / name, (at, at))
    (folder / f"{'b' * 16}.request").write_text("{}")
    control._take()

    assert ["fresh.answer"] == [one.name for one in folder.iterdir()]


@pytest.mark.parametrize("octets", [b"nothing", b"[1]", b"\xff", b"{" + b" " * MOST_OCTETS + b"}"])
def test_what_is_no_request(tmp_path: Path, octets: bytes) -> None:
    """It is answered as one of no kind, and does no harm."""
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / f"{'c' * 16}.request").write_bytes(octets)

    assert [("c" * 16, {})] == Control(tmp_path, {}, SystemClock())._take()


def test_a_folder_that_cannot_be_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told once, and looked at again."""
    data = tmp_path / "gone"
    asked: list[Any] = []

    async def story() -> None:
        task = asyncio.ensure_future(Control(data, {"echo": _echo}, SystemClock()).run())
        await asyncio.sleep(0.7)
        data.mkdir()
        await asyncio.sleep(0.5)
        asked.append(await asyncio.to_thread(ask, data, "echo", {"word": 1}, 5.0))
        task.cancel()

    asyncio.run(story())
    assert 1 == len([one for one in caplog.messages if one.startswith("control.unwell")])
    assert [{"heard": 1}] == asked


def test_an_answer_is_whole(tmp_path: Path) -> None:
    """A reader that looks all the time never sees half of one."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    seen: list[Any] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.extend(json.loads(one.read_text()) for one in folder.glob("*.answer") if one.exists())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        asyncio.run(Control(tmp_path, {"x": _big}, SystemClock())._answer("d" * 16, {"kind": "x"}))
    finally:
        stop.set()
        thread.join()
    assert all(len(one["words"]) == 10_000 for one in seen)
    assert 0o600 == (folder / f"{'d' * 16}.answer").stat().st_mode & 0o777


async def _big(_: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"words": ["x"] * 10_000}
