"""How commands are read; the transcripts have what is answered."""

from __future__ import annotations

import time

import pytest

from relay365.mail.envelope import ForwardPath
from relay365.smtp.events import MailGiven, RcptGiven
from relay365.smtp.grammar import Command, GrammarError, parse_command, parse_mail, parse_rcpt


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"noop", Command("NOOP", "")),
        (b"  Mail \t FROM:<a@b>  ", Command("MAIL", "FROM:<a@b>")),
        (b"EHLO \xff\x1b\xc2\x85\xe2\x80\xa8x", Command("EHLO", "????x")),
        (b"", Command("", "")),
        (
            "ma\N{LATIN SMALL LETTER DOTLESS I}l x".encode(),
            Command("ma\N{LATIN SMALL LETTER DOTLESS I}l", "x"),
        ),
    ],
)
def test_a_command_line_is_read(line: bytes, command: Command) -> None:
    """Verbs in capitals, ASCII only; blanks and tabs around go; a HELO name is made readable."""
    assert command == parse_command(line)


def test_parameters_are_read() -> None:
    """Every parameter that we know, in any case and order."""
    event = parse_mail("FROM:<@x,@y:a@b.test> envid=Q+2B ret=full SIZE=007 SMTPUTF8 body=8bitmime AUTH=<>")

    assert MailGiven("a@b.test", 7, "8BITMIME", smtputf8=True, ret="FULL", envid="Q+2B") == event


@pytest.mark.parametrize(
    ("argument", "event"),
    [
        ("TO: c@d.test", RcptGiven(ForwardPath("c@d.test"), ("space-after-colon", "no-brackets"))),
        ("to:<c@d.test> notify=never", RcptGiven(ForwardPath("c@d.test", "NEVER"))),
        ("TO:<c@d.test> X=1", RcptGiven(ForwardPath("c@d.test"), ("unknown-parameter",))),
        ('TO:<"a\\"> b"@d.test>', RcptGiven(ForwardPath('"a\\"> b"@d.test'))),
    ],
)
def test_what_was_tolerated_is_named(argument: str, event: RcptGiven) -> None:
    """Each tolerance has a name; what was right has none."""
    assert event == parse_rcpt(argument)


@pytest.mark.parametrize(
    "argument",
    [
        "FROM:<a@b.test> ENVID=" + "x" * 101,
        "FROM:<a@b.test> ENVID=\N{SNOWMAN}",
        "FROM:<a@b.test> SIZE=\N{SUPERSCRIPT TWO}",
        "FROM:<a@b.test> SIZE=" + "9" * 21,
        "FROM:<a@b.test> \N{SNOWMAN}\N{SNOWMAN}",
        "FROM:<a@b.test> X X",
        "FROM<a@b.test>",
    ],
)
def test_a_refusal_echoes_nothing_unprintable(argument: str) -> None:
    """The reply is short and ASCII, whatever the peer wrote."""
    with pytest.raises(GrammarError) as refused:
        parse_mail(argument)
    octets = refused.value.reply.encode()

    assert octets.isascii()
    assert len(octets) < 100


def test_reading_is_linear() -> None:
    """A long line of any one sign costs no more than its length deserves."""
    began = time.process_time()
    for sign in '"<>@(,:\\ =;.':
        for prefix in ("FROM:", "FROM:<", 'FROM:<"', "FROM:<a@b> "):
            try:
                parse_mail(prefix + sign * 12_000)
            except GrammarError:
                continue

    assert time.process_time() - began < 2.0
