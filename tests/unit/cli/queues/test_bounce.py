"""`relay365 queue bounce`: counted first, then given up with a report owed, and nobody told who may not be."""

from __future__ import annotations

from typing import Any

import pytest

from relay365.mail.dsn import Debt
from relay365.spool.lock import DirectoryLock


def _owing(desk: Any) -> list[str]:
    views = desk.spool(lambda spool: spool.debts(Debt.FAILURE, limit=10))
    return sorted(view.recipients[0].address for view in views)


def _last_event(found: dict[str, Any]) -> tuple[str, str]:
    """(name, detail) of what happened last to a message of `queue show`."""
    last = found["events"][-1]
    return last["name"], last["detail"]


def _owner(desk: Any, reports_to: str = "ops@contoso.com", domain: str = "contoso.com") -> None:
    with (desk.directory / "relay365.toml").open("a") as file:
        file.write(f'[sender]\ndomains = ["{domain}"]\n[queue]\nreports_to = "{reports_to}"\n')


def test_it_is_given_up_and_its_sender_is_owed_a_report(
    full_desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits and what is held; the history has who and why, the reply what the remote said before."""
    monkeypatch.setenv("SUDO_USER", "alice")
    _owner(full_desk)
    said = full_desk.run("queue", "bounce", "--where", "fabrikam.com", "--reason", "she has left", "--yes")
    (found,) = full_desk.objects("queue", "show", full_desk.ids["waiting"])

    assert 0 == said.exit_code, said.output
    assert "bounced: 2 recipients; told: scan@contoso.com (2)\n" in said.stdout
    assert "the reports go out when the service runs again\n" in said.stdout
    assert ["held@fabrikam.com", "waiting@fabrikam.com"] == _owing(full_desk)
    assert ("recipient.bounced", "bounced by a person (alice): she has left") == _last_event(found)
    assert ("failed", "bounced by a person (alice): she has left; before that: 432 4.3.2") == (
        found["state"], found["recipients"][0]["last_reply"].partition(" Concurrent")[0],
    )  # fmt: skip
    assert [] == full_desk.objects("queue", "list")


def test_as_json_with_who_is_told(full_desk: Any) -> None:
    """A sender outside is not told; the administrator is, in his place."""
    _owner(full_desk, domain="other.test")
    found = full_desk.objects("queue", "bounce", full_desk.ids["waiting"], "--yes")

    assert [{"bounced": 1, "messages": 1, "told": ["ops@contoso.com"], "without_reader": 0}] == found


def test_where_nobody_may_be_told_that_is_said_before(full_desk: Any) -> None:
    """Without a terminal nobody agrees: exit 4, with the count, and nothing has changed."""
    _owner(full_desk, reports_to="", domain="other.test")
    said = full_desk.run("queue", "bounce", "--where", "fabrikam.com")

    assert 4 == said.exit_code
    assert said.stderr.startswith("what: nothing was bounced\nwhy:  it would be 2 messages, the oldest of ")
    assert "; nobody of 2; nobody agreed\n" in said.stderr
    assert 2 == len(full_desk.objects("queue", "list"))
    assert [] == _owing(full_desk)


def test_a_running_service_reports_at_once(full_desk: Any) -> None:
    """That is said, too."""
    lock = DirectoryLock(full_desk.directory / "data")
    _owner(full_desk)
    lock.take()
    said = full_desk.run("queue", "bounce", full_desk.ids["held"], "--yes")
    lock.release()

    assert "the reports go out in a moment\n" in said.stdout


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("delivered", "--yes"), 1, "what: there is nothing to bounce"),
        (("failed", "--yes"), 1, "what: there is nothing to bounce"),
        (("waiting",), 4, "what: nothing was bounced"),
        ((), 2, "name messages, or say --where"),
        (("waiting", "--where", "age>1s"), 2, "name messages, or say --where"),
    ],
)
def test_what_cannot_be(full_desk: Any, words: tuple[str, ...], code: int, what: str) -> None:
    """Nothing fits, nobody agrees, or it is not clear what is meant."""
    said = full_desk.run("queue", "bounce", *(full_desk.ids.get(one, one) for one in words))

    assert (code, True) == (said.exit_code, what in said.stderr), said.output
    assert 2 == len(full_desk.objects("queue", "list"))
