"""The tables about being watched."""

from __future__ import annotations

import pytest

from relay365.config import ConfigErrors, parse

BASE = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:25"
[[route]]
kind = "smarthost"
host = "127.0.0.1:26"
"""


def test_nothing_is_open_unless_it_is_named() -> None:
    """Off by default, and nobody but this machine may ask."""
    metrics = parse(BASE, "x.toml").metrics

    assert (None, ()) == (metrics.address, metrics.allow)


def test_an_address_and_networks_are_read() -> None:
    """One network needs no list."""
    metrics = parse(
        BASE + '[metrics]\naddress = "192.168.10.5:9365"\nallow = "192.168.10.7/32"\n', "x.toml"
    ).metrics

    assert ("192.168.10.5:9365", ["192.168.10.7/32"]) == (
        metrics.address,
        [str(one) for one in metrics.allow],
    )


def test_an_address_without_a_port_is_an_error() -> None:
    """In the words of the file."""
    with pytest.raises(ConfigErrors) as caught:
        parse(BASE + '[metrics]\naddress = "127.0.0.1"\n', "x.toml")

    assert "x.toml: [metrics] address" == caught.value.errors[0].where
    assert "an address and port" in caught.value.errors[0].expected


ALERTS = """
[alerts]
queue_age = "2h"
digest = "friday 16:00"
[[alerts.channel]]
kind = "teams"
url = { file = "teams.url" }
[[alerts.channel]]
kind = "mail"
to = "it@fabrikam.com"
route = "smarthost"
[[device]]
name = "ups-2"
match = { address = "127.0.0.1/32" }
expects = "8d"
"""


def test_alerts_are_read() -> None:
    """Channels in the order of the file; what is not said has its default; a device says how often it speaks."""
    config = parse(BASE + ALERTS, "x.toml")
    teams, mail = config.alerts.channel

    assert (7200.0, 900.0, "friday 16:00") == (
        config.alerts.queue_age, config.alerts.unwell_after, config.alerts.digest,
    )  # fmt: skip
    assert ("teams", '{ file = "teams.url" }', "it@fabrikam.com") == (teams.kind, str(teams.url), mail.to)
    assert 691_200.0 == config.device[0].expects
    assert () == parse(BASE, "x.toml").alerts.channel


@pytest.mark.parametrize(
    ("lines", "where", "words"),
    [
        ('kind = "webhook"', "[alerts] channel.1", 'url, which kind = "webhook" needs'),
        ('kind = "mail"', "[alerts] channel.1", 'to, which kind = "mail" needs'),
        ('kind = "syslog"\naddress = "loghost"', "[alerts] channel.1.address", "udp://"),
        ('kind = "syslog"\naddress = "udp://loghost:65536"', "[alerts] channel.1.address", "udp://"),
        ('kind = "pager"', "[alerts] channel.1.kind", '"webhook", "teams", "syslog" or "mail"'),
        ('kind = "mail"\nto = "a@b.test"\nroute = "smarthots"', "[[alerts.channel]], route", "[[route]]"),
        ('kind = "teams"\nurl = "https://x.test/SECRET"', "[alerts] channel.1.url", "a reference"),
    ],
)
def test_a_channel_that_cannot_work_is_an_error(lines: str, where: str, words: str) -> None:
    """With its number, and without the secret that somebody wrote into the file."""
    with pytest.raises(ConfigErrors) as caught:
        parse(f"{BASE}[[alerts.channel]]\n{lines}\n", "x.toml")
    error = caught.value.errors[0]

    assert f"x.toml: {where}" == error.where
    assert words in error.expected
    assert "SECRET" not in str(error)


def test_a_typo_in_a_channel_is_named() -> None:
    """The nearest key of a channel, not of [alerts]."""
    with pytest.raises(ConfigErrors) as caught:
        parse(BASE + '[[alerts.channel]]\nkind = "syslog"\nadress = "udp://h:1"\n', "x.toml")

    assert "did you mean address?" in [one.hint for one in caught.value.errors]


def test_a_week_has_seven_days() -> None:
    """In English, with a time."""
    with pytest.raises(ConfigErrors) as caught:
        parse(BASE + '[alerts]\ndigest = "montag 7:30"\n', "x.toml")

    assert "monday 07:30" in caught.value.errors[0].expected
