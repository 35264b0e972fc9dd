"""`relay365 history`: messages and sessions by what is known of them."""

from __future__ import annotations

from typing import Any

import pytest

from relay365.clock import SystemClock
from relay365.engine.blackbox.archive import Archive

SESSION = {
    "session": "1-1", "began_at": 0.0, "ended": True, "peer": "192.168.10.44:5000", "listener": "lan", "tls": "",
    "login": "", "messages": 0, "ids": [], "refused": 1, "tolerated": {},
    "reading": "the sender was refused: 550 5.7.1 sender not allowed here (R3)",
    "lines": [[0, "relay", "220 x"], [1, "client", "MAIL FROM:<canon@local>"], [2, "client", "RCPT TO:<lena@x.test>"]],
    "attempts": [],
}  # fmt: skip


def with_sessions(desk: Any) -> None:
    """A device that was refused just now, and one that brought a message."""
    now = SystemClock().now()
    quiet = {**SESSION, "began_at": now, "session": "2-2"}
    brought = {**quiet, "session": "3-3", "ids": [desk.ids["waiting"]]}
    client = {"device": "canon", "address": "192.168.10.44", "sessions": [quiet, brought]}
    Archive(desk.directory / "data").write("device-canon", client)


def ids(desk: Any, *words: str) -> list[str]:
    """The names of the messages that are found."""
    names = {spool_id: name for name, spool_id in desk.ids.items()}
    return [names.get(one.get("id", ""), one["kind"]) for one in desk.objects("history", *words)]


@pytest.mark.parametrize(("words", "found"), [
    ((), ["delivered", "held", "failed", "waiting"]), (("--limit", "2"), ["delivered", "held"]),
    (("waiting@fab",), ["waiting"]), (("432", "exceeded"), ["waiting"]), (("--to", "held@"), ["held"]),
    (("--state", "failed", "--state", "held"), ["held", "failed"]), (("--error", "no-such-recipient"), ["failed"]),
    (("--error", "rate-limit"), ["waiting"]), (("--device", "192.168.10.*", "--limit", "1"), ["delivered"]),
    (("--where", "state:queued,failed fabrikam"), ["failed", "waiting"]), (("<held@device>",), ["held"]),
    (("--since", "1h", "--from", "scan@contoso.com"), ["delivered", "held", "failed", "waiting"]),
])  # fmt: skip
def test_messages_are_found(full_desk: Any, words: tuple[str, ...], found: list[str]) -> None:
    """Newest first, by everything that is known."""
    assert found == ids(full_desk, *words)


def test_an_attempt_that_was_healed_is_found_by_its_error(full_desk: Any) -> None:
    """The row is not the message's any more, but it was told it."""
    full_desk.spool(lambda spool: spool.delete(selection_of(full_desk.ids["waiting"]), "deleted by a person"))

    assert ["waiting"] == ids(full_desk, "--error", "too-many-connections")


def selection_of(spool_id: str) -> Any:
    from relay365.mail.envelope import SpoolId
    from relay365.spool.api import Selection

    return Selection((SpoolId(spool_id),))


def test_a_message_is_found_by_its_id_in_any_case(full_desk: Any) -> None:
    """Alone among all."""
    assert ["held"] == ids(full_desk, full_desk.ids["held"].lower())


def test_sessions_that_brought_nothing_stand_among_them(full_desk: Any) -> None:
    """By device, address, words of the dialogue; what is only true of messages leaves them out."""
    with_sessions(full_desk)

    assert "session" == ids(full_desk)[0]
    assert ["session"] == ids(full_desk, "--device", "canon") == ids(full_desk, "5.7.1", "canon@local")
    assert ["session"] == ids(full_desk, "--to", "lena@x.test", "--from", "canon@")
    assert "session" not in ids(full_desk, "--state", "failed")
    assert [] == full_desk.run("history", "--device", "canon", "--until", "1h").stdout.splitlines()
    (found,) = full_desk.objects("history", "--device", "canon")
    assert (1, "192.168.10.44", ["MAIL FROM:<canon@local>", "RCPT TO:<lena@x.test>"]) == (
        found["refused"], found["peer_address"], found["envelope"],
    )  # fmt: skip


def test_a_person_reads_a_table(full_desk: Any) -> None:
    """Times with offset or in UTC, what waits with its age, no control characters, and where to read on."""
    with_sessions(full_desk)
    said = full_desk.run("history", "--utc").stdout
    lines = said.splitlines()

    assert lines[0].startswith("WHEN ") and "+00:00  -       refused" in lines[1]
    assert "<canon@local> > <lena@x.test>" in lines[1]
    assert "for 0 s: 432 4.3.2 Concurrent" in said and "\x1b" not in said
    assert lines[-1] == "5 found. One of them: relay365 trace ID; a session: device sessions NAME"
    assert "there may be more: --limit 10" in full_desk.run("history", "--limit", "1").stdout


def test_the_object_has_the_documented_keys(full_desk: Any) -> None:
    """The keys are an interface for programs."""
    found = full_desk.objects("history", "--limit", "1")[0]

    assert {"kind", "accepted_at", "id", "state", "recipients", "device", "peer_address", "attempts"} <= set(
        found
    )
    assert ("message", 1, "192.168.10.31") == (found["kind"], found["attempts"], found["peer_address"])
    assert not [key for key in found if key.startswith("_")]


@pytest.mark.parametrize(("words", "code", "what"), [
    (("nowhere",), 1, "what: nothing was found"), (("--error", "no-such-row"), 1, "what: nothing was found"),
    (("--state", "lost"), 2, "lost"), (("--since", "soon"), 2, "an age such as"),
    (("--where", "colour:red"), 2, "what: --where 'colour:red' cannot be read"), (("--limit", "0"), 2, "limit"),
])  # fmt: skip
def test_what_is_not_found_or_wrongly_asked(
    full_desk: Any, words: tuple[str, ...], code: int, what: str
) -> None:
    """Exit 1 and three lines; 2 for wrong use."""
    said = full_desk.run("history", *words)

    assert code == said.exit_code
    assert what in said.stderr


def test_a_relay_that_never_ran_has_no_history(desk: Any) -> None:
    """Exit 3."""
    said = desk.run("history")

    assert (3, True) == (said.exit_code, "what: there is no queue in" in said.stderr)
