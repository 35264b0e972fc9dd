"""The rulebook: a file becomes a list of rules, in order, each with its mark and all that holds for whom it fits."""

from __future__ import annotations

import ipaddress

import pytest

from relay365.config import parse
from relay365.mail.tolerance import DEFAULT
from relay365.rules.admission.rulebook import Rule, address_of, rules_of

HEAD = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:25"
[[route]]
kind = "smarthost"
host = "127.0.0.1:26"
"""


def _rules(more: str) -> tuple[Rule, ...]:
    return rules_of(parse(HEAD + more, "f"))


def test_devices_come_first_then_logins_then_networks() -> None:
    """Each gets the number of its place, whatever the order of the tables in the file."""
    rules = _rules("""
[[allow]]
network = "192.168.10.0/24"
[[device]]
name = "canon"
match = { address = "192.168.10.31" }
[[allow]]
network = "10.0.0.0/8"
[[device]]
name = "ups"
match = { helo = "UPS" }
""")

    assert [
        ("R1", "device canon"), ("R2", "device ups"), ("R3", "whoever has logged in"),
        ("R4", "network 192.168.10.0/24"), ("R5", "network 10.0.0.0/8"),
    ] == [(rule.client.mark, rule.client.name) for rule in rules]  # fmt: skip
    assert ["canon", "ups", "", "", ""] == [rule.client.device for rule in rules]
    assert [False, True, False, False, False] == [rule.is_hint for rule in rules]


def test_every_key_of_a_grant_arrives() -> None:
    """What stands in the file is what the client is."""
    (_, rule) = _rules("""
[[allow]]
network = "10.0.0.0/8"
login = "never"
senders = "@Contoso.com"
recipients = ["own-domains", "Ops@fabrikam.com"]
max_message = "5M"
per_minute = 60
sessions = 3
starttls = false
charset = "shift_jis"
[sender]
domains = ["contoso.com", "Contoso.DE"]
""")
    client = rule.client

    assert ("never", 5 * 1024**2, 60, 3) == (
        client.login, client.max_octets, client.per_minute, client.sessions,
    )  # fmt: skip
    assert (False, "shift_jis") == (client.starttls, client.charset)
    assert {"@contoso.com"} == client.senders
    assert {"@contoso.com", "@contoso.de", "ops@fabrikam.com"} == client.recipients


def test_tolerances_are_everybodys_with_the_rules_own_exceptions() -> None:
    """On and off, from [tolerate] and from the rule; what a rule does not name stays as it is for everybody."""
    one, login, other = _rules("""
[tolerate]
no_brackets = false
[[device]]
name = "mega"
match = { address = "10.0.0.1" }
tolerate = { no_brackets = true, bare_lf_ends_data = true, long_lines = false, auth_in_clear = true }
[[allow]]
network = "10.0.0.0/8"
""")
    everybody = DEFAULT - {"no_brackets", "not_an_address"}

    assert everybody == other.client.tolerances == login.client.tolerances
    assert (everybody | {"no_brackets", "bare_lf_ends_data", "auth_in_clear"}) - {
        "long_lines"
    } == one.client.tolerances
    assert (True, False) == (one.client.auth_in_clear, other.client.auth_in_clear)


def test_what_is_no_address_needs_a_sender_of_its_own() -> None:
    """MAIL FROM:<ESP-CAM> is taken where the message goes out under another name, and only there."""
    fixed, _, free = _rules("""
[[device]]
name = "cam"
match = { address = "10.0.0.1" }
sender = "cam@contoso.com"
[[allow]]
network = "10.0.0.0/8"
""")

    assert "not_an_address" in fixed.client.tolerances
    assert "not_an_address" not in free.client.tolerances


@pytest.mark.parametrize(
    ("match", "peer", "helo", "login", "expected"),
    [
        ('address = ["10.0.0.1", "10.0.1.0/24"]', "10.0.1.9", "", "", True),
        ('address = "10.0.0.1"', "10.0.0.2", "", "", False),
        ('address = "10.0.0.1"', "printer", "", "", False),
        ('login = "scan07"', "10.0.0.1", "", "scan07@contoso.com", True),
        ('login = "scan07"', "10.0.0.1", "", "", False),
        ('helo = "CANON3F"', "10.0.0.1", "canon3f", "", True),
        ('helo = "CANON3F"', "10.0.0.1", "canon3f.local", "", False),
        ('address = "10.0.0.1", helo = "X"', "10.0.0.1", "y", "", False),
        ('address = "10.0.0.1", helo = "X"', "10.0.0.1", "x", "", True),
        ('address = "10.0.0.1", login = "a"', "10.0.0.2", "", "a", False),
    ],
)
def test_all_that_a_device_is_known_by_must_fit(
    match: str, peer: str, helo: str, login: str, expected: bool
) -> None:
    """Address, login and HELO, whichever are given."""
    device = _rules(f'[[device]]\nname = "a"\nmatch = {{ {match} }}\n')[0]

    assert expected == device.fits(address_of(peer), helo, login)


def test_an_address_is_read_as_people_mean_it() -> None:
    """Mapped ones are what they map, zones do not matter, and what is none is None."""
    assert ipaddress.ip_address("192.0.2.1") == address_of("::ffff:192.0.2.1")
    assert ipaddress.ip_address("fe80::1") == address_of("fe80::1%eth0")
    assert [None] * 4 == [address_of(text) for text in ("", "unix", "999.1.1.1", "192.0.2.1 ")]


ANY = """
[tolerate]
any_password = true
auth_after_helo = false
[[device]]
name = "cam"
match = { address = "192.168.10.31" }
[[device]]
name = "erp"
match = { login = "erp" }
[[device]]
name = "ups"
match = { helo = "UPS" }
[[allow]]
network = "192.168.10.0/24"
[[allow]]
network = "192.168.11.0/24"
login = "required"
[[allow]]
network = "192.168.12.0/24"
login = "never"
[[allow]]
network = "192.168.13.0/24"
tolerate = { any_password = false }
"""


def test_any_password_holds_where_the_address_alone_is_trusted() -> None:
    """In [tolerate] for those only whom their address lets in without a login; there AUTH works after HELO and in
    clear, and nowhere else because of it.
    """
    rules = _rules(ANY)
    on = [rule.client.name for rule in rules if "any_password" in rule.client.tolerances]

    assert ["device cam", "network 192.168.10.0/24"] == on
    assert on == [rule.client.name for rule in rules if "auth_after_helo" in rule.client.tolerances]
    assert on == [rule.client.name for rule in rules if rule.client.auth_in_clear]


SIZED = """
[oversize]
limit = "20M"
[[device]]
name = "plain"
match = { address = "10.0.0.1" }
[[device]]
name = "small"
match = { address = "10.0.0.2" }
max_message = "5M"
[[device]]
name = "larger"
match = { address = "10.0.0.3" }
oversize = { limit = "30M" }
[[device]]
name = "held"
match = { address = "10.0.0.4" }
oversize = { action = "hold" }
[[device]]
name = "wide"
match = { address = "10.0.0.5" }
max_message = "50M"
"""


def test_each_client_knows_what_is_refused_and_by_whom() -> None:
    """[oversize], its own table, and max_message: the smallest that refuses; the mark is that of whoever set it."""
    clients = {rule.client.device: rule.client for rule in _rules(SIZED)}

    assert {"plain": 20, "small": 5, "larger": 30, "held": 0, "wide": 20, "": 20} == {
        name: client.max_octets >> 20 for name, client in clients.items()
    }
    assert {"plain": "", "small": "R2", "larger": "R3", "held": "", "wide": "", "": ""} == {
        name: client.size_mark for name, client in clients.items()
    }
    assert ("hold", "device held") == (clients["held"].oversize.action, clients["held"].oversize.by)
