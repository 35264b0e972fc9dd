"""The moods of the token service, as rows of the one table."""

from __future__ import annotations

from relay365.emulator.faults.kinds import Kind, Parameter

SIGN_IN_KINDS: tuple[Kind, ...] = (
    Kind(
        "token-outage", "the token endpoint is unwell", "request",
        (
            Parameter("status", 503, "HTTP status", (429, 500, 502, 503, 504)),
            Parameter("retry_after", 5, "seconds in Retry-After; 0: none"),
        ), per_mailbox=False, services=(),
    ),
    Kind(
        "token-slow", "the token endpoint waits before it answers", "request",
        (Parameter("seconds", 5.0, "how long"),), per_mailbox=False, services=(),
    ),
    Kind(
        "token-clock", "the token endpoint's clock is wrong: its tokens bear that time, assertions are judged by it",
        "request",
        (
            Parameter("how", "ahead", "in which direction", ("ahead", "behind")),
            Parameter("seconds", 7200.0, "by how much"),
        ), per_mailbox=False, services=(),
    ),
    Kind(
        "token-error", "the token endpoint refuses", "request",
        (Parameter("number", 7000222, "the AADSTS number; docs/emulator.md lists them"),), per_mailbox=False,
        services=(),
    ),
    Kind(
        "token-answer", "the token endpoint misbehaves in place of its answer", "request",
        (
            Parameter(
                "how", "html", "`html`: 200 with a page; `truncated`: the JSON breaks off; `reset`: the connection is "
                "reset; `silence`: no answer; `no-expiry`, `negative-expiry`, `word-expiry`, `long-expiry`: expires_in "
                "is missing, -1, a word, or ten years", (
                    "html", "truncated", "reset", "silence", "no-expiry", "negative-expiry", "word-expiry",
                    "long-expiry",
                ),
            ),
        ), per_mailbox=False, services=(),
    ),
)  # fmt: skip
"""Every kind of mood of the token service."""
