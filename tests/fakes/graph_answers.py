"""Graph, as far as questions are asked of it: the answers that a test puts, and what was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from relay365.errors import Relay365Error
from relay365.routes.graph.answer import GraphAnswer


class Answers:
    """Keeps routes.tracing.asking.Asks. Answers are given in their order; the last one again and again."""

    def __init__(self, *answers: GraphAnswer | Relay365Error) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.headers: list[Mapping[str, str]] = []

    async def request(
        self, method: str, path_or_url: str, *, headers: Mapping[str, str] | None = None
    ) -> GraphAnswer:
        assert "GET" == method
        self.asked.append(unquote(path_or_url))
        self.headers.append(headers or {})
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Relay365Error):
            raise answer
        return answer

    def options(self, n: int = -1) -> dict[str, str]:
        """The query of one of the questions."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.asked[n]).query).items()}


def page(*items: Mapping[str, Any], next_link: str = "") -> GraphAnswer:
    """A page of a list."""
    more = {"@odata.nextLink": next_link} if next_link else {}
    return GraphAnswer(200, {}, json.dumps({"value": list(items), **more}).encode())


def refusal(status: int, code: str, message: str, **headers: str) -> GraphAnswer:
    """An error."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return GraphAnswer(status, named, json.dumps({"error": {"code": code, "message": message}}).encode())
