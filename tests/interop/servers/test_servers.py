"""Servers that we did not write as the next hop: Postfix, smtp-server of npm, aiosmtpd; each with its own TLS."""

from __future__ import annotations

import itertools
import json
import ssl
from email.utils import formatdate
from pathlib import Path
from typing import Any, Self

import pytest
from aiosmtpd.controller import Controller

from clients.order import missing
from e2e.house import SMARTHOST, Delivered, Relay, Sink, _free_port, eventually, without_trace
from e2e.microsoft import microsoft
from servers.authority import Authority, authority
from servers.node import NodeServer
from servers.postfix import Postfix

CONTENT = (
    b"From: Copier <scan@contoso.com>\r\nTo: lena@fabrikam.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Message-ID: <{mark}@device.test>\r\nDate: " + formatdate().encode() + b"\r\n\r\n"
    b"first line\r\n.\r\n..two dots\r\n. one dot\r\n\r\n" + b"x" * 900 + b"\r\n\xe4\xf6\xfc\r\n \r\nend\r\n"
)
_numbers = itertools.count(1)
needs_node = pytest.mark.skipif(
    missing("node") or missing("node_modules/smtp-server"), reason="node or smtp-server is not here"
)
needs_postfix = pytest.mark.skipif(
    missing(".tools/postfix") or missing("root"), reason="Postfix is not here, or we are not root"
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority of every server here."""
    return authority(tmp_path_factory.mktemp("authority"))


def _content() -> bytes:
    return CONTENT.replace(b"{mark}", f"mark-{next(_numbers)}".encode())


def _config(address: str, tls: str, own: Authority, more: str = "") -> str:
    text = SMARTHOST.format(host=address).replace('tls = "none"', f'tls = "{tls}"\n{more}')
    return text + (f'ca_file = "{own.ca}"\n' if tls != "none" else "")


class _Postfix(Postfix):
    """A Postfix with an open door for loopback, which passes everything on to a sink."""

    def __init__(self, directory: Path, sink: Sink, own: Authority, *, implicit: bool = False) -> None:
        port = _free_port()
        host, _, sink_port = sink.address.rpartition(":")
        self.address = f"127.0.0.1:{port}"
        super().__init__(
            directory,
            {
                "relayhost": f"[{host}]:{sink_port}", "smtp_tls_security_level": "none",
                "smtpd_recipient_restrictions": (
                    "check_recipient_access inline:{ {gone@fabrikam.com = 550 5.1.1 no such user} }, "
                    "permit_mynetworks, reject"
                ),
                "smtpd_tls_security_level": "may", "smtpd_tls_cert_file": str(own.certificate),
                "smtpd_tls_key_file": str(own.key), "smtpd_tls_received_header": "yes",
                "smtpd_tls_wrappermode": "yes" if implicit else "no", "maximal_queue_lifetime": "1h",
            },
            listen=port,
        )  # fmt: skip


@needs_postfix
@pytest.mark.parametrize("tls", ["none", "required", "implicit"])
def test_postfix_takes_it_on_as_it_is(tls: str, tmp_path: Path, own: Authority) -> None:
    """Through Postfix the content stays what it was; Postfix's own trace says how we came, and under which name."""
    content = _content()
    with Sink() as sink, _Postfix(tmp_path / "postfix", sink, own, implicit=tls == "implicit") as postfix:
        (tmp_path / "relay").mkdir()
        with Relay(tmp_path / "relay", _config(postfix.address, tls, own)) as relay:
            relay.send(content)
            (arrived,) = eventually(lambda: list(sink.delivered))

    assert content == without_trace(without_trace(arrived.content))
    trace = arrived.content.partition(b";")[0]
    assert (b"with ESMTPS id" if tls != "none" else b"with ESMTP id") in trace
    assert ("scan@contoso.com", ["lena@fabrikam.com"]) == (arrived.reverse_path, arrived.recipients)


@needs_postfix
def test_postfix_refuses_one_of_three(tmp_path: Path, own: Authority) -> None:
    """What Postfix refuses at RCPT fails alone, with Postfix's words; the two others arrive in one transaction."""
    content = _content()
    with Sink() as sink, _Postfix(tmp_path / "postfix", sink, own) as postfix:
        (tmp_path / "relay").mkdir()
        with Relay(tmp_path / "relay", _config(postfix.address, "required", own)) as relay:
            relay.send(content, to=("lena@fabrikam.com", "gone@fabrikam.com", "ida@fabrikam.com"))
            eventually(lambda: len(sink.delivered) == 2)  # and the report to the sender
            view = next(one for one in _history(relay) if len(one["recipients"]) == 3)

    assert ["delivered", "failed", "delivered"] == [one["state"] for one in view["recipients"]]
    assert "no such user" in view["recipients"][1]["last_reply"]
    mail = next(one for one in sink.delivered if content in one.content and one.reverse_path)
    assert ["ida@fabrikam.com", "lena@fabrikam.com"] == sorted(mail.recipients)


@needs_node
@pytest.mark.parametrize("mechanism", ["LOGIN", "PLAIN"])
@pytest.mark.parametrize("implicit", [False, True])
def test_smtp_server_signs_us_in(mechanism: str, implicit: bool, tmp_path: Path, own: Authority) -> None:
    """With only one mechanism on offer we use that one, behind verified TLS."""
    content = _content()
    options = {"authMethods": [mechanism], "authOptional": False, "secure": implicit}
    settings = {
        "key": str(own.key),
        "certificate": str(own.certificate),
        "login": "relay",
        "password": "s3cret",
    }
    (tmp_path / "password").write_text("s3cret\n")
    more = f'user = "relay"\npassword = {{ file = "{tmp_path / "password"}" }}'
    with NodeServer(options, **settings) as server:
        config = _config(server.address, "implicit" if implicit else "required", own, more)
        with Relay(tmp_path, config) as relay:
            relay.send(content)
            (message,) = eventually(lambda: list(server.messages))

    assert (f"{mechanism} relay", True) == (message["user"], message["secure"])
    assert content == without_trace(message["content"])


@needs_node
def test_smtp_server_checks_our_token(tmp_path: Path, own: Authority) -> None:
    """XOAUTH2 in one step: the token of the directory is verified by its signature, and the mail arrives as it is."""
    content = _content()
    with microsoft(tmp_path) as cloud:
        signer = cloud.directory / "signing.pem"
        settings = {"key": str(own.key), "certificate": str(own.certificate), "signer": str(signer)}
        both = tmp_path / "both.pem"
        both.write_text(own.ca.read_text() + Path(str(cloud.facts["ca_file"])).read_text())
        with NodeServer({"authMethods": ["XOAUTH2"], "authOptional": False}, **settings) as server:
            config = cloud.config().replace(str(cloud.facts["submission"]), server.address)
            config = config.replace(str(cloud.facts["ca_file"]), str(both))
            (tmp_path / "relay").mkdir()
            with Relay(tmp_path / "relay", config) as relay:
                relay.send(content, sender=cloud.mailbox)
                (message,) = eventually(lambda: list(server.messages))

    assert (f"XOAUTH2 {cloud.mailbox}", True) == (message["user"], message["secure"])
    assert content == without_trace(message["content"])


@needs_node
@pytest.mark.parametrize("quirk", ["no pipelining", "closes after each message"])
def test_smtp_server_with_a_quirk(quirk: str, tmp_path: Path, own: Authority) -> None:
    """Ten messages arrive once each where commands must wait, and where each message needs a new connection."""
    contents = [_content() for _ in range(10)]
    settings = {"one_each": "yes"} if quirk.startswith("closes") else {}
    options = {"hidePIPELINING": quirk == "no pipelining", "disabledCommands": ["AUTH", "STARTTLS"]}
    refuse = '{"gone@fabrikam.com": [550, "5.1.1 no such user"]}'
    with (
        NodeServer(options, refuse=refuse, **settings) as server,
        Relay(tmp_path, _config(server.address, "none", own, "connections = 1")) as relay,
    ):
        for content in contents:
            relay.send(content, sender="<>", to=("gone@fabrikam.com", "lena@fabrikam.com"))
        eventually(lambda: len(server.messages) >= 10)
        views = eventually(lambda: _all_settled(relay))

    assert sorted(contents) == sorted(without_trace(one["content"]) for one in server.messages)
    assert [["failed", "delivered"]] * 10 == views
    n_connections = max(one["connections"] for one in server.messages)
    assert (10 if settings else 1) == n_connections


def _history(relay: Relay) -> list[dict[str, Any]]:
    """Every message with its recipients, finished ones too."""
    result = relay.command("queue", "list", "--all", "--json")
    return [json.loads(line) for line in result.stdout.splitlines()]


def _all_settled(relay: Relay) -> list[list[str]]:
    """The states of all recipients of every message, once none waits; [] before."""
    views = [[one["state"] for one in view["recipients"]] for view in _history(relay)]
    return [] if any(state in ("queued", "claimed") for view in views for state in view) else views


@needs_node
def test_a_server_of_another_authority_gets_nothing(tmp_path: Path, own: Authority) -> None:
    """A certificate that nobody we trust has signed ends the connection before any address or content is said."""
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    other = authority(stranger)
    settings = {"key": str(other.key), "certificate": str(other.certificate)}
    with (
        NodeServer({}, **settings) as server,
        Relay(tmp_path, _config(server.address, "required", own)) as relay,
    ):
        relay.send(_content())
        states = eventually(
            lambda: [one["recipients"][0] for one in relay.queue() if one["recipients"][0]["last_reply"]]
        )

    assert ["queued"] == [one["state"] for one in states]
    assert "certificate" in states[0]["last_reply"]
    assert [] == server.messages


class _SecureSink(Sink):
    """aiosmtpd that takes mail only behind STARTTLS."""

    def __init__(self, own: Authority, **settings: Any) -> None:
        super().__init__(**settings)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(own.certificate, own.key)

    def __enter__(self) -> Self:
        self._controller = Controller(
            self, hostname="127.0.0.1", port=_free_port(), tls_context=self._context, require_starttls=True,
            data_size_limit=50_000_000,
        )  # fmt: skip
        self._controller.start()
        self.address = f"127.0.0.1:{self._controller.port}"
        return self


def test_aiosmtpd_behind_starttls(tmp_path: Path, own: Authority) -> None:
    """aiosmtpd with a certificate of the own authority gets what was sent; each recipient has its own fate."""
    content = _content()
    refuse = {"gone@fabrikam.com": "550 5.1.1 no such user", "later@fabrikam.com": "451 4.2.1 not now"}
    with (
        _SecureSink(own, refuse=refuse) as sink,
        Relay(tmp_path, _config(sink.address, "required", own)) as relay,
    ):
        relay.send(content, to=("lena@fabrikam.com", "gone@fabrikam.com", "later@fabrikam.com"))
        eventually(lambda: [one for one in sink.delivered if one.reverse_path])
        view = eventually(lambda: next((one for one in relay.queue() if len(one["recipients"]) == 3), None))

    mail: Delivered = next(one for one in sink.delivered if one.reverse_path)
    assert (content, ["lena@fabrikam.com"]) == (without_trace(mail.content), mail.recipients)
    assert ["delivered", "failed", "queued"] == [one["state"] for one in view["recipients"]]
