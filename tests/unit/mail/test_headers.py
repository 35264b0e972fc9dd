"""Reading the fields that decide, from anything; writing the trace that we owe."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.mail.headers import (
    MAX_HEAD_OCTETS,
    TRACES,
    HeadFacts,
    author_in,
    date_time,
    for_nobody,
    new_message_id,
    read_head,
    received,
    split_trace,
)

ID = SpoolId("4TQ921")


def test_the_fields_that_decide_are_read() -> None:
    """Message-ID, the first author and the number of Received fields, in any case and folded."""
    head = (
        b"Received: from a\r\n\tby b; date\r\nRECEIVED : from c\r\nSubject: From: nobody@x\r\n"
        b'From: "Scan, 2nd floor"\r\n <Scan@Contoso.com>\r\nmessage-id:\r\n <1.2@device>\r\n\r\nFrom: body@x\r\n'
    )

    assert HeadFacts("<1.2@device>", "Scan@Contoso.com", 2) == read_head(head)


@pytest.mark.parametrize(
    ("field", "author"),
    [
        (b"From: scan@x.test", "scan@x.test"),
        (b"From: scan@x.test (Scanner)", "scan@x.test"),
        (b"From: a@x.test, b@x.test", "a@x.test"),
        (b"From: Scanner", ""),
        (b"From:", ""),
        (b"From: =?utf-8?q?Gr=C3=B6=C3=9Fe?= <g@x.test>", "g@x.test"),
        (b"From: \xff\xfe <g@x.test>", "g@x.test"),
        (b"X-From: a@x.test", ""),
        (b"Resent-From: a@x.test", ""),
    ],
)
def test_the_author_is_found_or_there_is_none(field: bytes, author: str) -> None:
    """Devices write From in every way; another field is never taken for it."""
    assert author == read_head(field + b"\r\n\r\n").header_from


def test_the_first_of_two_counts() -> None:
    """A second From or Message-ID cannot change what was judged."""
    head = b"From: a@x\r\nFrom: b@x\r\nMessage-ID: <1@x>\r\nMessage-ID: <2@x>\r\n\r\n"

    assert HeadFacts("<1@x>", "a@x", 0) == read_head(head)


def test_only_the_head_is_read() -> None:
    """Nothing behind the empty line counts, nor behind 64 KiB of header."""
    assert HeadFacts() == read_head(b"Subject: x\r\n\r\nFrom: a@x\r\nReceived: from y\r\n")
    assert HeadFacts() == read_head(b"X: " + b"y" * MAX_HEAD_OCTETS + b"\r\nFrom: a@x\r\n\r\n")


@settings(deadline=None)
@given(st.binary(max_size=2000))
def test_no_octets_can_break_the_reading(octets: bytes) -> None:
    """Whatever a device sends, there are facts, and they fit into a journal line and an index."""
    facts = read_head(octets)

    assert facts.n_received >= 0
    assert len(facts.message_id) <= 252


@pytest.mark.parametrize(
    "octets",
    [
        b"From:" + b"\r\n " * 350_000,
        b"From: " + b"<" * 1_000_000,
        b"From: " + b"a@" * 500_000,
        b"From: " + b"<a" * 500_000,
        b"Message-ID: " + b"<" * 1_000_000,
        b"Received:\r\n" * 90_000,
        b"From: " + b"\r" * 1_000_000,
        b"From" + b" " * 1_000_000,
        b"from:\n" * 170_000,
        b"From: <" + b"a@" * 500_000,
        b"From: " + b"a" * 1_000_000,
        b"From: " + b"<a@" * 300_000,
    ],
    ids=range(12),
)
def test_hostile_heads_take_no_time(octets: bytes) -> None:
    """A megabyte made to trip a pattern is read in a moment of CPU."""
    start_s = time.process_time()
    read_head(octets)

    assert time.process_time() - start_s < 0.5


def test_our_trace_is_folded_and_names_what_was_seen() -> None:
    """Who, by whom, how, under which id, for whom, when (RFC 5321 4.4)."""
    envelope = Envelope("scan@contoso.com", (ForwardPath("lena@fabrikam.com"),))
    facts = SubmitterFacts("lan", "192.168.10.31", helo="printer", protocol="ESMTPS", tls="TLSv1.3 AES")

    assert (
        b"Received: from printer ([192.168.10.31])\r\n\tby relay.test (relay365) with ESMTPS id 4TQ921\r\n"
        b"\t(TLSv1.3 AES)\r\n\tfor <lena@fabrikam.com>;\r\n\tTue, 24 Nov 2026 10:02:11 +0000\r\n"
    ) == received("relay.test", ID, envelope, facts, 1_795_514_531.9)


def test_several_recipients_are_not_given_away() -> None:
    """With more than one recipient none is named (RFC 5321 7.6)."""
    envelope = Envelope("", (ForwardPath("a@x.test"), ForwardPath("b@x.test")))

    assert b"for <" not in received("relay.test", ID, envelope, SubmitterFacts("lan", "::1"), 0.0)


def test_an_ipv6_peer_is_written_as_a_literal() -> None:
    """`[IPv6:...]`, as the grammar asks (RFC 5321 4.1.3)."""
    field = received(
        "relay.test", ID, Envelope("", (ForwardPath("a@x.test"),)), SubmitterFacts("lan", "fd00::5"), 0.0
    )

    assert field.startswith(b"Received: from unknown ([IPv6:fd00::5])\r\n")


@settings(deadline=None)
@given(st.text(max_size=300))
def test_a_hostile_name_cannot_write_a_field(helo: str) -> None:
    """Whatever a peer calls itself, the trace stays one folded field of short lines."""
    envelope = Envelope("", (ForwardPath("a@x.test"),))
    field = received("relay.test", ID, envelope, SubmitterFacts("lan", "::1", helo=helo), 0.0)
    lines = field.split(b"\r\n")

    assert b"" == lines[-1]
    assert all(line.startswith(b"\t") for line in lines[1:-1])
    assert all(len(line) <= 998 and b"\r" not in line and b"\n" not in line for line in lines)


def test_instants_are_written_in_utc() -> None:
    """RFC 5322 3.3, with English names whatever the locale is."""
    assert "Thu, 01 Jan 1970 00:00:00 +0000" == date_time(0.0)


def test_a_missing_message_id_is_made_from_ours() -> None:
    """The spool id makes it unique on this host, and it never changes between tries."""
    assert "<1795514531.4TQ921@relay.test>" == new_message_id("relay.test", ID, 1_795_514_531.9)


def test_a_short_trace_names_nothing_of_the_inside() -> None:
    """Neither address nor name of the device, and no recipient; none is no field at all."""
    envelope = Envelope("", (ForwardPath("a@x.test"),))
    facts = SubmitterFacts("lan", "192.168.10.31", helo="printer", protocol="ESMTPS", tls="TLSv1.3 AES")

    assert ["full", "short", "none"] == list(TRACES)
    assert (
        b"Received: by relay.test (relay365) with ESMTPS id 4TQ921;\r\n\tThu, 01 Jan 1970 00:00:00 +0000\r\n",
        b"",
    ) == (
        TRACES["short"]("relay.test", ID, envelope, facts, 0.0),
        TRACES["none"]("relay.test", ID, envelope, facts, 0.0),
    )


@settings(max_examples=500)
@given(st.text(alphabet="aB9.-+_@<>\"' ,;:()\\\t\x1c\u00fc", max_size=24), st.sampled_from(["", ": ", " :"]))
def test_an_easy_author_is_the_one_that_a_full_reading_finds(words: str, colon: str) -> None:
    """The first in angle brackets that has an @ inside, else the first word that has."""
    text = (colon + words).strip()
    found = [*re.findall(r"<([^<>\s]*)>", text), *re.split(r"[\s<>,;:\"()]+", text)]

    assert next((one for one in found if "@" in one[1:-1]), "") == author_in(
        (colon + words + "\r\n").encode()
    )


def test_a_trace_is_divided_into_our_received_field_and_the_rest() -> None:
    """Of every kind of Received, and where none is written."""
    added = b"Message-ID: <1@x>\r\nDate: now\r\n"
    envelope, facts = (
        Envelope("", (ForwardPath("lena@fabrikam.com"),)),
        SubmitterFacts("lan", "192.0.2.7", tls="TLSv1.3"),
    )
    for write in TRACES.values():
        own = write("relay.test", SpoolId("4TQ922"), envelope, facts, 0.0)
        assert (own, added) == split_trace(own + added)


def test_a_trace_for_many_names_nobody() -> None:
    """The address of the first one is not told to the others; nothing else changes (RFC 5321 7.6)."""
    facts = SubmitterFacts("lan", "192.0.2.7", helo="mfp", tls="TLSv1.3")
    one, two = (
        received("relay.test", SpoolId("4TQ922"), Envelope("", tuple(map(ForwardPath, to))), facts, 0.0)
        for to in (["lena@fabrikam.com"], ["lena@fabrikam.com", "max@fabrikam.com"])
    )
    added = b"X-Note: \r\n\tfor <other@x>;\r\n"

    assert b"lena@" in one
    assert two + added == for_nobody(one + added) == for_nobody(two + added)
