"""A forecast is about whoever would send, with what is used and waits, and leaves to others what bulk must leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.quotas import CONFIG, LANE, OWNER, usage
from relay365.cli.running import foresight
from relay365.spool.waiting.usage import Usage

NOW = 1_800_000_000.0
POOL = CONFIG.replace('mailbox = "scan@contoso.com"', 'mailboxes = ["scan@contoso.com", "b@contoso.com"]')


@pytest.fixture
def ask(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A command, its answer as an object; time stands still."""
    monkeypatch.setattr(foresight, "now", lambda: NOW)

    def asked(*arguments: str, config: str = CONFIG) -> dict[str, Any]:
        (desk.directory / "relay365.toml").write_text(config, "utf-8")
        said = desk.run("quota", "forecast", *arguments, "--json")
        return {**json.loads(said.stdout), "code": said.exit_code}

    return asked


def _noted(desk: Any, *rows: Usage) -> None:
    desk.spool(lambda spool: spool.note_usage(rows))


def test_it_works_before_the_relay_ever_ran(ask: Any) -> None:
    """From the file alone; the secret is not needed."""
    found = ask("--messages", "8000")

    assert (0, 1, 8_000, 1, True, "normal") == tuple(
        found[key] for key in ("code", "mailboxes", "messages", "recipients", "external", "priority")
    )
    assert NOW + 266 * 60.1 == pytest.approx(_epoch(found["done_at"]), abs=0.01)
    assert NOW + 133 * 60.1 == pytest.approx(_epoch(found["with_one_more_mailbox"]), abs=0.01)
    assert [{"mailbox": OWNER, "left": 2_000, "limit": 10_000}] == found["left"]
    assert [{"messages": 30, "window_s": 60.0}] == found["windows"]
    assert ("messages", None, None) == (
        found["waits_for"], found["external_limit"], found["external_left"],
    )  # fmt: skip


def test_what_is_used_and_waits_counts(ask: Any, desk: Any) -> None:
    """9,990 recipients of today: ten go at once, the rest when the first slice has left, and that is a problem."""
    _noted(desk, usage(9_990, ago_s=3_600))
    found = ask("--messages", "20")

    assert (1, "recipients") == (found["code"], found["waits_for"])
    assert NOW - 3_600 + 300 + 86_400 == _epoch(found["done_at"])
    assert NOW == _epoch(found["with_one_more_mailbox"])


def test_the_tenants_outside_binds_whatever_the_mailboxes(ask: Any) -> None:
    """And mail inside is not concerned."""
    config = CONFIG + '[[tenant]]\nname = "contoso.com"\nexternal_per_day = 100\n'
    outside, inside = (ask("--messages", "120", *extra, config=config) for extra in ((), ("--internal",)))

    assert (1, "external", 100) == tuple(outside[key] for key in ("code", "waits_for", "external_limit"))
    assert (0, "messages", 100) == tuple(inside[key] for key in ("code", "waits_for", "external_left"))


@pytest.mark.parametrize(
    ("arguments", "tenant", "most", "exceeds"),
    [
        (("--messages", "5000"), "", 5_000, False),
        (("--messages", "5001"), "", 5_000, True),
        (("--messages", "51", "--recipients", "100"), "", 5_000, True),
        (("--messages", "5001", "--mailboxes", "2"), "", 5_000, False),
        (("--messages", "5001", "--priority", "bulk"), "", None, False),
        (("--messages", "5001"), "client_share_per_day = 80", 8_000, False),
        (("--messages", "9000"), "client_share_per_day = 100", None, False),
    ],
)
def test_more_than_one_client_may_have_is_said(
    ask: Any, desk: Any, arguments: tuple[str, ...], tenant: str, most: int | None, exceeds: bool
) -> None:
    """Half of a mailbox's day is one client's; bulk leaves others their part anyway."""
    config = CONFIG + (f'[[tenant]]\nname = "contoso.com"\n{tenant}\n' if tenant else "")
    found = ask(*arguments, config=config)
    said = desk.run("quota", "forecast", *arguments).stdout

    assert (most, exceeds) == (found["client_share"], found["exceeds_client_share"])
    assert exceeds == ("  one client  has 5,000 of a mailbox's day" in said)
    assert exceeds == ("client_share_per_day = 100" in said)


def test_a_pool_sends_together(ask: Any) -> None:
    """Those of the route, fewer, or more than it has."""
    n_ends = [
        (found["mailboxes"], _epoch(found["done_at"]) - NOW)
        for found in (
            ask("--messages", "240", *extra, config=POOL)
            for extra in ((), ("--mailboxes", "1"), ("--mailboxes", "4"))
        )
    ]

    assert [(2, 3 * 60.1), (1, 7 * 60.1), (4, 60.1)] == [(n, pytest.approx(s, abs=0.01)) for n, s in n_ends]
    four = ask("--messages", "1", "--mailboxes", "4", config=POOL)
    assert [OWNER, "mailbox b@contoso.com", "mailbox 3", "mailbox 4"] == [
        one["mailbox"] for one in four["left"]
    ]


def test_bulk_leaves_to_others_what_it_must(ask: Any) -> None:
    """A tenth of the minute and the reserve of the day; a device brings its priority."""
    config = CONFIG + '[[tenant]]\nname = "contoso.com"\nreserve_per_day = 4000\n'
    found = ask("--messages", "6001", "--device", "erp", config=config)

    assert ("bulk", 27) == (found["priority"], found["windows"][0]["messages"])
    assert ("recipients", 1) == (found["waits_for"], found["code"])
    fits = ask("--messages", "6000", "--device", "erp", config=config)
    assert (0, 4_000) == (fits["code"], fits["left"][0]["left"])
    assert "normal" == ask("--messages", "1", "--device", "erp", "--priority", "normal")["priority"]


def test_the_reserve_is_learnt_from_earlier_weeks(ask: Any, desk: Any) -> None:
    """Three weeks of use, 100 recipients in every hour but for bulk's own, keep 100 and 15 % for every hour ahead."""
    weeks = [usage(100, ago_s=hour * 3_600) for hour in range(25, 3 * 168 + 24)]
    bulk = [usage(5_000, ago_s=hour * 3_600, priority="bulk") for hour in range(30, 300, 24)]
    _noted(desk, *weeks, *bulk[1:])
    rows = [*weeks, *bulk[1:]]
    used = sum(row.recipients for row in rows if row.at > NOW - 86_400 - 300)
    found = ask("--messages", str(10_000 - 24 * 115 - used), "--priority", "bulk")

    assert (0, 24 * 115) == (found["code"], found["left"][0]["left"])


def test_bulk_waits_for_its_hours(ask: Any) -> None:
    """From the clock of the machine; what comes before them begins when they do."""
    from datetime import datetime, timedelta

    begin = datetime.fromtimestamp(NOW).astimezone() + timedelta(hours=2)
    hours = f'bulk_from = "{begin:%H:%M}"\nbulk_until = "{begin + timedelta(hours=3):%H:%M}"\n'
    found = ask(
        "--messages", "10", "--priority", "bulk", config=f'{CONFIG}[[tenant]]\nname = "contoso.com"\n{hours}'
    )

    assert ("hours", 7_200.0) == (found["waits_for"], _epoch(found["starts_at"]) - NOW)


def test_a_route_by_rule_is_the_one_that_is_asked(ask: Any) -> None:
    """The rule for the device names a connector, which has no minute and no day."""
    connector = '[[route]]\nkind = "connector"\ndomain = "contoso.com"\n'
    config = CONFIG + connector + '[[rule]]\ndevice = "erp"\nroutes = "connector"\n'
    found = ask("--messages", "5000", "--device", "erp", config=config)

    assert (None, [], [], NOW) == (
        found["waits_for"], found["windows"], found["left"], _epoch(found["done_at"]),
    )  # fmt: skip


def test_the_next_such_time_is_meant(ask: Any) -> None:
    """Today if it is still to come, else tomorrow."""
    from datetime import datetime, timedelta

    local = datetime.fromtimestamp(NOW).astimezone()
    soon, past = (f"{local + timedelta(hours=hours):%H:%M}" for hours in (1, -1))

    assert [3_600, 23 * 3_600] == [
        _epoch(ask("--messages", "1", "--at", word)["at"]) - NOW for word in (soon, past)
    ]


def test_what_can_never_go_is_said(desk: Any, ask: Any) -> None:
    """Exit 1, and the word that stands out."""
    config = CONFIG + '[[tenant]]\nname = "contoso.com"\nrecipients_per_day = 300\n'
    found = ask("--messages", "1", "--recipients", "301", "--internal", config=config)
    said = desk.run("quota", "forecast", "--messages", "1", "--recipients", "301", "--internal").stdout

    assert (1, None, None) == (found["code"], found["done_at"], found["starts_at"])
    assert "by 1 mailbox: NEVER" in said
    assert "more recipients than a day allows" in said


def test_what_waits_in_front_is_said(desk: Any, ask: Any, tmp_path: Path) -> None:
    """With its number and the instant at which the run begins."""
    from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
    from relay365.spool.api import NewMessage

    async def fill(spool: Any) -> None:
        for n in range(31):
            intake = spool.begin()
            intake.write(b"Subject: x\r\n\r\nhello\r\n")
            envelope = Envelope("scan@contoso.com", (ForwardPath(f"a{n}@fabrikam.com"),))
            await intake.commit(
                NewMessage(envelope, SubmitterFacts("lan", "192.168.10.31"), LANE, NOW, NOW + 86_400)
            )

    desk.spool(fill)
    found = ask("--messages", "5")

    assert (31, NOW + 60.1) == (found["waiting_before"], _epoch(found["starts_at"]))
    assert "31 messages wait; begins" in desk.run("quota", "forecast", "--messages", "5").stdout


def _epoch(at: str) -> float:
    from relay365.cli.running.purse import epoch

    return epoch(at)
