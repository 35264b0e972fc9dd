"""The file is read again, one time after the other; what became of it is said in the same words to all."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from relay365.app.live.plan import Plan
from relay365.app.live.reloader import Reloader
from relay365.app.supervisor import Supervisor
from relay365.config import Config
from relay365.errors import ConfigError

GOOD = (
    '[server]\ndata = "d"\n[[listener]]\naddress = "127.0.0.1:25"\n'
    '[[route]]\nkind = "smarthost"\nhost = "hop.test:25"\n'
)


class FakeRelay:
    """Follows what it is given, or says that it cannot; counts who is inside at once."""

    def __init__(self, plan: Plan | ConfigError) -> None:
        self.plan = plan
        self.n_asked = self.n_now = self.n_most = 0
        self.fault: Exception | None = None

    async def reload(self, config: Config) -> Plan:
        self.n_asked += 1
        self.n_now += 1
        self.n_most = max(self.n_most, self.n_now)
        await asyncio.sleep(0.01)
        self.n_now -= 1
        if self.fault is not None:
            raise self.fault
        if isinstance(self.plan, ConfigError):
            raise self.plan
        return self.plan

    def status(self) -> str:
        return "ready on nothing"


class Heard(Supervisor):
    """What the supervisor hears."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def _say(self, text: str) -> None:
        self.words.append(text.partition("\n")[0])


def _reloader(folder: Path, text: str, plan: Plan | ConfigError) -> tuple[Reloader, FakeRelay, Heard]:
    (folder / "r.toml").write_text(text, "utf-8")
    relay, heard = FakeRelay(plan), Heard()
    return Reloader(relay, folder / "r.toml", heard), relay, heard


def test_a_good_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The changes are in the answer and in the journal; what needs a restart is a line of its own."""
    plan = Plan(tables=("[[allow]]",), restart=("[server] data",))
    reloader, _, heard = _reloader(tmp_path, GOOD, plan)
    with caplog.at_level(logging.INFO, "relay365"):
        answer = asyncio.run(reloader.reload())

    assert (True, ["[[allow]] changed"], ["[server] data"]) == (
        answer["taken"], answer["changes"], answer["needs_restart"],
    )  # fmt: skip
    assert ["config.reloaded", "config.needs-restart"] == [one.split()[0] for one in caplog.messages]
    assert ["RELOADING=1", "READY=1"] == heard.words


@pytest.mark.parametrize(
    ("text", "plan", "why", "where"),
    [
        (GOOD.replace("kind", "kin"), Plan(), "bad", "[[route]] 1, kind"), ("[server", Plan(), "bad", "r.toml"),
        (GOOD, ConfigError("route x: password", "a secret", "nothing"), "bad", "route x: password"),
        (GOOD.replace("127.0.0.1:25", "0.0.0.0:25") + '[[allow]]\nnetwork = "0.0.0.0/0"\n', Plan(),
         "refused for safety", "r.toml"),
    ],
)  # fmt: skip
def test_a_bad_file(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    text: str,
    plan: Plan | ConfigError,
    why: str,
    where: str,
) -> None:
    """Why not, with the key, in the answer and in the journal; the supervisor hears that we are ready all the same."""
    reloader, _, heard = _reloader(tmp_path, text, plan)
    answer = asyncio.run(reloader.reload())

    assert (False, why) == (answer["taken"], answer["why"])
    assert where in answer["errors"][0]["where"]
    assert {"where", "expected", "found", "hint"} == set(answer["errors"][0])
    assert caplog.messages[0].startswith("config.refused where=")
    assert ["RELOADING=1", "READY=1"] == heard.words


def test_a_fault_of_ours(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It refuses the file with its traceback in the journal; the relay goes on."""
    reloader, relay, heard = _reloader(tmp_path, GOOD, Plan())
    relay.fault = RuntimeError("a bug")
    answer = asyncio.run(reloader.reload())

    assert (False, "bad", "RuntimeError('a bug')") == (
        answer["taken"],
        answer["why"],
        answer["errors"][0]["found"],
    )
    assert caplog.records[0].exc_info is not None
    assert "READY=1" == heard.words[-1]


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    """As bad as any."""
    reloader, relay, _ = _reloader(tmp_path, GOOD, Plan())
    (tmp_path / "r.toml").unlink()
    answer = asyncio.run(reloader.reload())

    assert ("No such file or directory", 0) == (answer["errors"][0]["found"], relay.n_asked)


def test_many_who_ask_at_once(tmp_path: Path) -> None:
    """One after the other; signals that come while one waits are one."""
    reloader, relay, _ = _reloader(tmp_path, GOOD, Plan())

    async def story() -> None:
        for _ in range(20):
            reloader.begin()
        await asyncio.gather(*(reloader.answer({}) for _ in range(3)))
        await asyncio.sleep(0.05)
        before = relay.n_asked
        under_way = asyncio.ensure_future(reloader.reload())
        await asyncio.sleep(0)
        for _ in range(20):  # one is under way: one more, and only one
            reloader.begin()
        await under_way
        await asyncio.sleep(0.05)
        assert 2 == relay.n_asked - before

    asyncio.run(story())
    assert 1 == relay.n_most
    assert 6 == relay.n_asked


def test_a_relay_that_stops_takes_nothing_up(tmp_path: Path) -> None:
    """What is under way comes to its end first."""
    reloader, relay, _ = _reloader(tmp_path, GOOD, Plan())

    async def story() -> tuple[bool, bool]:
        under_way = asyncio.ensure_future(reloader.reload())
        await asyncio.sleep(0)
        await reloader.end()
        late = await reloader.reload()
        return (await under_way)["taken"], late["taken"]

    assert (True, False) == asyncio.run(story())
    assert 1 == relay.n_asked
