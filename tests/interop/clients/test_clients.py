"""Clients that we did not write deliver through a relay: plain, STARTTLS and implicit TLS, with PLAIN and LOGIN."""

from __future__ import annotations

import email
import email.policy
import itertools
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path

import pytest

from clients.order import missing
from clients.programs import LOGIN, MODES, PASSWORD, PROGRAMS, RECIPIENT, SENDER, Order
from e2e.house import SMARTHOST, Relay, Sink, eventually, without_trace

CONTENT = (
    b"From: Copier <scan@contoso.com>\r\nTo: lena@fabrikam.com\r\nSubject: {mark}\r\n"
    b"Message-ID: <{mark}@device.test>\r\nDate: " + formatdate().encode() + b"\r\n\r\n"
    b"first line\r\n.\r\n..two dots\r\n. one dot\r\n\r\n" + b"x" * 900 + b"\r\nend\r\n"
)
TEXT = "first line\n.\n..two dots\n. one dot\n\nGrüße\nend\n"
LONE_DOTS = TEXT.replace("..two", "two").replace(". one", "one")
ATTACHMENT = bytes(range(256)) * 5 + b"\r\n.\r\n"
WAYS = [(name, mode) for name, client in PROGRAMS.items() for mode in MODES if mode in client.modes]
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what must be compiled is, once for the run."""
    return tmp_path_factory.mktemp("workshop")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sink, Relay]]:
    """A relay with a STARTTLS, an implicit and a plain listener, in front of a sink."""
    with Sink() as sink:
        more = "".join(
            f'[[listener]]\naddress = "127.0.0.1:0"\ntls = "{tls}"\n' for tls in ("implicit", "none")
        )
        config = SMARTHOST.format(host=sink.address).replace("[[allow]]", f"{more}[[allow]]")
        relay = Relay(tmp_path_factory.mktemp("clients"), config)
        for login in (LOGIN, SENDER):
            assert relay.command("user", "add", login, "--password-stdin", stdin=PASSWORD).returncode == 0
        with relay:
            yield sink, relay


def _order(relay: Relay, mode: str, mark: str, folder: Path) -> Order:
    file, attachment = folder / "message.eml", folder / "scan.pdf"
    file.write_bytes(CONTENT.replace(b"{mark}", mark.encode()))
    attachment.write_bytes(ATTACHMENT)
    tls, mechanism = MODES[mode]
    port = relay.ports[1] if tls == "implicit" else relay.port
    return Order(port, file, relay.ca_file, tls, mechanism, subject=mark, text=TEXT, attachment=attachment)


def _parts(content: bytes) -> tuple[str, str, str, str, bytes]:
    """(from, to, subject, text, attachment) of a message, read by the standard library."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    text = message.get_body(("plain",))
    attached = [part.get_content() for part in message.walk() if part.get_filename() == "scan.pdf"]
    return (
        message["From"].addresses[0].addr_spec,
        message["To"].addresses[0].addr_spec,
        str(message["Subject"]),
        ""
        if text is None
        else text.get_content().replace("\r", "").replace("<br>", "\n").rstrip("\n") + "\n",
        attached[0] if attached else b"",
    )


def _keeps(how: str, order: Order, arrived: bytes) -> bool:
    """Whether what arrived is what was ordered, as far as the client keeps it."""
    sent = order.file.read_bytes()
    if how == "octets":
        return sent == without_trace(arrived)
    if how == "end":
        return without_trace(arrived).endswith(sent)
    wanted = (SENDER, RECIPIENT, order.subject, order.text, ATTACHMENT if how == "message" else b"")
    return wanted == _parts(arrived)


@pytest.mark.parametrize(("name", "mode"), WAYS)
def test_a_foreign_client_delivers(
    name: str, mode: str, house: tuple[Sink, Relay], tmp_path: Path, workshop: Path
) -> None:
    """What the client sends arrives at the next hop unchanged behind our trace, which names the way it came."""
    client = PROGRAMS[name]
    if lacks := [need for need in client.needs if missing(need)]:
        pytest.skip(f"{lacks[0]} is not here: see requirements/debian.txt and tests/packages.sh")
    sink, relay = house
    mark = f"mark-{next(_numbers)}-{mode}"
    order = replace(_order(relay, mode, mark, tmp_path), workshop=workshop)
    if not client.stuffs:
        order = replace(order, text=LONE_DOTS)
    if client.eager and not order.tls:
        order = replace(order, port=relay.ports[2])

    client.send(order)

    def arrived() -> list[bytes]:
        return [
            one.content
            for one in sink.delivered
            if mark.encode() in one.content and (one.reverse_path, one.recipients) == (SENDER, [RECIPIENT])
        ]

    (content,) = eventually(arrived)
    assert _keeps(client.keeps, order, content), content.decode("utf-8", "replace")
    said_helo = client.helo and not order.mechanism
    wanted = "SMTP" if said_helo else "ESMTP" + "S" * bool(order.tls) + "A" * bool(order.mechanism)
    assert f" with {wanted} id ".encode() in content.partition(b";")[0]
