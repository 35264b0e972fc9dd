"""The body of a refusal: Entra's keys, and words for every number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relay365.emulator.entra.refusals import ROWS, Refusal

_FACTS = (
    "client", "tenant", "scope", "grant", "parameter", "reason", "redirect", "user", "resource", "issued", "valid",
    "idle",
)  # fmt: skip
MANUAL = Path(__file__).parents[4] / "docs" / "emulator-graph.md"
FACTS = {key: f"some {key}" for key in _FACTS}


@pytest.mark.parametrize("number", ROWS)
def test_every_number_has_a_whole_body(number: int) -> None:
    """The description carries number, trace, correlation and time; every fact of the words is filled in."""
    body = Refusal(number, FACTS).body("https://here", "the-correlation", 1_700_000_000.0)

    assert re.fullmatch(
        rf"AADSTS{number}: [^{{}}<>]+ Trace ID: {body['trace_id']} Correlation ID: the-correlation "
        r"Timestamp: 2023-11-14 22:13:20Z",
        body["error_description"],
    )
    assert ([number], "2023-11-14 22:13:20Z", "the-correlation", f"https://here/error?code={number}") == (
        body["error_codes"], body["timestamp"], body["correlation_id"], body["error_uri"],
    )  # fmt: skip
    assert 7 == len(body)


@pytest.mark.parametrize(
    ("number", "error", "status"),
    [
        (7000215, "invalid_client", 401), (7000222, "invalid_client", 401), (700016, "unauthorized_client", 400),
        (700027, "invalid_client", 401), (7000218, "invalid_client", 401), (90002, "invalid_request", 400),
        (500011, "invalid_resource", 400), (70011, "invalid_scope", 400), (50196, "invalid_grant", 429),
    ],
)  # fmt: skip
def test_error_and_status(number: int, error: str, status: int) -> None:
    """The OAuth error and the HTTP status are those of Microsoft's table."""
    refusal = Refusal(number)

    assert (error, status) == (refusal.body("", "", 0.0)["error"], refusal.status)


def test_a_number_without_words() -> None:
    """Another number is given as it is, and says that there are no words for it."""
    body = Refusal(123456).body("", "", 0.0)

    assert ([123456], "invalid_client") == (body["error_codes"], body["error"])
    assert "no words for this number" in body["error_description"]


def test_the_manual_has_every_number() -> None:
    """docs/emulator-graph.md lists every number with its error and status."""
    manual = MANUAL.read_text("utf-8")

    missing = [n for n, row in ROWS.items() if f"| {n} | `{row.error}` | {row.status} |" not in manual]
    assert [] == missing
