"""High Volume Email: the account as author of header and envelope, and who is told without a try."""

from __future__ import annotations

import asyncio
import tracemalloc
from dataclasses import replace

import pytest

from fakes.content import InMemory, consignment
from fakes.remote import Remote, remote
from relay365.errors import SpoolUnavailable
from relay365.mail.envelope import ForwardPath
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import Consignment, LaneLimits
from relay365.routes.classify import outcome_of, outcome_of_token
from relay365.routes.hve import Hve, as_account
from relay365.routes.wire.pool import Judges
from relay365.routes.wire.remote import Remote as Address
from relay365.routes.wire.route import Wire

ACCOUNT = "bulk@contoso.com"
TRACE = b"Received: from x by y\r\n"
HEAD = b'From: "Bell, Alarm" <scan@contoso.com>\r\nTo: ida@contoso.com\r\nSubject: x\r\n'
BODY = b"\r\nhello\r\nFrom: not a field\r\n"


def letter(octets: bytes, *to: str, block: int = 0, trace: bytes = TRACE) -> Consignment:
    return consignment(InMemory(octets, block), *(to or ("ida@contoso.com",)), trace=trace)


async def whole(one: Consignment) -> bytes:
    """All that would be sent; what is said of its size is right."""
    octets = b"".join([block async for block in one.content.blocks()])
    assert len(octets) == one.content.size_octets
    assert one.content.octets() in (None, octets)
    return one.trace + octets


def as_sent(one: Consignment) -> bytes:
    async def run() -> bytes:
        found = await as_account(one, ACCOUNT)
        assert isinstance(found, Consignment)
        return await whole(found)

    return asyncio.run(run())


@pytest.mark.parametrize("block", [0, 7, 65_536])
def test_the_account_becomes_the_author(block: int) -> None:
    """The name stays, the old author is in Reply-To, every other octet is what it was, however it comes."""
    new = HEAD.replace(b"<scan@contoso.com>", b"<bulk@contoso.com>")

    assert TRACE + b"Reply-To: <scan@contoso.com>\r\n" + new + BODY == as_sent(
        letter(HEAD + BODY, block=block)
    )


def test_a_reply_to_stays() -> None:
    """Who wants answers elsewhere gets them there."""
    head = HEAD + b"Reply-To: <help@contoso.com>\r\n"

    assert TRACE + head.replace(b"<scan@", b"<bulk@") + BODY == as_sent(letter(head + BODY))


def test_a_from_of_ours_is_rewritten_where_it_stands() -> None:
    """A From that we have added stands in front, with the trace; without any, one is added."""
    trace = TRACE + b"From: <scan@contoso.com>\r\n"
    sent = as_sent(letter(b"Subject: x\r\n" + BODY, trace=trace))
    assert (
        TRACE + b"From: <bulk@contoso.com>\r\nReply-To: <scan@contoso.com>\r\nSubject: x\r\n" + BODY == sent
    )
    bare = replace(letter(b"Subject: x\r\n" + BODY), header_from="")
    assert TRACE + b"From: <bulk@contoso.com>\r\nSubject: x\r\n" + BODY == as_sent(bare)


def test_the_accounts_own_mail_is_not_touched() -> None:
    """Not even read."""
    own = replace(letter(HEAD + BODY), header_from="BULK@contoso.com")

    assert own is asyncio.run(as_account(own, ACCOUNT))


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (HEAD + b"DKIM-Signature: v=1; d=x; h=From\r\n", "sealed (DKIM"),
        (HEAD + b"Content-Type: multipart/signed; protocol=x; boundary=b\r\n", "sealed ("),
        (b"X: " + b"y" * 900 + b"\r\n" + b"Z: 1\r\n" * 12_000, "longer than 64 KiB"),
    ],
)
def test_what_cannot_be_changed_is_for_another_road(head: bytes, why: str) -> None:
    """A no of this road only, in words, and nothing was offered."""
    outcome = asyncio.run(as_account(letter(head + BODY), ACCOUNT))

    assert isinstance(outcome, Outcome)
    assert (Kind.FAILED, Class.MESSAGE, "hve-from", False) == (
        outcome.kind, outcome.klass, outcome.row, outcome.offered,
    )  # fmt: skip
    assert why in outcome.reply_text


def deliver(one: Consignment, limits: LaneLimits | None = None) -> tuple[tuple[Outcome, ...], Remote]:
    async def run() -> tuple[tuple[Outcome, ...], Remote]:
        async with remote() as far:
            wire = Wire(Address("127.0.0.1", far.port, "relay.test", "none"), None,
                        Judges(outcome_of, outcome_of_token))  # fmt: skip
            road = Hve("hve", ACCOUNT, ["contoso.com"], wire, limits or LaneLimits(1, recipients=50))
            assert "hve/bulk@contoso.com" == road.lane
            outcomes = await road.deliver(one)
            await road.close()
            return outcomes, far

    return asyncio.run(run())


def test_recipients_outside_are_told_one_by_one() -> None:
    """In their places; those inside go together, in one transaction."""
    outcomes, far = deliver(
        letter(HEAD + BODY, "a@out.example", "ida@CONTOSO.com", "b@contoso.com", "c@x.contoso.com")
    )

    assert ["hve-external", "", "", "hve-external"] == [one.row for one in outcomes]
    assert (Kind.FAILED, Scope.RECIPIENT, Class.MESSAGE, False) == (
        outcomes[0].kind, outcomes[0].scope, outcomes[0].klass, outcomes[0].offered,
    )  # fmt: skip
    assert [Kind.DELIVERED] * 2 == [one.kind for one in outcomes[1:3]]
    assert (1, 2, 1) == tuple(far.verbs.count(verb) for verb in ("MAIL", "RCPT", "DATA"))


def test_only_outsiders_cost_no_connection() -> None:
    """Nobody is asked what the configuration says."""
    outcomes, far = deliver(letter(HEAD + BODY, "a@out.example"))

    assert (["hve-external"], 0) == ([one.row for one in outcomes], far.n_connections)


def test_what_is_too_large_or_sealed_is_everybodys_inside() -> None:
    """An outcome for each, in order."""
    small = LaneLimits(1, octets=50)
    outcomes, _ = deliver(letter(HEAD + BODY, "ida@contoso.com", "a@out.example"), small)
    assert ["larger-than-remote-takes", "hve-external"] == [one.row for one in outcomes]
    sealed = HEAD + b"DKIM-Signature: v=1; d=x; h=From\r\n" + BODY
    outcomes, far = deliver(letter(sealed, "ida@contoso.com", "b@contoso.com"))
    assert (["hve-from"] * 2, 0) == ([one.row for one in outcomes], far.n_connections)


class Broken(InMemory):
    """A content that cannot be read now."""

    def octets(self) -> bytes | None:
        raise SpoolUnavailable("the disk is away")


def test_a_content_that_cannot_be_read_waits() -> None:
    """A fault of ours is nobody's bounce."""
    outcomes, _ = deliver(consignment(Broken(b""), "ida@contoso.com"))

    assert [(Kind.DEFERRED, "stored-unreadable")] == [(one.kind, one.row) for one in outcomes]


def test_a_large_content_is_never_held() -> None:
    """Of ten megabytes in blocks only the header section is rebuilt."""
    octets = HEAD + b"\r\n" + b"x" * 10_000_000

    async def run() -> int:
        found = await as_account(letter(octets, block=65_536), ACCOUNT)
        assert isinstance(found, Consignment)
        tracemalloc.start()
        n_octets = 0
        async for block in found.content.blocks():
            n_octets += len(block)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert n_octets == found.content.size_octets
        return peak

    assert asyncio.run(run()) < 1_000_000


def test_the_envelope_keeps_its_wishes() -> None:
    """Only the reverse-path is another; DSN wishes go on."""
    one = letter(HEAD + BODY)
    paths = (ForwardPath("ida@contoso.com", "FAILURE", "rfc822;ida"),)
    outcomes, far = deliver(replace(one, envelope=replace(one.envelope, forward_paths=paths, envid="Q1")))

    assert Kind.DELIVERED is outcomes[0].kind
    assert ["<bulk@contoso.com>"] == [
        line.partition("FROM:")[2].split()[0] for line in far.lines if "FROM:" in line
    ]
