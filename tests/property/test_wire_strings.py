"""Every string that comes from outside, wherever it goes: a wire, a header, a report, a log, a table, a file name, SQL.

One law for all: no control character, no line that we did not write, and where it is kept it comes back as it was.
The texts are of the worst kind: escape sequences, line ends of every alphabet, direction marks, half surrogates.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import io
import json
import logging
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.claims import claim_due
from hostile.machine import live
from hostile.vocabulary import strange_lines
from relay365 import journal
from relay365.cli.finding.explain import as_object
from relay365.cli.words.output import printable, write_json, write_table
from relay365.clock import SystemClock
from relay365.errors import LocalProtocolError, RemoteProtocolError
from relay365.mail import dsn, headers
from relay365.mail.address import check_path
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.smtp.client import ClientSession, ReplyReceived
from relay365.smtp.events import Signal
from relay365.smtp.grammar import GrammarError, parse_command, parse_mail, parse_rcpt
from relay365.spool.api import Fate, NewMessage, Selection, Settlement, Spool, State
from relay365.spool.ids import seq_of, spool_id_of
from relay365.spool.memory import MemorySpool
from relay365.spool.sqlite import SqliteSpool

NASTY = (
    "\r", "\n", "\r\n", "\0", "\x1b[2J", "\x1b]0;x\x07", "\x7f", "\x85", "\x9b31m", "\u2028", "\u2029", "\u202e",
    "\u200f", "\ufeff", "\ud800", "\udcff", "\x0b", "\x0c", "\x1c", "\t", " ", "<", ">", '"', "\\", "'", ";", "--",
    "%s", "{0}", "../", "\r\nX-Evil: yes\r\n\r\n", "\r\n.\r\n", "=?utf-8?q?=0A?=", "@", "a", "\u00e4",
    "\U0001f4a9", "+0A", "=", ",",
)  # fmt: skip
any_character = st.one_of(st.characters(), st.integers(0xD800, 0xDFFF).map(chr))
texts = st.lists(st.one_of(st.sampled_from(NASTY), any_character), max_size=30).map("".join)
kept_texts = texts.map(
    lambda text: text.encode("utf-8", "replace").decode()
)  # what our doors let in: no surrogates
octets = texts.map(lambda text: text.encode("utf-8", "surrogatepass"))
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _one_line(octets: bytes) -> bool:
    """One line with its CRLF, and no control character in it."""
    return octets.endswith(b"\r\n") and not CONTROL.search(octets[:-2].decode("utf-8"))


# -- replies to devices ------------------------------------------------------------------------------------------------


@given(
    octets, st.sampled_from([b"EHLO ", b"HELO ", b"MAIL FROM:<", b"RCPT TO:<", b"AUTH PLAIN ", b"VRFY ", b""])
)
def test_replies_are_our_own_words(text: bytes, before: bytes) -> None:
    """Whatever stands in a command, each line of the answer is on the closed list; nothing of the text comes back."""
    said, _ = live([b"EHLO x\r\nMAIL FROM:<a@corp.test>\r\n" + before + text + b"\r\n"])

    assert [] == strange_lines(said, is_whole=True)


# -- commands to the remote --------------------------------------------------------------------------------------------


def _machine() -> ClientSession:
    machine = ClientSession()
    machine.ehlo("me.test")
    machine.octets_to_send()
    machine.receive(b"220 x\r\n250-x\r\n250-SIZE\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n")
    machine.next_event()
    machine.next_event()
    return machine


@given(texts, texts, texts)
def test_a_command_is_one_line_or_none(address: str, first: str, second: str) -> None:
    """Values that no door should have let in are never written to the remote as more than one line of text."""
    for speak in (
        lambda machine: machine.mail(Envelope(address, (), ret=first, envid=second), 5),
        lambda machine: machine.rcpt(ForwardPath(address, first, second)),
        lambda machine: machine.ehlo(address),
    ):
        machine = _machine()
        try:
            speak(machine)
        except LocalProtocolError:
            assert b"" == machine.octets_to_send()
        else:
            assert _one_line(machine.octets_to_send())


@given(texts, st.sampled_from(["", " SMTPUTF8 BODY=8BITMIME RET=FULL ENVID=a+20b", " SIZE=5 RET=HDRS"]))
def test_an_accepted_mail_leaves_as_it_came(address: str, parameters: str) -> None:
    """What MAIL lets in, our client says, and a server like ours reads the same from it."""
    try:
        command = parse_command(f"MAIL FROM:<{address}>{parameters}".encode("utf-8", "surrogatepass"))
        given = parse_mail(command.argument)
    except GrammarError:
        return
    machine = _machine()
    machine.mail(Envelope(given.reverse_path, (), given.body, given.smtputf8, given.ret, given.envid), 5)
    said = machine.octets_to_send()
    again = parse_mail(parse_command(said[:-2]).argument)

    assert _one_line(said)
    assert (given.reverse_path, given.body, given.smtputf8, given.ret, given.envid) == (
        again.reverse_path, again.body, again.smtputf8, again.ret, again.envid,
    )  # fmt: skip


@given(texts, st.sampled_from(["", " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@c.test", " NOTIFY=NEVER"]))
def test_an_accepted_recipient_leaves_as_it_came(address: str, parameters: str) -> None:
    """The same for RCPT."""
    try:
        command = parse_command(f"RCPT TO:<{address}>{parameters}".encode("utf-8", "surrogatepass"))
        given = parse_rcpt(command.argument)[0]
    except GrammarError:
        return
    machine = _machine()
    machine.rcpt(given.path)
    said = machine.octets_to_send()

    assert _one_line(said)
    assert given.path == parse_rcpt(parse_command(said[:-2]).argument)[0].path


@given(octets)
def test_a_reply_of_the_remote_is_text_without_control_characters(text: bytes) -> None:
    """What a remote says is kept as lines for people; its octets cannot move a cursor or begin a line."""
    machine = _machine()
    machine.data()
    machine.octets_to_send()
    machine.receive(b"451 4.3.0 " + text.replace(b"\n", b"").replace(b"\r", b"\n451 x\r") + b"\r\n")
    try:
        event = machine.next_event()
    except RemoteProtocolError:
        return
    if event is not Signal.NEED_OCTETS:
        assert isinstance(event, ReplyReceived)
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", str(event.reply))


# -- headers and reports -----------------------------------------------------------------------------------------------


@given(octets, octets)
def test_our_trace_is_one_field(helo: bytes, address: bytes) -> None:
    """Received is one field of ASCII lines, however a device names itself and whomever it writes to; the message
    behind it keeps its own fields.
    """
    try:
        name = parse_command(b"EHLO " + helo.replace(b"\n", b"")).argument
        path = parse_rcpt(parse_command(b"RCPT TO:<" + address + b">").argument)[0].path
    except GrammarError:
        path = ForwardPath("lena@else.test")
    submitter = SubmitterFacts("l", "192.0.2.1", helo=name)
    trace = headers.received("relay.test", SpoolId("222222"), Envelope("a@b.test", (path,)), submitter, 1e9)
    message = email.message_from_bytes(trace + b"Subject: mine\r\n\r\nx\r\n")

    assert [] == [
        line
        for line in trace.split(b"\r\n")
        if len(line) > 998 or CONTROL.search(line.decode("ascii").strip("\t"))
    ]
    assert ["Received", "Subject"] == message.keys()


@given(kept_texts, kept_texts, kept_texts, kept_texts)
def test_a_report_says_nothing_that_we_did_not_write(
    address: str, orcpt: str, reply: str, envid: str
) -> None:
    """Whatever a recipient, a remote or a device put into it: three parts, the fields of RFC 3464 and no other, lines
    of ASCII that are short enough.
    """
    recipient = dsn.Reported(address, orcpt, reply[:5], reply)
    report = dsn.Report(
        "relay.test", "postmaster@relay.test", address, "222222", "<m@relay.test>", 1e9, 1e9, envid, (recipient,),
        b"Subject: theirs\r\n",
    )  # fmt: skip
    octets = dsn.build(report, "=_b")
    message = email.message_from_bytes(octets, policy=email.policy.compat32)
    text, fields, head = message.get_payload()
    groups = fields.get_payload()

    assert octets.count(b"\r\n") == octets.count(b"\r") == octets.count(b"\n")
    assert [] == [
        line
        for line in octets.split(b"\r\n")
        if len(line) > 998 or CONTROL.search(line.decode("ascii").strip("\t"))
    ]
    assert [
        "From",
        "To",
        "Date",
        "Message-ID",
        "Subject",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ] == message.keys()
    assert {"Reporting-MTA", "Original-Envelope-Id", "Arrival-Date"} >= set(groups[0].keys())
    assert {"Original-Recipient", "Final-Recipient", "Action", "Status", "Diagnostic-Code"} >= set(
        groups[1].keys()
    )
    assert 2 == len(groups)
    assert re.fullmatch(r"\d\.\d+\.\d+", groups[1]["Status"])
    assert "Subject: theirs" == head.get_payload().strip()
    assert "text/plain" == text.get_content_type()


# -- log and terminal --------------------------------------------------------------------------------------------------


def _paired(text: str) -> str:
    """Two half surrogates side by side are the sign that they stand for, once they went through JSON (RFC 8259 7)."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _record(text: str, *, with_trace: bool) -> logging.LogRecord:
    raised = RuntimeError(text)
    error = (RuntimeError, raised, None) if with_trace else None
    return logging.LogRecord("relay365.x", 20, "x.py", 1, "mail.refused from=%s to=%r", (text, text), error)


@given(texts, st.booleans())
def test_an_event_is_one_printable_line(text: str, with_trace: bool) -> None:
    """A text log: one line, all of it printable ASCII or letters, and it can be written to any stream."""
    line = journal._Text().format(_record(text, with_trace=with_trace))

    assert line.isprintable()
    assert [line] == line.splitlines()
    assert line.encode("utf-8")


@given(texts, st.booleans())
def test_an_event_in_json_is_one_line_and_comes_back(text: str, with_trace: bool) -> None:
    """A JSON log: one line of ASCII, and reading it gives the text as it was."""
    line = journal._Json().format(_record(text, with_trace=with_trace))
    value = json.loads(line)

    assert line.isascii()
    assert line.isprintable()
    assert _paired(f"from={text} to={text!r}".lstrip(" :")) == value["detail"]
    assert with_trace == ("trace" in value)


def _printed(write: Any, *arguments: Any) -> list[str]:
    out = io.StringIO()
    with redirect_stdout(out):
        write(*arguments)
    return out.getvalue().removesuffix("\n").split("\n")


@given(st.lists(st.tuples(texts, texts), max_size=4))
def test_a_table_has_one_printable_line_per_row(rows: list[tuple[str, str]]) -> None:
    """Addresses and replies in a table cannot move the cursor, end a line or turn its direction."""
    lines = _printed(write_table, ("A", "B"), rows)

    assert 1 + len(rows) == len(lines)
    assert all(line.isprintable() and [line] == (line.splitlines() or [""]) for line in lines)


@given(texts)
def test_json_for_programs_is_ascii_and_comes_back(text: str) -> None:
    """One object on one line of ASCII; reading it gives the text as it was."""
    (line,) = _printed(write_json, {"text": text})

    assert line.isascii()
    assert {"text": _paired(text)} == json.loads(line)


@given(texts, st.sampled_from(["", "smtp", "graph", "token", "ndr"]))
def test_any_text_can_be_explained(text: str, where: str) -> None:
    """`explain` takes whatever is pasted, and what it says is printable."""
    found = as_object(text, where)

    assert all(line.isprintable() for line in [found["title"], *found["why"], *found["do"]])


@given(texts)
def test_printable_text_stays_as_it_is(text: str) -> None:
    """Only what could do harm is replaced, one sign for one."""
    shown = printable(text)

    assert len(text) == len(shown)
    assert [c for c, s in zip(text, shown, strict=True) if c.isprintable() and c != s] == []


# -- names and SQL -----------------------------------------------------------------------------------------------------


@given(st.integers(0, (1 << 63) - 1))
def test_an_id_is_its_number(number: int) -> None:
    """Ids are letters and digits only, fit for a file name and a telephone, and read back in any case."""
    spool_id = spool_id_of(number)

    assert re.fullmatch(r"[2-9A-HJ-NP-Z]{6,13}", spool_id)
    assert (number, number) == (seq_of(spool_id), seq_of(f" {spool_id.lower()}\n"))


@given(texts)
def test_what_is_no_id_names_nothing(text: str) -> None:
    """A path, an SQL word or a control character is no id; what is one names exactly one message."""
    number = seq_of(text)

    assert number is None or spool_id_of(number).lstrip("2") == text.strip().upper().lstrip("2")


def _spools(folder: Path) -> list[Any]:
    return [MemorySpool, lambda clock: SqliteSpool.open(folder, clock=clock)]


async def _round_trip(spool: Spool, words: list[str]) -> tuple[object, ...]:
    """Accept, list, settle and show one message with these words in every place that takes text."""
    address, helo, message_id, reply, author = words
    paths = (ForwardPath(address, reply, helo), ForwardPath(helo, address, author))
    envelope = Envelope(address, paths, envid=message_id)
    submitter = SubmitterFacts(
        "127.0.0.1:25", "192.0.2.1", helo=helo, tls=reply, login=author, device=address
    )
    intake = spool.begin()
    intake.write(b"Subject: x\r\n\r\n")
    await intake.commit(
        NewMessage(envelope, submitter, "way", 1.0, 9e9, message_id=message_id, header_from=author)
    )
    (claim,) = await claim_due(spool, "way", limit=9, now=2.0, lease_until_at=3.0)
    outcome = Outcome(
        Kind.DEFERRED, Scope.RECIPIENT, Class.TRANSIENT, reply_text=reply, row=helo, remote_id=author
    )
    fates = tuple(Fate(one.n, State.HELD, outcome) for one in claim.recipients)
    assert [] == list(await spool.settle([Settlement(claim.spool_id, claim.lease, fates)]))
    view = await spool.show(intake.spool_id)
    assert view is not None
    assert intake.spool_id in {one.spool_id for one in await spool.list(Selection(limit=10_000))}
    assert None is await spool.show(SpoolId(reply)) or seq_of(reply) is not None
    return (
        claim.envelope, claim.submitter, claim.header_from, view.reverse_path, view.message_id, view.envid,
        tuple((one.address, one.notify, one.orcpt, one.last_reply, one.row, one.remote_id) for one in view.recipients),
    )  # fmt: skip


def _expected(words: list[str]) -> tuple[object, ...]:
    address, helo, message_id, reply, author = words
    paths = (ForwardPath(address, reply, helo), ForwardPath(helo, address, author))
    return (
        Envelope(address, paths, envid=message_id),
        SubmitterFacts("127.0.0.1:25", "192.0.2.1", helo=helo, tls=reply, login=author, device=address),
        author, address, message_id, message_id,
        ((address, reply, helo, reply, helo, author), (helo, address, author, reply, helo, author)),
    )  # fmt: skip


N_WORDS = 60


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_every_word_comes_back_from_the_spool_as_it_was(kind: str, tmp_path: Path) -> None:
    """Quotes, NULs, direction marks and SQL are text to the spool: what went in comes out, in every column."""

    async def live() -> int:
        clock = SystemClock()
        spool = MemorySpool(clock) if kind == "memory" else await SqliteSpool.open(tmp_path, clock=clock)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(None, _try_many, spool, loop)
        finally:
            await spool.close()

    assert N_WORDS <= asyncio.run(live())


def _try_many(spool: Spool, loop: asyncio.AbstractEventLoop) -> int:
    n_tried = 0

    @settings(max_examples=N_WORDS, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(kept_texts, min_size=5, max_size=5))
    def tries(words: list[str]) -> None:
        found = asyncio.run_coroutine_threadsafe(_round_trip(spool, words), loop).result(30)

        assert _expected(words) == found
        nonlocal n_tried
        n_tried += 1

    tries()
    return n_tried


@given(texts)
def test_no_address_with_a_control_character_is_let_in(address: str) -> None:
    """The door for all of them: check_path refuses, so that later places need not."""
    if re.search(r"[\x00-\x1f\x7f]", address):
        assert "" != check_path(address)
