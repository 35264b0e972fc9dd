"""`relay365 queue`: what waits, one message's story, and moving mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest


def test_the_list_shows_what_waits(full_desk: Any) -> None:
    """Finished mail is not in the way; --all and --state bring it; oldest first."""
    ids = full_desk.ids
    states = [one["state"] for one in full_desk.objects("queue", "list", "--all")]

    assert [ids["waiting"], ids["held"]] == [one["id"] for one in full_desk.objects("queue", "list")]
    assert ["queued", "failed", "held", "delivered"] == states
    assert [ids["failed"]] == [one["id"] for one in full_desk.objects("queue", "list", "--state", "failed")]
    assert [ids["waiting"]] == [
        one["id"] for one in full_desk.objects("queue", "list", "--limit", "1", "--all")
    ]


def test_the_object_has_the_documented_keys(full_desk: Any) -> None:
    """The keys are an interface for programs."""
    found = full_desk.objects("queue", "list")[0]

    assert {
        "id", "state", "age_s", "size_octets", "reverse_path", "recipients", "device", "route", "next_attempt_at",
    } <= set(found)  # fmt: skip
    assert {"address", "state", "last_reply", "class"} <= set(found["recipients"][0])
    assert ("rate-limit", "queued", "192.168.10.31", "smarthost") == (
        found["recipients"][0]["class"], found["state"], found["device"], found["route"],
    )  # fmt: skip


def test_the_table_is_for_people(full_desk: Any) -> None:
    """Headings, one line per message, a count; control characters of a remote do not reach the terminal."""
    said = full_desk.run("queue", "list").stdout

    assert said.startswith("ID  ")
    assert said.endswith("2 messages.\n")
    assert "432 4.3.2 Concurrent" in said
    assert "\x1b" not in said


def test_one_message_tells_its_story(full_desk: Any) -> None:
    """Recipients, their last replies and every event; the id is read in any case."""
    said = full_desk.run("queue", "show", full_desk.ids["waiting"].lower())
    found = full_desk.objects("queue", "show", full_desk.ids["waiting"])[0]

    assert 0 == said.exit_code
    assert "<waiting@fabrikam.com>  queued" in said.stdout
    assert ["message.accepted", "message.claimed", "recipient.deferred"] == [
        e["name"] for e in found["events"]
    ]


def test_an_unknown_message_is_a_problem(full_desk: Any) -> None:
    """Exit 1 and three lines."""
    said = full_desk.run("queue", "show", "ZZZZZZ")

    assert 1 == said.exit_code
    assert said.stderr.startswith("what: no message ZZZZZZ\n")


def test_mail_is_moved_and_counted(full_desk: Any) -> None:
    """Release, hold, retry and delete each say how many recipients they moved."""
    held, waiting = full_desk.ids["held"], full_desk.ids["waiting"]

    assert [{"released": 1}] == full_desk.objects("queue", "release", held)
    assert [{"held": 2}] == full_desk.objects("queue", "hold", held, waiting)
    assert [{"released": 2}] == full_desk.objects("queue", "release", "--all")
    assert [{"due now": 2}] == full_desk.objects("queue", "retry", "--all")
    assert [{"deleted": 1}] == full_desk.objects("queue", "delete", waiting)
    assert "failed" == full_desk.objects("queue", "show", waiting)[0]["state"]


def test_nothing_moved_is_a_problem(full_desk: Any) -> None:
    """Who names mail that cannot be moved hears it by the exit code."""
    said = full_desk.run("queue", "release", full_desk.ids["delivered"])

    assert (1, "released: 0 recipients\n") == (said.exit_code, said.stdout)


def test_deleting_everything_wants_a_yes(full_desk: Any) -> None:
    """Without --yes nothing is deleted and the exit code says: refused for safety."""
    refused = full_desk.run("queue", "delete", "--all")

    assert 4 == refused.exit_code
    assert 2 == len(full_desk.objects("queue", "list"))
    assert 0 == full_desk.run("queue", "delete", "--all", "--yes").exit_code
    assert [] == full_desk.objects("queue", "list")


def test_moving_nothing_in_particular_is_wrong_use(full_desk: Any) -> None:
    """Names or --all."""
    assert 2 == full_desk.run("queue", "hold").exit_code


def test_what_a_route_waited_is_shown_with_the_end(full_desk: Any) -> None:
    """For people in the line of the end, for programs in seconds; nothing is said where nothing was kept."""
    waiting = full_desk.ids["waiting"]
    before = full_desk.run("queue", "show", waiting).stdout
    (own,) = full_desk.objects("queue", "show", waiting)
    lane = own["recipients"][0]["lane"]
    at = datetime.fromisoformat(own["events"][0]["at"]).timestamp()
    full_desk.spool(lambda spool: spool.keep({lane}, at))
    (found,) = full_desk.objects("queue", "show", waiting)

    assert "for what its route waited" not in before
    assert 0.0 == own["kept_s"] < found["kept_s"]
    assert found["kept_s"] == pytest.approx(
        datetime.fromisoformat(found["expires_at"]).timestamp()
        - datetime.fromisoformat(own["expires_at"]).timestamp(),
        abs=0.1,
    )
    assert "later, for what its route waited)" in full_desk.run("queue", "show", waiting).stdout


def test_a_filter_chooses_what_is_listed(full_desk: Any) -> None:
    """Words of the filter narrow the states; nothing that fits is nothing, not everything."""
    ids = full_desk.ids

    def listed(*words: str) -> list[str]:
        return [one["id"] for one in full_desk.objects("queue", "list", *words)]

    assert [ids["waiting"]] == listed("--where", "to:waiting@ error:rate-limit")
    assert [ids["waiting"], ids["held"]] == listed("--where", "fabrikam.com")
    assert [ids["failed"], ids["delivered"]] == listed("--where", "state:failed,delivered", "--all")
    assert [ids["waiting"]] == listed("--where", "fabrikam.com", "--limit", "1")
    assert [] == listed("--where", "to:nobody@x.test")
    assert [] == listed("--where", "state:failed")
    assert ids["held"] in listed("--where", 'subject:"x" state:held')


def test_a_filter_moves_and_leaves_who_and_why_in_the_history(
    full_desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only mail that the verb is for; the line names the person and the reason."""
    monkeypatch.setenv("SUDO_USER", "alice")
    waiting = full_desk.ids["waiting"]

    assert [{"held": 1}] == full_desk.objects(
        "queue", "hold", "--where", "fabrikam.com", "--reason", "change window"
    )
    event = full_desk.objects("queue", "show", waiting)[0]["events"][-1]
    assert ("recipient.held", "held by a person (alice): change window") == (event["name"], event["detail"])
    assert [{"released": 2}] == full_desk.objects("queue", "release", "--where", "from:scan@")
    assert [{"due now": 0}] == full_desk.objects("queue", "retry", "--where", "to:nobody")


def test_deleting_by_a_filter_says_how_much_it_would_be(full_desk: Any) -> None:
    """Exit 4 and the count; with --yes it is done; the content stays as that of a dead letter."""
    refused = full_desk.run("queue", "delete", "--where", "fabrikam.com")

    assert 4 == refused.exit_code
    assert "it would give up 2 messages, the oldest of 0 s ago" in refused.stderr
    assert [{"deleted": 2}] == full_desk.objects("queue", "delete", "--where", "fabrikam.com", "--yes")
    content = full_desk.spool(lambda spool: spool.content(full_desk.ids["waiting"]))
    assert b"Subject: x\r\n\r\nhello\r\n" == content.octets()


def test_a_person_at_a_terminal_is_asked(full_desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No changes nothing and is exit 4, yes does it; the question has the count."""
    monkeypatch.setattr("relay365.cli.queues.queue.is_terminal", lambda: True)
    no = full_desk.run("queue", "hold", "--where", "to:waiting", stdin="n\n")
    yes = full_desk.run("queue", "hold", "--where", "to:waiting", stdin="y\n")

    assert (4, 0) == (no.exit_code, yes.exit_code)
    assert "would hold 1 message, the oldest of 0 s ago. Do it? [y/N]" in no.stderr
    assert "held: 1 recipient\n" == yes.stdout


@pytest.mark.parametrize("words", [("--all", "--where", "x"), ("ID", "--all"), ("ID", "--where", "x"), ()])
def test_one_way_of_naming_is_enough(full_desk: Any, words: tuple[str, ...]) -> None:
    """Names, a filter, or all."""
    assert 2 == full_desk.run("queue", "retry", *words).exit_code
