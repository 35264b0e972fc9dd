"""The porter: one looping device cannot starve the rest, and an unknown client is news with a rule to paste."""

from __future__ import annotations

import tomllib

import pytest

from fakes.clock import FakeClock
from relay365.config import parse
from relay365.engine.doors.porter import Lodge, News, Porter
from relay365.engine.reception import Gate
from relay365.mail.envelope import ForwardPath, SubmitterFacts
from relay365.rules.admission.rulebook import rules_of
from relay365.rules.policy import Door, Policy
from relay365.smtp.events import MailGiven

FILE = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:25"
[[route]]
kind = "smarthost"
host = "127.0.0.1:26"
[[allow]]
network = "192.168.10.0/24"
per_minute = 3
recipients = "@contoso.com"
"""
MAIL = MailGiven("scan@contoso.com")


def _porter(lodge: Lodge, name: str = "a") -> Porter:
    return Porter(Policy(rules_of(parse(FILE, "f")), Door(name)), lodge)


def _facts(address: str, helo: str = "BRN_3C 2AF4") -> SubmitterFacts:
    return SubmitterFacts("127.0.0.1:25", address, helo=helo)


def test_a_porter_is_a_gate() -> None:
    """Every question of a gate is answered as the policy answers it."""
    gate: Gate = _porter(Lodge(FakeClock()))
    facts = _facts("192.168.10.31")

    assert (None, None) == (gate.connect("192.0.2.1"), gate.mail(facts, MAIL))
    assert "R2" == gate.client(facts).mark
    assert "550 5.7.1 recipient not allowed here (R2)" == str(gate.rcpt(facts, ForwardPath("x@else.test")))


def test_a_looping_device_gets_its_share_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    """Above its pace it hears 450 with the rule, on every listener; others go on; a minute later it goes on, too."""
    clock = FakeClock()
    lodge = Lodge(clock)
    porters = [_porter(lodge, name) for name in "ab"]
    looping = [porters[n % 2].mail(_facts("192.168.10.31"), MAIL) for n in range(6)]

    assert [None] * 3 == looping[:3]
    assert ["450 4.7.1 too many messages, try later (R2)"] * 3 == [str(reply) for reply in looping[3:]]
    assert porters[0].mail(_facts("192.168.10.32"), MAIL) is None
    assert 1 == caplog.text.count("client.slowed peer=192.168.10.31 rule=R2")
    clock.pass_s(60.0)
    assert porters[0].mail(_facts("192.168.10.31"), MAIL) is None


def test_an_unknown_client_is_news_once_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    """With what it calls itself, and a table that lets it in when it is pasted into the file."""
    clock = FakeClock()
    porter, facts = _porter(Lodge(clock)), _facts("10.1.1.1")
    replies = [str(porter.mail(facts, MAIL)) for _ in range(5)]
    once = caplog.text.count("client.unknown peer=10.1.1.1")
    clock.pass_s(3601.0)
    porter.mail(facts, MAIL)
    pasted = caplog.records[0].getMessage().partition("rule to paste: ")[2]

    assert ["550 5.7.1 address not allowed here (R0)"] * 5 == replies
    assert (1, 2) == (once, caplog.text.count("client.unknown peer=10.1.1.1"))
    assert {"device": [{"name": "brn_3c-2af4", "match": {"address": "10.1.1.1"}}]} == tomllib.loads(pasted)
    healed = Policy(rules_of(parse(FILE + pasted, "f")), Door("127.0.0.1:25"))
    assert healed.mail(facts, MAIL) is None


def test_a_client_that_a_rule_knows_is_not_unknown(caplog: pytest.LogCaptureFixture) -> None:
    """One that is refused for its sender, or before it has logged in, needs no new rule."""
    lists = FILE + 'senders = "@contoso.com"\n[[allow]]\nnetwork = "10.0.0.0/8"\nlogin = "required"\n'
    porter = Porter(Policy(rules_of(parse(lists, "f")), Door("a")), Lodge(FakeClock()))
    replies = [porter.mail(_facts(one), MailGiven("x@else.test")) for one in ("192.168.10.31", "10.1.1.1")]

    assert ["550 5.7.1 sender not allowed here (R2)", "530 5.7.0 Authentication required (R3)"] == [
        str(reply) for reply in replies
    ]
    assert "client.unknown" not in caplog.text


def test_what_is_remembered_as_said_is_bounded() -> None:
    """A scan over many addresses costs no memory; the oldest is forgotten, and is news again."""
    news = News(most=3)
    said = [news.is_new("unknown", f"10.0.0.{n}", 0.0) for n in (1, 2, 3, 4, 4, 1)]

    assert [True, True, True, True, False, True] == said
    assert 3 == len(news)


def test_every_refusal_is_counted_by_rule_and_reply() -> None:
    """At MAIL, at RCPT and above the pace; by all porters of a lodge together; what passes is not counted."""
    lodge = Lodge(FakeClock())
    porter, other = _porter(lodge), _porter(lodge, "b")
    for one in (porter, porter, other, other):
        one.mail(_facts("192.168.10.31"), MAIL)
    porter.mail(_facts("192.0.2.1"), MAIL)
    porter.rcpt(_facts("192.168.10.31"), ForwardPath("x@else.test"))
    porter.rcpt(_facts("192.168.10.31"), ForwardPath("x@contoso.com"))

    assert {("R2", "450 4.7.1"): 1, ("none", "550 5.7.1"): 1, ("R2", "550 5.7.1"): 1} == lodge.refusals


def test_whoever_fills_the_disk_hears_452_and_the_others_do_not(caplog: pytest.LogCaptureFixture) -> None:
    """At MAIL, by what the lodge knows of its share; counted, told once an hour, and no message of its pace is used."""
    lodge = Lodge(FakeClock())
    lodge.shares.has_room = lambda facts, n_octets=0: facts.peer_address != "192.168.10.31"  # type: ignore[method-assign]
    porter = _porter(lodge)
    looping = [porter.mail(_facts("192.168.10.31"), MAIL) for _ in range(5)]

    assert {"452 4.3.1 your mail fills the disk (A78)"} == {str(reply) for reply in looping}
    assert porter.mail(_facts("192.168.10.32"), MAIL) is None
    assert {("R2", "452 4.3.1"): 5} == dict(lodge.refusals)
    assert 1 == caplog.text.count("client.over-share peer=192.168.10.31")
