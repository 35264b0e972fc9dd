"""Readings: a rule and what it grants, in words that a person can check against the file."""

from __future__ import annotations

import tomllib

import pytest

from relay365.config import parse
from relay365.mail.tolerance import BY_NAME
from relay365.rules.admission.rulebook import Rule, rules_of
from relay365.rules.reading import cure, grants, rule_to_paste, who

HEAD = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:25"
[[route]]
kind = "smarthost"
host = "127.0.0.1:26"
[sender]
domains = ["contoso.com"]
"""


def _rules(more: str) -> tuple[Rule, ...]:
    return rules_of(parse(HEAD + more, "f"))


def test_everybody_is_named_as_in_the_file() -> None:
    """Devices with all that they are known by, logins, networks."""
    rules = _rules("""
[[device]]
name = "ups-2"
match = { address = ["192.168.10.90", "fd00::5", "10.0.0.0/30"], login = "ups", helo = "UPS" }
[[allow]]
network = "192.168.10.0/24"
""")

    assert [
        "device ups-2 (address 192.168.10.90, fd00::5, 10.0.0.0/30, login ups, HELO UPS)",
        "whoever has logged in",
        "network 192.168.10.0/24",
    ] == [who(rule) for rule in rules]


def test_what_a_rule_grants_is_said_in_full() -> None:
    """Every key that differs from its default has its sentence, a tolerance with a price says the price."""
    (_, rule) = _rules("""
[[allow]]
network = "10.0.0.0/8"
login = "required"
senders = ["x@contoso.com", "@a.test"]
recipients = "own-domains"
max_message = 1000
per_minute = 60
sessions = 3
starttls = false
tolerate = { bare_lf_ends_data = true, no_brackets = false }
""")

    assert [
        "nobody sends without a login",
        "senders: @a.test, x@contoso.com",
        "recipients: @contoso.com",
        "1000 octets at most in a message",
        "60 messages a minute at most from one address",
        "3 sessions at once at most from one address",
        "STARTTLS is not offered",
        f"bare_lf_ends_data is forgiven; price: {BY_NAME['bare_lf_ends_data'].price}",
        "no_brackets is not forgiven",
    ] == list(grants(rule.client))


def test_what_is_as_ever_is_left_out() -> None:
    """A rule without keys says only what it asks about a login; a fixed sender is said with its address."""
    plain, fixed = _rules(
        '[[allow]]\nnetwork = "10.0.0.0/8"\n[[allow]]\nnetwork = "fd00::/8"\nsender = "scan@contoso.com"\n'
    )[1:]

    assert ["a login is offered, not asked for"] == list(grants(plain.client))
    assert ["every message gets the sender <scan@contoso.com>"] == list(grants(fixed.client))[1:]


def test_what_the_house_asks_is_said_with_the_rule() -> None:
    """[sender] refusals hold for every rule but one with a sender of its own; and a priority is said."""
    plain, fixed = _rules(
        'foreign = "reject"\nnull = "reject"\n[[allow]]\nnetwork = "10.0.0.0/8"\npriority = "bulk"\n'
        '[[allow]]\nnetwork = "fd00::/8"\nsender = "scan@contoso.com"\n'
    )[1:]

    assert [
        "senders, whoever it is: @contoso.com",
        "an empty sender is refused",
        "its messages have the priority bulk",
    ] == list(grants(plain.client))[1:]
    assert ["every message gets the sender <scan@contoso.com>"] == list(grants(fixed.client))[1:]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("550 5.7.1 empty sender not allowed here (R2)", "let the device give a sender"),
        ("550 5.7.1 sender domain not allowed here (R2)", "an address of [sender] domains"),
        ("550 5.7.1 From domain not allowed here (R2)", "an address of [sender] domains"),
        ("550 5.7.1 sender not allowed here (R2)", "add the address to senders"),
    ],
)
def test_each_refusal_has_its_own_cure(said: str, words: str) -> None:
    """Texts that contain one another are not taken for one another."""
    assert words in cure(said, None)


@pytest.mark.parametrize(
    "helo", ["", "_", '"]\n[x', "Büro-Drucker", "x" * 100, "[192.168.10.44]", "..", "a.b-c_d"]
)
def test_a_rule_to_paste_is_always_a_good_one(helo: str) -> None:
    """Whatever a client calls itself, nothing but its address and a good name stands in the table."""
    pasted = rule_to_paste("192.168.10.44", helo)
    device = _rules(pasted)[0]

    assert ["device"] == list(tomllib.loads(pasted))
    assert ["192.168.10.44/32"] == [str(network) for network in device.networks]


def test_what_is_too_large_is_said_with_who_says_it() -> None:
    """A limit that holds for everybody is told from one of the rule's own; what it leaves open, others say."""
    rules = _rules("""
[oversize]
limit = "20M"
[[device]]
name = "plain"
match = { address = "10.0.0.1" }
[[device]]
name = "larger"
match = { address = "10.0.0.2" }
oversize = { limit = "30M" }
[[device]]
name = "held"
match = { address = "10.0.0.3" }
oversize = { action = "hold" }
[[device]]
name = "free"
match = { address = "10.0.0.4" }
oversize = { limit = 0 }
""")

    assert [
        ["20 MB at most in a message, by [oversize] or its routes"],
        [
            "30 MB at most in a message",
            "what is larger than 30 MB is treated as its route or [oversize] says, by its own oversize",
        ],
        ["what is too large for its way out is held for a person, by its own oversize"],
        ["nothing is too large for its way out, by its own oversize"],
    ] == [list(grants(rule.client))[1:] for rule in rules[:4]]
