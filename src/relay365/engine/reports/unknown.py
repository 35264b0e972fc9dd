"""The replies that the catalogue does not know, collected without names, so that somebody can classify them.

Apart from the scheduler, which only logs `reply.unknown`: this listens to the journal and keeps a small file for
`relay365 explain --unknown`. Nothing of a message or a person stays in it: addresses, hosts and ids are masked.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from relay365.clock import Clock
from relay365.replace import put_in_place

_LOG = logging.getLogger("relay365.keeper")

FILE = "unknown.json"
MOST = 200
LONGEST = 500
ROUND_S = 5.0
_MASKS = (
    (re.compile(r"<?[^\s<>@;,\"'()\[\]]+@[^\s<>@;,\"'()\[\]]+>?"), "ADDRESS"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?"), "TIME"),
    (
        re.compile(
            r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])|\b[0-9a-f]*:(?:[0-9a-f]*:){1,6}[0-9a-f]+\b",
            re.IGNORECASE,
        ),
        "IP",
    ),
    (re.compile(r"\b(?:[a-z0-9-]+\.){2,}[a-z]{2,}\b", re.IGNORECASE), "HOST"),
    (re.compile(r"\b(?=[\w-]*\d)[\w-]{8,}\b|\b\d{4,}\b"), "ID"),
)


@dataclass(frozen=True, slots=True)
class Unknown:
    """One text, masked. count: how often; first_at, last_at in epoch seconds; lane: where it came last."""

    text: str
    lane: str
    count: int
    first_at: float
    last_at: float


def mask(text: str) -> str:
    """A reply as one line without what names a person, a host or a message; its code and status stay."""
    words = " ".join(text.split())[: 4 * LONGEST]
    for pattern, name in _MASKS:
        words = pattern.sub(name, words)
    return words[:LONGEST]


def load(data: Path) -> list[Unknown]:
    """What a data directory has collected, the newest first; a file that cannot be read has nothing."""
    try:
        found = [Unknown(**one) for one in json.loads((data / FILE).read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        return []
    return sorted(found, key=lambda one: one.last_at, reverse=True)


class UnknownReplies(logging.Handler):
    """Listens to the scheduler's journal; run() keeps data/unknown.json, bounded to the MOST newest texts."""

    def __init__(self, data: Path, clock: Clock) -> None:
        super().__init__(logging.ERROR)
        self._data, self._clock = data, clock
        self._found = {one.text: one for one in load(data)}
        self._is_dirty = False

    def emit(self, record: logging.LogRecord) -> None:
        """Take in one line of the journal; all but `reply.unknown` is none of ours."""
        if str(record.msg).startswith("reply.unknown ") and isinstance(record.args, tuple):
            _, lane, reply = record.args
            self.hear(str(reply), str(lane))

    def hear(self, reply: str, lane: str) -> None:
        """Count one reply; the text that was not seen for longest makes room."""
        now, text = self._clock.now(), mask(reply)
        known = self._found.pop(text, None)
        first_at, n_before = (known.first_at, known.count) if known else (now, 0)
        self._found[text] = Unknown(text, lane, n_before + 1, first_at, now)
        while len(self._found) > MOST:
            self._found.pop(min(self._found.values(), key=lambda one: one.last_at).text)
        self._is_dirty = True

    async def run(self) -> None:
        """Write what is new every few seconds, and once more at the end."""
        logger = logging.getLogger("relay365.scheduler")
        logger.addHandler(self)
        try:
            while True:
                await asyncio.sleep(ROUND_S)
                await self.save()
        finally:
            logger.removeHandler(self)
            self._write()

    async def save(self) -> None:
        """Write the file off the loop, where there is something new."""
        await asyncio.to_thread(self._write)

    def _write(self) -> None:
        if not self._is_dirty:
            return
        self._is_dirty = False
        whole = json.dumps([asdict(one) for one in tuple(self._found.values())], indent=1)
        part = self._data / f"{FILE}.part"
        try:
            part.write_text(whole + "\n", "utf-8")
            put_in_place(part, self._data / FILE)
        except OSError as error:
            _LOG.warning("unknown.not-written reason=%s", error)
