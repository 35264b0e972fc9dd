"""A parcel becomes one consignment, and its outcomes each message's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from email import message_from_bytes

import pytest

from fakes.clock import FakeClock
from fakes.lanes import a_claim
from fakes.route import (
    DELIVERED,
    FAILED,
    LATER,
    NO_ANSWER,
    SENDER_REFUSED,
    THROTTLED,
    FakeRoute,
    Judge,
    always,
)
from relay365.engine.attempts import handing
from relay365.engine.attempts.handing import ALONE_NEXT, Handing, Tried
from relay365.engine.budgets.parcels import Parcel
from relay365.engine.roads.advice import NoAdvice
from relay365.errors import SpoolCorrupt
from relay365.mail.envelope import SpoolId
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.catalogue.rows import catalogue
from relay365.spool.api import Claim

REFUSED = Outcome(Kind.FAILED, Scope.MESSAGE, Class.MESSAGE, reply_text="554 5.6.0 not this", row="content")


def claims(*to: str) -> tuple[Claim, ...]:
    return tuple(a_claim(address, spool_id=f"4TQ92{n}") for n, address in enumerate(to))


def uncertain(claim: Claim) -> Claim:
    return replace(claim, recipients=tuple(replace(one, possible_duplicate=True) for one in claim.recipients))


class House:
    """One route and who hands over to it."""

    def __init__(self, judge: Judge, advice: NoAdvice | None = None) -> None:
        self.route, self.handing, self.advice = FakeRoute(judge), Handing(FakeClock()), advice or NoAdvice()

    def hand_over(self, parcel: Parcel) -> Tried:
        return asyncio.run(self.handing.hand_over(self.route, parcel, self.advice))


def test_a_group_is_one_transaction_for_all() -> None:
    """The first one's content, all recipients, and nobody's address in our Received field."""
    received = b"Received: by relay.test (relay365) with SMTP id 4TQ920\r\n\tfor <a@x.test>;\r\n\tnow\r\n"
    first, second = claims("a@x.test", "b@x.test")
    house = House(always(DELIVERED, LATER))
    tried = house.hand_over(Parcel((replace(first, trace=received), second)))
    (consignment,) = house.route.consignments

    assert ["a@x.test", "b@x.test"] == [path.address for path in consignment.envelope.forward_paths]
    assert (first.spool_id, first.content) == (consignment.spool_id, consignment.content)
    assert received.replace(b"\r\n\tfor <a@x.test>", b"") == consignment.trace
    assert ["250 2.0.0 OK (together with 4TQ921)"] == [one.reply_text for one in tried.outcomes(first)]
    assert (LATER,) == tried.outcomes(second)
    assert (DELIVERED, LATER) == tried.said
    assert ["4TQ921"] == list(house.handing.alone)


def test_a_single_message_is_handed_over_as_it_is() -> None:
    """Its trace, too, and the remote's words stay the remote's."""
    claim = replace(
        a_claim("a@x.test", "b@x.test"), trace=b"Received: by x\r\n\tfor <a@x.test>;\r\n\tnow\r\n"
    )
    house = House(always(DELIVERED, FAILED))

    assert (DELIVERED, FAILED) == house.hand_over(Parcel((claim,))).outcomes(claim)
    assert claim.trace == house.route.consignments[0].trace
    assert {} == house.handing.alone


def test_a_digest_has_one_recipient_and_its_outcome_is_everybodys() -> None:
    """Named after what is in it, so that a second try bears the same name; each history says in which it went."""
    both = tuple(replace(one, accepted_at=-n) for n, one in enumerate(claims("it@x.test", "it@x.test")))
    house = House(always(DELIVERED))
    tried = house.hand_over(Parcel(both, 2))
    house.hand_over(Parcel(both, 2))
    first, again = (one.content.octets() or b"" for one in house.route.consignments)
    name = message_from_bytes(first)["Message-ID"]

    assert ["it@x.test"] == [path.address for path in house.route.consignments[0].envelope.forward_paths]
    assert name == message_from_bytes(again)["Message-ID"]
    assert name.endswith(".4TQ920@localhost>")  # the newest one
    assert [f"250 2.0.0 OK (in digest {name} together with 4TQ92{n})" for n in (1, 0)] == [
        tried.outcomes(one)[0].reply_text for one in both
    ]
    assert {name} == {tried.outcomes(one)[0].remote_id for one in both}


def test_eight_bit_content_makes_an_eight_bit_digest() -> None:
    """As it was said for the original (RFC 6152)."""
    plain, eight = claims("it@x.test", "it@x.test")
    eight = replace(eight, trace=b"X: \xfc\r\n")
    house = House(always(DELIVERED))
    house.hand_over(Parcel((plain, plain), 2))
    house.hand_over(Parcel((plain, eight), 2))

    assert ["7BIT", "8BITMIME"] == [one.envelope.body for one in house.route.consignments]


@pytest.mark.parametrize(
    ("said", "least", "is_kept", "goes_alone"),
    [
        (REFUSED, 0, False, True),
        (REFUSED, 2, False, True),
        (FAILED, 0, True, True),
        (FAILED, 2, False, True),
        (LATER, 2, True, True),
        (THROTTLED, 0, True, False),
        (SENDER_REFUSED, 2, True, False),
    ],
)
def test_a_no_to_the_company_is_no_no_to_the_message(
    said: Outcome, least: int, is_kept: bool, goes_alone: bool
) -> None:
    """What was refused for its content is tried alone, not counted; what concerns the way stays in company."""
    both = claims("it@x.test", "it@x.test" if least else "b@x.test")
    house = House(always(said))
    tried = house.hand_over(Parcel(both, least))

    for claim in both:
        (outcome,) = tried.outcomes(claim)
        assert is_kept == (outcome == said)
        if not is_kept:
            assert (Kind.DEFERRED, ALONE_NEXT, False) == (outcome.kind, outcome.row, outcome.offered)
            assert outcome.reply_text.endswith(f"goes alone next: {said.reply_text}")
    assert goes_alone == bool(house.handing.alone)
    assert {said} == set(tried.said)


def test_no_answer_is_uncertain_for_everybody() -> None:
    """The remote may have it for all."""
    both = claims("a@x.test", "b@x.test")
    tried = House(always(NO_ANSWER)).hand_over(Parcel(both))

    assert [Kind.UNCERTAIN] * 2 == [tried.outcomes(one)[0].kind for one in both]


def test_what_is_known_of_one_is_left_out_and_asked_for_each() -> None:
    """Each claim by its own name; who is alone after it goes as itself, also out of a digest."""
    found = replace(DELIVERED, reply_text="Exchange has it")

    class Knows(NoAdvice):
        def __init__(self) -> None:
            self.asked: list[str] = []

        async def known(self, claim: Claim) -> dict[int, Outcome]:
            self.asked.append(claim.spool_id)
            return {0: found} if claim.spool_id == "4TQ920" else {}

    for least in (0, 2):
        advice = Knows()
        house = House(always(DELIVERED), advice)
        first, second = map(uncertain, claims("it@x.test", "it@x.test" if least else "b@x.test"))
        tried = house.hand_over(Parcel((first, second), least))

        assert ["4TQ920", "4TQ921"] == advice.asked
        assert ((found,), (DELIVERED,)) == (tried.outcomes(first), tried.outcomes(second))
        assert [second.content] == [one.content for one in house.route.consignments]
    nobody = house.hand_over(Parcel((first,)))
    assert ((), (found,)) == (nobody.said, nobody.outcomes(first))


def test_a_fault_of_ours_defers_all_of_them() -> None:
    """And they are tried alone, so that the one that breaks it is found."""

    def judge(_: object) -> tuple[Outcome, ...]:
        raise KeyError("a bug")

    both = claims("a@x.test", "b@x.test")
    house = House(judge)
    tried = house.hand_over(Parcel(both))

    assert {(Kind.DEFERRED, "route-fault")} == {(one.kind, one.row) for one in tried.said}
    assert [one.spool_id for one in both] == list(house.handing.alone)


def test_a_digest_that_cannot_be_read_defers_all_of_them() -> None:
    """The damaged one is set aside by the store; the others go without it."""

    class Damaged:
        size_octets = 5

        def octets(self) -> bytes | None:
            return None

        async def blocks(self) -> AsyncIterator[bytes]:
            yield b"he"
            raise SpoolCorrupt("a wrong checksum")

    first, second = claims("it@x.test", "it@x.test")
    house = House(always(DELIVERED))
    tried = house.hand_over(Parcel((replace(first, content=Damaged()), second), 2))

    assert [] == house.route.consignments
    assert {"stored-damaged"} == {tried.outcomes(one)[0].row for one in (first, second)}


def test_only_so_many_are_remembered_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither memory nor history grows without an end."""
    monkeypatch.setattr(handing, "MOST_ALONE", 3)
    many = tuple(a_claim(f"r{n}@x.test", spool_id=f"m{n}") for n in range(15))
    house = House(always(LATER))
    house.hand_over(Parcel(many))
    assert list(map(SpoolId, ["m12", "m13", "m14"])) == list(house.handing.alone)
    tried = House(always(DELIVERED)).hand_over(Parcel(many))
    assert tried.outcomes(many[0])[0].reply_text.endswith("m9, m10 and 4 more)")


def test_the_row_is_one_of_the_catalogue() -> None:
    """Or the log would say that nobody knows it."""
    assert ALONE_NEXT in {row.id for row in catalogue()}
