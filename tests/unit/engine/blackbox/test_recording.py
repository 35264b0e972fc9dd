"""What a recording keeps of the octets of a session, and what it never keeps."""

from __future__ import annotations

from fakes.clock import FakeClock
from relay365.engine.blackbox.recording import (
    ENTRY_OCTETS,
    HUNG_UP,
    MOST_ENTRIES,
    MOST_IDS,
    SESSION_OCTETS,
    Kind,
    Recording,
    Tape,
)
from relay365.mail.status import Reply

OK = Reply.of(250, "2.0.0", "OK")
NO = Reply.of(550, "5.7.1", "No")


def recording(*, head_octets: int = 0) -> Recording:
    return Recording(FakeClock(), head_octets=head_octets)


def kinds(one: Recording) -> list[tuple[Kind, bytes, int]]:
    return [(entry.kind, entry.octets, entry.n_octets) for entry in one.tape.entries()]


def test_an_answer_to_a_prompt_is_never_kept() -> None:
    """Its first line leaves its number of octets alone; what came behind it is kept."""
    one = recording()
    one.heard(b"c2VjcmV0\r\nMAIL FROM:<a@b>\r\n", is_secret=True)

    assert [(Kind.SECRET, b"", 10), (Kind.HEARD, b"MAIL FROM:<a@b>\r\n", 17)] == kinds(one)


def test_a_content_leaves_its_number_of_octets() -> None:
    """Whatever came in however many pieces; the commands in the same segments are kept as commands."""
    one = recording()
    one.heard(b"DATA\r\nSubject: x\r\n", is_secret=False)
    one.content_begins(12)
    one.heard(b"\r\nhello\r\n.\r\nQUIT\r\n", is_secret=False)
    one.content_ends(6)

    assert [
        (Kind.HEARD, b"DATA\r\n", 6),
        (Kind.CONTENT, b"", 24),
        (Kind.HEARD, b"QUIT\r\n", 6),
    ] == kinds(one)


def test_a_content_that_takes_minutes_is_told_of_once_a_minute() -> None:
    """How much has come, and how fast; not in the first minute, and nothing when it is over."""
    clock = FakeClock()
    one = Recording(clock)
    one.tell_progress()
    one.content_begins(0)
    for _ in range(125):
        one.heard(b"x" * 100, is_secret=False)
        clock.pass_s(1.0)
        one.tell_progress()
    one.content_ends(0)
    clock.pass_s(100.0)
    one.tell_progress()

    assert [
        (Kind.NOTE, b"(the content goes on: 6000 octets in 60 s, 100 a second)", 56),
        (Kind.NOTE, b"(the content goes on: 12000 octets in 120 s, 100 a second)", 58),
        (Kind.CONTENT, b"", 12500),
    ] == kinds(one)


def test_content_that_spans_pieces_is_taken_off_all_of_them() -> None:
    """A client that waits for nothing may have said the beginning of its content in several segments."""
    one = recording()
    for octets in (b"DATA\r\na", b"b", b"c"):
        one.heard(octets, is_secret=False)
    one.content_begins(3)
    one.content_ends(0)

    assert [(Kind.HEARD, b"DATA\r\n", 6), (Kind.HEARD, b"", 0), (Kind.HEARD, b"", 0)] == kinds(one)[:3]
    assert (Kind.CONTENT, b"", 3) == kinds(one)[3]


def test_the_head_of_a_content_is_kept_where_it_is_asked_for() -> None:
    """So many octets and no more."""
    one = recording(head_octets=10)
    one.content_begins(0)
    one.heard(b"Subject: secret\r\n", is_secret=False)
    one.content_ends(0)

    assert [(Kind.HEAD, b"Subject: s", 10), (Kind.CONTENT, b"", 17)] == kinds(one)


def test_a_content_that_was_cut_off_stays_open() -> None:
    """So that the reading knows where the session broke; its octets are counted all the same."""
    one = recording()
    one.content_begins(0)
    one.heard(b"half", is_secret=False)
    one.ends(HUNG_UP)

    assert one.is_in_content
    assert [(Kind.CONTENT, b"", 4), (Kind.NOTE, HUNG_UP.encode(), len(HUNG_UP))] == kinds(one)


def test_the_first_reason_counts() -> None:
    """After QUIT the connection closes, too; that is not why the session ended."""
    one = recording()
    one.ends("QUIT")
    one.ends(HUNG_UP)

    assert "QUIT" == one.reason
    assert [] == kinds(one)


def test_what_seems_over_is_so_until_more_comes() -> None:
    """A dot between bare line ends may have been in the middle of a content."""
    one = recording()
    one.content_begins(0)
    one.heard(b"x\n.\n", is_secret=False)
    one.content_seems_over()
    assert one.seems_over
    one.heard(b"more", is_secret=False)

    assert not one.seems_over


def test_a_recording_that_is_off_keeps_nothing_but_where_it_stands() -> None:
    """Without transcripts the content is followed still: the session asks whether it seems over."""
    one = Recording(FakeClock(), is_on=False)
    one.heard(b"EHLO x\r\n", is_secret=False)
    one.said(b"250 x\r\n")
    one.content_begins(0)
    one.content_seems_over()

    assert one.seems_over
    one.content_ends(0)
    assert [] == kinds(one)


def test_what_was_judged_is_counted() -> None:
    """Accepted messages by their ids, of which the first are kept; refusals by their number."""
    one = recording()
    one.answered(OK)
    one.answered(NO)
    for n in range(MOST_IDS + 1):
        one.answered(OK, spool_id=f"ID{n}")

    assert (MOST_IDS + 1, 1, MOST_IDS) == (
        one.tally.n_accepted,
        one.tally.n_refused,
        len(one.tally.spool_ids),
    )


def test_pieces_of_a_divided_message_are_counted() -> None:
    """Only what was taken counts, and the last one is remembered."""
    one = recording()
    one.answered(OK, spool_id="A", piece="1/5")
    one.answered(OK, spool_id="B", piece="2/5")
    one.answered(OK, spool_id="C")
    one.answered(NO, piece="3/5")

    assert (3, 2, "2/5") == (one.tally.n_accepted, one.tally.n_pieces, one.tally.piece)


def test_a_tape_is_bounded_in_number_and_octets() -> None:
    """The beginning and the end of a long session are kept, and it is said how much is not."""
    tape = Tape()
    for n in range(10_000):
        tape.add(float(n), Kind.HEARD, b"NOOP\r\n", 6)
    entries = tape.entries()

    assert (0.0, 9999.0) == (entries[0].mono, entries[-1].mono)
    assert 10_000 == tape.n_added == len(entries) + tape.n_left_out
    assert MOST_ENTRIES == tape.split_at


def test_large_pieces_do_not_make_a_tape_large() -> None:
    """Each piece is cut, and all of them together stay under the bound."""
    tape = Tape()
    for n in range(1000):
        tape.add(float(n), Kind.HEARD, b"x" * 100_000, 100_000)
    entries = tape.entries()

    assert ENTRY_OCTETS == max(len(entry.octets) for entry in entries)
    assert sum(len(entry.octets) for entry in entries) <= SESSION_OCTETS + ENTRY_OCTETS
    assert 100_000 == entries[0].n_octets
