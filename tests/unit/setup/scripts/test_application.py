"""What the scripts for an application do, run by an administrator in a tenant that does as Microsoft's pages say."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.administrator import FakeTenant
from fakes.powershell import Thrown
from relay365.setup.powershell.checking import faults_of
from relay365.setup.resume import read_result
from relay365.setup.scripts.application import AppWish, Grant, make_script, rotate_script, undo_script
from relay365.setup.scripts.composing import Origin

ORIGIN = Origin("relay365 1.0", "srv-relay", "2026-11-30")
TENANT = "7f3c0000-0000-4000-8000-0000000091aa"
SCAN = "scan@contoso.com"
GRANTS: tuple[Grant, ...] = ("mailbox", "scope", "scope-graph", "hve", "person")
GOLDEN = Path(__file__).parents[3] / "golden" / "scripts"


def _wish(grant: Grant = "mailbox", **changes: object) -> AppWish:
    given = {
        "certificate": b"DER",
        "key_name": "relay365 srv-relay 2026-11",
        "senders": ("alerts@contoso.com",),
    }
    return AppWish(TENANT, "relay365 srv-relay", SCAN, grant, **{**given, **changes})  # type: ignore[arg-type]


def _tenant() -> FakeTenant:
    return FakeTenant(mailboxes=(SCAN, "boss@contoso.com"))


def test_the_relay_may_use_exactly_one_mailbox() -> None:
    """The application may send from the one mailbox, SMTP AUTH is on for it, and others are as they were."""
    tenant = _tenant()
    tenant.run(make_script(_wish(), ORIGIN))

    assert {SCAN} == tenant.can_send_from
    assert {SCAN: False} == tenant.switches
    assert [("alerts@contoso.com")] == [address for address, _ in tenant.send_as]


def test_exchange_knows_the_enterprise_application() -> None:
    """Exchange gets the object id of the enterprise application, not that of the registration."""
    tenant = _tenant()
    tenant.run(make_script(_wish(), ORIGIN))
    (service,), principal = tenant.services, tenant.principals[-1]

    assert principal["id"] == service["ObjectId"]
    assert tenant.applications[0]["id"] != service["ObjectId"]


def test_the_classic_mistake_is_healed() -> None:
    """An entry in Exchange that was made with the registration's object id is replaced, and then mail may go."""
    tenant = _tenant()
    tenant.run(make_script(_wish(), ORIGIN))
    tenant.services[0]["ObjectId"] = tenant.applications[0]["id"]
    assert set() == tenant.can_send_from
    tenant.run(make_script(_wish(), ORIGIN))

    assert {SCAN} == tenant.can_send_from


@pytest.mark.parametrize("grant", GRANTS)
def test_the_last_line_is_for_the_wizard(grant: Grant) -> None:
    """Whatever the grant, the output ends with the line that init reads: all ids are those of the tenant."""
    tenant = _tenant()
    found = read_result(
        "\n".join(tenant.run(make_script(_wish(grant), ORIGIN))).replace("exchange-principal", "x")
    )

    assert found is not None
    assert (TENANT, SCAN) == (found.tenant_id, found.mailbox)
    assert tenant.applications[0]["appId"] == found.client
    assert (tenant.principals[-1]["id"], tenant.applications[0]["id"]) == (
        found.principal,
        found.registration,
    )


@pytest.mark.parametrize("grant", GRANTS)
def test_a_second_run_changes_nothing(grant: Grant) -> None:
    """The script may be run again: nothing is asked and nothing is done but what has no question to be asked (HVE)."""
    tenant = _tenant()
    tenant.run(make_script(_wish(grant), ORIGIN))
    before = len(tenant.log)
    tenant.run(make_script(_wish(grant), ORIGIN))

    assert ["Add-HVEAppAccess"] * (grant == "hve") == tenant.log[before:]


@pytest.mark.parametrize("grant", GRANTS)
@pytest.mark.parametrize("makes_mailbox", [False, True])
def test_what_if_changes_nothing(grant: Grant, makes_mailbox: bool) -> None:
    """With -WhatIf nothing is changed, in a tenant that has nothing yet, and the script comes to its end."""
    tenant = FakeTenant(mailboxes=() if makes_mailbox else (SCAN,))
    output = tenant.run(make_script(_wish(grant, makes_mailbox=makes_mailbox), ORIGIN), yes=False)

    assert ([], []) == (tenant.log, output)
    assert tenant.shell.asked


@pytest.mark.parametrize("grant", GRANTS)
def test_undo_takes_everything_back(grant: Grant) -> None:
    """After the undo nothing of the relay is left; the mailbox is. A second undo finds nothing to do."""
    tenant = _tenant()
    tenant.run(make_script(_wish(grant), ORIGIN))
    tenant.run(undo_script(_wish(grant), ORIGIN))

    assert ([], [], [], [], set(), set(), set()) == (
        tenant.applications, tenant.services, tenant.scopes, tenant.roles, tenant.full_access, tenant.send_as,
        tenant.hve,
    )  # fmt: skip
    assert set() == tenant.can_send_from
    assert False not in tenant.switches.values()
    assert SCAN in tenant.mailboxes
    before = len(tenant.log)
    tenant.run(undo_script(_wish(grant), ORIGIN))
    assert before == len(tenant.log)


def test_undo_with_what_if_changes_nothing() -> None:
    """The undo has -WhatIf as well."""
    tenant = _tenant()
    tenant.run(make_script(_wish(), ORIGIN))
    before = len(tenant.log)
    tenant.run(undo_script(_wish(), ORIGIN), yes=False)

    assert before == len(tenant.log)


def test_a_scope_needs_no_permission_in_entra() -> None:
    """By RBAC nothing is consented to, and the scope holds the one mailbox."""
    tenant = _tenant()
    tenant.run(make_script(_wish("scope"), ORIGIN))

    assert [] == tenant.assignments
    assert {SCAN} == tenant.can_send_from
    assert ["Application SMTP.SendAsApp"] == [one["Role"] for one in tenant.roles]


def test_the_certificate_of_others_stays() -> None:
    """An application that has a certificate already gets ours beside it."""
    tenant = _tenant()
    tenant.run(make_script(_wish(certificate=b"first"), ORIGIN))
    tenant.run(make_script(_wish(certificate=b"second"), ORIGIN))

    assert ["Zmlyc3Q=", "c2Vjb25k"] == [one["key"] for one in tenant.applications[0]["keyCredentials"]]


def test_rotation_by_an_administrator() -> None:
    """The script for one more certificate finds the application by its id and keeps what it has."""
    tenant = _tenant()
    tenant.run(make_script(_wish(certificate=b"first"), ORIGIN))
    script = rotate_script(_wish(certificate=b"second"), tenant.applications[0]["appId"], ORIGIN)
    tenant.run(script)
    tenant.run(script)

    assert 2 == len(tenant.applications[0]["keyCredentials"])


def test_a_missing_mailbox_is_said_or_made() -> None:
    """Without the mailbox the script stops with its name; asked to, it makes a shared one."""
    with pytest.raises(Thrown, match="no mailbox scan@contoso"):
        FakeTenant().run(make_script(_wish(), ORIGIN))
    tenant = FakeTenant()
    tenant.run(make_script(_wish(makes_mailbox=True), ORIGIN))

    assert {SCAN} == tenant.can_send_from


def test_two_applications_of_one_name() -> None:
    """It is not guessed which application is meant."""
    tenant = _tenant()
    tenant.applications += [
        {"id": str(n), "appId": str(n), "displayName": "relay365 srv-relay"} for n in range(2)
    ]

    with pytest.raises(Thrown, match="several applications"):
        tenant.run(make_script(_wish(), ORIGIN))


def test_a_name_cannot_become_code() -> None:
    """Quotes of every kind, dollars and backticks in a name stay a name."""
    name = "relay'; Remove-Mailbox boss; $(x) \u2019`\" o'brien"
    tenant = _tenant()
    tenant.run(make_script(AppWish(TENANT, name, SCAN, "mailbox", b"DER"), ORIGIN))

    assert name == tenant.applications[0]["displayName"]
    assert "boss@contoso.com" in tenant.mailboxes


def test_a_line_end_in_a_name_is_refused() -> None:
    """A control character has no place in a script that is pasted."""
    with pytest.raises(ValueError, match="without control characters"):
        make_script(AppWish(TENANT, "relay\nRemove-Mailbox", SCAN, "mailbox", b"DER"), ORIGIN)


@pytest.mark.parametrize("grant", GRANTS)
@pytest.mark.parametrize("cloud", ["global", "gcc-high", "dod", "china"])
def test_every_script_is_good_powershell(grant: Grant, cloud: str) -> None:
    """Each script of each cloud passes the checker, with every parameter documented."""
    wish = _wish(grant, cloud=cloud)

    assert [] == faults_of(make_script(wish, ORIGIN)) + faults_of(undo_script(wish, ORIGIN))


@pytest.mark.parametrize("grant", GRANTS)
def test_the_golden_text(grant: Grant) -> None:
    """The scripts are exactly the golden ones: whoever changes them reads them."""
    assert (GOLDEN / f"app-{grant}.ps1").read_text("utf-8") == make_script(_wish(grant), ORIGIN)
    assert (GOLDEN / f"app-{grant}-undo.ps1").read_text("utf-8") == undo_script(_wish(grant), ORIGIN)
