"""Reloader: reads the file again when it is asked to, one time after the other, and says what became of it.

Asked by SIGHUP, which hears no answer but the journal and the supervisor, and by `relay365 reload`, which waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from relay365.app.live.plan import Plan
from relay365.app.supervisor import Supervisor
from relay365.config import Config, ConfigErrors, open_relay_risk, parse
from relay365.errors import FAULTS, ConfigError
from relay365.journal import configure

_LOG = logging.getLogger("relay365")

BAD, REFUSED = "bad", "refused for safety"
END_S = 2.0


class Reloadable(Protocol):
    """A running relay, as far as it is asked here."""

    async def reload(self, config: Config) -> Plan:
        """Follow another configuration. Raises ConfigError: nothing has changed."""
        ...

    def status(self) -> str:
        """One line for whoever supervises it."""
        ...


class Reloader:
    """One per relay. file: its configuration. log: how the journal is written now (level, format)."""

    def __init__(self, relay: Reloadable, file: Path, supervisor: Supervisor) -> None:
        self._relay, self._file, self._supervisor = relay, file, supervisor
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_due = self._is_ending = False

    def begin(self) -> None:
        """Read it again soon; one that has not begun yet stands for all that are asked for meanwhile."""
        if not self._is_due:
            self._is_due = True
            task = asyncio.get_running_loop().create_task(self._soon())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """The relay stops: nothing is taken up any more; what is under way has END_S to come to its end."""
        self._is_ending = True
        try:
            async with asyncio.timeout(END_S), self._turn:
                pass
        except TimeoutError:
            _LOG.error("stop.late: a changed configuration is still being taken up")

    async def _soon(self) -> None:
        async with self._turn:
            self._is_due = False
            await self._one()

    async def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """As a handler of requests (engine.control)."""
        return await self.reload()

    async def reload(self) -> dict[str, Any]:
        """Read the file and follow it; gives what it changed, or why nothing has changed. Raises nothing.

        taken: whether it holds now. Then changes (lines for people), listeners, routes, tables and needs_restart; else
        why (bad, or refused for safety) and errors, each with where, expected, found and hint.
        """
        async with self._turn:
            return await self._one()

    async def _one(self) -> dict[str, Any]:
        if self._is_ending:
            return _refused(BAD, [ConfigError("the relay", "a relay that runs", "one that is stopping")])
        self._supervisor.reloading()
        try:
            return await self._reload()
        finally:
            self._supervisor.ready(self._relay.status())

    async def _reload(self) -> dict[str, Any]:
        try:
            config = await asyncio.to_thread(self._read)
            if risk := open_relay_risk(config):
                hint = 'narrow the network, set login = "required" there, or listen on a private address'
                error = ConfigError(str(self._file), "no open relay", risk, hint)
                return _told(_refused(REFUSED, [error]))
            plan = await self._relay.reload(config)
        except ConfigErrors as errors:
            return _told(_refused(BAD, errors.errors))
        except ConfigError as error:
            return _told(_refused(BAD, [error]))
        except FAULTS as error:  # of ours; it must not end a relay that runs
            _LOG.exception("config.refused where=%r", str(self._file))
            hint = "report it, with the lines of the log; then restart the service"
            return _refused(
                BAD, [ConfigError(str(self._file), "a file that we can follow", repr(error), hint)]
            )
        if "[log]" in plan.tables:
            configure(config.log.level, config.log.format)
        _LOG.info("config.reloaded changes=%r", "; ".join(plan.words()) or "none")
        for key in plan.restart:
            _LOG.warning("config.needs-restart key=%r", key)
        return {"taken": True, "changes": plan.words(), **plan.as_object()}

    def _read(self) -> Config:
        try:
            return parse(self._file.read_text("utf-8"), str(self._file))
        except (OSError, UnicodeDecodeError) as error:
            found = getattr(error, "strerror", None) or "no UTF-8 text"
            raise ConfigError(str(self._file), "a file that can be read", str(found)) from error


def _refused(why: str, errors: Any) -> dict[str, Any]:
    keys = ("where", "expected", "found", "hint")
    return {
        "taken": False,
        "why": why,
        "errors": [{key: getattr(one, key) for key in keys} for one in errors],
    }


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    for one in answer["errors"]:
        words = one["where"], one["expected"], one["found"]
        _LOG.error("config.refused where=%r expected=%r found=%r", *words)
    return answer
