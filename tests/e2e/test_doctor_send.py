"""send-test in front of a relay and a Microsoft 365 that run: both legs, and what Exchange has in the end."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.house import Relay
from e2e.microsoft import Microsoft, microsoft

TO = "lena@fabrikam.example"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Microsoft]:
    with microsoft(tmp_path_factory.mktemp("cloud")) as running:
        yield running


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def relay(cloud: Microsoft, tmp_path: Path) -> Iterator[Relay]:
    """A relay with a port of its own, and two rules."""
    device = (
        '[[device]]\nname = "strict"\nmatch = { address = "127.0.0.7" }\ntolerate = { no_brackets = false }\n'
    )
    running = cloud.relay(tmp_path / "relay", more=device)
    text = running.config_file.read_text().replace("127.0.0.1:0", f"127.0.0.1:{free_port()}")
    running.config_file.write_text(text)
    with running:
        yield running


def send(running: Relay, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = running.command("send-test", "--to", TO, "--json", *arguments)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_both_legs_are_shown_and_the_message_arrives(relay: Relay, cloud: Microsoft) -> None:
    """From the greeting to Microsoft's 250, in one order of time; no secret in it."""
    before = len(cloud.control.messages())
    code, found = send(relay)
    lan, upstream = found["legs"]

    assert (0, "delivered") == (code, found["result"]), found
    assert any("queued as" in one["text"] for one in lan["lines"])
    assert any(one["text"].startswith("250 2.0.0 OK") for one in upstream["lines"])
    assert upstream["lines"][-1]["at_ms"] >= lan["lines"][0]["at_ms"]
    (message,) = cloud.control.messages()[before:]
    assert found["message_id"] == message["message_id"]
    assert f"-MessageId '{found['message_id']}'" in found["ask_microsoft"][0]
    assert str(cloud.facts["client_secret"]) not in json.dumps(found)


def test_a_route_alone_is_tried(relay: Relay, cloud: Microsoft) -> None:
    """Without the queue: nothing of it is there afterwards, and the message has arrived."""
    before = len(cloud.control.messages())
    code, found = send(relay, "--via", "submission", "--size", "100K")

    assert (0, "delivered", None) == (code, found["result"], found["id"])
    assert ["Upstream"] == [leg["name"] for leg in found["legs"]]
    assert 1 == len(cloud.control.messages()[before:])
    assert found["size_octets"] >= 100 * 1024
    assert "AUTH XOAUTH2" in [one["text"] for one in found["legs"][0]["lines"]]


def test_a_device_that_is_not_right_is_played(relay: Relay) -> None:
    """With the tolerance it is served; without it the refusal names the rule."""
    good, _ = send(relay, "--quirk", "no-brackets,bare-lf-commands", "--as-ip", "127.0.0.9")
    code, found = send(relay, "--quirk", "no-brackets", "--as-ip", "127.0.0.7")

    assert 0 == good
    assert (1, "refused") == (code, found["result"])
    assert found["text"].startswith("refused at MAIL: 501")
    assert "no_brackets" in found["why"]


def test_a_refusal_upstream_ends_the_wait(relay: Relay, cloud: Microsoft) -> None:
    """Only a person can heal it: exit 1 at once, with the row that explains it."""
    cloud.control.set_mood(name="auth", text="auth-mailbox", count=20)
    try:
        code, found = send(relay, "--wait", "60")
    finally:
        import http.client

        link = http.client.HTTPConnection(str(cloud.facts["control"]).removeprefix("http://"), timeout=10)
        link.request("DELETE", "/moods")
        assert link.getresponse().status == 204
        link.close()

    assert (1, "queued") == (code, found["result"])
    assert "SmtpClientAuthentication is disabled for the Mailbox" in found["text"]
    assert found["do"].startswith("relay365 explain ")


def test_a_relay_that_does_not_run(relay: Relay) -> None:
    """Exit 3, in three lines."""
    relay.stop()
    done = relay.command("send-test", "--to", TO)

    assert 3 == done.returncode
    assert ["what:", "why: ", "do:  "] == [line[:5] for line in done.stderr.splitlines()]
