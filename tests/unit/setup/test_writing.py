"""The configuration that is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from relay365.config import parse
from relay365.setup.advice import Road
from relay365.setup.answers import judged
from relay365.setup.resume import Result
from relay365.setup.writing import FIRST_LINE, Page, configuration

DAY = "2026-11-30"
TENANT, CLIENT = "7f3c0000-0000-4000-8000-0000000091aa", "7a1e0c52-0000-4000-8000-000000000000"
OF_ROAD: dict[Road, dict[str, Any]] = {
    Road.CERTIFICATE: {
        "certificate": "relay.pem",
        "key": "relay.key",
        "certificate_name": "relay.contoso.com",
    },
    Road.ADDRESS: {"address": "8.8.4.4"},
}
KIND = {
    Road.APPLICATION: "submission", Road.PERSON: "submission", Road.CERTIFICATE: "connector", Road.ADDRESS: "connector",
    Road.HVE: "hve", Road.GRAPH: "graph",
}  # fmt: skip


def _page(road: Road = Road.APPLICATION, **changes: Any) -> Page:
    given_ = {
        "mailbox": "scan@contoso.com", "networks": ["192.168.10.0/24"], "listeners": ["192.168.10.5:25"],
        "road": road.value,
    }  # fmt: skip
    answers = judged({**given_, **OF_ROAD.get(road, {}), **changes}, "answers")
    return Page(
        answers,
        DAY,
        Result(TENANT, CLIENT),
        "keys/app.pem",
        "contoso-com.mail.protection.outlook.com",
    )


@pytest.mark.parametrize("road", list(Road))
@pytest.mark.parametrize("cloud", ["global", "china"])
def test_every_road_passes_the_check(road: Road, cloud: str) -> None:
    """What is written is read by the relay, as the kind of the road."""
    config = parse(configuration(_page(road, cloud=cloud)), "relay365.toml")

    assert KIND[road] == config.route[0].kind
    assert "192.168.10.0/24" == str(config.allow[0].network)


def test_what_was_answered_stands_in_it() -> None:
    """Senders, reports, ports and addresses."""
    text = configuration(
        _page(foreign="reject", reports_to="ops@contoso.com", listeners=["10.0.0.1:25", "10.0.0.1:465", "10.0.0.1:587"],
              endpoint="127.0.0.1:587", authority="https://127.0.0.1:4433", ca_file="ca.pem", proxy="http://proxy:3128")
    )  # fmt: skip
    config = parse(text, "x")
    route = config.route[0]

    assert text.startswith(FIRST_LINE)
    assert ["optional", "implicit", "optional"] == [one.tls for one in config.listener]
    assert [False, False, True] == [one.require_auth for one in config.listener]
    assert ("reject", "ops@contoso.com") == (config.sender.foreign, config.queue.reports_to)
    assert (TENANT, CLIENT) == (route.tenant, route.client)  # type: ignore[union-attr]
    assert ("127.0.0.1:587", "ca.pem", "http://proxy:3128") == (route.endpoint, route.ca_file, route.proxy)  # type: ignore[union-attr]


def test_what_keeps_its_default_is_left_out() -> None:
    """The file stays as short as what was answered."""
    text = configuration(_page())

    assert "endpoint" not in text
    assert "authority" not in text
    assert "[queue]" not in text


def test_this_machine_may_always_send() -> None:
    """Loopback is allowed, once."""
    assert 1 == configuration(_page()).count("127.0.0.0/8")
    assert 1 == configuration(_page(networks=["127.0.0.0/8"])).count('network = "127.0.0.0/8"')


@pytest.mark.parametrize("road", [Road.APPLICATION, Road.GRAPH, Road.HVE])
def test_a_certificate_that_was_made_here_renews_itself(road: Road) -> None:
    """With a line that says so: nobody has to think of it in two years."""
    text = configuration(_page(road))

    assert parse(text, "x").route[0].renew  # type: ignore[union-attr]
    assert "# The relay renews it 30 days before its end." in text.partition("renew = true")[0]


def test_an_application_that_was_there_before() -> None:
    """Its registration is not known, without which nothing is renewed: the file says what is missing, in comments."""
    page = _page(client=CLIENT)
    text = configuration(replace(page, result=None))
    learnt = configuration(replace(page, result=Result(TENANT, CLIENT, registration=CLIENT)))

    assert not parse(text, "x").route[0].renew  # type: ignore[union-attr]
    assert '# registration = "..."\n# renew = true\n' in text
    assert parse(learnt, "x").route[0].renew  # type: ignore[union-attr]


@pytest.mark.parametrize("road", [Road.PERSON, Road.CERTIFICATE, Road.ADDRESS])
def test_what_was_not_made_here_is_not_renewed(road: Road) -> None:
    """A sign-in, and a certificate that somebody else has signed, are not ours to renew."""
    assert "renew" not in configuration(_page(road))


def test_a_secret_instead_of_a_certificate() -> None:
    """The reference stands in the file, never the secret; there is nothing to renew."""
    config = parse(configuration(_page(client=CLIENT, secret={"file": "client.secret"})), "x")

    assert not config.route[0].renew  # type: ignore[union-attr]

    assert {"secret"} == set(config.route[0].secrets())


def test_a_reference_may_be_a_path_of_windows() -> None:
    """A stroke backwards is no escape: the reader finds the file that was meant."""
    url = {"file": r"C:\relay365\keys\alert.url"}
    secret = {"file": r"C:\new\client.secret"}
    text = configuration(_page(alert_by="teams", alert_url=url, secret=secret, client=CLIENT))
    config = parse(text, "x")

    assert [url["file"]] == [one.url.file for one in config.alerts.channel if one.url is not None]
    assert [secret["file"]] == [one.secrets()["secret"].file for one in config.route]


URL = {"file": "keys/alert.url"}


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({"alert_by": "teams", "alert_url": URL}, "teams"),
        ({"alert_by": "webhook", "alert_url": URL}, "webhook"),
        ({"alert_by": "syslog", "alert_address": "udp://10.0.0.9:514"}, "syslog"),
    ],
)
def test_who_hears_when_it_breaks(answers: dict[str, object], kind: str) -> None:
    """One channel, by reference where its address is a secret, with the command that tries it."""
    text = configuration(_page(**answers))
    (channel,) = parse(text, "x").alerts.channel

    assert kind == channel.kind
    assert (str(channel.url) if channel.url else channel.address) in text
    assert (
        "# Who hears when it breaks, once for each cause; docs/alerts.md. Try it: relay365 alerts test\n"
        in text
    )


@pytest.mark.parametrize("road", list(Road))
def test_alerts_by_mail_have_a_way_of_their_own(road: Road) -> None:
    """A second route for them alone: a rule keeps all other mail off it, on every road."""
    config = parse(
        configuration(
            _page(
                road, alert_by="mail", alert_host="mail.isp.test:25", alert_tls="none", reports_to="it@x.test"
            )
        ),
        "x",
    )
    (channel,), (rule,), names = config.alerts.channel, config.rule, config.route_names()

    assert ("it@x.test", "alerts") == (channel.to, channel.route)
    assert ("mail.isp.test:25", "none") == (config.route[1].host, config.route[1].tls)  # type: ignore[union-attr]
    assert (names[0],) == tuple(rule.routes)
    assert "alerts" == names[1]


def test_nobody_hears_and_the_file_says_so() -> None:
    """With an example in comments that holds when its signs are taken away."""
    text = configuration(_page())
    example = text.partition("Nobody does now.")[2].partition("\n")[2]
    uncommented = "\n".join(line.removeprefix("# ") for line in example.splitlines())

    assert () == parse(text, "x").alerts.channel
    assert "teams" == parse(text + uncommented, "x").alerts.channel[0].kind


def test_a_rescue_reminds_in_seven_days() -> None:
    """By mail to the mailbox, which was proved by the first mail; the file says what it was."""
    text = configuration(_page(Road.PERSON, rescue=True))
    (reminder,), (channel,) = parse(text, "x").alerts.reminder, parse(text, "x").alerts.channel

    assert timedelta(days=7) == reminder.on - date.fromisoformat(DAY)
    assert ("mail", "scan@contoso.com") == (channel.kind, channel.to)
    assert "this was set up in a hurry" in text
