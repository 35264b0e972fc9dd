"""What a listener offers, from the configuration."""

from __future__ import annotations

import socket

import pytest

from relay365.app import doors
from relay365.app.doors import host_name, limits_of, offers_of
from relay365.config import parse

FILE = """
[server]
name = "relay.contoso.test"
data = "./data"
max_message = "20M"
max_recipients = 700
[[listener]]
address = "127.0.0.1:0"
tls = "none"
[[listener]]
address = "127.0.0.1:2525"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
host = "mail.contoso.com:587"
"""


def test_a_listener_offers_what_its_table_says() -> None:
    """STARTTLS where there is TLS; the size that [server] names."""
    config = parse(FILE, "relay365.toml")
    plain, secure = (offers_of(config, one, host_name(config)) for one in config.listener)

    assert (False, True) == (plain.starttls, secure.starttls)
    assert 20 * 1024 * 1024 == plain.size_octets == secure.size_octets
    assert "relay.contoso.test" == plain.hostname


def test_limits_are_those_of_the_server() -> None:
    """How many recipients a transaction may have here."""
    assert 700 == limits_of(parse(FILE, "relay365.toml")).recipients


def test_the_machine_is_asked_for_its_name_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload and `relay365 status` come while sessions are served: they never wait for a name server."""
    config = parse(FILE.replace('name = "relay.contoso.test"\n', ""), "relay365.toml")
    asked: list[str] = []
    monkeypatch.setattr(socket, "getfqdn", lambda: asked.append("") or "machine.test")
    doors._machine_name.cache_clear()
    try:
        assert ["machine.test"] * 3 == [host_name(config) for _ in range(3)]
        assert 1 == len(asked)
    finally:
        doors._machine_name.cache_clear()
