"""The patient: which domains and senders are its own, as far as the file tells."""

from __future__ import annotations

from pathlib import Path

from fakes.clock import FakeClock
from relay365.config import parse
from relay365.doctor.names.asking import Names
from relay365.doctor.patient import Patient, Road, sends_outside

HEAD = """
[server]
data = "data"
[[listener]]
address = "127.0.0.1:2525"
[[allow]]
network = "127.0.0.0/8"
"""
SUBMISSION = """
[[route]]
kind = "submission"
tenant = "contoso.com"
client = "c"
secret = { env = "X" }
mailboxes = ["scan@Contoso.com", "scan@contoso.onmicrosoft.com", "erp@fabrikam.com"]
"""
CONNECTOR = '[[route]]\nkind = "connector"\ndomain = "contoso.org"\n'
HVE = """
[[route]]
kind = "hve"
tenant = "contoso.com"
client = "c"
secret = { env = "X" }
mailbox = "hve@contoso.com"
domains = ["contoso.com"]
"""


def patient(*tables: str) -> Patient:
    config = parse(HEAD + "".join(tables), "relay365.toml")
    roads = tuple(Road(name, table) for name, table in zip(config.route_names(), config.route, strict=True))
    return Patient(config, Path("relay365.toml"), Path("data"), FakeClock(), Names(), "relay.test", roads)


def test_domains_are_ours_once_each() -> None:
    """Those of [sender], of mailboxes and of the connector; Microsoft's own and HVE's are not asked about."""
    one = patient(
        SUBMISSION, CONNECTOR, HVE, '[sender]\ndomains = ["contoso.net"]\nrewrite_to = "a@contoso.net"\n'
    )

    assert ("contoso.net", "contoso.com", "fabrikam.com", "contoso.org") == one.domains()


def test_a_sender_for_each_road() -> None:
    """Its mailbox; else what the file says; else postmaster of a domain of ours; else nothing."""
    hve = patient(HVE)
    plain, told = patient(CONNECTOR), patient(CONNECTOR, '[queue]\nreports_to = "it@contoso.com"\n')
    named = patient('[[route]]\nkind = "connector"\nhost = "mx.test:25"\n')

    assert "scan@Contoso.com" == patient(SUBMISSION).sender_of(patient(SUBMISSION).roads[0])
    assert "hve@contoso.com" == hve.sender_of(hve.roads[0])
    assert ("postmaster@contoso.org", "it@contoso.com") == (
        plain.sender_of(plain.roads[0]),
        told.sender_of(told.roads[0]),
    )
    assert "" == named.sender_of(named.roads[0])


def test_senders_that_the_file_puts_into_messages() -> None:
    """Of [sender], devices and networks, each once."""
    device = '[[device]]\nname = "ups"\nmatch = { address = "127.0.0.9" }\nsender = "UPS@contoso.com"\n'
    one = patient(SUBMISSION, device, '[sender]\nrewrite_to = "ups@contoso.com"\n')

    assert ("ups@contoso.com",) == one.fixed_senders()


def test_who_sends_outside() -> None:
    """High Volume Email reaches nobody there; a smart host is not Microsoft."""
    smarthost = '[[route]]\nkind = "smarthost"\nhost = "127.0.0.1:25"\ntls = "none"\n'
    kinds = {road.kind: sends_outside(road) for road in patient(SUBMISSION, CONNECTOR, HVE, smarthost).roads}

    assert {"submission": True, "connector": True, "hve": False, "smarthost": False} == kinds


def test_a_road_without_tokens_has_no_account() -> None:
    """Also where its kind could have one."""
    assert patient(CONNECTOR).roads[0].account is None
