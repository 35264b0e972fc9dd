"""Stories of a relay in front of Microsoft 365: sign-in of each kind, and what the relay does on bad days."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.house import Relay, eventually, without_trace
from e2e.microsoft import Microsoft, microsoft

HEAD = "From: Copier <{sender}>\r\nTo: lena@fabrikam.com\r\nSubject: {n}\r\nMessage-ID: <{n}@device.test>\r\n\r\n"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    """An emulator of the test's own."""
    with microsoft(tmp_path) as running:
        yield running


def content(n: int | str, sender: str = "scan@contoso.com", text: str = "hello\r\n.\r\n..dots\r\n") -> bytes:
    return (HEAD.format(n=n, sender=sender) + text).encode()


def numbers(cloud: Microsoft) -> list[str]:
    """The numbers of the messages that Microsoft has, in their order."""
    return [message["message_id"].partition("@")[0][1:] for message in cloud.control.messages()]


def last_reply(relay: Relay) -> str:
    return str(relay.queue()[0]["recipients"][0]["last_reply"])


def lane_row(relay: Relay) -> tuple[int, str | None]:
    """(exit code of status, the catalogue row that holds or gates the lane)."""
    result = relay.command("status", "--json")
    lanes = json.loads(result.stdout)["lanes"]
    return result.returncode, lanes[0]["row"] if lanes else None


ROUTES = {
    "secret": "",
    "certificate": 'certificate = {{ file = "{certificate_file}" }}\nkey = {{ file = "{key_file}" }}',
    "password": 'password = {{ env = "MAILBOX_PASSWORD" }}',
}


@pytest.mark.parametrize("credential", ROUTES)
def test_mail_is_submitted_with_every_credential(credential: str, cloud: Microsoft, tmp_path: Path) -> None:
    """Client secret, certificate and, while it lives, the mailbox's password: the octets arrive as they came."""
    route = ROUTES[credential].format(**cloud.facts)
    relay = cloud.relay(tmp_path / "relay", route=route)
    relay.environ["MAILBOX_PASSWORD"] = cloud.password
    with relay:
        relay.send(content(1, cloud.mailbox), sender=cloud.mailbox)
        eventually(cloud.control.messages)

        assert content(1, cloud.mailbox) == without_trace(cloud.control.content(1))
        assert cloud.mailbox == cloud.control.messages()[0]["mailbox"]
        assert [] == relay.queue()


def test_the_smallest_file_delivers_a_swaks_message(cloud: Microsoft, tmp_path: Path) -> None:
    """`relay365 run` with the file that the emulator wrote, and swaks as the device: nothing else is needed."""
    with cloud.relay(tmp_path / "relay") as relay:
        file = tmp_path / "mail.eml"
        file.write_bytes(content("swaks", cloud.mailbox).removesuffix(b"\r\n"))
        arguments = ["swaks", "--server", f"127.0.0.1:{relay.port}", "--from", cloud.mailbox]
        result = subprocess.run(
            [*arguments, "--to", "lena@fabrikam.com", "--data", f"@{file}"], capture_output=True, timeout=30
        )
        assert result.returncode == 0, result.stdout
        eventually(cloud.control.messages)

        assert content("swaks", cloud.mailbox) == without_trace(cloud.control.content(1))


def test_a_throttle_delays_and_never_bounces(cloud: Microsoft, tmp_path: Path) -> None:
    """432 at the final dot: the message goes later, not as an attempt of its own, and exactly once."""
    cloud.control.set_mood(name="concurrent", count=1)
    with cloud.relay(tmp_path / "relay") as relay:
        relay.send(content(1, cloud.mailbox), sender=cloud.mailbox)
        eventually(lambda: relay.queue() and last_reply(relay).startswith("432 4.3.2"))
        view = relay.queue()[0]

        assert ("queued", 0) == (view["recipients"][0]["state"], view["recipients"][0]["attempts"])
        assert "rate-limit" == view["recipients"][0]["class"]
        eventually(lambda: numbers(cloud) == ["1"])


def test_an_outage_ends_and_everything_arrives_once(cloud: Microsoft, tmp_path: Path) -> None:
    """Nobody answers for some seconds: the queue keeps, and drains by itself."""
    cloud.control.set_mood(name="outage", how="refuse", for_s=4)
    with cloud.relay(tmp_path / "relay") as relay:
        for n in range(8):
            relay.send(content(n, cloud.mailbox), sender=cloud.mailbox)
        assert 8 == len(relay.queue())
        eventually(lambda: len(numbers(cloud)) == 8)

        assert [str(n) for n in range(8)] == sorted(numbers(cloud))


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("auth-failed", "auth-refused"),
        ("auth-tenant", "smtp-auth-disabled-tenant"),
        ("auth-mailbox", "smtp-auth-disabled-mailbox"),
    ],
)
def test_a_fault_of_the_set_up_holds_the_route(text: str, row: str, cloud: Microsoft, tmp_path: Path) -> None:
    """535: the mail stays, uncounted; status says who must act and why, with exit code 1."""
    cloud.control.set_mood(name="auth", text=text)
    with cloud.relay(tmp_path / "relay") as relay:
        relay.send(content(1, cloud.mailbox), sender=cloud.mailbox)
        eventually(lambda: lane_row(relay) == (1, row))
        recipient = relay.queue()[0]["recipients"][0]

        assert ("queued", 0, "configuration") == (
            recipient["state"],
            recipient["attempts"],
            recipient["class"],
        )


def test_a_wrong_secret_is_told_by_its_number(cloud: Microsoft, tmp_path: Path) -> None:
    """AADSTS7000215 holds the route; no password or secret reaches queue or log."""
    relay = cloud.relay(tmp_path / "relay", route='secret = { env = "WRONG_SECRET" }')
    relay.environ["WRONG_SECRET"] = "wrong-secret-canary"
    with relay:
        relay.send(content(1, cloud.mailbox), sender=cloud.mailbox)
        eventually(lambda: relay.queue() and "AADSTS7000215" in last_reply(relay))

        assert 1 == relay.command("status").returncode
        assert "wrong-secret-canary" not in relay.log_file.read_text()


def test_a_sender_that_may_not_send_is_held_and_others_go_on(cloud: Microsoft, tmp_path: Path) -> None:
    """SendAsDenied stops that sender before Microsoft's penalty box shuts the mailbox for everybody."""
    with cloud.relay(tmp_path / "relay") as relay:
        for n in range(4):
            relay.send(content(f"bad{n}", "stranger@contoso.com"), sender="stranger@contoso.com")
            eventually(lambda n=n: [v["state"] for v in relay.queue()].count("held") == n + 1)
        relay.send(content("good", cloud.mailbox), sender=cloud.mailbox)
        eventually(lambda: numbers(cloud) == ["good"])
        tries = [view["recipients"][0]["attempts"] for view in relay.queue()]

        assert [0, 0, 1, 1] == sorted(tries)


def test_an_answer_that_never_comes_is_uncertain_and_said_so(cloud: Microsoft, tmp_path: Path) -> None:
    """Microsoft takes the message and hangs up: tried again with the same Message-ID, marked possible duplicate."""
    cloud.control.set_mood(name="lie", how="close", count=1)
    with cloud.relay(tmp_path / "relay", more='[queue]\nretry = ["1s"]\n') as relay:
        spool_id = relay.send(content(1, cloud.mailbox), sender=cloud.mailbox).rpartition(" ")[2]
        eventually(lambda: numbers(cloud) == ["1", "1"])
        shown = eventually(lambda: _delivered(relay, spool_id))

        assert shown["possible_duplicate"]
        assert "recipient.delivered" == shown["events"][-1]["name"]


def _delivered(relay: Relay, spool_id: str) -> dict[str, object] | None:
    shown = json.loads(relay.command("queue", "show", "--json", spool_id.lower()).stdout)
    return shown if shown["state"] == "delivered" else None


@pytest.mark.parametrize("mood", ["no-starttls", "wrong-certificate", "injection"])
def test_no_credential_and_no_mail_over_a_link_that_is_not_trusted(
    mood: str, cloud: Microsoft, tmp_path: Path
) -> None:
    """Without STARTTLS, with a wrong certificate, or with octets glued behind the 220: the mail waits."""
    cloud.control.set_mood(name=mood)
    with cloud.relay(tmp_path / "relay") as relay:
        relay.send(content(1, cloud.mailbox), sender=cloud.mailbox)
        if mood == "injection":  # the octets are thrown away, and the session goes on in TLS
            eventually(lambda: numbers(cloud) == ["1"])
        else:
            row = "no-starttls" if mood == "no-starttls" else "tls-failed"
            eventually(lambda: lane_row(relay)[1] == row)
            assert [] == numbers(cloud)
            assert 1 == len(relay.queue())


def test_killed_in_mid_burst_nothing_that_was_accepted_is_lost(cloud: Microsoft, tmp_path: Path) -> None:
    """kill -9 while devices send and Microsoft receives; after the restart every 250 is kept."""
    relay = cloud.relay(tmp_path / "relay").start()
    accepted: list[str] = []

    def device(worker: int) -> None:
        for n in range(100):
            try:
                relay.send(content(f"{worker}-{n}", cloud.mailbox), sender=cloud.mailbox)
            except (OSError, AssertionError):
                return
            accepted.append(f"{worker}-{n}")

    devices = [threading.Thread(target=device, args=(worker,)) for worker in range(3)]
    for one in devices:
        one.start()
    eventually(lambda: len(numbers(cloud)) >= 5 and len(accepted) >= 20)
    relay.kill()
    for one in devices:
        one.join()
    before = set(numbers(cloud))
    relay.close_pipes()
    with relay:
        waiting = {view["message_id"].partition("@")[0][1:] for view in relay.queue()}

    assert set() == set(accepted) - before - waiting - set(numbers(cloud))
