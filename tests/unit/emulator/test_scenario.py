"""Scenario files: what may stand in them, and what a wrong one is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relay365.emulator.scenario import (
    Acs,
    Application,
    Connector,
    Graph,
    Hve,
    HveAccount,
    Limits,
    Mailbox,
    Tenant,
    changed,
    read_scenario,
)
from relay365.errors import ConfigError

MANUAL = Path(__file__).parents[3] / "docs" / "emulator.md"


def test_the_healthy_tenant() -> None:
    """An empty file is a healthy tenant with Microsoft's limits, whose first mailbox takes passwords and aliases."""
    scenario = read_scenario("", "x.toml")
    first = scenario.mailboxes()[0]

    assert ("scan@contoso.com", True, None) == (first.address, first.basic_auth, first.smtp_auth)
    assert (3, 30, 10_000, 500) == (
        first.limits.parallel, first.limits.per_minute, first.limits.recipients_per_day,
        first.limits.recipients_per_message,
    )  # fmt: skip


def test_mailboxes_of_the_file_take_the_place_of_the_defaults() -> None:
    """Tables are read with their limits; moods are kept for later."""
    scenario = read_scenario(
        '[tenant]\ndomain = "x.test"\n[[mailbox]]\naddress = "a@x.test"\nsmtp_auth = false\n'
        'limits = { per_minute = 5, minute = "bucket" }\n[[mood]]\nname = "slow"\nseconds = 1',
        "x.toml",
    )

    assert ["a@x.test"] == [one.address for one in scenario.mailboxes()]
    assert (False, 5, "bucket") == (
        scenario.mailbox[0].smtp_auth, scenario.mailbox[0].limits.per_minute, scenario.mailbox[0].limits.minute,
    )  # fmt: skip
    assert ({"name": "slow", "seconds": 1},) == scenario.mood


@pytest.mark.parametrize(
    ("text", "where", "expected"),
    [
        ("[tenant", "x.toml", "TOML"),
        ("[tenants]", "x.toml: tenants", "a known key"),
        ("[tenant]\npenalty_after = 0", "x.toml: tenant.penalty_after", "greater than or equal to 1"),
        ('[[mailbox]]\naddress = "a"', "x.toml: mailbox.0.address", "String should match pattern"),
        ('[[mailbox]]\naddress = "a@b"\n[[mailbox]]\naddress = "A@b"', "x.toml: mailbox", "every address once"),
        (
            '[[mailbox]]\naddress = "a@b"\nlimits = { minute = "hour" }',
            "x.toml: mailbox.0.limits.minute", "'sliding', 'fixed', 'bucket' or 'unforgiving'",
        ),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_where(text: str, where: str, expected: str) -> None:
    """The error names file, key and what was expected."""
    with pytest.raises(ConfigError) as caught:
        read_scenario(text, "x.toml")

    assert where == caught.value.where
    assert expected in caught.value.expected


def test_changes_merge_into_inner_tables() -> None:
    """A change of one limit leaves the others as they are."""
    before = Mailbox(address="a@b", limits=Limits(per_minute=7, parallel=2))

    after = changed(before, {"limits": {"per_minute": 9}, "full": True})

    assert (9, 2, True) == (after.limits.per_minute, after.limits.parallel, after.full)
    assert 7 == before.limits.per_minute


def test_a_wrong_change_is_a_value_error() -> None:
    """Unknown keys and wrong values are refused with the key."""
    with pytest.raises(ValueError, match=r"^nosuch: expected a known key, found 'nosuch'$"):
        changed(Tenant(), {"nosuch": 1})
    with pytest.raises(ValueError, match=r"^smtp_auth: expected a valid boolean"):
        changed(Tenant(), {"smtp_auth": "perhaps"})


def test_connectors_and_accounts() -> None:
    """One connector for the emulator's certificate and one account where the file names none; an empty list is none."""
    default = read_scenario("", "x.toml")
    none = read_scenario("connector = []\nhve_account = []\n", "x.toml")

    assert [("OnPremises", "relay.contoso.com")] == [
        (one.type, one.certificate) for one in default.connectors()
    ]
    assert ["hve@contoso.com"] == [one.address for one in default.hve_accounts()]
    assert ((), ()) == (none.connectors(), none.hve_accounts())


@pytest.mark.parametrize("network", ["192.0.2.0/23", "2001:db8::1", "relay.contoso.com"])
def test_a_connector_knows_small_ipv4_networks_only(network: str) -> None:
    """Larger networks, IPv6 and names are refused, as New-InboundConnector does."""
    with pytest.raises(ConfigError, match="connector"):
        read_scenario(f'[[connector]]\nsender_ips = ["192.0.2.7", "{network}"]\n', "x.toml")


def test_the_manual_has_every_key() -> None:
    """docs/emulator.md lists every key of every table, with its description."""
    manual = MANUAL.read_text("utf-8")
    missing = [
        f"{table.__name__}.{key}"
        for table in (Tenant, Application, Mailbox, Limits, Connector, HveAccount, Hve, Acs, Graph)
        for key, field in table.model_fields.items()
        if not re.search(rf"\| `{key}` \|.*{re.escape(field.description or '?')}", manual)
    ]

    assert [] == missing
