"""Warm lines: used again, replaced when they have gone stale, given back in order; over real sockets on loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import pytest

from fakes.remote import Remote, remote
from relay365.errors import TokenRefused, TransportError
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId
from relay365.mail.outcome import Class, Kind, Outcome
from relay365.routes.api import Consignment
from relay365.routes.classify import outcome_of, outcome_of_token
from relay365.routes.wire import pool as pool_module
from relay365.routes.wire.pool import Judges, Pool
from relay365.routes.wire.remote import Remote as Address
from relay365.routes.wire.sign_in import ONE_STEP_OCTETS, PasswordSignIn, TokenSignIn
from relay365.smtp.client import ClientSession
from relay365.spool.content import MemoryContent

JUDGES = Judges(outcome_of, outcome_of_token)


def consignment(*to: str) -> Consignment:
    paths = tuple(ForwardPath(address) for address in to or ("lena@fabrikam.com",))
    content = MemoryContent(b"Subject: x\r\n\r\nhello\r\n")
    return Consignment(SpoolId("222222"), Envelope("scan@contoso.com", paths), content)


def story(tell: Callable[[Remote, Pool], Awaitable[None]], sign_in: object = None) -> None:
    async def run() -> None:
        async with remote() as far:
            pool = Pool(Address("127.0.0.1", far.port, "relay.test", "none"), sign_in, JUDGES)  # type: ignore[arg-type]
            try:
                await tell(far, pool)
            finally:
                await pool.close()

    asyncio.run(run())


async def deliver(pool: Pool) -> Outcome:
    (outcome,) = await pool.deliver(consignment())
    return outcome


def test_one_line_carries_many_messages() -> None:
    """Five messages one after the other are one connection and one greeting."""

    async def tell(far: Remote, pool: Pool) -> None:
        outcomes = [await deliver(pool) for _ in range(5)]

        assert [Kind.DELIVERED] * 5 == [outcome.kind for outcome in outcomes]
        assert (1, 1) == (far.n_connections, far.verbs.count("EHLO"))

    story(tell)


def test_as_many_lines_as_deliveries_at_once() -> None:
    """Three at once are three connections, and the next three use them again."""

    async def tell(far: Remote, pool: Pool) -> None:
        for _ in range(2):
            await asyncio.gather(*(deliver(pool) for _ in range(3)))

        assert 3 == far.n_connections

    story(tell)


def test_a_line_that_went_stale_is_replaced_and_nobody_notices() -> None:
    """The remote hangs up after each message: every message is delivered, none is deferred."""

    async def tell(far: Remote, pool: Pool) -> None:
        far.hang_up_after = 1
        outcomes = [await deliver(pool) for _ in range(3)]

        assert [Kind.DELIVERED] * 3 == [outcome.kind for outcome in outcomes]
        assert 3 == far.n_connections

    story(tell)


def test_a_refused_message_is_followed_by_rset_on_the_same_line() -> None:
    """A transaction that ended badly is ended by RSET; the line stays."""

    async def tell(far: Remote, pool: Pool) -> None:
        far.replies["RCPT"] = ["550 5.1.1 nobody"]
        far.replies["DATA"] = ["503 5.5.1 no recipients"]
        refused, taken = await deliver(pool), await deliver(pool)

        assert (Kind.FAILED, Kind.DELIVERED) == (refused.kind, taken.kind)
        assert (1, 1) == (far.n_connections, far.verbs.count("RSET"))

    story(tell)


def test_a_line_that_is_not_used_is_given_back() -> None:
    """One of Microsoft's three connections must not be kept for nothing: QUIT after the idle time."""

    async def tell(far: Remote, pool: Pool) -> None:
        await deliver(pool)
        while far.n_open:
            await asyncio.sleep(0.01)

        assert "QUIT" == far.verbs[-1]

    kept, pool_module.IDLE_S = pool_module.IDLE_S, 0.02
    try:
        story(tell)
    finally:
        pool_module.IDLE_S = kept


def test_close_says_goodbye() -> None:
    """At the end every idle line says QUIT."""

    async def tell(far: Remote, pool: Pool) -> None:
        await deliver(pool)
        await pool.close()

        assert "QUIT" == far.verbs[-1]

    story(tell)


def test_a_remote_that_is_not_there_concerns_the_route() -> None:
    """Nothing was offered to anybody: the lane must wait, the message is not to blame."""

    async def run() -> Outcome:
        async with remote() as far:
            port = far.port
        pool = Pool(Address("127.0.0.1", port, "relay.test", "none"), None, JUDGES)
        return await deliver(pool)

    outcome = asyncio.run(run())

    assert (Kind.DEFERRED, Class.TRANSIENT, False) == (outcome.kind, outcome.klass, outcome.offered)
    assert outcome.reply_text.startswith("connect: ")


def test_a_greeting_of_421_is_no_try() -> None:
    """The remote is draining: deferred, nothing offered."""

    async def tell(far: Remote, pool: Pool) -> None:
        far.greeting = "421 4.3.2 Service not available"
        outcome = await deliver(pool)

        assert (Kind.DEFERRED, False) == (outcome.kind, outcome.offered)
        assert "421 4.3.2 Service not available" == outcome.reply_text

    story(tell)


def test_who_refuses_our_greeting_is_told_of_by_name() -> None:
    """EHLO or HELO: the mail waits for the route, and a reply that the catalogue knows keeps its own row."""

    async def tell(far: Remote, pool: Pool) -> None:
        far.replies["EHLO"] = ["550 go away", "500 what", "421 4.3.2 Service not available"]
        far.replies["HELO"] = ["550 go away"]
        first, second, third = await deliver(pool), await deliver(pool), await deliver(pool)

        for one in (first, second):
            assert (Kind.DEFERRED, Class.TRANSIENT, "hello-refused") == (one.kind, one.klass, one.row)
        assert "service-not-available" == third.row

    story(tell)


@pytest.mark.parametrize("reply", ["500 5.5.1 Command unrecognized", "502 5.5.1 Command not implemented"])
def test_who_does_not_know_ehlo_gets_its_mail_by_helo(reply: str) -> None:
    """Where neither TLS nor a sign-in is asked for: one connection, and what HELO says is no offer."""

    async def tell(far: Remote, pool: Pool) -> None:
        far.replies["EHLO"] = [reply]
        far.replies["HELO"] = ["250-old.test\r\n250 PIPELINING"]
        outcome = await deliver(pool)

        assert (Kind.DELIVERED, 1) == (outcome.kind, far.n_connections)
        assert ["EHLO", "HELO", "MAIL", "RCPT", "DATA"] == far.verbs[:5]

    story(tell)


def test_without_ehlo_a_route_that_signs_in_keeps_its_mail() -> None:
    """A person must heal it: neither HELO nor a credential is said."""

    async def tell(far: Remote, pool: Pool) -> None:
        far.replies["EHLO"] = ["500 5.5.1 Command unrecognized"]
        outcome = await deliver(pool)

        assert (Kind.DEFERRED, Class.CONFIGURATION, "no-ehlo") == (outcome.kind, outcome.klass, outcome.row)
        assert "the route has a sign-in: 500 5.5.1 Command unrecognized" in outcome.reply_text
        assert not {"HELO", "AUTH", "MAIL"} & set(far.verbs)

    story(tell, PasswordSignIn("u", "p"))


def test_a_reset_inside_the_handshake_is_no_matter_of_reach() -> None:
    """The operator is sent to whoever inspects TLS, and not to a blocked port; a certificate is still a person's."""
    reset, distrusted = TransportError("tls", "reset"), TransportError("tls", "certificate verify failed")
    reset.__cause__ = ConnectionResetError()
    distrusted.__cause__ = ssl.SSLError("x")
    found = [pool_module._no_line(error) for error in (reset, distrusted, TransportError("connect", "x"))]

    assert ["tls-broken", "tls-failed", "cannot-connect"] == [one.row for one in found]
    assert [Class.TRANSIENT, Class.CONFIGURATION, Class.TRANSIENT] == [one.klass for one in found]


def test_missing_tls_is_for_a_person_to_heal() -> None:
    """TLS is required and not offered: configuration, and not one octet of a credential is sent."""

    async def run() -> tuple[Outcome, list[str]]:
        async with remote() as far:
            address = Address("127.0.0.1", far.port, "relay.test", "required")
            pool = Pool(address, PasswordSignIn("u", "p"), JUDGES)
            return await deliver(pool), far.verbs

    outcome, verbs = asyncio.run(run())

    assert (Class.CONFIGURATION, "no-starttls") == (outcome.klass, outcome.row)
    assert "AUTH" not in verbs


def test_a_refused_token_is_forgotten_and_a_refused_request_is_told() -> None:
    """535 drops the cached token; a token that could not be had never reaches the remote."""
    forgotten: list[bool] = []

    async def token() -> str:
        return "abc"

    async def tell(far: Remote, pool: Pool) -> None:
        far.replies["AUTH"] = ["535 5.7.3 Authentication unsuccessful"]
        outcome = await deliver(pool)

        assert (Class.CONFIGURATION, [True]) == (outcome.klass, forgotten)
        assert Kind.DELIVERED is (await deliver(pool)).kind

    story(tell, TokenSignIn("scan@contoso.com", token, lambda: forgotten.append(True)))

    async def refused() -> str:
        raise TokenRefused("invalid_client", 7000215, "AADSTS7000215: Invalid client secret", temporary=False)

    async def tell_refused(far: Remote, pool: Pool) -> None:
        outcome = await deliver(pool)

        assert (Class.CONFIGURATION, False) == (outcome.klass, outcome.offered)
        assert "AUTH" not in far.verbs

    story(tell_refused, TokenSignIn("scan@contoso.com", refused, lambda: None))


def test_a_token_that_is_too_old_is_replaced_once_in_the_same_attempt() -> None:
    """High Volume Email refuses tokens near their end: a fresh one, and one more line; then it is deferred."""
    forgotten: list[bool] = []

    async def token() -> str:
        return "abc"

    async def tell(far: Remote, pool: Pool) -> None:
        far.replies["AUTH"] = ["535 5.7.142 Token will expire soon"]
        assert Kind.DELIVERED is (await deliver(pool)).kind
        assert ([True], 2) == (forgotten, far.n_connections)

    async def tell_twice(far: Remote, pool: Pool) -> None:
        far.replies["AUTH"] = ["501 5.5.127 Token will expire soon error"] * 3
        outcome = await deliver(pool)
        assert ("token-ends-soon", False, 2) == (outcome.row, outcome.offered, far.n_connections)

    for one in (tell, tell_twice):
        story(one, TokenSignIn("hve@contoso.com", token, lambda: forgotten.append(True)))


def test_a_cancelled_delivery_has_outcomes() -> None:
    """A stop while the remote keeps silent: an outcome for each recipient, and the task goes on to settle them."""

    async def tell(far: Remote, pool: Pool) -> None:
        far.greeting = "220-still thinking"
        task = asyncio.ensure_future(pool.deliver(consignment("a@x", "b@x")))
        while not far.n_open:
            await asyncio.sleep(0.01)
        task.cancel()
        outcomes = await task

        assert [(Kind.DEFERRED, "stopped")] * 2 == [(one.kind, one.row) for one in outcomes]

    story(tell)


def test_a_long_token_goes_in_two_steps() -> None:
    """A command line with AUTH may be 12,288 octets (RFC 4954 4); a longer token answers the 334."""

    async def short() -> str:
        return "t" * 100

    async def long() -> str:
        return "t" * ONE_STEP_OCTETS

    async def first_line(token: Callable[[], Awaitable[str]]) -> bytes:
        machine = ClientSession()
        machine.ehlo("relay.test")
        machine.receive(b"220 x\r\n250-x\r\n250 AUTH LOGIN XOAUTH2\r\n")
        machine.next_event(), machine.next_event(), machine.octets_to_send()
        await TokenSignIn("scan@contoso.com", token, lambda: None).begin(machine)
        return machine.octets_to_send()

    assert asyncio.run(first_line(short)).startswith(b"AUTH XOAUTH2 dXNlcj")
    assert b"AUTH XOAUTH2\r\n" == asyncio.run(first_line(long))
