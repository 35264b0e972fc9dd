"""What only the running relay knows of itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from relay365.app.live.build import Build
from relay365.app.live.parts import Parts
from relay365.app.live.standing import Standing
from relay365.app.watching import Watching
from relay365.clock import SystemClock
from relay365.config import parse
from relay365.engine.blackbox.upstream import Upstream
from relay365.engine.contents.workshop import Workshop
from relay365.spool.sqlite import SqliteSpool

FILE = """
[server]
name = "relay.test"
data = "./data"
max_sessions = 7
[[listener]]
address = "127.0.0.1:0"
tls = "none"
[[listener]]
address = "127.0.0.1:0"
tls = "none"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
host = "127.0.0.1:9"
tls = "none"
connections = 4
"""


def test_it_tells_its_ports_sessions_and_ways(tmp_path: Path) -> None:
    """Real ports, and when each way last delivered: None until it has; all of it is JSON."""

    async def run() -> None:
        clock, upstream = SystemClock(), Upstream(SystemClock())
        build = Build.of(parse(FILE, "x.toml"), tmp_path, upstream.ear)
        spool = await SqliteSpool.open(tmp_path / "data", clock=clock)
        parts = Parts.of(build, clock, spool, upstream, Watching(build.posts))
        identities = build.identities(clock.now())
        await parts.listeners.open(build.config, identities, parts.receive(build, Workshop()))
        try:
            standing = Standing(parts)
            told = json.loads(json.dumps(await standing.answer({})))
            ports = {one["address"].rpartition(":")[2] for one in told["listeners"]}

            assert (2, True) == (len(ports), "0" not in ports)
            assert {"tls": "none", "ciphers": "office", "review_by": None}.items() <= told["listeners"][
                1
            ].items()
            assert ("relay.test", 0, 7) == (told["host"], told["sessions"], told["sessions_limit"])
            assert abs(told["began_at"] - clock.now()) < 60
            assert [
                {"lane": "smarthost", "under_way": 0, "connections": 4, "last_delivery_at": None}
            ] == told["lanes"]

            lane = parts.scheduler.lanes["smarthost"]
            lane.n_in_flight, lane.delivered_at = 2, clock.mono() - 11.0
            (seen,) = (await standing.answer({}))["lanes"]
            assert 2 == seen["under_way"]
            assert 10.0 < clock.now() - seen["last_delivery_at"] < 60.0
        finally:
            parts.listeners.stop()
            await parts.box.close()
            parts.accounts.close()
            await spool.close()

    asyncio.run(run())
