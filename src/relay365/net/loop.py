"""The event loop that we run on: uvloop where it exists (a tenth of the memory per TLS connection), else asyncio's."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable


def when_ended(end: Callable[[], None]) -> None:
    """Call end in the running loop at SIGTERM and SIGINT, which is Ctrl-C; on Windows at Ctrl-Break, too.

    There SIGTERM comes from nobody (os.kill ends a process at once), Ctrl-Break is what another program can send
    (CTRL_BREAK_EVENT), and loops have no signal handlers (asyncio, Platform Support).
    """
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGBREAK):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(end))
    else:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What asyncio.Runner takes as loop_factory; None is asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop  # type: ignore[no-any-return,unused-ignore]
