"""The plan: only what the roads need, and everything in its order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from relay365.cli.finding.doctor_patient import patient_of
from relay365.config import parse
from relay365.doctor.patient import Patient
from relay365.doctor.plan import AREAS, Plan, plan_of

HEAD = """
[server]
name = "relay.test"
data = "data"
[[listener]]
address = "127.0.0.1:2525"
[[listener]]
address = "127.0.0.1:0"
tls = "none"
[[allow]]
network = "127.0.0.0/8"
"""
SMARTHOST = '[[route]]\nkind = "smarthost"\nhost = "127.0.0.1:2626"\ntls = "none"\n'
CONNECTOR = '[[route]]\nkind = "connector"\nhost = "mx.test:25"\n[sender]\ndomains = ["contoso.com"]\n'


def patient(tmp_path: Path, text: str, address: str = "") -> Patient:
    file = tmp_path / "relay365.toml"
    file.write_text(HEAD + text)
    return patient_of(parse(file.read_text(), str(file)), file, address=address)


def planned(one: Patient, *areas: str) -> Plan:
    async def made() -> Plan:
        plan = plan_of(one, areas or AREAS)
        await plan.ways.close()
        return plan

    return asyncio.run(made())


def names(plan: Plan) -> list[str]:
    return [one.name for one in plan.checks]


def test_a_smart_host_needs_little(tmp_path: Path) -> None:
    """No token, no DNS of domains, no connector; and it is said what was left out."""
    plan = planned(patient(tmp_path, SMARTHOST))

    assert {"local", "lan", "upstream"} == {name.partition(".")[0] for name in names(plan)}
    assert not any(name.endswith((".tls", ".auth", ".token", ".clock")) for name in names(plan))
    assert ["PTR", "SPF"] == [one[:3] for one in plan.left_out]


def test_listeners_are_asked_what_they_have(tmp_path: Path) -> None:
    """Handshakes where there is TLS and a port; strangers always."""
    found = names(planned(patient(tmp_path, SMARTHOST), "lan"))

    assert {"answers", "certificate", "printers", "strangers"} == {
        name.rpartition(".")[2] for name in found if name.startswith("lan.127.0.0.1:2525.")
    }
    assert {"answers", "strangers"} == {
        name.rpartition(".")[2] for name in found if name.startswith("lan.127.0.0.1:0.")
    }


def test_what_another_area_needs_is_asked_with_it(tmp_path: Path) -> None:
    """Our address is told by Microsoft's answer to EHLO: so the connector's way is gone as far as that."""
    found = names(planned(patient(tmp_path, CONNECTOR), "connector"))

    assert ["settings", "host", "port", "greeting"] == [
        name.rpartition(".")[2] for name in found if name.startswith("upstream.")
    ]
    assert "connector.connector.ptr" in found


def test_with_an_address_nothing_else_is_needed(tmp_path: Path) -> None:
    """With a connector, and before there is one."""
    given = names(planned(patient(tmp_path, CONNECTOR, "192.88.99.7"), "connector"))
    early = names(planned(patient(tmp_path, SMARTHOST, "192.88.99.7"), "connector"))

    assert not any(name.startswith("upstream.") for name in given)
    assert "connector.planned.ptr" in early


def test_every_name_is_once(tmp_path: Path) -> None:
    """Two would be one finding."""
    found = names(planned(patient(tmp_path, CONNECTOR + SMARTHOST)))

    assert len(found) == len(set(found))


def test_no_domain_is_said(tmp_path: Path) -> None:
    """SPF cannot be asked of nobody."""
    one = patient(tmp_path, CONNECTOR)
    bare = replace(one, config=one.config.model_copy(update={"sender": type(one.config.sender)()}))
    plan = planned(bare, "dns")

    assert [] == plan.checks
    assert "no domain of ours is known" in plan.left_out[0]
