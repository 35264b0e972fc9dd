"""Tokens are kept fresh without mail, ends are said once, and one credential has one breaker."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.app.keyring import Key, Keyring
from relay365.errors import ConfigError
from relay365.routes.identity.expiry import DAY_S, Ending
from relay365.routes.identity.source import REFRESH_AHEAD_S, TokenSource


class Counting:
    """A directory that always gives a token."""

    n_asked = 0

    def ask(self) -> dict[str, Any]:
        self.n_asked += 1
        return {"access_token": f"t{self.n_asked}", "expires_in": 3600}

    def version(self) -> tuple[None, ...]:
        return ()


def _nothing() -> None:
    """Nothing that ends."""


def test_a_token_is_kept_fresh_and_a_sign_in_alive() -> None:
    """What was needed once is refreshed ahead; what lapses without use is used; what nobody needs is not asked for."""
    clock, used, lapsing, idle = FakeClock(), Counting(), Counting(), Counting()
    keyring = Keyring(clock)
    sources = [TokenSource(one, clock) for one in (used, lapsing, idle)]
    keyring.keys += [
        Key(source, _nothing, lapses=one is lapsing)
        for source, one in zip(sources, (used, lapsing, idle), strict=True)
    ]

    async def story() -> None:
        await sources[0].token()
        clock.pass_s(3600 - REFRESH_AHEAD_S + 1)
        keyring.refresh()
        for source in sources[:2]:
            assert source._task is not None
            await source._task
        keyring.refresh()

    asyncio.run(story())
    assert (2, 1, 0) == (used.n_asked, lapsing.n_asked, idle.n_asked)


def test_ends_are_said_with_their_route(caplog: pytest.LogCaptureFixture) -> None:
    """The nearest first, each stage once, and what cannot be read is passed over."""
    clock = FakeClock()
    keyring = Keyring(clock)

    def unreadable() -> Ending:
        raise ConfigError("route c: pfx", "a file", "nothing")

    ends = {
        "a": Ending("certificate CN=a", clock.now() + 20 * DAY_S),
        "b": Ending("client secret", clock.now() + DAY_S),
    }
    for label, ending in [*((name, lambda name=name: ends[name]) for name in ends), ("c", unreadable)]:
        keyring.keys.append(Key(TokenSource(Counting(), clock, label=label), ending))
    with caplog.at_level(logging.WARNING, "relay365"):
        for _ in range(2):
            keyring.warn(keyring.endings())

    assert [
        "credential.ends-soon route=b what=client secret days=1",
        "credential.ends-soon route=a what=certificate CN=a days=20",
    ] == caplog.messages


def test_breakers_are_shared_by_name() -> None:
    """The same credential has the same one, another has its own."""
    keyring = Keyring(FakeClock())

    assert keyring.breaker_of("a") is keyring.breaker_of("a")
    assert keyring.breaker_of("a") is not keyring.breaker_of("b")


def test_the_look_begins_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """A certificate that ends tomorrow is said when the service starts, and not an hour later."""
    clock = FakeClock()
    keyring = Keyring(clock)
    ending = Ending("certificate CN=a", clock.now() + DAY_S)
    keyring.keys.append(Key(TokenSource(Counting(), clock, label="a"), lambda: ending))

    async def story() -> None:
        task = asyncio.ensure_future(keyring.run())
        async with asyncio.timeout(5.0):
            while not caplog.messages:
                await asyncio.sleep(0.01)
        task.cancel()

    with caplog.at_level(logging.WARNING, "relay365"):
        asyncio.run(story())

    assert ["credential.ends-soon route=a what=certificate CN=a days=1"] == caplog.messages


def test_a_part_has_its_own_keys_and_the_same_breakers() -> None:
    """The keys of one route may be gone some day; a credential that was refused stays refused for all."""
    whole = Keyring()
    part = whole.part()
    part.keys.append(Key(source=None, ending=lambda: None))  # type: ignore[arg-type]

    assert [] == whole.keys
    assert whole.breaker_of("application x") is part.breaker_of("application x")
