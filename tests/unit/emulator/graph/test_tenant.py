"""Message trace, DNS records and service principals, where the interoperability tests do not go."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from relay365.emulator.tenant.office import Posting

TRACES = "/admin/exchange/tracing/messageTraces"


def _post(desk: Any, recipient: str, message_id: str) -> None:
    draft = desk.parts.office.begin()
    draft.write(f"Subject: Scan of {recipient}\r\nMessage-ID: {message_id}\r\n\r\nx".encode())
    desk.parts.office.take(
        draft, Posting("submission", "scan@contoso.com", "scan@contoso.com", (recipient,), "192.0.2.7")
    )


@pytest.mark.parametrize(
    ("filtered", "ids"),
    [
        ("", ["<b@x>", "<a@x>"]), ("messageId eq '<a@x>'", ["<a@x>"]), ("status eq 'pending'", ["<b@x>"]),
        ("recipientAddress eq 'B@x.example'", ["<b@x>"]), ("contains(subject,'of a')", ["<a@x>"]),
        ("senderAddress eq 'erp@contoso.com'", []), ("fromIP eq '192.0.2.7' and status eq 'delivered'", ["<a@x>"]),
    ],
)  # fmt: skip
def test_what_a_trace_is_asked(desk: Any, clock: Any, filtered: str, ids: list[str]) -> None:
    """Rows are found by each documented property; a row is pending until its time has come."""
    _post(desk, "a@x.example", "<a@x>")
    clock.pass_s(10.0)
    _post(desk, "b@x.example", "<b@x>")

    status, answer, _ = desk.ask("GET", f"{TRACES}?$filter={quote(filtered)}" if filtered else TRACES)

    assert (200, ids) == (status, [one["messageId"] for one in answer["value"]])


@pytest.mark.parametrize(
    "query",
    [
        "$filter=nosuch+eq+'x'", "$top=5001", "$skiptoken=%25", "$skiptoken=YWZ0ZXIgeA==",
        "$filter=receivedDateTime+eq+1970-01-12T13:46:40Z",
        "$filter=receivedDateTime+ge+1970-01-12T00:00:00Z+and+receivedDateTime+le+1970-01-11T00:00:00Z",
    ],
)  # fmt: skip
def test_what_a_trace_does_not_take(desk: Any, query: str) -> None:
    """Unknown properties, large pages, foreign skip tokens and spans that are none are 400."""
    assert 400 == desk.ask("GET", f"{TRACES}?{query}")[0]


def test_a_message_older_than_two_days_is_asked_for_by_time(desk: Any, clock: Any) -> None:
    """Without a filter only the last 48 hours are shown; with both ends older rows are."""
    _post(desk, "a@x.example", "<a@x>")
    clock.pass_s(49 * 3600.0)
    desk.token = desk.application_token()
    span = "$filter=receivedDateTime+ge+1970-01-12T00:00:00Z+and+receivedDateTime+le+1970-01-13T00:00:00Z"

    assert (0, 1) == tuple(len(desk.ask("GET", one)[1]["value"]) for one in (TRACES, f"{TRACES}?{span}"))


@pytest.mark.parametrize(
    ("begins", "ends", "words"),
    [
        ("04-20", "04-30", ""), ("04-19T23:59:59Z", "04-30", "10 days"), ("02-01", "02-02", "90 days"),
        ("02-11", "02-12", ""), ("04-20", "", "Both"), ("", "04-20", "Both"),
    ],
)  # fmt: skip
def test_spans_of_a_trace(desk: Any, clock: Any, begins: str, ends: str, words: str) -> None:
    """A span has both ends, at most ten days, and begins at most ninety days ago."""
    clock.pass_s(86_400.0 * 110)  # 1970-05-02, 13:46:40
    desk.token = desk.application_token()
    clauses = [
        f"receivedDateTime {how} 1970-{day if 'Z' in day else day + 'T00:00:00Z'}"
        for how, day in (("ge", begins), ("le", ends))
        if day
    ]

    status, answer, _ = desk.ask("GET", f"{TRACES}?$filter={quote(' and '.join(clauses))}")

    assert (400 if words else 200) == status
    assert not words or words in answer["error"]["message"]


def test_why_a_message_failed(desk: Any, clock: Any) -> None:
    """The details of a failed recipient have the diagnostic, under both spellings of the method; others are 404."""
    desk.parts.moods.add({"name": "ndr", "text": "550 5.7.1 no"})
    _post(desk, "a@x.example", "<a@x>")
    clock.pass_s(10.0)
    (row,) = desk.ask("GET", TRACES)[1]["value"]
    call = f"getDetailsByRecipient(recipientAddress='{row['recipientAddress']}')"

    for spelled in (call, f"microsoft.graph.{call}"):
        events = desk.ask("GET", f"{TRACES}/{row['id']}/{spelled}")[1]["value"]
        assert ["Receive", "Fail"] == [one["event"] for one in events]
        assert "550 5.7.1 no" in events[1]["description"]
    assert 404 == desk.ask("GET", f"{TRACES}/none/{call}")[0]


def test_records_are_for_accepted_domains(desk: Any) -> None:
    """Accepted domains have an MX and an SPF record; others are not found."""
    status, answer, _ = desk.ask("GET", "/domains/Contoso.com/serviceConfigurationRecords")

    assert (200, ["Mx", "Txt"]) == (status, [one["recordType"] for one in answer["value"]])
    assert 404 == desk.ask("GET", "/domains/else.example/serviceConfigurationRecords")[0]


def test_service_principals(desk: Any) -> None:
    """The own application has its object id and no roles; an unknown one is 404; the role must be there."""
    identity = desk.parts.directory.identity
    status, own, _ = desk.ask("GET", f"/servicePrincipals(appId='{identity.client_id}')")

    assert (200, identity.object_id, []) == (status, own["id"], own["appRoles"])
    assert 404 == desk.ask("GET", "/servicePrincipals(appId='else')")[0]
    desk.parts.directory.change_application({"graph_roles": ["Mail.Send"]})
    desk.token = desk.application_token()
    status, refused, _ = desk.ask("GET", f"/servicePrincipals(appId='{identity.client_id}')")
    assert (403, "Authorization_RequestDenied") == (status, refused["error"]["code"])
