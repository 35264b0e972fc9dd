"""A visit to a real server, step by step; what the emulator cannot be is played here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fakes.mailserver import Authority, MailServer
from relay365.config import split_host_port
from relay365.doctor.finding import Finding, State
from relay365.doctor.upstream.visit import Visit
from relay365.errors import TransportError
from relay365.net.tls import client_context
from relay365.routes.api import LaneLimits
from relay365.routes.classify import outcome_of, outcome_of_token
from relay365.routes.wire.pool import Judges
from relay365.routes.wire.remote import Remote, held
from relay365.routes.wire.route import Wire, WireRoute
from relay365.routes.wire.sign_in import PasswordSignIn

SENDER, RECIPIENT = "scan@contoso.com", "lena@fabrikam.com"
Steps = Callable[[Visit], Awaitable[list[Finding]]]


def route(remote: object, password: str = "") -> WireRoute:
    sign_in = PasswordSignIn("scan", password) if password else None
    return WireRoute(
        "out", Wire(remote, sign_in, Judges(outcome_of, outcome_of_token)), LaneLimits(1), SENDER
    )  # type: ignore[arg-type]


def visited(
    server: MailServer, authority: Authority, *steps: str, tls: str = "required", password: str = ""
) -> list[Finding]:
    """The findings of some steps, one behind the other."""
    with server.running() as where:
        host, port = split_host_port(where)
        context = client_context(str(authority.ca_file)) if tls != "none" else None

        async def run() -> list[Finding]:
            visit = Visit(route(Remote(host, port, "relay.test", tls, context), password), SENDER, RECIPIENT)
            try:
                return [await getattr(visit, step)() for step in steps]
            finally:
                await visit.close()

        return asyncio.run(run())


def test_the_whole_way(authority: Authority) -> None:
    """Five good findings, RSET at the end, and no content."""
    server = MailServer(authority.context())
    findings = visited(server, authority, "find", "reach", "greet", "secure", "offer")

    assert [State.GOOD] * 5 == [one.state for one in findings]
    assert "RSET" in server.heard and [] == server.contents


def test_a_road_without_tls(authority: Authority) -> None:
    """Opportunistic goes on with a warning, required does not."""
    opportunistic = visited(MailServer(), authority, "find", "greet", "secure", tls="opportunistic")[-1]
    required = visited(MailServer(), authority, "find", "greet", "secure")[-1]

    assert (State.WARN, State.BAD) == (opportunistic.state, required.state)


def test_tls_at_once(authority: Authority) -> None:
    """The handshake comes with the greeting, and so does distrust."""
    at_once = MailServer(authority.context(), at_once=True)
    other = MailServer(authority.context(["other.test"]), at_once=True)

    assert State.GOOD is visited(at_once, authority, "find", "greet", tls="implicit")[-1].state
    assert "is for other.test" in visited(other, authority, "find", "greet", tls="implicit")[-1].text


def test_a_login_that_is_refused_or_not_offered(authority: Authority) -> None:
    """Nothing is said to a remote that offers no AUTH."""
    silent = MailServer(authority.context())
    refusing = MailServer(
        authority.context(), offers_inside=("AUTH PLAIN",), replies={"AUTH": "535 5.7.8 wrong"}
    )
    steps = ("find", "greet", "secure", "sign_in")

    assert "takes no such login" in visited(silent, authority, *steps, password="s")[-1].text
    assert not any(line.startswith("AUTH") for line in silent.heard)
    finding = visited(refusing, authority, *steps, password="s")[-1]
    assert (State.BAD, "535 5.7.8 wrong") == (finding.state, finding.said)
    assert State.GOOD is visited(MailServer(authority.context()), authority, *steps)[-1].state


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_a_sender_that_is_refused(verb: str, authority: Authority) -> None:
    """The words that were refused stand in the finding."""
    server = MailServer(authority.context(), replies={verb: "550 5.7.60 SendAsDenied"})
    finding = visited(server, authority, "find", "greet", "secure", "offer")[-1]

    assert State.BAD is finding.state
    assert verb in finding.text and "550 5.7.60" in finding.said


def test_an_unwelcoming_server(authority: Authority) -> None:
    """554: not wanted there; 550 5.7.606: the catalogue knows it; another protocol: no mail server."""
    other = MailServer(greeting="SSH-2.0-OpenSSH_9.2")
    banned = MailServer(greeting="550 5.7.606 Access denied, banned sending IP [192.0.2.7]")

    assert "no mail server" in visited(other, authority, "find", "greet")[-1].text
    assert (
        "not wanted there" in visited(MailServer(greeting="554 5.7.1 no"), authority, "find", "greet")[-1].why
    )
    assert "banned sending IP" in visited(banned, authority, "find", "greet")[-1].said


class Lost:
    """A destination that cannot be found."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def find(self) -> Remote:
        raise self.error

    def missed(self) -> None:
        pass


def test_a_host_that_nobody_knows() -> None:
    """A fault of the set-up is bad, a silent name server unknown, a name without address bad."""

    def found(destination: object) -> Finding:
        async def run() -> Finding:
            return await Visit(route(destination)).find()

        return asyncio.run(run())

    assert State.BAD is found(Lost(held("no-mx-host", "contoso.com has no MX record"))).state
    assert State.UNKNOWN is found(Lost(TransportError("resolve", "timed out"))).state
    assert "nslookup nobody.invalid" in found(Remote("nobody.invalid", 25, "h", "none")).do


def test_a_closed_port_names_who_closes_it() -> None:
    """By the port's number."""

    async def run() -> Finding:
        visit = Visit(route(Remote("127.0.0.1", 9, "h", "none")))
        await visit.find()
        return await visit.reach()

    finding = asyncio.run(run())

    assert State.BAD is finding.state
    assert "refused" in finding.said


def test_our_address_as_the_remote_says_it(authority: Authority) -> None:
    """Exchange's answer to EHLO has it in brackets."""
    server = MailServer(replies={"EHLO": "250-x Hello [203.0.113.7]\r\n250 SIZE"})
    with server.running() as where:
        host, port = split_host_port(where)

        async def run() -> tuple[str, str]:
            visit = Visit(route(Remote(host, port, "h", "none")))
            before = visit.seen_as
            await visit.find()
            await visit.greet()
            await visit.close()
            return before, visit.seen_as

        assert ("", "203.0.113.7") == asyncio.run(run())


def test_a_step_out_of_turn_is_a_fault_of_ours() -> None:
    """Nothing can be reached that was not found."""

    async def run() -> Finding:
        return await Visit(route(Remote("127.0.0.1", 9, "h", "none"))).reach()

    with pytest.raises(RuntimeError, match="find"):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("tls", "password", "helo", "state", "words"),
    [
        ("none", "", "250 mail.test", State.WARN, "greeted with HELO"),
        ("opportunistic", "", "250 mail.test", State.WARN, "greeted with HELO"),
        ("none", "", "451 4.3.0 not now", State.UNKNOWN, "refuses our HELO relay.test"),
        ("required", "", "250 mail.test", State.BAD, "does not know EHLO"),
        ("none", "secret", "250 mail.test", State.BAD, "does not know EHLO"),
    ],
)
def test_who_is_older_than_ehlo(
    authority: Authority, tls: str, password: str, helo: str, state: State, words: str
) -> None:
    """HELO where the relay says it too: neither TLS nor a sign-in is asked of the remote. (RFC 5321 3.2)"""
    server = MailServer(replies={"EHLO": "502 5.5.1 Command not implemented", "HELO": helo})
    finding = visited(server, authority, "find", "greet", tls=tls, password=password)[-1]

    assert (state, True) == (finding.state, words in finding.text)
    assert ("HELO relay.test" in server.heard) is (tls != "required" and not password)
