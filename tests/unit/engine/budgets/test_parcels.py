"""What goes in one transaction: the same content for different people, and what a rule makes a digest."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest

from relay365.engine.budgets.parcels import (
    DIGEST_MESSAGES,
    Bundle,
    Joining,
    Parcel,
    deep_flows,
    deepened,
    made,
    plan,
)
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.routes.api import LaneLimits
from relay365.spool.api import Claim, ClaimedRecipient
from relay365.spool.content import MemoryContent
from relay365.spool.intake import INLINE_OCTETS
from relay365.spool.waiting.heads import Flow, Head, Likeness

LIMITED = LaneLimits(3, 30, recipients=500)
FACTS = SubmitterFacts("lan", "192.0.2.7", device="erp")


def a_head(name: str, *to: str, content: bytes = b"hello", client: str = "erp") -> Head:
    return Head(
        SpoolId(name), Flow("normal", client), 0.0, 0.0, 9e9, len(content), "erp@contoso.com", FACTS,
        tuple(enumerate(to or (f"{name}@x.test",))),
        Likeness(zlib.crc32(content), "<1@erp>", "erp@contoso.com", "7BIT 0  "),
    )  # fmt: skip


def the_claim(head: Head, content: bytes = b"hello", trace: bytes = b"") -> Claim:
    paths = tuple(ForwardPath(address) for _, address in head.recipients)
    return Claim(
        head.spool_id, "way", 1, 0.0, Envelope(head.reverse_path, paths),
        tuple(ClaimedRecipient(n, path, 0, possible_duplicate=False) for n, path in enumerate(paths)),
        MemoryContent(content), trace, head.like.message_id, head.like.header_from, FACTS, 0.0, 9e9,
    )  # fmt: skip


def like(head: Head, **words: str) -> Head:
    """The same head with other words."""
    return head._replace(like=head.like._replace(**words))  # type: ignore[arg-type]


def joining(digest: int = 0, limits: LaneLimits = LIMITED, alone: tuple[str, ...] = ()) -> Joining:
    return Joining(limits, lambda _: digest, tuple(map(SpoolId, alone)))


def planned(*heads: Head, by: Joining | None = None) -> list[str]:
    """Each bundle as the names of its messages, with a star for a digest."""
    return [
        "".join(head.spool_id for head in one.heads) + "*" * bool(one.least)
        for one in plan(heads, by or joining())
    ]


def test_the_same_content_for_different_people_goes_together() -> None:
    """Forty letters one by one are one transaction."""
    heads = [a_head(f"m{n}") for n in range(40)]

    assert [40] == [len(one.heads) for one in plan(heads, joining())]


@pytest.mark.parametrize(
    "other",
    [
        a_head("b", content=b"other"),
        a_head("b", client="another"),
        a_head("b", "a@x.test"),
        a_head("b", "A@X.test", "b@x.test"),
        like(a_head("b"), message_id="<2@relay>"),
        like(a_head("b"), header_from="it@contoso.com"),
        a_head("b")._replace(reverse_path="it@contoso.com"),
        like(a_head("b"), manner="8BITMIME 0  "),
        like(a_head("b"), manner="7BIT 0 HDRS x"),
        a_head("b", "c@x.test", "c@x.test"),
    ],
)
def test_what_is_not_alike_goes_alone(other: Head) -> None:
    """Another content, client, Message-ID, From, sender or wish; or somebody would get one copy instead of two."""
    assert ["a", "b"] == planned(a_head("a"), other)


def test_only_where_messages_are_limited() -> None:
    """A route without a minute saves nothing by it."""
    assert ["a", "b"] == planned(a_head("a"), a_head("b"), by=joining(limits=LaneLimits(20)))


def test_a_transaction_has_no_more_recipients_than_it_may() -> None:
    """Three where it may have three: the fourth begins the next one."""
    heads = [a_head("a"), a_head("b", "1@x.test", "2@x.test"), a_head("c"), a_head("d")]

    assert ["ab", "cd"] == planned(*heads, by=joining(limits=replace(LIMITED, recipients=3)))


def test_large_contents_and_refused_company_go_alone() -> None:
    """What does not lie in memory cannot be compared; what was refused in company is tried without."""
    large = b"x" * (INLINE_OCTETS + 1)

    assert ["a", "b"] == planned(a_head("a", content=large), a_head("b", content=large))
    assert ["ac", "b"] == planned(a_head("a"), a_head("b"), a_head("c"), by=joining(alone=("b",)))


def test_a_rule_makes_a_digest_where_enough_wait() -> None:
    """Whatever their contents and Message-IDs are; to one recipient, and none of them is left behind."""
    heads = [like(a_head(n, "it@x.test", content=n.encode()), message_id=n) for n in "abc"]

    assert ["abc*"] == planned(*heads, by=joining(3))
    assert ["a", "b", "c"] == planned(*heads, by=joining(4))
    assert ["a", "b", "c"] == planned(*heads, by=joining(0))
    assert ["ac*", "b"] == planned(heads[0], like(heads[1], header_from="x@x"), heads[2], by=joining(2))


def test_a_digest_is_bounded() -> None:
    """Two hundred messages, ten million octets, and what the route takes."""
    many = [a_head(f"m{n}", "it@x.test") for n in range(450)]
    assert [DIGEST_MESSAGES, DIGEST_MESSAGES, 50] == [len(one.heads) for one in plan(many, joining(5))]
    large = [a_head(f"m{n}", "it@x.test")._replace(size_octets=3_000_000) for n in range(4)]
    assert [3, 1] == [len(one.heads) for one in plan(large, joining(2))]
    small = replace(LIMITED, octets=6_100_000)
    assert [2, 2] == [len(one.heads) for one in plan(large, joining(2, small))]


def test_a_deeper_look_is_worth_it_where_more_may_go_with_what_was_chosen() -> None:
    """A flow that was not shown whole, and something in it that others can go with."""
    alike, single = [a_head(n) for n in "ab"], a_head("c", content=b"other", client="mfp")
    heads = [*alike, single]
    chosen = plan(heads, joining())

    assert {Flow("normal", "erp")} == deep_flows(chosen, heads, 2, joining())
    assert set() == deep_flows(chosen, heads, 3, joining())
    assert {Flow("normal", "erp"), Flow("normal", "mfp")} == deep_flows(
        plan(heads, joining(9)), heads, 1, joining(9)
    )


def test_what_a_deeper_look_takes_is_not_taken_twice() -> None:
    """Two that were alone become one digest with more; one that is gone keeps its place without a loss."""
    heads = [a_head(f"m{n}", "it@x.test", content=b"%d" % n) for n in range(5)]
    chosen = plan(heads[:2], joining(3))
    assert 2 == len(chosen)

    (digest,) = deepened(chosen, heads, joining(3))
    assert (5, 3) == (len(digest.heads), digest.least)
    assert [chosen[0], Bundle((heads[1],))] == deepened(chosen, heads[1:3], joining(3))


def test_claims_that_are_alike_are_one_parcel() -> None:
    """Octet for octet, and our own trace but for its Received field; what was not claimed is missing."""
    heads = [a_head(n) for n in "abcd"]
    bundle = Bundle(tuple(heads))
    one, two = (
        b"Received: by x (relay365) with SMTP id A;\r\n\tnow\r\n",
        b"Received: by x (relay365) with SMTP id B;\r\n\tnow\r\n",
    )
    claims = [the_claim(heads[0], trace=one), the_claim(heads[1], trace=two), the_claim(heads[3], trace=two)]
    (parcel,) = made([bundle], claims, 500)
    assert tuple(claims) == parcel.claims
    assert ("a@x.test", "b@x.test", "d@x.test") == parcel.addresses
    assert (5, "erp@contoso.com", "normal") == (parcel.octets, parcel.sender, parcel.priority)

    others = [claims[0], the_claim(heads[1], b"hellp"), the_claim(heads[2], trace=b"Date: x\r\n"), claims[2]]
    assert [(others[0], others[3]), (others[1],), (others[2],)] == [
        one.claims for one in made([bundle], others, 500)
    ]
    assert [claims[:2], claims[2:]] == [list(one.claims) for one in made([bundle], claims, 2)]


def test_a_digest_of_claims_has_one_recipient_and_one_wish() -> None:
    """Who asked for another report goes alone; the rest is one message for one person."""
    heads = [a_head(n, "it@x.test", content=n.encode()) for n in "abc"]
    claims = [the_claim(head) for head in heads]
    wish = ForwardPath("it@x.test", "SUCCESS")
    claims[1] = replace(claims[1], recipients=(replace(claims[1].recipients[0], path=wish),))
    digest, single = made([Bundle(tuple(heads), 2)], claims, 500)

    assert ((claims[0], claims[2]), (claims[1],)) == (digest.claims, single.claims)
    assert (2, 0) == (digest.least, single.least)
    assert ("it@x.test",) == digest.addresses
    assert digest.octets > 10


def test_a_parcel_of_one_is_its_claim() -> None:
    """As nearly all mail is."""
    claim = the_claim(a_head("a", "x@x.test", "y@x.test"))

    assert ("x@x.test", "y@x.test") == Parcel((claim,)).addresses
    assert [(claim,)] == [one.claims for one in made([Bundle((a_head("a"),))], [claim], 500)]
