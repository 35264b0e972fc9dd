"""`relay365 queue redirect`: the new message first, then the old one's end."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.listening import damage, listen_at
from fakes.mailserver import MailServer

TAKEN = {"dot": "250 2.6.0 queued as ZZZZZZ"}


def events_of(desk: Any, name: str) -> list[tuple[str, str]]:
    """(name, detail) of a message's history."""
    (found,) = desk.objects("queue", "show", desk.ids[name])
    return [(one["name"], one["detail"]) for one in found["events"]]


def test_it_goes_anew_and_the_old_one_is_given_up(full_desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sender and content stay; the history names the new id, the person and the reason."""
    monkeypatch.setenv("SUDO_USER", "alice")
    server = MailServer(replies=TAKEN)
    with server.running() as address:
        listen_at(full_desk, address)
        words = ("--where", "fabrikam.com", "--to", "max@contoso.com", "--reason", "away", "--yes")
        said = full_desk.run("queue", "redirect", *words)

    assert 0 == said.exit_code
    assert f"{full_desk.ids['waiting']} goes to max@contoso.com as ZZZZZZ\n" in said.stdout
    assert (
        2
        == server.heard.count("rcpt TO:<max@contoso.com>")
        == server.heard.count("mail FROM:<scan@contoso.com> BODY=7BIT")
    )
    assert [b"Subject: x\r\n\r\nhello"] * 2 == server.contents
    assert (
        "recipient.deleted",
        "redirected to max@contoso.com as ZZZZZZ by a person (alice): away",
    ) == events_of(full_desk, "waiting")[-1]
    assert [] == full_desk.objects("queue", "list")


def test_a_refusal_leaves_it_as_it_was(full_desk: Any) -> None:
    """What waited waits again, what was held is held; exit 1."""
    with MailServer(replies={"RCPT": "550 5.7.1 not here"}).running() as address:
        listen_at(full_desk, address)
        said = full_desk.run(
            "queue", "redirect", "--where", "fabrikam.com", "--to", "max@contoso.com", "--yes"
        )
    states = {one["id"]: one["state"] for one in full_desk.objects("queue", "list")}

    assert 1 == said.exit_code
    assert f"{full_desk.ids['held']} stays: 550 5.7.1 not here\n" in said.stdout
    assert {full_desk.ids["waiting"]: "queued", full_desk.ids["held"]: "held"} == states


def test_where_nobody_listens_or_the_content_is_damaged_it_waits_as_before(full_desk: Any) -> None:
    """Exit 3, or 1; it was stopped meanwhile and goes on."""
    waiting = full_desk.ids["waiting"]
    with MailServer().running() as address:
        pass
    listen_at(full_desk, address)
    nobody = full_desk.run("queue", "redirect", waiting, "--to", "max@contoso.com", "--yes")
    state = full_desk.objects("queue", "show", waiting)[0]["state"]
    full_desk.spool(lambda spool: damage(spool, waiting))
    damaged = full_desk.run("queue", "redirect", waiting, "--to", "max@contoso.com", "--yes")

    assert (3, "queued") == (nobody.exit_code, state)
    assert (1, True) == (damaged.exit_code, f"{waiting} stays: " in damaged.stdout)
    assert "queued" == full_desk.objects("queue", "show", waiting)[0]["state"]


@pytest.mark.parametrize(("words", "code", "what"), [
    (("{waiting}", "--to", "max@contoso.com"), 4, "what: nothing was redirected"),
    (("{delivered}", "--to", "max@contoso.com", "--yes"), 1, "what: there is nothing to redirect"),
    (("{waiting}", "--to", "max", "--yes"), 2, "what: max is no address"),
    (("{waiting}", "--to", "a b@x.test", "--yes"), 2, "is no address"),
    (("--to", "max@contoso.com"), 2, "name messages"), (("{waiting}",), 2, "--to"),
])  # fmt: skip
def test_what_is_not_done(full_desk: Any, words: tuple[str, ...], code: int, what: str) -> None:
    """Nobody agreed, nothing to do, wrong use; the queue stays."""
    said = full_desk.run("queue", "redirect", *(word.format(**full_desk.ids) for word in words))

    assert code == said.exit_code
    assert what in said.stderr
    assert 2 == len(full_desk.objects("queue", "list"))
