"""A talk with a real server: what is said, what is heard, and what never stands in the transcript."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fakes.mailserver import Authority, MailServer
from relay365.doctor.wire.talk import Talk
from relay365.errors import RemoteProtocolError, TransportError
from relay365.mail.envelope import Envelope, ForwardPath
from relay365.net.tls import client_context
from relay365.smtp.client import ClientSession, Step

ENVELOPE = Envelope("scan@contoso.com", (ForwardPath("lena@fabrikam.com"),))


def talk_to(server: MailServer, work: Callable[[Talk], Awaitable[None]], **options: object) -> Talk:
    """A talk with a server that runs for it; work is what is said after the greeting."""
    with server.running() as where:
        host, _, port = where.rpartition(":")

        async def talked() -> Talk:
            talk = Talk(**options)
            try:
                await talk.connect(host, int(port))
                await talk.greeting()
                await talk.ask(Step.EHLO, lambda machine: machine.ehlo("doctor.test"))
                await work(talk)
            finally:
                await talk.close()
            return talk

        return asyncio.run(talked())


def texts(talk: Talk, side: str) -> list[str]:
    return [one.text for one in talk.entries if one.side == side]


async def nothing(talk: Talk) -> None:
    pass


def test_every_word_has_its_side_and_time() -> None:
    """Connection, greeting, EHLO and QUIT, each later than the one before."""
    talk = talk_to(MailServer(), nothing)

    assert ["EHLO doctor.test", "QUIT"] == texts(talk, "client")
    assert "220 mail.test ESMTP Fake" == texts(talk, "server")[0]
    assert texts(talk, "note")[0].startswith("connected to 127.0.0.1 port ")
    assert [one.at_s for one in talk.entries] == sorted(one.at_s for one in talk.entries)
    assert "127.0.0.1" == talk.own_address


def test_a_message_goes_whole() -> None:
    """The content is stuffed, its size is in the transcript and its text is not."""
    content = b"Subject: x\r\n\r\n.dot and secret words\r\n" * 3000

    async def send(talk: Talk) -> None:
        await talk.ask(Step.MAIL, lambda m: m.mail(ENVELOPE, len(content)))
        await talk.ask(Step.RCPT, lambda m: m.rcpt(ENVELOPE.forward_paths[0]))
        await talk.ask(Step.DATA, ClientSession.data)
        assert 250 == (await talk.content(content)).code

    server = MailServer()
    talk = talk_to(server, send)

    assert content.replace(b"\r\n.", b"\r\n..") == server.contents[0] + b"\r\n"
    assert "secret words" not in repr(talk.entries)
    assert f"content of {len(content)} octets, and the dot" in texts(talk, "note")


def test_a_sign_in_is_hidden() -> None:
    """Of AUTH only its two words and its size stand in the transcript."""

    async def sign_in(talk: Talk) -> None:
        await talk.ask(Step.AUTH, lambda m: m.auth_xoauth2("scan@contoso.com", "t0ken"))

    server = MailServer(
        replies={"AUTH": "535 5.7.3 no to dXNlcj1zY2FuQGNvbnRvc28uY29tAWF1dGg9QmVhcmVyIHQwa2VuAQE="}
    )
    talk = talk_to(server, sign_in)

    assert any(text.startswith("AUTH XOAUTH2 (") for text in texts(talk, "client"))
    assert "dXNlcj1" not in repr(talk.entries)
    assert any(heard.startswith("AUTH XOAUTH2 dXNlcj1") for heard in server.heard)


def test_tls_is_looked_at(authority: Authority) -> None:
    """Version, cipher and the whole chain that was sent; the offers inside replace those in clear."""

    async def secure(talk: Talk) -> None:
        await talk.ask(Step.STARTTLS, ClientSession.starttls)
        await talk.secure(client_context(str(authority.ca_file)), "localhost")
        await talk.ask(Step.EHLO, lambda machine: machine.ehlo("doctor.test"))

    server = MailServer(authority.context(), offers_inside=("AUTH LOGIN",))
    talk = talk_to(server, secure)

    assert talk.shown is not None
    assert ("TLSv1.3", 2) == (talk.shown.version, len(talk.shown.certificates))
    assert {"AUTH": "LOGIN"} == talk.machine.features


def test_a_distrusted_certificate_ends_the_talk(authority: Authority) -> None:
    """The words are those of the verifier."""

    async def secure(talk: Talk) -> None:
        await talk.ask(Step.STARTTLS, ClientSession.starttls)
        with pytest.raises(TransportError, match="not trusted: Hostname mismatch"):
            await talk.secure(client_context(str(authority.ca_file)), "another.test")

    talk = talk_to(MailServer(authority.context()), secure)

    assert talk.shown is None


def test_nobody_there() -> None:
    """Refused and unresolvable are told apart."""

    async def connect(host: str) -> None:
        await Talk().connect(host, 9)

    with pytest.raises(TransportError, match="Connection refused") as refused:
        asyncio.run(connect("127.0.0.1"))
    with pytest.raises(TransportError) as unknown:
        asyncio.run(connect("nobody.invalid"))
    assert ("connect", "resolve") == (refused.value.phase, unknown.value.phase)


def test_silence_has_an_end() -> None:
    """A reply that does not come is a TransportError, after the time that was given."""

    async def ask(where: str) -> None:
        host, _, port = where.rpartition(":")
        talk = Talk()
        await talk.connect(host, int(port))
        with pytest.raises(TransportError, match=r"no answer to greeting within 0 s"):
            await talk.greeting(0.1)
        await talk.close()

    server = MailServer(greeting="")
    with server.running() as where:
        asyncio.run(ask(where))

    assert server.heard == []


def test_what_is_no_smtp_is_said() -> None:
    """Another protocol's greeting is none."""
    with pytest.raises(RemoteProtocolError, match="not an SMTP reply"):
        talk_to(MailServer(greeting="SSH-2.0-OpenSSH_9.2"), nothing)


def test_a_device_that_is_not_right() -> None:
    """bend changes what goes out, and nothing of what is expected."""

    async def mail(talk: Talk) -> None:
        assert 250 == (await talk.ask(Step.MAIL, lambda m: m.mail(ENVELOPE, 10))).code

    server = MailServer()
    talk_to(server, mail, bend=lambda octets: octets.replace(b"<", b"").replace(b">", b""))

    assert "MAIL FROM:scan@contoso.com SIZE=10" in server.heard
