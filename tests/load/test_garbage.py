"""What a session leaves behind when it has ended: nothing that waits for the collector.

A session that is part of a circle lives until the next full collection, and with it what it heard and said: at a few
sessions a second that is ten megabytes that come and go.
"""

from __future__ import annotations

import asyncio
import gc
import smtplib
import ssl
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from relay365.app.service import Relay
from relay365.config import parse
from relay365.engine.session import Session
from relay365.net.loop import loop_factory
from relay365.net.stream import Stream

N_SESSIONS = 20
CONFIG = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
host = "127.0.0.1:9"
tls = "none"
[log]
level = "error"
"""


def _sends(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("a@b.example", ["c@d.example"], b"Subject: x\r\n\r\nhi\r\n")


def _sends_secured(port: int) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.starttls(context=context)
        client.sendmail("a@b.example", ["c@d.example"], b"Subject: x\r\n\r\nhi\r\n")


def _hangs_up(port: int) -> None:
    client = smtplib.SMTP("127.0.0.1", port)
    client.ehlo()
    client.docmd("MAIL FROM:<a@b.example>")
    client.close()


@pytest.mark.parametrize("manner", [_sends, _sends_secured, _hangs_up])
def test_a_session_that_has_ended_is_free_at_once(manner: Callable[[int], None], tmp_path: Path) -> None:
    """With the collector switched off, and the black box keeping its last two sessions."""

    async def story() -> Counter[str]:
        relay = await Relay.start(parse(CONFIG, "relay365.toml"), tmp_path, lambda: None)
        try:
            port = int(relay.addresses[0].rpartition(":")[2])
            await asyncio.to_thread(manner, port)
            gc.collect()
            gc.disable()
            gc.set_debug(gc.DEBUG_SAVEALL)
            for _ in range(N_SESSIONS):
                await asyncio.to_thread(manner, port)
            while relay.parts.listeners.count.sessions:
                await asyncio.sleep(0.01)
            gc.collect()
            return Counter(type(one).__name__ for one in gc.garbage if isinstance(one, Session | Stream))
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
            await relay.stop()

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert {"Stream": 0} == {"Stream": 0, **runner.run(story())}
