"""Would a stranger's mail be taken?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fakes.mailserver import MailServer
from relay365.config import Config, parse
from relay365.doctor.finding import Finding, State
from relay365.doctor.lan.listeners import Gate
from relay365.doctor.lan.strangers import STRANGER, refused, risk, told_apart

FILE = """
[server]
data = "data"
[[listener]]
address = "{address}"
{listener}
{rules}
[[route]]
kind = "smarthost"
host = "127.0.0.1:2626"
tls = "none"
"""
OURS, ALL = '[[allow]]\nnetwork = "127.0.0.0/8"', '[[allow]]\nnetwork = "0.0.0.0/0"'


def config(rules: str, address: str = "127.0.0.1:2525", listener: str = "") -> Config:
    return parse(FILE.format(rules=rules, address=address, listener=listener), "relay365.toml")


def asked(one: Config) -> Finding:
    return asyncio.run(refused(Gate(one.listener[0], Path("relay365.toml")), one))


def test_one_address_for_everybody_is_a_warning() -> None:
    """In the words of who saw it; without a sign of it all is well."""
    found = asyncio.run(told_apart(("what", "why", "do")))

    assert (State.WARN, "what", "why", "do") == (found.state, found.text, found.why, found.do)
    assert State.GOOD is asyncio.run(told_apart(None)).state


def test_the_file_as_a_whole() -> None:
    """What the service would refuse to start with."""
    assert State.GOOD is asyncio.run(risk(config(OURS))).state
    assert State.BAD is asyncio.run(risk(config(ALL, "0.0.0.0:25"))).state


@pytest.mark.parametrize(
    ("rules", "listener", "state"),
    [
        (OURS, "", State.GOOD),
        (ALL, "", State.BAD),
        (f'{ALL}\nlogin = "required"', "", State.GOOD),
        (ALL, "require_auth = true", State.GOOD),
        (ALL, 'tls = "required"', State.BAD),
        (f'{ALL}\nsenders = "@contoso.com"', "", State.GOOD),
    ],
)
def test_the_rules_are_played(rules: str, listener: str, state: State) -> None:
    """From an address that nobody has, with TLS where the listener asks for it."""
    finding = asked(config(rules, listener=listener))

    assert state is finding.state
    if state is State.BAD:
        assert f"explain --as {STRANGER}" in finding.do


def test_the_door_itself_is_asked_by_a_proxys_header() -> None:
    """It refuses, as its rules say."""
    server = MailServer(replies={"MAIL": "550 5.7.1 address not allowed here (R0)"})
    with server.running() as where:
        finding = asked(config(OURS, where, 'proxy_from = ["127.0.0.1/32"]'))

    assert (State.GOOD, "550 5.7.1 address not allowed here (R0)") == (finding.state, finding.said)
    assert server.heard[0].startswith(f"PROXY TCP4 {STRANGER} 127.0.0.1 40000 ")


def test_a_door_that_lets_in_what_its_rules_refuse() -> None:
    """Then the service runs with another file; RSET comes, and no content."""
    server = MailServer()
    with server.running() as where:
        finding = asked(config(OURS, where, 'proxy_from = ["127.0.0.1/32"]'))

    assert State.BAD is finding.state
    assert "another file" in finding.why
    assert "RSET" in server.heard and [] == server.contents


def test_a_door_that_sends_strangers_away() -> None:
    """That is a refusal, too."""
    with MailServer(greeting="HTTP/1.0 400").running() as where:
        finding = asked(config(OURS, where, 'proxy_from = ["127.0.0.1/32"]'))

    assert State.GOOD is finding.state
