"""Requests: a command asks the running service for something, and waits for its answer; both are files.

In the data directory, whose rights say who may ask: no socket, no signal, no process id, which may be another's in a
container, and the same on every system. A request is taken away when it is read, an answer by whoever asked; what
nobody fetches is swept up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from relay365.clock import Clock
from relay365.errors import FAULTS
from relay365.owner import open_for_owner
from relay365.replace import put_in_place
from relay365.spool.lock import DirectoryLock

_LOG = logging.getLogger("relay365")

FOLDER = "control"
LOOK_S = 0.25
GONE_LOOK_S = 0.5  # whoever asks looks this often whether anybody is left to answer
PATIENCE_S = 60.0  # of whoever asks; nobody waits for an older request
KEPT_S = 600.0  # an answer that is older was left by somebody who is gone
MOST_OCTETS = 65_536  # of a request
MOST_ANSWER_OCTETS = 1_048_576  # of an answer: a relay may have many routes
_REQUEST = re.compile(r"[0-9a-f]{16}\.request")

Answer = Mapping[str, Any]
Handler = Callable[[Mapping[str, Any]], Awaitable[Answer]]
"""The request in, the answer out; both are JSON objects."""


class NotAnswered(Exception):
    """The service has not answered in time."""


class ServiceGone(NotAnswered):
    """The service has ended before it answered."""


class Control:
    """The service's side; handlers by the kind of the request.

    An answer {"unknown": kind} is for a kind without a handler, {"failed": why} for a handler that has raised.
    """

    def __init__(self, data: Path, handlers: Mapping[str, Handler], clock: Clock) -> None:
        self._folder, self._handlers, self._clock = data / FOLDER, handlers, clock
        self._is_well = True

    async def run(self) -> None:
        """Answer until cancelled. Who has asked while the relay started is answered, too."""
        async with asyncio.TaskGroup() as answers:  # one that takes its time holds up no other
            while True:
                for name, request in await self._aside(self._take) or ():
                    answers.create_task(self._answer(name, request))
                await asyncio.sleep(LOOK_S)

    async def _answer(self, name: str, request: Mapping[str, Any]) -> None:
        kind = str(request.get("kind"))
        handler = self._handlers.get(kind)
        try:
            answer = await handler(request) if handler is not None else {"unknown": kind}
        except FAULTS as error:  # of the request or of ours; neither may end a relay that runs
            _LOG.exception("control.failed kind=%r", kind)
            answer = {"failed": f"{type(error).__name__}: {error}"}
        await self._aside(lambda: _write(self._folder / f"{name}.answer", answer))

    async def _aside(self, work: Callable[..., Any], *values: Any) -> Any:
        """Files are looked at in a thread. A folder that cannot be used is told once, and looked at again."""
        try:
            found = await asyncio.to_thread(work, *values)
        except OSError as error:
            if self._is_well:
                _LOG.warning("control.unwell reason=%s", error)
            self._is_well = False
            return None
        self._is_well = True
        return found

    def _take(self) -> list[tuple[str, Mapping[str, Any]]]:
        """All that is asked now, the oldest first; each is there for one taker only."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        files = [one for one in os.scandir(self._folder) if _REQUEST.fullmatch(one.name)]
        found: list[tuple[str, Mapping[str, Any]]] = []
        for one in sorted(files, key=lambda one: one.stat().st_mtime_ns):
            is_waited_for = self._clock.now() - one.stat().st_mtime <= PATIENCE_S
            request = _read(Path(one.path))
            Path(one.path).unlink(missing_ok=True)
            if is_waited_for:
                found.append((one.name.partition(".")[0], request))
        if files:
            self._sweep()
        return found

    def _sweep(self) -> None:
        """Take away what nobody fetched."""
        before_at = self._clock.now() - KEPT_S
        for one in os.scandir(self._folder):
            with contextlib.suppress(FileNotFoundError):
                if one.is_file(follow_symlinks=False) and one.stat().st_mtime < before_at:
                    Path(one.path).unlink()


def ask(data: Path, kind: str, body: Mapping[str, Any], within_s: float) -> dict[str, Any]:
    """The command's side: ask, wait at most within_s seconds, and give the answer. Blocks.

    Raises OSError where the data directory may not be written, ServiceGone where nobody works on it any more, and
    NotAnswered.
    """
    folder, name = data / FOLDER, secrets.token_hex(8)
    request, answer = folder / f"{name}.request", folder / f"{name}.answer"
    until_mono = time.monotonic() + within_s
    _wait_for(folder, DirectoryLock(data), until_mono)  # a service that starts makes it when it can answer
    _write(request, {**body, "kind": kind})
    try:
        _wait_for(answer, DirectoryLock(data), until_mono)
        return _read(answer, MOST_ANSWER_OCTETS)
    finally:
        request.unlink(missing_ok=True)
        answer.unlink(missing_ok=True)


def _wait_for(file: Path, service: DirectoryLock, until_mono: float) -> None:
    """Raises NotAnswered, and ServiceGone soon after its end: nobody else will make the file."""
    look_mono = time.monotonic() + GONE_LOOK_S
    while not file.exists():
        mono = time.monotonic()
        if mono > until_mono:
            raise NotAnswered
        if mono > look_mono:
            if service.holder() is None and not file.exists():  # its last act may have been the answer
                raise ServiceGone
            look_mono = mono + GONE_LOOK_S
        time.sleep(0.05)


def _read(file: Path, most_octets: int = MOST_OCTETS) -> dict[str, Any]:
    """A JSON object; {} where it is none."""
    if file.stat().st_size > most_octets:
        return {}
    try:
        value = json.loads(file.read_text("utf-8"))
    except (ValueError, PermissionError):
        return {}
    return value if isinstance(value, dict) else {}


def _write(file: Path, value: Mapping[str, Any]) -> None:
    """Whole or not at all, readable by the owner of the folder alone, whoever writes it."""
    part = file.with_suffix(".part")
    handle = open_for_owner(part, file.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(value))
    put_in_place(part, file)
