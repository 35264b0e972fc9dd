"""The loop of a service, and its end."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from relay365.net.loop import loop_factory, when_ended


@pytest.mark.parametrize("factory", [None, loop_factory()], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_hears_of_its_end(number: signal.Signals, factory: None) -> None:
    """SIGTERM of a supervisor, and Ctrl-C. Ctrl-Break: tests/e2e/test_windows_played.py."""

    async def story() -> bool:
        ended = asyncio.Event()
        when_ended(ended.set)
        os.kill(os.getpid(), number)
        return await asyncio.wait_for(ended.wait(), 5.0)

    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            assert runner.run(story())
    except KeyboardInterrupt:
        pytest.fail("Ctrl-C fell through")
