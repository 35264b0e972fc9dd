"""A content on its way to the spool: small and large, repaired, refused, held, and replaced."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.engine.contents.inlet import HELD_OCTETS, LONG_LINE, Case, Finished, Inlet
from relay365.engine.contents.workshop import Workshop
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.mail.refusals.refusal import limit_words
from relay365.mail.repair.rules import Authors, Rules
from relay365.rules.client import Client
from relay365.rules.oversize import HOLD, HOUSE, NOTIFY, REJECT, Sizes, Wish
from relay365.spool.api import NewMessage
from relay365.spool.memory import MemorySpool
from transcript.standin import JumpingLoop, LoopClock

FACTS = SubmitterFacts("test", "192.0.2.7", device="copier")
HEAD = b"From: scan@x.test\r\nTo: l@x.test\r\nMessage-ID: <1@x>\r\nSubject: big\r\n"
ENVELOPE = Envelope("scan@x.test", (ForwardPath("l@x.test"),))
PARTS = Workshop(rules=Rules(parts=True, raw_headers=True, syntax=True))


def limited(limit_octets: int, action: str = REJECT) -> Workshop:
    """A house with an [oversize] of its own."""
    return Workshop(sizes=Sizes(Wish(limit_octets, action, HOUSE)))


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        yield runner


def through(
    runner: asyncio.Runner,
    content: bytes,
    workshop: Workshop,
    client: Client | None = None,
    lanes: Sequence[str] = (),
) -> tuple[bytes, Finished]:
    """What is stored of a content that would take these lanes, and what was decided."""

    async def live() -> tuple[bytes, Finished]:
        spool = MemorySpool(LoopClock())
        case = Case(workshop, client or Client(), FACTS, "scan@x.test", False, "relay.test", LoopClock().now)
        inlet = Inlet(spool, case)
        for start in range(0, len(content), 65_536):
            assert inlet.write(content[start : start + 65_536])
        done = inlet.replaced(inlet.finish(lambda plan: lanes), ENVELOPE)
        await inlet.intake.commit(NewMessage(ENVELOPE, FACTS, "out", 0.0, 1.0))
        stored = await spool.content(inlet.intake.spool_id)
        assert stored is not None
        return stored.octets() or b"", done

    return runner.run(live())


@pytest.mark.parametrize("n_lines", [1, HELD_OCTETS // 72 + 1, 3 * HELD_OCTETS // 72])
def test_what_needs_nothing_is_stored_as_it_came(runner: asyncio.Runner, n_lines: int) -> None:
    """Octet for octet, whatever its size; and nothing is recorded."""
    content = HEAD + b"\r\n" + (b"x" * 70 + b"\r\n") * n_lines
    stored, done = through(runner, content, PARTS)

    assert content == stored
    assert ("", "<1@x>", None) == (done.repairs, done.plan.message_id, done.refusal)


@pytest.mark.parametrize("n_lines", [1, 3 * HELD_OCTETS // 72])
def test_head_and_parts_are_put_right(runner: asyncio.Runner, n_lines: int) -> None:
    """Also in a message that streams: its head before its first block, a long line behind it."""
    body = b"y" * 2000 + b"\r\n" + (b"x" * 70 + b"\r\n") * n_lines
    stored, done = through(runner, b"X: \xfc\r\n" + HEAD + b"\r\n" + body, PARTS)
    head, _, rest = stored.partition(b"\r\n\r\n")

    assert head.startswith(b"X: =?utf-8?B?w7w=?=\r\nFrom: scan@x.test\r\n")
    assert b"\r\nContent-Transfer-Encoding: quoted-printable" in head
    assert body == re.sub(rb"=\r\n", b"", rest)
    assert ("long_lines",) == done.tolerances


def test_a_sealed_message_streams_untouched(runner: asyncio.Runner) -> None:
    """With long lines and all, and that is recorded."""
    content = (
        HEAD
        + b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n"
        + b"y" * 2000
        + b"\r\n--b--\r\n"
    )
    stored, done = through(runner, content, PARTS)

    assert content == stored
    assert done.repairs.startswith("parts: left alone, the message is sealed (signed)")


@pytest.mark.parametrize("n_before", [0, HELD_OCTETS])
def test_long_lines_are_refused_where_they_are_not_forgiven(runner: asyncio.Runner, n_before: int) -> None:
    """The tolerance long_lines, off: 554, also for a line that comes late and in pieces."""
    content = HEAD + b"\r\n" + b"x\r\n" * (n_before // 3) + b"y" * 999 + b"\r\n"
    strict = Client(tolerances=frozenset())

    assert LONG_LINE == through(runner, content, Workshop(), strict)[1].refusal
    assert through(runner, content.replace(b"yy\r\n", b"y\r\n"), Workshop(), strict)[1].refusal is None


def test_a_message_that_is_too_large_is_refused_or_held(runner: asyncio.Runner) -> None:
    """By the limit of [oversize], to the octet."""
    content = HEAD + b"\r\n" + b"x" * 70 + b"\r\n"
    exact, less = len(content), len(content) - 1
    held = through(runner, content, limited(less, HOLD))

    assert through(runner, content, limited(exact))[1].refusal is None
    refused = through(runner, content, limited(less))[1].refusal
    assert f"552 5.3.4 message too big, limit {limit_words(less)} (A70)" == str(refused)
    assert held[0] == content
    assert held[1].held is not None
    assert "oversize" == held[1].held.row


WAYS = Sizes(Wish(0, REJECT, HOUSE), {"narrow": Wish(4096, NOTIFY, "[[route]] narrow"), "strict": Wish(2048)})


@pytest.mark.parametrize("n_lines", [100, 3 * HELD_OCTETS // 72])
def test_where_routes_differ_the_way_that_it_goes_decides(runner: asyncio.Runner, n_lines: int) -> None:
    """Known at the end only, also for a message that streamed until then; a client's own table comes first."""
    content = HEAD + b"\r\n" + (b"x" * 70 + b"\r\n") * n_lines
    workshop, own = Workshop(sizes=WAYS), Client("R1", oversize=Wish(None, HOLD, "device cam"))
    wide = through(runner, content, workshop, lanes=["wide"])
    narrow = through(runner, content, workshop, lanes=["wide", "narrow/scan@x.test"])
    strict = through(runner, content, workshop, lanes=["strict"])[1].refusal
    held = through(runner, content, workshop, own, lanes=["strict"])
    limited_itself = Client("R1", oversize=Wish(1024, "", "device cam"))
    marked = through(runner, content, workshop, limited_itself, lanes=["strict"])[1].refusal

    assert (content, None) == (wide[0], wide[1].held)
    assert narrow[0].startswith(
        b"From: <scan@x.test>\r\nTo: <l@x.test>\r\nSubject: Too large to deliver: big\r\n"
    )
    assert "that may go out, by [[route]] narrow: a notice went instead" in narrow[1].repairs
    assert "552 5.3.4 message too big, limit 2 KB (A70)" == str(strict)
    assert held[1].held is not None
    assert (content, "oversize") == (held[0], held[1].held.row)
    assert "552 5.3.4 message too big, limit 1 KB (R1)" == str(marked)


@pytest.mark.parametrize("n_lines", [100, 3 * HELD_OCTETS // 72])
def test_a_notice_goes_in_the_place_of_what_is_too_large(runner: asyncio.Runner, n_lines: int) -> None:
    """Nothing of the message is kept; the history says so, and the Message-ID is the notice's own."""
    content = HEAD + b"\r\n" + (b"x" * 70 + b"\r\n") * n_lines
    stored, done = through(runner, content, limited(4096, NOTIFY))

    assert stored.startswith(
        b"From: <scan@x.test>\r\nTo: <l@x.test>\r\nSubject: Too large to deliver: big\r\n"
    )
    assert len(stored) < 2000
    assert done.repairs.endswith("a notice went instead, the message was not kept")
    assert f"Message-ID: {done.plan.message_id}\r\n".encode() in stored


def test_a_head_without_end_is_left(runner: asyncio.Runner) -> None:
    """More than 64 KiB of header are not judged; the message goes on as it is, with a Message-ID in front."""
    content = b"X: y\r\n" * 20_000 + b"From: a@b <a@b>\r\n\r\nhi\r\n"
    stored, done = through(runner, content, PARTS)

    assert content == stored
    assert b"Message-ID: " + done.plan.message_id.encode() + b"\r\n" == done.plan.added
    assert "longer than 64 KiB" in done.repairs


@pytest.mark.parametrize("padding", [b"", b"X-Pad: " + b"p" * 70 + b"\r\n"])
def test_a_foreign_author_ends_at_the_dot_with_the_rules_mark(runner: asyncio.Runner, padding: bytes) -> None:
    """Also behind a header section that is too long to be read whole; a sender of the rule's own comes before."""
    ours = Workshop(authors=Authors(frozenset(["contoso.com"]), "reject"))
    content = HEAD + padding * 2000 + b"\r\nx\r\n"
    done = through(runner, content, ours, Client("R7"))[1]
    fixed = through(runner, content, ours, Client("R7", sender="scan@contoso.com"))[1]

    assert "550 5.7.1 From domain not allowed here (R7)" == str(done.refusal)
    assert fixed.refusal is None


def test_what_would_be_refused_at_the_dot_is_kept_whole_where_that_is_asked_for(
    runner: asyncio.Runner,
) -> None:
    """A foreign author, a long line, too many octets: held with the reason, not an octet is lost."""
    kept = Client("R7", tolerances=frozenset(), kept_octets=1 << 24)
    ours = Workshop(authors=Authors(frozenset(["contoso.com"]), "reject"))
    long = HEAD + b"\r\n" + b"y" * 1200 + b"\r\n" + (b"x" * 70 + b"\r\n") * (HELD_OCTETS // 36)
    for content, workshop, client, reason in (
        (HEAD + b"\r\nx\r\n", ours, kept, "550 5.7.1 From domain not allowed here (R7)"),
        (long, Workshop(), kept, str(LONG_LINE)),
        (HEAD + b"\r\nx\r\n", limited(10), kept, "is more than the 0.0 KB that may go out"),
        (HEAD + b"\r\nx\r\n", Workshop(), replace(kept, max_octets=20), "is more than the 0.0 KB"),
    ):
        stored, done = through(runner, content, workshop, client)
        assert (content, None) == (stored, done.refusal)
        assert done.held is not None
        assert reason in done.held.reason


_MIXED = b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b1"\r\n'
_TWO_PARTS = (
    b"\r\n--b1\r\n\r\nplain text\r\n--b1\r\nContent-Type: application/x-scan\r\n\r\na\0b\r\n--b1--\r\n"
)


@pytest.mark.parametrize(
    "padding", [b"", b"\r\n--b1\r\n\r\n" + b"x\r\n" * HELD_OCTETS], ids=["small", "streamed"]
)
def test_a_part_with_nul_becomes_base64_and_only_that_part(runner: asyncio.Runner, padding: bytes) -> None:
    """Every octet of it arrives, the other parts are as they were, and no tolerance for long lines is counted."""
    content = HEAD + _MIXED + b"\r\npreamble" + padding + _TWO_PARTS
    stored, done = through(runner, content, PARTS)
    encoded = (
        b"Content-Type: application/x-scan\r\nContent-Transfer-Encoding: base64\r\n\r\nYQBi\r\n--b1--\r\n"
    )

    assert content.partition(b"Content-Type: application/x-scan")[0] + encoded == stored
    assert f"parts: part {4 if padding else 3} (application/x-scan): base64" == done.repairs.splitlines()[0]
    assert () == done.tolerances


@pytest.mark.parametrize(
    ("head", "body", "rules", "why"),
    [
        (b"", b"\r\na\0b\0\r\n", Rules(parts=False), "nul_octets: 2 in the content left out: parts is off"),
        (b"Content-Type: multipart/signed; boundary=b\r\n", b"\r\n--b\r\n\r\na\0b\r\n--b--\r\n", Rules(parts=True),
         "nul_octets: 1 in the content left out: the message is sealed (signed)"),
        (_MIXED, b"\r\npre\0amble\r\n--b1\r\n\r\nx\r\n--b1--\r\n", Rules(parts=True),
         "nul_octets: 1 in the content left out"),
        (b"Content-Transfer-Encoding: base64\r\n", b"\r\nYQ\0Bi\r\n", Rules(parts=True),
         "nul_octets: 1 in the content left out"),
        (b"X-Odd: a\0b\0\r\n\0", b"\r\nbody\r\n", Rules(parts=True), "nul_octets: 3 in the header left out"),
    ],
    ids=["parts-off", "sealed", "preamble", "base64", "header"],
)  # fmt: skip
def test_where_no_part_can_carry_it_nul_is_left_out_and_recorded(
    runner: asyncio.Runner, head: bytes, body: bytes, rules: Rules, why: str
) -> None:
    """Nothing else changes, and the record says how many there were and why none of them went on."""
    stored, done = through(runner, HEAD + head + body, Workshop(rules=rules))

    assert (HEAD + head + body).replace(b"\0", b"") == stored
    assert why == done.repairs


_PIECES = [
    b"\0",
    b"\r\n",
    b"a",
    b"x" * 999,
    b"\r\n--b1\r\n",
    b"\r\n--b1--\r\n",
    b"Content-Type: a/b\r\n",
    b".",
]


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.sampled_from(_PIECES), max_size=20).map(b"".join),
    st.sampled_from(
        [b"", _MIXED, b"Content-Transfer-Encoding: base64\r\n", b"DKIM-Signature: v=1; h=from\r\n"]
    ),
    st.booleans(),
)
def test_no_nul_is_ever_stored(octets: bytes, head: bytes, is_on: bool) -> None:
    """Wherever it stands and whatever may be repaired, the next server never sees one."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        workshop = Workshop(rules=Rules(parts=is_on, raw_headers=is_on, syntax=is_on))
        stored, done = through(runner, HEAD + head + octets, workshop)

    assert b"\0" not in stored
    assert (b"\0" in octets) <= (done.repairs != "")
