"""How commands are read; the transcripts have what is answered."""

from __future__ import annotations

import time

import pytest

from relay365.mail.envelope import ForwardPath
from relay365.mail.tolerance import DEFAULT
from relay365.smtp.events import MailGiven, RcptGiven, XclientGiven
from relay365.smtp.grammar import (
    Command,
    GrammarError,
    helo_tolerance,
    parse_command,
    parse_mail,
    parse_rcpt,
    parse_xclient,
)


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
        ("TO: c@d.test", RcptGiven(ForwardPath("c@d.test"), ("space_after_colon", "no_brackets"))),
        ("to:<c@d.test> notify=never", RcptGiven(ForwardPath("c@d.test", "NEVER"))),
        ("TO:<c@d.test> X=1", RcptGiven(ForwardPath("c@d.test"), ("unknown_parameter",))),
        ('TO:<"a\\"> b"@d.test>', RcptGiven(ForwardPath('"a\\"> b"@d.test'))),
        ('TO:<"a..b."@d.test>', RcptGiven(ForwardPath('"a..b."@d.test'))),
        ("TO:<a@d..test>", RcptGiven(ForwardPath("a@d..test"))),
        ("TO:<ilo.@d.test>", RcptGiven(ForwardPath("ilo.@d.test"), ("dot_before_at",))),
        ("TO:<.a@d.test>", RcptGiven(ForwardPath(".a@d.test"), ("dot_before_at",))),
        ("TO:<a..b@d.test>", RcptGiven(ForwardPath("a..b@d.test"), ("dot_before_at",))),
        ("TO:<c@d.test;>", RcptGiven(ForwardPath("c@d.test"), ("list_in_rcpt",))),
    ],
)
def test_what_was_tolerated_is_named(argument: str, event: RcptGiven) -> None:
    """Each tolerance has a name; what was right has none."""
    assert (event,) == parse_rcpt(argument)


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


@pytest.mark.parametrize(
    ("line", "name", "reply"),
    [
        ("FROM: <a@b.test>", "space_after_colon", "501 5.5.4 No blank may follow the colon (A18)"),
        ("FROM:a@b.test", "no_brackets", "501 5.5.4 Address must stand in angle brackets (A19)"),
        ("FROM:<a.@b.test>", "dot_before_at", "553 5.1.7 Address has a dot too many (A28)"),
        ("FROM:<a@b.test> X=1", "unknown_parameter", "555 5.5.4 Parameter not recognized (A21)"),
        ("TO: <a@b.test>", "space_after_colon", "501 5.5.4 No blank may follow the colon (A18)"),
        ("TO:a@b.test", "no_brackets", "501 5.5.4 Address must stand in angle brackets (A19)"),
        ("TO:<a.@b.test>", "dot_before_at", "553 5.1.3 Address has a dot too many (A29)"),
        ("TO:<a@b.test> X", "unknown_parameter", "555 5.5.4 Parameter not recognized (A21)"),
        (
            "TO:<a@b.test,c@b.test>",
            "list_in_rcpt",
            "553 5.1.3 Recipient address not valid: bad domain (A27)",
        ),
    ],
)
def test_a_tolerance_that_is_switched_off_is_refused_in_words(line: str, name: str, reply: str) -> None:
    """With everything else forgiven the deviation gets its own text; with it, it is read and named."""
    parse = parse_mail if line.startswith("FROM") else parse_rcpt
    read = parse(line)
    with pytest.raises(GrammarError) as refused:
        parse(line, DEFAULT - {name})

    assert reply == str(refused.value.reply)
    assert (name,) == (read[0] if isinstance(read, tuple) else read).tolerances


def test_a_list_of_recipients_is_split_outside_quotes() -> None:
    """Comma and semicolon part addresses, blanks around go, a quoted local part keeps its comma."""
    events = parse_rcpt('TO:<a@x.test; "b,c"@x.test ,@hub.test:d@x.test> NOTIFY=NEVER')

    assert ["a@x.test", '"b,c"@x.test', "d@x.test"] == [event.path.address for event in events]
    assert {("NEVER", ("list_in_rcpt",))} == {(event.path.notify, event.tolerances) for event in events}


def test_a_sender_that_is_no_address_needs_one_that_stands_for_it() -> None:
    """Without a sender of its own, or without the tolerance, a device is refused; the null path is no deviation."""
    own = "cam@corp.test"

    assert MailGiven(own, tolerances=("not_an_address",)) == parse_mail("FROM:<ESP-CAM_MJPEG>", DEFAULT, own)
    assert MailGiven("") == parse_mail("FROM:<>", DEFAULT, own)
    for tolerances, sender in ((DEFAULT, ""), (DEFAULT - {"not_an_address"}, own)):
        with pytest.raises(GrammarError, match="Sender address not valid: no domain"):
            parse_mail("FROM:<ESP-CAM_MJPEG>", tolerances, sender)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("printer", ""), ("printer.corp.test", ""), ("printer.corp.test.", ""), ("[192.0.2.1]", ""), ("3com", ""),
        ("[IPv6:fe80::1]", ""), ("", "empty_helo"), ("_", "odd_helo"), ("a b", "odd_helo"), ("192.0.2.1", "odd_helo"),
        ("fe80::1", "odd_helo"), ("[junk", "odd_helo"), ("b\xfcro", "odd_helo"), ("x." * 130 + "x", "odd_helo"),
    ],
)  # fmt: skip
def test_a_helo_name_needs_a_tolerance_or_none(name: str, tolerance: str) -> None:
    """A domain or an address literal is right; what is empty or odd has a name."""
    assert tolerance == helo_tolerance(name)


def test_xclient_is_read() -> None:
    """Names in any case, xtext decoded, what the proxy does not know is empty, control characters are gone."""
    assert XclientGiven("", "2001:db8::1", 1025, "ESMTP", "a b?", "scan") == parse_xclient(
        "NAME=[UNAVAILABLE] addr=IPV6:2001:db8::1 PORT=1025 PROTO=esmtp HELO=a+20b+0A LOGIN=scan"
    )


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "ADDR",
        "FOO=1",
        "PORT=x",
        "PORT=123456",
        "PORT=65536",
        "PROTO=LMTP",
        "ADDR=host.test",
        "HELO=a+",
        "NAME=\xfc",
    ],
)
def test_a_bad_xclient_is_refused(argument: str) -> None:
    """Nothing is guessed about who speaks."""
    with pytest.raises(GrammarError) as refused:
        parse_xclient(argument)
    assert 501 == refused.value.reply.code


def test_a_secret_is_not_remembered() -> None:
    """What a device says all day is read once; a line with a login is read anew each time."""
    device, login = b"NOOP remembered", b"auth PLAIN AGEAYg=="

    assert parse_command(device) is parse_command(device)
    assert parse_command(login) == parse_command(login)
    assert parse_command(login) is not parse_command(login)
