"""`relay365 queue resend`: what had ended goes once more, and the old message knows the new one."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.listening import damage, listen_at
from fakes.mailserver import MailServer

TAKEN = {"dot": "250 2.6.0 queued as ZZZZZZ"}


def test_failed_and_deleted_mail_goes_again(full_desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content and envelope as they came; the history of each has the new id, the person and the reason."""
    monkeypatch.setenv("SUDO_USER", "alice")
    full_desk.run("queue", "delete", full_desk.ids["waiting"])
    server = MailServer(replies=TAKEN)
    with server.running() as address:
        listen_at(full_desk, address)
        words = ("--where", "fabrikam.com", "--reason", "deleted by mistake", "--yes")
        said = full_desk.run("queue", "resend", *words)

    lines = [f"{full_desk.ids[name]} goes again as ZZZZZZ" for name in ("waiting", "failed")]
    assert (0, lines) == (said.exit_code, said.stdout.splitlines())
    assert ["rcpt TO:<waiting@fabrikam.com>", "rcpt TO:<failed@fabrikam.com>"] == [
        line for line in server.heard if line.startswith("rcpt")
    ]
    for name in ("waiting", "failed"):
        (found,) = full_desk.objects("queue", "show", full_desk.ids[name])
        assert ("failed", "message.resent", "as ZZZZZZ by a person (alice): deleted by mistake") == (
            found["state"], found["events"][-1]["name"], found["events"][-1]["detail"],
        )  # fmt: skip


def test_one_by_its_id_needs_no_yes(full_desk: Any) -> None:
    """Whoever names a message means it; what is refused, or damaged, is told and exit 1."""
    failed = full_desk.ids["failed"]
    server = MailServer(replies={"MAIL": "550 5.7.1 not here"})
    with server.running() as address:
        listen_at(full_desk, address)
        (refused,) = full_desk.objects("queue", "resend", failed.lower())
        full_desk.spool(lambda spool: damage(spool, failed))
        damaged = full_desk.run("queue", "resend", failed)

    assert {"id": failed, "new_id": None, "refused": "550 5.7.1 not here"} == refused
    assert (1, True) == (damaged.exit_code, damaged.stdout.startswith(f"{failed} was refused: "))
    assert "message.resent" not in full_desk.run("queue", "show", failed).stdout


@pytest.mark.parametrize(("words", "code", "what"), [
    (("--where", "state:failed"), 4, "what: nothing was sent\nwhy:  it would be 1 message again"),
    (("{delivered}",), 1, "what: there is nothing to send again"), (("{waiting}",), 1, "nothing to send again"),
    ((), 2, "name messages"), (("{failed}", "--where", "x"), 2, "name messages"),
])  # fmt: skip
def test_what_is_not_done(full_desk: Any, words: tuple[str, ...], code: int, what: str) -> None:
    """Several without a yes, what waits or is delivered, wrong use."""
    said = full_desk.run("queue", "resend", *(word.format(**full_desk.ids) for word in words))

    assert (code, True) == (said.exit_code, what in said.stderr)
