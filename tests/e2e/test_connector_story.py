"""Stories of a relay that goes by the tenant's MX host: known by its certificate, and never taken for a stranger.

Each one counts what Exchange has in the end: nothing lost, nothing twice, and no bounce for what a person must heal.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.house import TODAY, Relay, eventually, without_trace
from e2e.microsoft import Microsoft, microsoft

CONFIG = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "connector"
ca_file = "{ca_file}"
{more}
"""
BY_NAME = 'host = "localhost:{port}"\n'
CERTIFICATE = (
    'certificate = {{ file = "{connector_certificate_file}" }}\nkey = {{ file = "{connector_key_file}" }}\n'
)
BY_GRAPH = """domain = "contoso.com"
find = "graph"
port = {port}
tenant = "{tenant}"
client = "{client_id}"
secret = {{ file = "{secret_file}" }}
authority = "{authority}"
graph_endpoint = "{graph}"
scope = "https://graph.microsoft.com/.default"
"""
SENDER, OUTSIDE = "erp@contoso.com", "lena@fabrikam.example"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    """An emulator of the test's own, whose tenant has a connector by certificate."""
    with microsoft(tmp_path) as running:
        yield running


def relay(cloud: Microsoft, home: Path, *parts: str) -> Relay:
    """A relay whose only road is the connector."""
    home.mkdir()
    facts = {**cloud.facts, "port": port_of(cloud)}
    return Relay(home, CONFIG.format(**facts, more="".join(parts).format(**facts)))


def port_of(cloud: Microsoft) -> str:
    return str(cloud.facts["mx"]).rpartition(":")[2]


def content(n: int | str, text: str = "hello\r\n.\r\n..dots\r\n") -> bytes:
    head = f"From: ERP <{SENDER}>\r\nTo: {OUTSIDE}\r\nSubject: {n}\r\nMessage-ID: <{n}@device.test>\r\n"
    return f"{head}Date: {TODAY}\r\n\r\n{text}".encode()


def row_of(running: Relay) -> str:
    """The row that the only lane tells the operator, "" while it is well."""
    lanes = json.loads(running.command("status", "--json").stdout)["lanes"]
    return (lanes[0]["row"] or "") if lanes else ""


def test_a_certificate_with_its_chain_relays_to_the_outside(cloud: Microsoft, tmp_path: Path) -> None:
    """Behind verified TLS, without a login, the octets arrive as they came; Exchange's id is kept."""
    with relay(cloud, tmp_path / "relay", BY_NAME, CERTIFICATE) as running:
        running.send(content(1), sender=SENDER, to=(OUTSIDE,))
        (message,) = eventually(cloud.control.messages)

        assert ("mx", [OUTSIDE], SENDER) == (
            message["service"],
            message["recipients"],
            message["reverse_path"],
        )
        assert content(1) == without_trace(cloud.control.content(message["number"]))
        eventually(lambda: running.queue() == [])


def test_graph_names_the_host(cloud: Microsoft, tmp_path: Path) -> None:
    """With nothing but the domain: the MX host comes from serviceConfigurationRecords, with the application's token."""
    cloud.control.change("/graph", mx_host="localhost")
    with relay(cloud, tmp_path / "relay", BY_GRAPH, CERTIFICATE) as running:
        running.send(content(1), sender=SENDER, to=(OUTSIDE,))
        (message,) = eventually(cloud.control.messages)

        assert "mx" == message["service"]
        assert "route.host-found hosts=localhost" in running.log_file.read_text()


def test_a_domain_that_graph_does_not_know_holds_the_mail(cloud: Microsoft, tmp_path: Path) -> None:
    """Nobody is guessed at: the mail waits, uncounted, and status says why."""
    wrong = BY_GRAPH.replace("contoso.com", "stranger.example")
    with relay(cloud, tmp_path / "relay", wrong, CERTIFICATE) as running:
        running.send(content(1), sender=SENDER, to=(OUTSIDE,))
        eventually(lambda: row_of(running) == "no-mx-host")
        recipient = running.queue()[0]["recipients"][0]

        assert ("queued", 0, "configuration") == (
            recipient["state"],
            recipient["attempts"],
            recipient["class"],
        )
        assert [] == cloud.control.messages()


def test_a_leaf_alone_is_refused_before_it_is_shown(cloud: Microsoft, tmp_path: Path) -> None:
    """`config check` and `run` name the file, the reason in Exchange's number, and the cure."""
    leaf = CERTIFICATE.replace("connector_certificate_file", "connector_leaf_file")
    stopped = relay(cloud, tmp_path / "relay", BY_NAME, leaf)
    (tmp_path / "relay" / "relay365.toml").write_text(stopped.config_file.read_text())
    check, run = stopped.command("config", "check"), stopped.command("run")

    assert (1, 2) == (check.returncode, run.returncode), check.stderr + run.stderr
    for said in (check.stderr, run.stderr):
        assert "connector-leaf.pem" in said
        assert "alone, without that of its issuer" in said
        assert "550 5.7.64" in said


@pytest.mark.parametrize(
    "parts", [(BY_NAME,), (BY_NAME, CERTIFICATE)], ids=["no certificate", "not a connector's"]
)
def test_whom_exchange_does_not_know_keeps_the_mail(
    parts: tuple[str, ...], cloud: Microsoft, tmp_path: Path
) -> None:
    """5.7.64 at RCPT is the relay's fault and no recipient's: held, uncounted, and no report to anybody."""
    with relay(cloud, tmp_path / "relay", *parts) as running:
        if len(parts) > 1:  # a certificate of another name than the connector's
            cloud.control.set_mood(
                name="reply", at="rcpt", text="550 5.7.64 TenantAttribution; Relay Access Denied"
            )
        running.send(content(1), sender=SENDER, to=(OUTSIDE,))
        eventually(lambda: row_of(running) == "relay-denied-attribution")
        recipient = running.queue()[0]["recipients"][0]

        assert ("queued", 0, "configuration") == (
            recipient["state"],
            recipient["attempts"],
            recipient["class"],
        )
        assert 1 == len(running.queue())


def test_too_many_for_one_transaction_go_with_the_next(cloud: Microsoft, tmp_path: Path) -> None:
    """452 4.5.3 to two of five: three are delivered at once, two with the next transaction, and nobody has failed."""
    cloud.control.set_mood(name="reply", at="rcpt", text="452 4.5.3 Too many recipients (AS780090)", count=2)
    to = tuple(f"r{n}@fabrikam.example" for n in range(5))
    with relay(cloud, tmp_path / "relay", BY_NAME, CERTIFICATE) as running:
        spool_id = running.send(content(1), sender=SENDER, to=to).rpartition(" ")[2]
        eventually(lambda: sum(len(one["recipients"]) for one in cloud.control.messages()) == 5)
        shown = eventually(lambda: shown_when_done(running, spool_id))

    assert [3, 2] == [len(one["recipients"]) for one in cloud.control.messages()]
    assert ["delivered"] * 5 == [one["state"] for one in shown["recipients"]]
    assert {1} == {one["attempts"] for one in shown["recipients"]}


def shown_when_done(running: Relay, spool_id: str) -> dict[str, Any] | None:
    shown: dict[str, Any] = json.loads(running.command("queue", "show", "--json", spool_id).stdout)
    return shown if shown["state"] == "delivered" else None


def test_four_hundred_recipients_of_a_domain_go_in_two_hundreds(cloud: Microsoft, tmp_path: Path) -> None:
    """Exchange takes 200 recipients of one domain in a transaction: none of them ever hears 452."""
    to = tuple(f"r{n}@fabrikam.example" for n in range(400))
    with relay(cloud, tmp_path / "relay", BY_NAME, CERTIFICATE) as running:
        running.send(content(1), sender=SENDER, to=to)
        eventually(lambda: sum(len(one["recipients"]) for one in cloud.control.messages()) == 400)

    assert [200, 200] == [len(one["recipients"]) for one in cloud.control.messages()]
    assert "452" not in running.log_file.read_text()


def test_a_large_message_goes_in_chunks(cloud: Microsoft, tmp_path: Path) -> None:
    """A megabyte with a dot on every line arrives octet for octet by BDAT, and by DATA where nobody offers it."""
    text = ".dots\r\n" * 150_000
    with relay(cloud, tmp_path / "relay", BY_NAME, CERTIFICATE) as running:
        running.send(content("chunks", text), sender=SENDER, to=(OUTSIDE,))
        eventually(lambda: len(cloud.control.messages()) == 1)
        cloud.control.set_mood(name="no-extension", which="CHUNKING")
        running.stop()
        running.close_pipes()
        running.start()
        running.send(content("data", text), sender=SENDER, to=(OUTSIDE,))
        messages = eventually(lambda: len(cloud.control.messages()) == 2 and cloud.control.messages())

    for message, name in zip(messages, ("chunks", "data"), strict=True):
        assert content(name, text) == without_trace(cloud.control.content(message["number"]))


@pytest.mark.parametrize("mood", ["no-starttls", "wrong-certificate"])
def test_nothing_is_sent_to_whom_is_not_proved(mood: str, cloud: Microsoft, tmp_path: Path) -> None:
    """Without STARTTLS, or with a certificate of another name, no address and no content is said."""
    cloud.control.set_mood(name=mood)
    with relay(cloud, tmp_path / "relay", BY_NAME, CERTIFICATE) as running:
        running.send(content(1), sender=SENDER, to=(OUTSIDE,))
        eventually(lambda: row_of(running) == ("no-starttls" if mood == "no-starttls" else "tls-failed"))

        assert [] == cloud.control.messages()
        assert 1 == len(running.queue())


def test_a_renewed_certificate_is_shown_without_a_restart(cloud: Microsoft, tmp_path: Path) -> None:
    """The file is replaced while the relay runs: the next line shows the new one; a useless one changes nothing."""
    files = {key: tmp_path / key for key in ("connector_certificate_file", "connector_key_file")}
    for key, file in files.items():
        shutil.copy(str(cloud.facts[key]), file)
    mine = "".join(CERTIFICATE).format(**{key: str(file) for key, file in files.items()})
    with relay(cloud, tmp_path / "relay", BY_NAME, mine.replace("{", "{{").replace("}", "}}")) as running:
        shutil.copy(str(cloud.facts["connector_leaf_file"]), files["connector_certificate_file"])
        running.send(content(1), sender=SENDER, to=(OUTSIDE,))
        eventually(lambda: len(cloud.control.messages()) == 1)
        fresh = tmp_path / "fresh.pem"
        shutil.copy(str(cloud.facts["connector_certificate_file"]), fresh)
        fresh.replace(files["connector_certificate_file"])
        cloud.control.set_mood(name="reply", at="mail", text="421 4.3.2 Service not available", count=1)
        running.send(content(2), sender=SENDER, to=(OUTSIDE,))
        eventually(lambda: len(cloud.control.messages()) == 2)

        assert (
            f"certificate.reloaded file={files['connector_certificate_file']}" in running.log_file.read_text()
        )
