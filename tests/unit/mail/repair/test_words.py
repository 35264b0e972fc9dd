"""Raw 8-bit header octets: what is written can be read back by others."""

from __future__ import annotations

import time
from email import message_from_bytes
from email.header import decode_header, make_header

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.mail.repair.words import encoded_words, fold, parameters, readable, text_of, unstructured

TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=200)


@settings(deadline=None)
@given(TEXT)
def test_encoded_words_say_the_text_to_another_reader(text: str) -> None:
    """The standard library reads them back; none is longer than 75 octets (RFC 2047 2)."""
    words = encoded_words(text)

    assert text == str(make_header(decode_header(" ".join(words))))
    assert max(map(len, words)) <= 75


@pytest.mark.parametrize(
    ("octets", "text"),
    [("Büro".encode(), "Büro"), ("Büro".encode("cp1252"), "Büro"), (b"\x81\x8d", "\x81\x8d")],
)
def test_octets_are_read_as_utf8_then_as_the_clients_charset(octets: bytes, text: str) -> None:
    """And as Latin-1 where neither fits: nothing is dropped."""
    assert (text, text) == (text_of(octets, "windows-1252"), text_of(octets, "windows-1252"))
    assert "\u3042" == text_of(b"\x82\xa0", "shift_jis")
    assert "\xe4" == text_of(b"\xe4", "no-such-charset")


def test_ascii_words_around_stay_as_they_are() -> None:
    """Only from the first to the last word that is not ASCII (a subject stays searchable)."""
    assert b"Subject: Re: =?utf-8?B?ZsO8cg==?= you\r\n" == unstructured("Subject", "Re: für you")


def test_file_names_become_parameters_of_rfc_2231() -> None:
    """The other parameters keep their octets, and the library reads the name."""
    field = parameters("Content-Disposition", 'attachment; size=3; filename="Büro \\"1\\".pdf"')

    assert field.startswith(b"Content-Disposition: attachment; size=3;\r\n filename*=UTF-8''")
    assert 'Büro "1".pdf' == message_from_bytes(field + b"\r\n").get_filename()


def test_lines_are_folded_between_words() -> None:
    """At most 76 octets, where words allow it."""
    lines = fold("Subject", ["x" * 30] * 5).split(b"\r\n")

    assert (3, b"") == (len(lines) - 1, lines[-1])
    assert max(map(len, lines)) <= 76


def test_what_was_encoded_is_readable_for_people() -> None:
    """Broken words stay as they are."""
    assert ("Büro", "=?no-such?q?x?=") == (readable("=?utf-8?q?B=C3=BCro?="), readable("=?no-such?q?x?="))


@pytest.mark.parametrize("piece", [';a="\\', ";", '"', "=", "; \xfc"])
def test_hostile_parameters_take_no_time(piece: str) -> None:
    """64 KiB made to trip the pattern are read in a moment of CPU."""
    start_s = time.process_time()
    parameters("Content-Type", piece * (65536 // len(piece)))

    assert time.process_time() - start_s < 2.0
