"""What an answer of Graph that is none means for whoever asked."""

from __future__ import annotations

import asyncio

import pytest

from fakes.graph_answers import Answers, page, refusal
from relay365.errors import Relay365Error, TokenRefused, TransportError
from relay365.routes.graph.answer import GraphAnswer
from relay365.routes.tracing.asking import PRINCIPAL, AskLater, Calls, ask, literal, query

NOW = 1_700_000_000.0


def later(answer: GraphAnswer | Relay365Error) -> AskLater:
    """What ask() makes of an answer."""
    with pytest.raises(AskLater) as raised:
        asyncio.run(ask(Answers(answer), "/v1.0/x", NOW, do="grant it"))
    return raised.value


def test_a_good_answer_is_given() -> None:
    """200 and its body; Prefer is sent where it is wished."""
    graph = Answers(page({"id": "1"}))
    answer = asyncio.run(ask(graph, "/v1.0/x", NOW, do="", prefer="all"))

    assert ([{"id": "1"}], ["/v1.0/x"], [{"Prefer": "all"}]) == (
        answer.json()["value"],
        graph.asked,
        graph.headers,
    )


@pytest.mark.parametrize(
    ("answer", "wait_s", "do"),
    [
        (refusal(401, "Unauthorized", "Service principal-less Authentication failed: x"), 3600.0, PRINCIPAL),
        (refusal(401, "InvalidAuthenticationToken", "no"), 3600.0, "grant it"),
        (refusal(403, "Authorization_RequestDenied", "Insufficient privileges"), 3600.0, "grant it"),
        (refusal(400, "BadRequest", "no such filter"), 3600.0, "relay365 explain"),
        (refusal(429, "TooManyRequests", "slow down", retry_after="17"), 17.0, ""),
        (refusal(429, "TooManyRequests", "slow down"), 300.0, ""),
        (refusal(429, "TooManyRequests", "slow down", retry_after="999999"), 21_600.0, ""),
        (refusal(429, "TooManyRequests", "slow down", retry_after="-5"), 1.0, ""),
        (refusal(503, "ServiceUnavailable", "later"), 300.0, ""),
        (GraphAnswer(502, {}, b"<html>Bad gateway</html>"), 300.0, ""),
        (TransportError("connect", "refused"), 300.0, ""),
        (TokenRefused("invalid_client", 7000215, "wrong secret", temporary=False), 300.0, "relay365 token status"),
        (TokenRefused("server_error", 0, "unwell", temporary=True), 300.0, ""),
    ],
)  # fmt: skip
def test_everything_else_says_when_to_ask_again(
    answer: GraphAnswer | Relay365Error, wait_s: float, do: str
) -> None:
    """Hourly where a person must act first, with what to do; else as Graph wishes within bounds, or soon."""
    got = later(answer)

    assert wait_s == got.wait_s
    assert do in got.do
    assert bool(do) == bool(got.do)


def test_our_share_of_the_calls_is_a_sliding_window() -> None:
    """One too many waits until the oldest call is past; then one more may go."""
    calls = Calls(2, 300.0)
    calls.take(0.0)
    calls.take(100.0)
    with pytest.raises(AskLater) as raised:
        calls.take(250.0)
    assert (50.0, "") == (raised.value.wait_s, raised.value.do)
    calls.take(300.0)
    with pytest.raises(AskLater):
        calls.take(399.0)


def test_what_is_asked_is_encoded() -> None:
    """Options get their dollar sign; blanks, quotes and ampersands cannot break the query or the filter."""
    assert "/x?$top=5&$filter=a%20eq%20%27b%26c%27" == query("/x", top="5", filter="a eq 'b&c'")
    assert "'o''brien'" == literal("o'brien")
