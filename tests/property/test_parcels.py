"""Whatever waits, and whatever of it is claimed: nobody is lost, doubled, or sent to another's content."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from relay365.engine.budgets.parcels import Joining, Parcel, deepened, made, plan
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.routes.api import LaneLimits
from relay365.spool.api import Claim, ClaimedRecipient
from relay365.spool.content import MemoryContent
from relay365.spool.waiting.heads import Flow, Head, Likeness

PEOPLE = ("a@x.test", "b@x.test", "c@x.test", "A@x.test")
FACTS = SubmitterFacts("lan", "192.0.2.7", device="erp")

mails = st.tuples(
    st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3),
    st.sampled_from([b"one", b"two"]),
    st.sampled_from(["erp@x", "it@x"]),
    st.sampled_from(["erp", "mfp"]),
    st.sampled_from([b"", b"Date: x\r\n"]),
    st.sampled_from(["", "NEVER"]),
)
queues = st.lists(mails, max_size=14)


def as_heads(queue: list[tuple[list[str], bytes, str, str, bytes, str]]) -> list[tuple[Head, Claim]]:
    return [_both(n, *mail) for n, mail in enumerate(queue)]


def _both(n: int, *mail: object) -> tuple[Head, Claim]:
    to, content, sender, client, trace, notify = mail
    assert isinstance(to, list)
    assert isinstance(content, bytes)
    spool_id = SpoolId(f"m{n}")
    head = Head(
        spool_id, Flow("normal", str(client)), 0.0, float(n), 9e9, len(content), str(sender), FACTS,
        tuple(enumerate(to)), Likeness(zlib.crc32(content), "", str(sender), "7BIT 0  "),
    )  # fmt: skip
    paths = tuple(ForwardPath(address, str(notify)) for address in to)
    claim = Claim(
        spool_id, "way", 1, 0.0, Envelope(str(sender), paths),
        tuple(ClaimedRecipient(k, path, 0, possible_duplicate=False) for k, path in enumerate(paths)),
        MemoryContent(content), trace if isinstance(trace, bytes) else b"", "", str(sender),
        replace(FACTS, device=str(client)), float(n), 9e9,
    )  # fmt: skip
    return head, claim


@given(queues, st.sets(st.integers(0, 13)), st.sampled_from([0, 2, 3]), st.integers(1, 6), st.booleans())
def test_every_claim_is_in_one_parcel_that_is_right_for_it(
    queue: list[tuple[list[str], bytes, str, str, bytes, str]],
    gone: set[int],
    least: int,
    most: int,
    limited: bool,
) -> None:
    """Of a plan in which some messages vanish before the claim."""
    both = as_heads(queue)
    joining = Joining(LaneLimits(3, 30 if limited else None, recipients=most), lambda _: least)
    bundles = plan([head for head, _ in both], joining)
    assert Counter(head.spool_id for head, _ in both) == Counter(
        h.spool_id for one in bundles for h in one.heads
    )

    claims = [claim for n, (_, claim) in enumerate(both) if n not in gone]
    parcels = made(bundles, claims, most)
    assert Counter(one.spool_id for one in claims) == Counter(
        c.spool_id for one in parcels for c in one.claims
    )
    for parcel in parcels:
        _is_right(parcel, most)


def _is_right(parcel: Parcel, most: int) -> None:
    first, *others = parcel.claims
    if not others:
        return
    assert {first.envelope.reverse_path} == {one.envelope.reverse_path for one in others}
    assert {first.submitter.device} == {one.submitter.device for one in others}
    addresses = [r.path.address.lower() for claim in parcel.claims for r in claim.recipients]
    if parcel.least:
        assert 1 == len(set(addresses))
        assert 1 == len({claim.recipients[0].path.notify for claim in parcel.claims})
        return
    assert len(addresses) == len(set(addresses)) <= most
    assert {first.content.octets()} == {one.content.octets() for one in others}
    assert {first.trace} == {one.trace for one in others}


@given(queues, st.integers(1, 4), st.sampled_from([0, 2, 3]), st.sets(st.integers(0, 13)))
def test_a_deeper_look_takes_nothing_twice_and_loses_nothing(
    queue: list[tuple[list[str], bytes, str, str, bytes, str]], depth: int, least: int, gone: set[int]
) -> None:
    """Of heads of which some are gone at the second look."""
    heads = [head for head, _ in as_heads(queue)]
    joining = Joining(LaneLimits(3, 30, recipients=4), lambda _: least)
    chosen = plan(heads[:depth], joining)
    deep = [head for n, head in enumerate(heads) if n not in gone]
    grown = deepened(chosen, deep, joining)
    counts = Counter(head.spool_id for one in grown for head in one.heads)

    assert {1} >= set(counts.values())
    assert {one.heads[0].spool_id for one in chosen} <= set(counts)
