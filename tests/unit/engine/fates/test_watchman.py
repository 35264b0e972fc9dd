"""The watchman looks in time, waits as he is told, and speaks once."""

from __future__ import annotations

import asyncio

import pytest

from fakes.clock import FakeClock
from relay365.engine.fates.watchman import SPOOL_S, Watchman
from relay365.errors import Relay365Error, SpoolUnavailable
from relay365.routes.tracing.asking import AskLater


class Scripted:
    """A watch that does what a test says, look by look."""

    round_s = 60.0

    def __init__(self, name: str, *looks: Relay365Error | None) -> None:
        self.name, self.looks, self.n_looks = name, list(looks), 0

    async def look(self) -> None:
        self.n_looks += 1
        what = self.looks.pop(0) if self.looks else None
        if what is not None:
            raise what


def rounds(watch: Scripted, *after_s: float) -> list[int]:
    """How often it has looked after each pause."""
    clock = FakeClock()
    watchman = Watchman([watch, Scripted("other")], clock)

    async def story() -> list[int]:
        counts = []
        for seconds in (0.0, *after_s):
            clock.pass_s(seconds)
            await watchman.round()
            counts.append(watch.n_looks)
        return counts

    return asyncio.run(story())


def test_each_watch_has_its_own_time() -> None:
    """At once, then every round; a wait that Graph asks for; a while after the spool was unwell."""
    assert [1, 1, 2] == rounds(Scripted("trace"), 59, 1)
    assert [1, 1, 2] == rounds(Scripted("trace", AskLater("429", 300.0)), 299, 1)
    assert [1, 2] == rounds(Scripted("trace", AskLater("our share", 0.0)), 1)
    assert [1, 1, 2] == rounds(Scripted("trace", SpoolUnavailable("x")), SPOOL_S - 1, 1)


def test_what_a_person_must_do_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Again only when it is another thing, or after it was healed; the healing is said, too."""
    caplog.set_level("INFO")
    no = AskLater("401 principal-less", 3600.0, "create it")
    rounds(Scripted("trace", no, no, AskLater("503", 60.0), no, None, no), *([3600] * 5))

    words = [record.getMessage().split()[0] for record in caplog.records]
    assert ["fates.not-allowed", "fates.waits", "fates.go-on", "fates.not-allowed"] == words
    assert "what='trace' reason='401 principal-less' do='create it'" in caplog.text
