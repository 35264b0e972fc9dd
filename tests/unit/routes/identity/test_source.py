"""Tokens are asked for once, behind the callers' backs, and a refusal is not asked for again at once."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.errors import TokenRefused
from relay365.routes.identity.source import (
    FRESH_S,
    MOST_PAUSE_S,
    MOST_UNWELL_S,
    PAUSE_S,
    REFRESH_AHEAD_S,
    Breaker,
    TokenSource,
    refusal_of,
)
from relay365.routes.identity.transport import MALFORMED

GOOD = {"access_token": "t1", "expires_in": 3600}
SECOND = {**GOOD, "access_token": "t2"}
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
        self.n_asked = 0
        self.replaced = 0
        self.open = threading.Event()
        self.open.set()

    def ask(self) -> dict[str, Any]:
        self.open.wait(10.0)
        self.n_asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def version(self) -> tuple[tuple[int, int, int]]:
        return ((self.replaced, 0, 0),)


async def _end_of_request(source: TokenSource) -> None:
    """What was begun behind the caller's back is over."""
    assert source._task is not None
    await asyncio.wait_for(source._task, 10.0)


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


def test_a_caller_that_leaves_does_not_end_the_request() -> None:
    """The first line is cancelled while it waits; the second gets the answer to the same question."""
    directory = Answers(GOOD)
    directory.open.clear()

    async def story() -> str:
        source = TokenSource(directory, FakeClock())
        first, second = (asyncio.ensure_future(source.token()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        directory.open.set()
        return await second

    assert "t1" == asyncio.run(story())
    assert 1 == directory.n_asked


def test_a_token_that_nears_its_end_is_replaced_behind_the_caller() -> None:
    """Ten minutes before the end the caller still gets the old one at once, and the next caller the new one."""
    directory, clock = Answers(GOOD, SECOND), FakeClock()

    async def story() -> list[str]:
        source = TokenSource(directory, clock)
        tokens = [await source.token()]
        clock.pass_s(3600 - REFRESH_AHEAD_S - 1)
        tokens.append(await source.token())
        clock.pass_s(2)
        tokens.append(await source.token())
        await _end_of_request(source)
        return [*tokens, await source.token()]

    assert ["t1", "t1", "t1", "t2"] == asyncio.run(story())
    assert 2 == directory.n_asked


def test_high_volume_email_is_never_offered_a_token_that_ends_within_ten_minutes() -> None:
    """501 5.5.127: the caller waits for the new one instead."""
    directory, clock = Answers(GOOD, SECOND), FakeClock()

    async def story() -> list[str]:
        source = TokenSource(directory, clock, least_left_s=FRESH_S)
        tokens = [await source.token()]
        clock.pass_s(3600 - FRESH_S - 60)
        tokens.append(await source.token())
        clock.pass_s(60)
        return [*tokens, await source.token()]

    assert ["t1", "t1", "t2"] == asyncio.run(story())


@pytest.mark.parametrize(("even_unused", "n_asked"), [(False, 0), (True, 1)])
def test_a_token_that_nobody_needed_is_fetched_only_where_that_keeps_it_alive(
    even_unused: bool, n_asked: int
) -> None:
    """A sign-in that lapses without use is used; a tenant is not asked for what nobody wants."""
    directory = Answers(GOOD)

    async def story() -> None:
        source = TokenSource(directory, FakeClock())
        source.refresh_if_due(even_unused=even_unused)
        if source._task is not None:
            await _end_of_request(source)

    asyncio.run(story())
    assert n_asked == directory.n_asked


def test_a_refusal_carries_number_and_text_and_is_not_repeated_at_once() -> None:
    """Microsoft answers a loop of equal requests with AADSTS50196: the same question waits half a minute."""
    directory, clock = Answers(REFUSED, GOOD), FakeClock()

    async def story() -> str:
        source = TokenSource(directory, clock)
        for _ in range(3):
            with pytest.raises(TokenRefused) as refused:
                await source.token()
            assert (7000215, False) == (refused.value.number, refused.value.temporary)
            assert "AADSTS7000215: Invalid client secret provided." == refused.value.text
        assert 1 == directory.n_asked
        clock.pass_s(PAUSE_S + 1)
        return await source.token()

    assert "t1" == asyncio.run(story())


def _pauses(answer: dict[str, Any], n: int) -> list[float]:
    """How long the breaker holds after each of n refusals, to the second."""
    breaker, now, found = Breaker(), 0.0, []
    for _ in range(n):
        breaker.note(refusal_of(answer), now, ())
        pause = next(s for s in range(1, 2000) if breaker.standing(now + s, ()) is None)
        found.append(float(pause))
        now += pause
    return found


def test_pauses_double_to_less_than_a_quarter_of_an_hour() -> None:
    """With a probe a minute a healed route is back within fifteen minutes."""
    assert [30.0, 60.0, 120.0, 240.0, 480.0, 840.0, 840.0] == _pauses(REFUSED, 7)
    assert 900.0 >= MOST_PAUSE_S + 60.0


def test_a_service_that_is_unwell_is_asked_again_within_a_minute() -> None:
    """Nobody has to heal anything there."""
    assert [30.0, MOST_UNWELL_S, MOST_UNWELL_S] == _pauses(UNWELL, 3)


def test_retry_after_is_obeyed() -> None:
    """A longer wait than ours that the service asks for stands."""
    directory, clock = Answers({**UNWELL, "retry_after": 300.0}, GOOD), FakeClock()

    async def story() -> None:
        source = TokenSource(directory, clock)
        for wait_s in (0, 299):
            clock.pass_s(wait_s)
            with pytest.raises(TokenRefused):
                await source.token()
        assert 1 == directory.n_asked
        clock.pass_s(2)
        await source.token()

    asyncio.run(story())


def test_a_replaced_secret_heals_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """The file changed on disk: no restart and no pause; the log says that it is well again."""
    caplog.set_level(logging.INFO, "relay365")
    directory = Answers(REFUSED, GOOD)

    async def story() -> str:
        source = TokenSource(directory, FakeClock(), label="submission")
        with pytest.raises(TokenRefused):
            await source.token()
        directory.replaced += 1
        return await source.token()

    assert "t1" == asyncio.run(story())
    assert [
        "token.refused route=submission error=invalid_client text=AADSTS7000215: Invalid client secret provided.",
        "token.healed route=submission",
    ] == caplog.messages


def test_a_replaced_secret_that_is_wrong_too_begins_with_the_short_pause() -> None:
    """Ten refusals of the old one are not held against the new one."""
    breaker = Breaker()
    for _ in range(10):
        breaker.note(refusal_of(REFUSED), 0.0, ())
    breaker.note(refusal_of(REFUSED), 0.0, (None,))

    assert None is breaker.standing(PAUSE_S, (None,))


def test_one_credential_has_one_breaker() -> None:
    """SMTP and Graph of one application: what refused one is not asked by the other."""
    breaker, smtp, graph = Breaker(), Answers(REFUSED), Answers(GOOD)

    async def story() -> None:
        clock = FakeClock()
        for directory in (smtp, graph):
            with pytest.raises(TokenRefused):
                await TokenSource(directory, clock, breaker=breaker).token()

    asyncio.run(story())
    assert (1, 0) == (smtp.n_asked, graph.n_asked)


def test_a_refused_scope_does_not_close_the_other() -> None:
    """AADSTS500011 is about what the token is for, and not about who asks."""
    breaker = Breaker()
    refused, good = Answers({"error": "invalid_resource", "error_codes": [500011]}), Answers(GOOD)

    async def story() -> str:
        clock = FakeClock()
        with pytest.raises(TokenRefused):
            await TokenSource(refused, clock, breaker=breaker).token()
        return await TokenSource(good, clock, breaker=breaker).token()

    assert "t1" == asyncio.run(story())


@pytest.mark.parametrize("answer", [UNWELL, REFUSED])
def test_a_good_token_outlives_a_directory_that_gives_no_other(answer: dict[str, Any]) -> None:
    """Refreshing ahead is no reason to stop: the token serves until a minute before its end."""
    directory, clock = Answers(GOOD, answer), FakeClock()

    async def story() -> None:
        source = TokenSource(directory, clock)
        await source.token()
        clock.pass_s(3600 - REFRESH_AHEAD_S + 1)
        assert "t1" == await source.token()
        await _end_of_request(source)
        assert "t1" == await source.token()
        clock.pass_s(REFRESH_AHEAD_S)
        with pytest.raises(TokenRefused):
            await source.token()

    asyncio.run(story())


def test_a_refused_token_is_not_offered_again() -> None:
    """After 535 the next caller gets a new one."""
    directory = Answers(GOOD, SECOND)

    async def story() -> list[str]:
        source = TokenSource(directory, FakeClock())
        first = await source.token()
        source.forget()
        return [first, await source.token()]

    assert ["t1", "t2"] == asyncio.run(story())


def test_a_service_that_hangs_is_unwell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread is left behind, and the end of the process does not wait for it."""
    monkeypatch.setattr("relay365.routes.identity.source.ANSWER_S", 0.05)
    directory = Answers(GOOD)
    directory.open.clear()

    async def story() -> TokenRefused:
        with pytest.raises(TokenRefused) as refused:
            await TokenSource(directory, FakeClock()).token()
        return refused.value

    refused = asyncio.run(story())
    left_behind = [thread for thread in threading.enumerate() if thread.name == "token"]
    directory.open.set()

    assert ("timeout", True) == (refused.error, refused.temporary)
    assert [True] == [thread.daemon for thread in left_behind]


def test_a_token_never_shows() -> None:
    """Neither in the repr of a source nor of what it holds."""

    async def story() -> str:
        source = TokenSource(Answers({**GOOD, "access_token": "eyKanarie"}), FakeClock())
        await source.token()
        return repr(source) + repr(source._held)

    assert "Kanarie" not in asyncio.run(story())


@pytest.mark.parametrize(
    ("answer", "error", "number", "text"),
    [
        ({}, MALFORMED, 0, "neither a token nor a reason came, which is no answer of a token service"),
        ({"error": "x", "error_codes": "abc", "status": "bad"}, "x", 0, "x"),
        ({"error": "x", "error_codes": [{}], "error_description": ""}, "x", 0, "x"),
        (
            {"error": "x", "error_codes": ["7000215"], "error_description": "AADSTS7000215: no.\n"},
            "x",
            7000215,
            "AADSTS7000215: no.",
        ),
    ],
)
def test_an_answer_of_any_kind_is_a_refusal(
    answer: dict[str, object], error: str, number: int, text: str
) -> None:
    """Who answers may be anybody: nothing in it needs to be of the right kind, and only the empty one is malformed."""
    found = refusal_of(answer)

    assert (error, number, text) == (found.error, found.number, found.text)
    assert (error == MALFORMED) == found.temporary
