"""Tokens are asked for once, ahead of their end, and a refusal is not asked for again at once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.errors import TokenRefused
from relay365.routes.tokens import REFRESH_AHEAD_S, REFUSED_S, TokenSource

GOOD = {"access_token": "t1", "expires_in": 3600}
REFUSED = {
    "error": "invalid_client", "error_codes": [7000215],
    "error_description": "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: x",
}  # fmt: skip
UNWELL = {
    "error": "temporarily_unavailable",
    "error_codes": [90033],
    "error_description": "AADSTS90033: unwell",
}


class Answers:
    """A directory that gives these answers, one after the other; the last repeats."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self._answers = list(answers)
        self.n_asked = self.n_forgotten = 0
        self.open = threading.Event()
        self.open.set()

    def ask(self) -> dict[str, Any]:
        self.open.wait(10.0)
        self.n_asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def forget(self) -> None:
        self.n_forgotten += 1


def test_many_callers_are_one_request() -> None:
    """Single flight: twenty lines that open at once ask the directory once."""
    directory = Answers(GOOD)
    directory.open.clear()

    async def story() -> list[str]:
        source = TokenSource(directory, FakeClock())
        tasks = [asyncio.ensure_future(source.token()) for _ in range(20)]
        await asyncio.sleep(0)
        directory.open.set()
        return await asyncio.gather(*tasks)

    assert ["t1"] * 20 == asyncio.run(story())
    assert 1 == directory.n_asked


def test_a_token_is_replaced_ten_minutes_before_its_end() -> None:
    """Until then the cached one serves."""
    directory, clock = Answers(GOOD, {**GOOD, "access_token": "t2"}), FakeClock()
    source = TokenSource(directory, clock)

    async def story() -> list[str]:
        tokens = [await source.token()]
        clock.pass_s(3600 - REFRESH_AHEAD_S - 1)
        tokens.append(await source.token())
        clock.pass_s(2)
        tokens.append(await source.token())
        return tokens

    assert ["t1", "t1", "t2"] == asyncio.run(story())


def test_a_refusal_carries_number_and_text_and_is_not_repeated_at_once() -> None:
    """Microsoft answers a loop of equal requests with AADSTS50196: the same question waits half a minute."""
    directory, clock = Answers(REFUSED, GOOD), FakeClock()
    source = TokenSource(directory, clock)

    async def story() -> str:
        for _ in range(3):
            with pytest.raises(TokenRefused) as refused:
                await source.token()
            assert (7000215, False) == (refused.value.number, refused.value.temporary)
            assert "AADSTS7000215: Invalid client secret provided." == refused.value.text
        assert 1 == directory.n_asked
        clock.pass_s(REFUSED_S + 1)
        return await source.token()

    assert "t1" == asyncio.run(story())


def test_a_good_token_outlives_an_unwell_directory() -> None:
    """The token service may be away for nine minutes before anybody notices; a refusal for good is told at once."""
    directory, clock = Answers(GOOD, UNWELL), FakeClock()
    source = TokenSource(directory, clock)

    async def story() -> None:
        await source.token()
        clock.pass_s(3600 - REFRESH_AHEAD_S + 1)
        assert "t1" == await source.token()
        clock.pass_s(REFRESH_AHEAD_S)
        with pytest.raises(TokenRefused) as refused:
            await source.token()
        assert refused.value.temporary

    asyncio.run(story())


def test_a_refused_token_is_not_offered_again() -> None:
    """After 535 the cache is empty, here and in the directory."""
    directory = Answers(GOOD, {**GOOD, "access_token": "t2"})
    source = TokenSource(directory, FakeClock())

    async def story() -> list[str]:
        first = await source.token()
        source.forget()
        return [first, await source.token()]

    assert ["t1", "t2"] == asyncio.run(story())
    assert 1 == directory.n_forgotten
