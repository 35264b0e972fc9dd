"""`relay365 explain` with a queue behind it, and lines that nobody would write; the rest is in tests/golden/cli."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.claims import claim_due
from fakes.mail import put
from relay365.clock import SystemClock
from relay365.engine.reports.unknown import FILE
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.spool.api import Fate, Settlement, State


def test_a_queue_id_is_explained_by_its_last_reply(full_desk: Any) -> None:
    """The row that the relay itself chose, for the message's recipient."""
    (found,) = full_desk.objects("explain", full_desk.ids["waiting"].lower())

    assert ("too-many-connections", "rate-limit", "mailbox") == (found["row"], found["class"], found["scope"])
    assert (full_desk.ids["waiting"], "queued") == (found["id"], found["recipients"][0]["state"])
    assert 0 == full_desk.run("explain", full_desk.ids["waiting"]).exit_code


def test_a_queue_id_names_the_causes_of_its_own_kind_of_route(desk: Any) -> None:
    """The lane's route is a smart host: its causes come first, and those of other kinds not at all."""

    async def fail(spool: Any) -> str:
        spool_id = await put(spool, SystemClock(), lane="smarthost")
        (claim,) = await claim_due(spool, "smarthost", limit=1, now=SystemClock().now(), lease_until_at=1e12)
        outcome = Outcome(
            Kind.DEFERRED, Scope.MAILBOX, Class.CONFIGURATION, None, "530 5.7.57 no", "not-authenticated"
        )
        await spool.settle([Settlement(spool_id, claim.lease, (Fate(0, State.QUEUED, outcome),))])
        return str(spool_id)

    (found,) = desk.objects("explain", desk.spool(fail))

    assert "the host wants a login and the route has none" == found["why"][0]
    assert not [cause for cause in found["why"] if "connector" in cause]


def test_a_reply_that_no_row_knew_is_said(full_desk: Any) -> None:
    """An id whose last reply is unknown is still found, and no escape of the remote reaches the terminal."""
    said = full_desk.run("explain", full_desk.ids["held"])

    assert 0 == said.exit_code
    assert "unknown: This text is not in the catalogue." in said.stdout
    assert "\x1b" not in said.stdout


def test_a_delivered_message_is_well(full_desk: Any) -> None:
    """Nothing went wrong is an answer."""
    (found,) = full_desk.objects("explain", full_desk.ids["delivered"])

    assert (None, None, "Nothing went wrong: it is delivered.") == (
        found["row"],
        found["class"],
        found["title"],
    )


def test_an_id_that_nobody_has_is_said_to_be_nobodys(full_desk: Any) -> None:
    """What looks like an id is not reported as a reply that nobody knows; a word that could be one is."""
    said = full_desk.run("explain", "4tq921")

    assert 1 == said.exit_code
    assert said.stdout.startswith("4TQ921: There is no such message in the queue or its history.\n  why  ")
    assert "relay365 history ADDRESS" in said.stdout
    assert (False, None) == tuple(
        full_desk.objects("explain", "4TQ921")[0][key] for key in ("is_known", "row")
    )
    assert full_desk.run("explain", "ZZZZZ9").stdout.startswith("ZZZZZ9: There is no such message")
    for other in ("printed", "ZZZZZZ", "0x800CCC79", "AADSTS999999"):
        assert full_desk.run("explain", other).stdout.startswith("unknown: "), other


@pytest.mark.parametrize(
    "text",
    ["250 2.0.0 Message queued for delivery.", "250 2.0.0 OK <a@b.example> [Hostname=VI1PR04MB0001.example]"],
)
def test_a_yes_is_no_unknown_fault(desk: Any, text: str) -> None:
    """Exit 0, no class, and how to go on from it; --batch says the same."""
    said = desk.run("explain", text)

    assert 0 == said.exit_code
    assert said.stdout.startswith(
        "well: Nothing went wrong: the server that says this has taken the message.\n"
    )
    assert "relay365 trace ID" in said.stdout
    assert desk.objects("explain", text)[0]["class"] is None


def test_without_a_queue_an_id_is_an_unknown_text(desk: Any) -> None:
    """No queue has been made yet: nothing to look into, nothing to complain of."""
    assert 1 == desk.run("explain", "4TQ921").exit_code


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[]",
        "5",
        "{}",
        '{"text": 5}',
        '{"text": "x", "where": 7}',
        '{"text": "x", "where": "moon"}',
        '"\\ud800"',
        "[" * 100_000,
        "\xff\xfe",
        '{"text": "535 5.7.3", "where": "graph"}',
    ],
    ids=range(12),
)
def test_every_line_of_a_batch_has_one_answer(desk: Any, line: str) -> None:
    """Whatever stands on it, with class and scope; the lines around it are answered as ever."""
    said = desk.run("explain", "--batch", stdin=f'"535 5.7.3 no"\n{line}\n"430 4.2.0 STOREDRV"\n')
    answers = [json.loads(one) for one in said.stdout.splitlines()]

    assert 0 == said.exit_code
    assert 3 == len(answers)
    assert ("auth-refused", "no-mailbox-rights") == (answers[0]["row"], answers[2]["row"])
    assert {"class", "scope", "row", "title", "why", "do"} <= set(answers[1])


def test_the_route_decides_which_causes_come_first(desk: Any) -> None:
    """530 on a connector has another cause than on client submission; tests and links stand beside what to do."""
    text = "530 5.7.57 Client not authenticated to send mail."
    (found,) = desk.objects("explain", "--route", "connector", text)
    said = desk.run("explain", text).stdout

    assert "MX host" in found["why"][0]
    assert found["tests"]
    assert found["links"]
    assert "on a connector route: " in said
    assert f"  test {found['tests'][0]}" in said
    assert f"  see  {found['links'][0]}" in said


def test_replies_that_nobody_knows_are_listed(full_desk: Any) -> None:
    """Newest first, in text and JSON, and counted in status; without any it says so."""
    assert "none: the catalogue knew every reply" in full_desk.run("explain", "--unknown").stdout
    entries = [
        {"text": f"599 odd {n}", "lane": "way", "count": n, "first_at": 1.0, "last_at": float(n)}
        for n in (1, 2)
    ]
    (full_desk.directory / "data" / FILE).write_text(json.dumps(entries))
    found = full_desk.objects("explain", "--unknown")

    assert [("599 odd 2", 2), ("599 odd 1", 1)] == [(one["text"], one["count"]) for one in found]
    assert "1970-01-01T00:00:02.000Z" == found[0]["last_at"]
    assert (
        "2 times, last 1970-01-01T00:00:02.000Z on way: 599 odd 2"
        in full_desk.run("explain", "--unknown").stdout
    )
    assert 2 == full_desk.objects("status")[0]["unknown_replies"]
    assert "2 that nobody knows" in full_desk.run("status").stdout


def test_what_was_seen_lately_stands_with_the_meaning(full_desk: Any) -> None:
    """How often, when last, and whose mail, from the history; never is said, too."""
    said = full_desk.run("explain", "432 4.3.2 Concurrent connections limit exceeded").stdout
    (found,) = full_desk.objects("explain", "too-many-connections")

    assert "  seen 1 times in 24 h, 1 in 30 days, last " in said
    assert "mail of 192.168.10.31: relay365 errors\n" in said
    assert (1, 1, ["192.168.10.31"]) == tuple(found["seen"][key] for key in ("count", "count_24h", "devices"))
    assert "seen" not in full_desk.run("explain", full_desk.ids["waiting"]).stdout
    assert "  seen never in 30 days\n" in full_desk.run("explain", "552 5.3.4 Message size exceeds").stdout


def test_an_explanation_needs_no_history(desk: Any) -> None:
    """No queue, a broken file and no file are no fault of whoever asks what a text means."""
    text = "432 4.3.2 Concurrent connections limit exceeded"
    quiet = desk.run("explain", text)
    (desk.directory / "relay365.toml").write_text("[server\n", "utf-8")
    broken = desk.run("explain", text)

    assert (0, 0) == (quiet.exit_code, broken.exit_code)
    assert "seen" not in quiet.stdout and quiet.stdout == broken.stdout
    assert "seen" not in desk.objects("explain", text)[0]
