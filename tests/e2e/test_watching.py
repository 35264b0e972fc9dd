"""A relay that is watched: its numbers over HTTP beside the mail that went through it, and its readiness at its end."""

from __future__ import annotations

import signal
import smtplib
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from e2e.house import SMARTHOST, Relay, Sink, eventually

METRICS = '[metrics]\naddress = "127.0.0.1:0"\n'


def _ask(relay: Relay, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{relay.ready['metrics']}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def _numbers(relay: Relay) -> dict[str, float]:
    """All samples of a name added up."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(_ask(relay, "/metrics")[1]):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def test_what_happened_is_counted(tmp_path: Path) -> None:
    """Three messages in and out, one recipient refused by the next hop, one stranger's sender refused by a rule."""
    config = SMARTHOST.replace('network = "127.0.0.0/8"', 'network = "127.0.0.0/8"\nsenders = "@contoso.com"')
    sink = Sink(refuse={"gone@x.test": "550 5.1.1 no such user"})
    with sink, Relay(tmp_path, config.format(host=sink.address) + METRICS) as relay:
        for _ in range(3):
            relay.send(b"Subject: x\r\n\r\nhello\r\n")
        relay.send(b"Subject: x\r\n\r\nhello\r\n", to=("gone@x.test",))
        with smtplib.SMTP("127.0.0.1", relay.port, timeout=30) as device:
            device.ehlo("device.test")
            assert 550 == device.mail("scan@fabrikam.com")[0]
        numbers = eventually(
            lambda: (now := _numbers(relay))["relay365_outcomes_total"] >= 5 and now
        )  # 3, the refusal, and the report about it

        assert (5.0, 1.0) == (
            numbers["relay365_messages_accepted_total"], numbers["relay365_refusals_total"],
        )  # fmt: skip
        assert 5.0 == numbers["relay365_attempt_seconds_count"] == numbers["relay365_commit_seconds_count"]
        assert numbers["relay365_events_total"] >= 10
        assert 0.0 < numbers["relay365_accepted_bytes_total"]
        assert numbers["process_resident_memory_bytes"] > 1e7
        assert (200, "alive\n") == _ask(relay, "/healthz")
        assert (200, "ready\n") == _ask(relay, "/readyz")


def test_a_relay_that_stops_says_so(tmp_path: Path) -> None:
    """While an open session ends, /readyz is 503 with the reason; /healthz is still 200."""
    with Relay(tmp_path, SMARTHOST.format(host="127.0.0.1:1") + METRICS) as relay:
        assert relay.process is not None
        with smtplib.SMTP("127.0.0.1", relay.port, timeout=30) as device:
            device.ehlo("device.test")
            device.mail("scan@contoso.com")
            device.rcpt("lena@fabrikam.com")
            assert 354 == device.docmd("DATA")[0]
            relay.process.send_signal(signal.SIGTERM)

            assert (503, "the service is stopping\n") == eventually(
                lambda: (answer := _ask(relay, "/readyz"))[0] == 503 and answer
            )
            assert 200 == _ask(relay, "/healthz")[0]
            device.close()
        assert 0 == relay.stop()


def test_an_address_that_is_taken_is_said(tmp_path: Path) -> None:
    """Exit 1 and three lines; nothing of the relay stays behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config = SMARTHOST.format(host="127.0.0.1:1") + f'[metrics]\naddress = "{address}"\n'
        relay = Relay(tmp_path, config)
        with pytest.raises(AssertionError, match="cannot listen"):
            relay.start()
        assert relay.process is not None
        assert 1 == relay.process.wait(30)
        relay.close_pipes()
