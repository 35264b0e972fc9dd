"""The server machine for any peer: it answers or waits, never raises, and does not care how octets are cut."""

from __future__ import annotations

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from hostile.smuggle import Probe, probes
from relay365.mail.tolerance import TOLERANCES
from relay365.smtp.events import Signal
from transcript.cuts import singly, sliced
from transcript.house import House
from transcript.machine import MachineHost
from transcript.script import parse

HOUSE = """# A house that takes everything, within narrow limits.   RFC 5321 4
? offer auth xoauth2 clear-auth size=60
? limit errors=6 recipients=2 session_commands=40 command_octets=80 sasl_octets=100
? user a b
=> nothing
"""
REPLY = re.compile(rb"(?:[2-5]\d\d-[^\r\n]*\r\n)*[2-5]\d\d [^\r\n]*\r\n")

PROBES = probes()
ENVELOPE = b"EHLO probe.test\r\nMAIL FROM:<probe@corp.test>\r\nRCPT TO:<lena@else.test>\r\nDATA\r\n"
TOLERATED = [one.name for one in TOLERANCES if one.name != "bare_lf_ends_data"]

COMMANDS = [
    b"EHLO x\r\n", b"HELO\n", b"MAIL FROM:<a@b.test>\r\n", b"MAIL FROM:<a@b.test> SIZE=61\r\n", b"\r\r\n",
    b"RCPT TO:<c@d.test>\r\n", b"DATA\r\n", b".\r\n", b"text\r\n", b"..\r\n", b"\n.\n", b"x" * 70 + b"\r\n",
    b"RSET\r\n", b"NOOP\r\n", b"QUIT\r\n", b"AUTH LOGIN\r\n", b"YQ==\r\n", b"Yg==\r\n", b"*\r\n", b"\0",
    b"AUTH PLAIN AGEAYg==\r\n", b"BDAT 3\r\n", b"\xff\r\n",
]  # fmt: skip
dialogues = st.lists(st.sampled_from(COMMANDS), max_size=25).map(b"".join)
cuts = st.lists(st.integers(1, 40), max_size=60)


def live(pieces: list[bytes], house: str = HOUSE) -> tuple[bytes, list[object], str]:
    """(replies, accepted, why it ended) of one session."""
    host = MachineHost(House(parse("any", house, "C")))
    host.pump()
    said = host.machine.octets_to_send()
    for piece in pieces:
        host.machine.receive(piece)
        host.pump()
        said += host.machine.octets_to_send()
    assert host.machine.next_event() is Signal.NEED_OCTETS
    return said, [(a.envelope, a.content, a.helo, a.login) for a in host.accepted], host.ended


@given(dialogues, cuts)
def test_replies_and_mail_do_not_depend_on_cuts(octets: bytes, sizes: list[int]) -> None:
    """The same dialogue, whole, cut anywhere, and octet by octet: the same replies and the same accepted mail."""
    whole = live([octets])

    assert whole == live(sliced(octets, sizes))
    assert whole == live(singly(octets))


@given(
    st.one_of(
        st.binary(max_size=300),
        dialogues,
        st.lists(st.one_of(st.binary(max_size=20), dialogues)).map(b"".join),
    )
)
def test_any_octets_get_replies_or_patience(octets: bytes) -> None:
    """Whatever a peer sends, the machine does not raise, and says whole replies of printable lines only."""
    said, _, _ = live([octets])

    assert b"" == REPLY.sub(b"", said)
    assert not re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\xff]", said)


@given(
    st.lists(
        st.sampled_from([b"NOOP\r\n", b"EHLO x\r\n", b"XYZZY\r\n", b"AUTH LOGIN\r\n", b"y" * 90 + b"\n"]),
        min_size=31,
    )
)
def test_no_session_is_endless(commands: list[bytes]) -> None:
    """Without a message a session ends, whatever is said (an AUTH takes up to three lines); then nothing is read."""
    house = HOUSE.replace("session_commands=40", "session_commands=10")
    said, accepted, ended = live(commands, house)

    assert ("421", []) == (ended[:3], accepted)
    assert said == live([*commands, b"NOOP\r\n" * 50], house)[0]


@given(st.frozensets(st.sampled_from(TOLERATED)), st.sampled_from(PROBES), st.integers(0, 400))
def test_no_other_tolerance_opens_a_hole(tolerances: frozenset[str], probe: Probe, n: int) -> None:
    """Whatever is forgiven beside bare_lf_ends_data, a content that hides commands is one message or is refused."""
    off = " ".join(f"-{name}" for name in TOLERATED if name not in tolerances)
    on = " ".join(f"+{name}" for name in tolerances)
    house = f"# Any tolerances.   RFC 5321 4.1.1.4\n? tolerate {on} {off}\n=> nothing\n"
    said, accepted, _ = live([ENVELOPE, probe.wire[:n], probe.wire[n:]], house)

    assert 1 == len(REPLY.findall(said.partition(b"354 ")[2])), said
    assert (b"250 2.6.0 queued as 1\r\n" == said[-23:]) == len(accepted)


def test_no_combination_of_other_tolerances_opens_a_hole() -> None:
    """300 combinations by a seed, from none to all, each with thirty ends of data that are none, cut by chance."""
    dice = random.Random(4)
    for n in range(300):
        on = dice.sample(TOLERATED, n % (len(TOLERATED) + 1))
        words = " ".join(f"{'+' if name in on else '-'}{name}" for name in TOLERATED)
        house = f"# Any tolerances.   RFC 5321 4.1.1.4\n? tolerate {words}\n=> nothing\n"
        for probe in dice.sample(PROBES, 30):
            cut = dice.randrange(len(probe.wire))
            said, accepted, _ = live([ENVELOPE, probe.wire[:cut], probe.wire[cut:]], house)
            answers = REPLY.findall(said.partition(b"354 ")[2].partition(b"\r\n")[2])

            assert 1 == len(answers), (sorted(on), probe.name, said)
            assert len(accepted) == answers[0].startswith(b"250 2.6.0 queued as 1\r\n"), (
                sorted(on),
                probe.name,
            )


def test_the_one_tolerance_with_that_price_has_it() -> None:
    """The control: where bare_lf_ends_data is forgiven by name, LF.LF makes two messages of one."""
    probe = next(one for one in PROBES if one.name == "\\n.\\n")
    house = "# Smuggling.   RFC 5321 4.1.1.4\n? tolerate +bare_lf_ends_data\n=> nothing\n"

    assert 2 == len(live([ENVELOPE, probe.wire], house)[1])
