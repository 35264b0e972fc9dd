"""The moods of Microsoft Graph, as rows of the one table."""

from __future__ import annotations

from relay365.emulator.faults.kinds import Kind, Parameter

OPERATIONS = (
    "all", "sendMail", "draft", "attachment", "session", "upload", "send", "read", "trace", "tenant",
)  # fmt: skip
"""The groups of requests that a mood can be limited to: `sendMail`; making a `draft`; adding a small `attachment`;
opening an upload `session`; the `upload` itself; `send` of a draft; to `read` or change a mailbox; message `trace`;
domains and service principals of the `tenant`.
"""

_AT = Parameter("at", "all", "which requests", OPERATIONS)

GRAPH_KINDS: tuple[Kind, ...] = (
    Kind(
        "graph-outage", "Graph answers with an error and does nothing", "request",
        (
            Parameter("status", 503, "HTTP status", (400, 401, 403, 404, 413, 429, 500, 502, 503, 504)),
            Parameter(
                "retry_after", "seconds", "what Retry-After says: `seconds` as given, the same as a `date`, `none`, a "
                "whole `day`, or a `negative` number", ("seconds", "date", "none", "day", "negative"),
            ),
            Parameter("seconds", 5, "how many for `seconds` and `date`"), _AT,
        ), services=(),
    ),
    Kind(
        "graph-slow", "Graph waits before it answers", "request",
        (Parameter("seconds", 2.0, "how long"), _AT), services=(),
    ),
    Kind(
        "graph-answer", "Graph misbehaves in place of its answer", "request",
        (
            Parameter(
                "how", "lost", "`lost`: does the work, then resets the connection; `reset`: reads the body, does "
                "nothing and resets; `truncated`: does the work, the JSON breaks off; `html`: does nothing, "
                "200 with a page; `silence`: does the work and never answers; `ignored`: 200 in place of 202, and "
                "nothing is sent; `dropped`: 202, and nothing is sent", (
                    "lost", "reset", "truncated", "html", "silence", "ignored", "dropped",
                ),
            ), _AT,
        ), services=(),
    ),
)  # fmt: skip
"""Every kind of mood of Graph."""

WITHOUT_WORK = frozenset(("reset", "html", "ignored", "dropped"))
"""The ways of `graph-answer` in which nothing is done."""
