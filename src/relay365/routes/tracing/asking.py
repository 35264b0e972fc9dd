"""One question to Graph, and what an answer that is none means: when to ask again, and whose turn it is.

Apart from the readers, because trace and mailbox refuse alike. Nothing here is about a message on its way: whatever
Graph answers, no mail waits for it. (Microsoft: "Microsoft Graph error responses"; "Message trace", the service
principal that it needs; RFC 9110 10.2.3)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

from relay365.errors import Relay365Error, TokenRefused, TransportError
from relay365.routes.graph.answer import GraphAnswer

HOURLY_S = 3600.0  # until a person has given a permission
SOON_S = 300.0
MOST_WAIT_S = 6 * 3600.0

PRINCIPAL = "8bd644d1-64a1-4d4b-ae52-2e0cbf64e373"
"""The application that message trace runs as; it must exist in the tenant (Microsoft: exchangeMessageTrace)."""

NO_PRINCIPAL = f"New-MgServicePrincipal -AppId {PRINCIPAL}   (once; hours pass until it works)"
NO_TRACE = "grant the application ExchangeMessageTrace.Read.All (admin consent), or set trace = false"
NO_MAIL = "grant the application Mail.Read for this mailbox (RBAC for Applications), or read_reports = false"


class Asks(Protocol):
    """Who puts requests to Graph (routes.graph.client)."""

    async def request(
        self, method: str, path_or_url: str, *, headers: Mapping[str, str] | None = None
    ) -> GraphAnswer:
        """One answer; raises TokenRefused and TransportError."""
        ...


class AskLater(Relay365Error):
    """No answer now. wait_s: ask again then; do: what a person must do first, "" where it passes by itself."""

    def __init__(self, why: str, wait_s: float, do: str = "") -> None:
        self.why, self.wait_s, self.do = why, wait_s, do
        super().__init__(why)


class Calls:
    """Our share of the calls that Microsoft allows a tenant: `most` in any `span_s` monotonic seconds."""

    def __init__(self, most: int, span_s: float) -> None:
        self._most, self._span_s = most, span_s
        self._taken: deque[float] = deque()

    def take(self, now_mono: float) -> None:
        """Count one more; raises AskLater where none is left."""
        while self._taken and self._taken[0] <= now_mono - self._span_s:
            self._taken.popleft()
        if len(self._taken) >= self._most:
            wait_s = self._taken[0] + self._span_s - now_mono
            raise AskLater(f"{self._most} calls in {self._span_s:.0f} s are our share", wait_s)
        self._taken.append(now_mono)


async def ask(client: Asks, path_or_url: str, now: float, *, do: str, prefer: str = "") -> GraphAnswer:
    """The answer to a GET; raises AskLater for everything but 200.

    now: epoch seconds, for a Retry-After that is a date. do: what heals a 403; prefer: a value of Prefer.
    """
    try:
        answer = await client.request("GET", path_or_url, headers={"Prefer": prefer} if prefer else None)
    except TokenRefused as error:
        raise AskLater(
            f"no token: {error.text}", SOON_S, "" if error.temporary else "relay365 token status"
        ) from error
    except TransportError as error:
        raise AskLater(str(error), SOON_S) from error
    if answer.status == 200:
        return answer
    code, words = answer.error()
    why = " ".join(f"{answer.status} {code} {words}".split())
    if answer.status == 401 and "service principal-less" in words.lower():
        raise AskLater(why, HOURLY_S, NO_PRINCIPAL)
    if answer.status in (401, 403):
        raise AskLater(why, HOURLY_S, do)
    if answer.status == 429 or answer.status >= 500:
        wait_s = answer.retry_after_s(now)
        raise AskLater(why, SOON_S if wait_s is None else min(max(wait_s, 1.0), MOST_WAIT_S))
    raise AskLater(why, HOURLY_S, "relay365 explain --where graph TEXT")


def query(path: str, **options: str) -> str:
    """A path below Graph with OData's options; values are encoded, names get their dollar sign."""
    return path + "?" + "&".join(f"${name}={quote(value, safe=':,')}" for name, value in options.items())


def literal(text: str) -> str:
    """A string as OData writes it in a filter (OData 4.01 ABNF, string)."""
    return "'" + text.replace("'", "''") + "'"
