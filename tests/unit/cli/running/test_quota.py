"""`relay365 quota status`: each budget with its use, who used it, what waits, and a word before it ends."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.quotas import CONFIG, LANE, OWNER, note
from relay365.clock import SystemClock
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.spool.api import NewMessage
from relay365.spool.lock import DirectoryLock
from relay365.spool.waiting.usage import Usage

TENANT = '[[tenant]]\nname = "contoso.com"\nlicences = 40\n'


@pytest.fixture
def books(desk: Any) -> Any:
    """A desk whose relay has used 1,311 recipients today, 1,200 of them outside, and where two messages wait."""
    (desk.directory / "relay365.toml").write_text(CONFIG + TENANT, "utf-8")
    desk.spool(_fill)
    return desk


async def _fill(spool: Any) -> None:
    now = SystemClock().now()
    at = now // 300 * 300
    await spool.note_usage(
        [
            Usage(OWNER, at - 7_200, "normal", 1_000, 1_200, 1_100),
            Usage(OWNER, at, "alarm", 111, 111, 100),
            Usage("tenant contoso.com", at - 7_200, "normal", 1_000, 1_200, 1_100),
            Usage("tenant contoso.com", at, "alarm", 111, 111, 100),
        ]
    )
    for paths in (("a@fabrikam.com", "b@contoso.com"), ("c@fabrikam.com",)):
        intake = spool.begin()
        intake.write(b"Subject: x\r\n\r\nhello\r\n")
        envelope = Envelope("scan@contoso.com", tuple(map(ForwardPath, paths)))
        await intake.commit(
            NewMessage(envelope, SubmitterFacts("lan", "192.168.10.31"), LANE, now, now + 86_400)
        )
    await spool.note_lane(note({"name": "messages", "used": 7, "opens_at": now + 30, "foreign": 2}))


def test_every_budget_is_told(books: Any) -> None:
    """Also while the service is down; exit 0 while there is room."""
    said = books.run("quota", "status")

    assert 0 == said.exit_code, said.stderr
    assert OWNER == said.stdout.splitlines()[0]
    assert "  messages     7 of 30 in 60 s; others have used 2; opens " in said.stdout
    assert "  recipients   1,311 of 10,000 in 24 h: normal 1,200, alarm 111\n" in said.stdout
    assert "  external     1,200 of 16,113 in 24 h: normal 1,100, alarm 100\n" in said.stdout
    assert "  waiting      2 messages for 3 recipients, out by " in said.stdout
    assert "WARNING" not in said.stdout


def test_the_objects_have_all_of_it(books: Any) -> None:
    """Mailboxes with their lanes, tenants, and instants as RFC 3339."""
    (found,) = books.objects("quota", "status")
    (mailbox,), (tenant,) = found["mailboxes"], found["tenants"]

    assert (False, []) == (found["running"], found["notices"])
    assert (OWNER, [LANE], 2, 3, True, None, None) == tuple(
        mailbox[key]
        for key in (
            "owner", "lanes", "waiting_messages", "waiting_recipients", "waiting_is_whole", "held", "closed_until",
        )
    )  # fmt: skip
    assert mailbox["waiting_until"].endswith("Z")
    assert ["messages", "recipients", "pairs"] == [one["name"] for one in mailbox["budgets"]]
    assert ("contoso.com", 1_200, 16_113) == (
        tenant["tenant"], tenant["budgets"][0]["used"], tenant["budgets"][0]["limit"],
    )  # fmt: skip


@pytest.mark.parametrize(("used", "level", "code"), [(6_800, "near", 0), (8_300, "over", 1)])
def test_a_budget_speaks_before_it_ends(books: Any, used: int, level: str, code: int) -> None:
    """At 80 % with the end at this rate; from 95 % on it is a problem."""
    at = SystemClock().now() // 300 * 300
    books.spool(lambda spool: spool.note_usage([Usage(OWNER, at - 600, "bulk", used, used, 0)]))
    said = books.run("quota", "status")
    (notice,) = books.objects("quota", "status")[0]["notices"]

    assert code == said.exit_code
    assert (level, OWNER, "recipients", used + 1_311, 10_000) == tuple(
        notice[key] for key in ("level", "owner", "budget", "used", "limit")
    )
    assert (
        f"WARNING  {OWNER}: {(used + 1_311) // 100} % of the day's 10,000 recipients are used; at the"
        in said.stdout
    )
    assert "docs/quota.md" in said.stdout


def test_other_faces_get_the_notices(books: Any) -> None:
    """`status` has them in its own screen."""
    from relay365.cli.running.quota import notices_of, said
    from relay365.config import parse

    at = SystemClock().now()
    rows = [Usage(OWNER, at // 300 * 300 - 600, "bulk", 9_000, 9_000, 0)]

    async def look(spool: Any) -> list[dict[str, Any]]:
        await spool.note_usage(rows)
        return await notices_of(spool, parse(CONFIG + TENANT, "f"), at, is_running=True)

    (notice,) = books.spool(look)
    assert f"{OWNER}: 103 % of the day's 10,000 recipients are used up" == said(notice, at)


def test_a_used_up_budget_says_so(books: Any) -> None:
    """Not when it will end, but that it has, and when it opens."""
    at = SystemClock().now() // 300 * 300
    books.spool(lambda spool: spool.note_usage([Usage(OWNER, at - 600, "bulk", 9_000, 9_000, 0)]))
    said = books.run("quota", "status").stdout

    assert "103 % of the day's 10,000 recipients are used up" in said
    assert "10,311 of 10,000 in 24 h: normal 1,200, bulk 9,000, alarm 111; opens " in said


def test_a_held_lane_says_why_its_mail_waits(books: Any) -> None:
    """No end is promised; a gate is told with its end."""
    shut = SystemClock().now() + 3_600
    books.spool(lambda spool: spool.note_lane(note(gate_until_at=shut, klass="rate-limit")))
    assert ", closed until " in books.run("quota", "status").stdout
    books.spool(lambda spool: spool.note_lane(note(held="535 5.7.3 no\x1b[31m")))

    assert "2 messages for 3 recipients, HELD: 535 5.7.3 no?[31m" in books.run("quota", "status").stdout
    assert books.objects("quota", "status")[0]["mailboxes"][0]["waiting_until"] is None


def test_an_outside_that_nobody_watches_names_the_key(books: Any) -> None:
    """Without licences the relay does not invent a limit."""
    (books.directory / "relay365.toml").write_text(CONFIG, "utf-8")

    assert (
        "1,200 in 24 h, not watched: [[tenant]] licences = N sets the limit"
        in books.run("quota", "status").stdout
    )


def test_a_running_service_is_seen(books: Any) -> None:
    """By its lock."""
    lock = DirectoryLock(books.directory / "data")
    lock.take()
    found = books.objects("quota", "status")[0]["running"]
    lock.release()

    assert found is True


def test_mail_that_can_never_go_by_this_way_is_told(books: Any) -> None:
    """A tenant that may reach one recipient a day has one message for two."""
    text = CONFIG + '[[tenant]]\nname = "contoso.com"\nrecipients_per_day = 1\n'
    (books.directory / "relay365.toml").write_text(text, "utf-8")

    assert "some can never go by this way" in books.run("quota", "status").stdout
