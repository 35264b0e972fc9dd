"""Two ways out and a rule: what goes where, what happens when the first is away, and what the history says."""

from __future__ import annotations

import json
from pathlib import Path

from e2e.house import Relay, Sink, eventually

CONFIG = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[sender]
domains = ["contoso.com"]
[queue]
retry = ["1s"]
[[route]]
kind = "smarthost"
name = "first"
host = "{first}"
tls = "none"
[[route]]
kind = "smarthost"
name = "second"
host = "{second}"
tls = "none"
[[rule]]
name = "inside"
recipients = "own-domains"
routes = "second"
[[rule]]
routes = ["first", "second"]
after = "2s"
"""


def _content(n: int) -> bytes:
    return f"Message-ID: <{n}@device.test>\r\nSubject: message {n}\r\n\r\nhello\r\n".encode()


def test_recipients_of_one_message_go_by_their_own_rules(tmp_path: Path) -> None:
    """One message, two routes, each recipient once."""
    with Sink() as first, Sink() as second:
        config = CONFIG.format(first=first.address, second=second.address)
        with Relay(tmp_path, config) as relay:
            relay.send(_content(1), to=("lena@fabrikam.com", "it@contoso.com"))
            eventually(lambda: first.delivered and second.delivered)

            assert [["lena@fabrikam.com"]] == [one.recipients for one in first.delivered]
            assert [["it@contoso.com"]] == [one.recipients for one in second.delivered]


def test_the_second_route_takes_over_and_the_first_comes_back(tmp_path: Path) -> None:
    """While nobody listens at the first, its mail leaves by the second; the history tells it, `route list` too."""
    with Sink() as second:
        away = Sink()
        with away:
            address = away.address
        with Relay(tmp_path, CONFIG.format(first=address, second=second.address)) as relay:
            spool_id = relay.send(_content(0)).split()[-1]
            for n in range(1, 20):
                relay.send(_content(n))
            eventually(lambda: len(second.delivered) == 20)
            shown = json.loads(relay.command("queue", "show", spool_id, "--json").stdout)
            assert "recipient.moved" in [event["name"] for event in shown["events"]]
            lanes = [
                json.loads(line) for line in relay.command("route", "list", "--json").stdout.splitlines()
            ]
            assert "cannot-connect" == lanes[0]["lanes"][0]["row"]

            back = Sink()
            back.port = int(address.rpartition(":")[2])
            with back:
                relay.send(_content(99))
                eventually(lambda: back.delivered or len(second.delivered) == 21)
                relay.command("queue", "retry")
                relay.send(_content(100))
                eventually(lambda: len(back.delivered) + len(second.delivered) == 22)


def test_what_the_first_route_cannot_carry_goes_by_the_second(tmp_path: Path) -> None:
    """The first says SIZE: no attempt is counted and no report is made, the message takes the next road."""
    with Sink(size_limit=50_000) as first, Sink() as second:
        config = CONFIG.format(first=first.address, second=second.address)
        with Relay(tmp_path, config) as relay:
            reply = relay.send(_content(1) + (b"y" * 76 + b"\r\n") * 1000)
            eventually(lambda: second.delivered)
            eventually(lambda: not relay.queue())
            shown = json.loads(relay.command("queue", "show", reply.split()[-1], "--json").stdout)

            assert [] == first.delivered
            assert [("delivered", "second")] == [(one["state"], one["lane"]) for one in shown["recipients"]]
