"""How a transcript is read; the transcripts themselves are its other test."""

from __future__ import annotations

import pytest

from relay365.trial.zoo.script import Block, is_reply, pairs_of, parse, raw

TITLE = "# A claim.   RFC 5321 3.3\n"


def test_a_transcript_is_read_line_by_line() -> None:
    """Settings, writes with what is glued to them, events, expectations, and what became of the mail."""
    text = (
        '? rcpt 550 5.7.1 No\nS* 220 \nC: A\nC+ B\nS: 250 ok\n~ tls\n# why\nC| "x\\0" + "y" * 2\n'
        '=> accepted from=<a@b.test>\n=| "x"\n=> upstream to=<c@d.test>\n=+ Date: \n=- Bcc:\n'
    )  # fmt: skip
    script = parse("one", TITLE + text, "C")

    assert ("A claim.", "RFC 5321 3.3", ["550 5.7.1 No"]) == (
        script.title,
        script.source,
        script.answers("rcpt"),
    )
    assert [
        Block(expected=[("*", b"220 \r\n")]),
        Block([b"A\r\n", b"B\r\n"], expected=[(":", b"250 ok\r\n")]),
        Block(event="tls"),
        Block([b"x\0yy"]),
    ] == script.blocks
    accepted, upstream = script.ends
    assert ({"from": "<a@b.test>"}, b"x") == (accepted.pairs, accepted.content)
    assert ({"to": "<c@d.test>"}, ["Date: "], ["Bcc:"]) == (upstream.pairs, upstream.holds, upstream.lacks)


@pytest.mark.parametrize(
    "text",
    ["", "C: A\n", "C* A\n=> nothing\n", "S+ A\n=> nothing\n", "what\n=> nothing\n", "C| x\n=> nothing\n"],
)
def test_what_is_no_transcript_is_refused(text: str) -> None:
    """No ending, a mark of the wrong side, a line or a string that is none."""
    with pytest.raises(ValueError, match="one"):
        parse("one", TITLE + text, "C")


def test_many_lines_are_written_once() -> None:
    """C# is so many lines in one write, each with its number; S# so many whole replies."""
    script = parse("one", TITLE + 'C# 3 RCPT TO:<p{n}@x>\nS# 3 250 2.1\n=> upstream\n=~ "a\\0"\n', "C")

    assert [
        Block(
            [b"RCPT TO:<p0@x>\r\n", b"RCPT TO:<p1@x>\r\n", b"RCPT TO:<p2@x>\r\n"],
            "",
            [("*", b"250 2.1\r\n")] * 3,
        )
    ] == (script.blocks)
    assert b"a\0" == script.ends[0].decoded


def test_a_transcript_without_source_is_refused() -> None:
    """The first line says the claim and where it comes from."""
    with pytest.raises(ValueError, match="first line"):
        parse("one", "# A claim\n=> nothing\n", "C")


@pytest.mark.parametrize(
    ("mark", "wanted", "is_right"),
    [("*", b"250-a", True), ("*", b"250 b", False), ("~", b"250 b", True), ("~", b"250-c", False),
     ("!", b"250 b", False), ("!", b"250-c", True)],
)  # fmt: skip
def test_a_whole_reply_is_compared_by_its_mark(mark: str, wanted: bytes, is_right: bool) -> None:
    """By its beginning, by a line that it has, by a line that it has not."""
    assert is_right == is_reply(mark, wanted, b"250-a\r\n250 b\r\n")


def test_pairs_and_strings() -> None:
    """Values may be quoted or a list of addresses; strings have escapes and repeats."""
    assert {"to": "<a@b>,<c@d>", "helo": "x y"} == pairs_of('to=<a@b>,<c@d> helo="x y"')
    assert b"\r\xff" + b"ab" * 3 == raw(r'"\r\xff" + "ab" * 3')
