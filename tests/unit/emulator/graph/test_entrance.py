"""What every request goes through: moods, counting, ids, unknown addresses."""

from __future__ import annotations

from typing import Any

import pytest

ME = "/users/scan@contoso.com"
MIME = b"To: a@x.example\r\n\r\nx"


@pytest.mark.parametrize(("method", "path"), [("GET", "/nosuch"), ("GET", f"{ME}/sendMail")])
def test_what_is_not_there(desk: Any, method: str, path: str) -> None:
    """An unknown address is 404 and a wrong method 405, both in Graph's shape."""
    status, body, _ = desk.ask(method, path)

    assert (404 if path == "/nosuch" else 405, "ResourceNotFound") == (status, body["error"]["code"])


def test_ids_come_back(desk: Any) -> None:
    """Every answer has a request-id, and the client's own id where it sent one."""
    _, _, headers = desk.ask("POST", f"{ME}/sendMail", MIME, {"client-request-id": "mine"})

    assert ("mine", 36) == (headers["client-request-id"], len(headers["request-id"]))


@pytest.mark.parametrize(
    ("mood", "statuses"),
    [
        ({"at": "send"}, [202, 202]), ({"at": "sendMail"}, [500, 202]), ({}, [500, 202]),
        ({"mailbox": "erp@contoso.com"}, [202, 202]), ({"mailbox": "scan@contoso.com"}, [500, 202]),
    ],
)  # fmt: skip
def test_whom_a_mood_strikes(desk: Any, mood: dict[str, str], statuses: list[int]) -> None:
    """A mood holds for its kind of request and its mailbox, or for all; it needs no token, and counts as a refusal."""
    desk.parts.moods.add({"name": "graph-outage", "status": 500, "count": 1, **mood})

    assert statuses == [desk.ask("POST", f"{ME}/sendMail", MIME)[0] for _ in range(2)]
    assert (500 in statuses) == desk.parts.record.tally.refused["graph 500 unwell-500"]
    assert 2 == desk.parts.record.tally.graph_requests["POST sendMail"]


@pytest.mark.parametrize(("how", "status"), [("ignored", 200), ("dropped", 202), ("html", 200)])
def test_an_answer_without_work(desk: Any, how: str, status: int) -> None:
    """Nothing is sent, whatever the answer looks like."""
    desk.parts.moods.add({"name": "graph-answer", "how": how, "count": 1})

    assert status == desk.ask("POST", f"{ME}/sendMail", MIME)[0]
    assert [] == desk.parts.record.messages()


def test_a_refused_request_costs_nothing(desk_of: Any) -> None:
    """A request without permission takes nothing of the rates behind it."""
    desk = desk_of(graph={"requests_per_10_min": 1}, application={"graph_roles": ("Mail.ReadWrite",)})
    assert 403 == desk.ask("POST", f"{ME}/sendMail", MIME)[0]

    assert [200, 429] == [desk.ask("GET", f"{ME}/messages")[0] for _ in range(2)]


def test_a_large_request_is_read_before_it_is_refused(desk_of: Any) -> None:
    """A body above the border is refused in the chosen form, and its octets are not charged."""
    desk = desk_of(graph={"request_octets": 100, "too_large": "400", "upload_octets_per_5_min": 120})
    large = desk.ask("POST", f"{ME}/sendMail", MIME + b"x" * 200)

    assert (400, "The maximum request length supported is 4MB.") == (large[0], large[1]["error"]["message"])
    assert 202 == desk.ask("POST", f"{ME}/sendMail", MIME)[0]
