"""When a relay renews a certificate itself, what it says when it cannot, and that it does not try all the time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.app.place import Site
from relay365.app.renewing import renewer as module
from relay365.app.renewing.renewer import AGAIN_S, Renewer, renews_at
from relay365.app.renewing.steps import Rotation
from relay365.config import Account, Config, ConfigErrors, parse
from relay365.setup.keys import LIFE_DAYS, AppKey, make_key, read_key
from relay365.setup.rotation import NotRotated
from relay365.setup.tries.answer import Answer

DAY_S = 86_400.0
HEAD = '[server]\ndata = "data"\n[[listener]]\naddress = "127.0.0.1:25"\n'
ROUTE = (
    '[[route]]\nkind = "submission"\nname = "{name}"\ntenant = "contoso.com"\nclient = "c"\nmailbox = "{name}@b.c"\n'
    'certificate = {{ file = "app.pem" }}\nkey = {{ file = "app.pem" }}\nrenew = {renew}\nregistration = "{id}"\n'
)


@dataclass
class Entra:
    """What it has, and whether it takes more. late: so many questions pass before it knows a new one."""

    refuses: bool = False
    late: int = 0
    has: set[bytes] = field(default_factory=set)
    n_added: int = 0

    def add(self, one: Rotation, present: AppKey, fresh: AppKey, registration: str, now: float) -> None:
        if self.refuses:
            raise NotRotated("Graph refused the new certificate (HTTP 403)", "no")
        self.n_added += 1
        self.has.add(fresh.der)

    def ask_with(self, one: Rotation, key: AppKey) -> Answer:
        if key.der in self.has and self.late:
            self.late -= 1
            return Answer("token", False, "AADSTS700027: not registered")
        return Answer("token", key.der in self.has, "AADSTS700027: not registered")


@pytest.fixture
def entra(monkeypatch: pytest.MonkeyPatch) -> Entra:
    """Instead of Microsoft: a real renewal is in tests/e2e/test_app_story.py."""
    found = Entra()

    def add(one: Rotation, *rest: Any) -> None:
        found.add(one, *rest)

    def ask_with(one: Rotation, key: AppKey) -> Answer:
        return found.ask_with(one, key)

    monkeypatch.setattr(Rotation, "add", add)
    monkeypatch.setattr(Rotation, "ask_with", ask_with)
    monkeypatch.setattr(module, "PROVE_S", (0.0, 0.0, 0.0))
    return found


class House:
    """A renewer of a configuration whose certificate has so many days left."""

    def __init__(self, folder: Path, days: float, *routes: str) -> None:
        self.clock = FakeClock(1_796_000_000.0)
        self.folder = folder
        self.n_changed = 0
        config = _config(*(routes or (ROUTE.format(name="one", renew="true", id="x"),)))
        build = SimpleNamespace(config=config, site=Site("relay.test", folder, folder / "data"))
        make_key(folder / "app.pem", "srv", self.clock.now() - (LIFE_DAYS - days) * DAY_S)
        self.renewer = Renewer(lambda: build, self.clock, self._changed)  # type: ignore[arg-type,return-value]

    def _changed(self) -> None:
        self.n_changed += 1

    def round(self) -> None:
        asyncio.run(self.renewer.round())

    @property
    def days(self) -> int:
        return round((read_key(self.folder / "app.pem").ends_at - self.clock.now()) / DAY_S)


def _config(*routes: str) -> Config:
    return parse(HEAD + "".join(routes), "x.toml")


def test_thirty_days_before_the_end(tmp_path: Path, entra: Entra, caplog: pytest.LogCaptureFixture) -> None:
    """Not before, once, and with the old pair beside it."""
    house = House(tmp_path, 31)
    house.round()
    assert (31, 0) == (house.days, entra.n_added)
    house.clock.pass_s(2 * DAY_S)
    house.round()
    house.round()

    assert (LIFE_DAYS, 1, 1) == (house.days, entra.n_added, house.n_changed)
    assert (tmp_path / "app.pem.old").exists()
    assert ["credential.renewed"] == [one.split()[0] for one in caplog.messages]


def test_one_certificate_of_several_routes(tmp_path: Path, entra: Entra) -> None:
    """It is renewed once; routes without `renew` are left alone."""
    routes = [ROUTE.format(name=name, renew="true", id="x") for name in ("one", "two")]
    house = House(tmp_path, 5, *routes)
    house.round()
    assert 1 == entra.n_added
    off = House(tmp_path, 5, ROUTE.format(name="one", renew="false", id="x"))
    off.round()

    assert (1, 5) == (entra.n_added, off.days)


def test_a_refusal_is_said_once_and_tried_again_later(
    tmp_path: Path, entra: Entra, caplog: pytest.LogCaptureFixture
) -> None:
    """The old certificate serves; hours later it is tried again, with the pair that was made."""
    house = House(tmp_path, 5)
    entra.refuses = True
    house.round()
    made = read_key(tmp_path / "app.pem.next").der
    house.round()
    house.clock.pass_s(AGAIN_S + 1)
    house.round()
    assert ["credential.not-renewed"] == [one.split()[0] for one in caplog.messages]
    assert "HTTP 403" in house.renewer.troubles["one"]
    entra.refuses = False
    house.clock.pass_s(AGAIN_S + 1)
    house.round()

    assert ({}, made) == (house.renewer.troubles, read_key(tmp_path / "app.pem").der)


def test_it_is_proved_before_it_is_used(tmp_path: Path, entra: Entra) -> None:
    """Entra learns it after a while; where it does not, nothing is swapped, and the next try adds nothing twice."""
    house = House(tmp_path, 5)
    entra.late = 9
    house.round()
    assert (5, 1) == (house.days, entra.n_added)
    assert "gets no token" in house.renewer.troubles["one"]
    entra.late = 0
    house.clock.pass_s(AGAIN_S + 1)
    house.round()

    assert (LIFE_DAYS, 1) == (house.days, entra.n_added)


def test_what_would_keep_it_is_found_long_before(
    tmp_path: Path, entra: Entra, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An unknown registration, a directory that cannot be written: said at the start, and gone when it is healed."""
    house = House(tmp_path, 700, ROUTE.format(name="one", renew="true", id=""))
    house.round()
    assert "object id" in house.renewer.troubles["one"]
    monkeypatch.setattr(module.os, "access", lambda *_: False)
    house.round()
    assert "cannot be written" in house.renewer.troubles["one"]
    monkeypatch.undo()
    known = House(tmp_path, 700)
    known.renewer.troubles = house.renewer.troubles
    known.round()

    assert ({}, 2, 1) == (known.renewer.troubles, len(caplog.messages), known.n_changed)


def test_a_file_that_cannot_be_used(tmp_path: Path, entra: Entra) -> None:
    """It is a trouble, and no end of the relay."""
    house = House(tmp_path, 5)
    (tmp_path / "app.pem").write_text("nothing")
    house.round()

    assert "cannot be used" in house.renewer.troubles["one"]


def test_when_it_renews_itself() -> None:
    """Thirty days before its end; never without the key. It needs one file, which can be replaced."""
    on, off = (_config(ROUTE.format(name="one", renew=word, id="")).route[0] for word in ("true", "false"))
    assert isinstance(on, Account)
    assert isinstance(off, Account)

    assert (70 * DAY_S, None) == (renews_at(on, 100 * DAY_S), renews_at(off, 100 * DAY_S))
    with pytest.raises(ConfigErrors, match=r"one \{ file = \}"):
        _config(
            ROUTE.format(name="one", renew="true", id="").replace(
                'key = { file = "app.pem"', 'key = { file = "k"'
            )
        )


def test_it_looks_again_and_again(tmp_path: Path, entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is cancelled."""
    house, seen = House(tmp_path, 700), []
    monkeypatch.setattr(module, "ROUND_S", 0.001)

    async def story() -> None:
        task = asyncio.ensure_future(house.renewer.run())
        async with asyncio.timeout(10):
            while len(seen) < 3:
                await asyncio.sleep(0.001)
        task.cancel()

    async def look(one: Any) -> None:
        seen.append(one)

    monkeypatch.setattr(Renewer, "_care", lambda self, one: look(one))
    asyncio.run(story())
    assert len(seen) >= 3
