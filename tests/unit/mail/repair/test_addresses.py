"""Address fields of devices: what is wrong is formed anew, what is right keeps its octets."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.mail.repair.addresses import mended, read_list


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("printer@x.test <printer@x.test>", b'From: "printer@x.test" <printer@x.test>\r\n'),
        ("Lake, Lena <l@x.test>", b'From: "Lake, Lena" <l@x.test>\r\n'),
        ("Scan: 2nd floor <s@x.test>", b"From: 2nd floor <s@x.test>\r\n"),
        ("Büro <b@x.test>", b"From: =?utf-8?B?QsO8cm8=?= <b@x.test>\r\n"),
        ("Authors: a@x.test, b@x.test;", b"From: a@x.test, b@x.test\r\n"),
        ("a@x.test; b@x.test", b"From: a@x.test, b@x.test\r\n"),
        ("Scanner a@x.test", b'From: "Scanner" <a@x.test>\r\n'),
        ('"Lake, Lena" <l@x.test>', None),
        ("Lena Lake <l@x.test>", None),
        ("l@x.test (Lena)", None),
        ("=?utf-8?q?B=C3=BCro?= <b@x.test>", None),
        ("Scanner", None),
        ("<b\xfc@x.test>", None),
        ("", None),
    ],
)
def test_authors_are_formed_anew_only_where_needed(text: str, field: bytes | None) -> None:
    """Names with an @ or a comma are quoted, groups opened, semicolons become commas; None: it can stay."""
    assert field == mended("From", text, is_author=True)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("undisclosed-recipients", b"To: undisclosed-recipients:;\r\n"),
        ("Undisclosed recipients:;", None),
        ("Team: a@x.test, b@x.test;", None),
        ("a@x.test;b@x.test;", b"To: a@x.test, b@x.test\r\n"),
        ("lena, Bob <b@x.test>", None),
        ("l@x.test <l@x.test>", b'To: "l@x.test" <l@x.test>\r\n'),
    ],
)
def test_recipients_are_never_guessed(text: str, field: bytes | None) -> None:
    """A group may stay, and a name without an address is nobody's business of ours."""
    assert field == mended("To", text, is_author=False)


@settings(deadline=None)
@given(st.text(st.sampled_from('ab@.,;:<>()"\\ \xfc'), max_size=60))
def test_what_is_formed_anew_is_right(text: str) -> None:
    """A second repair finds nothing more to do, and no address is lost or made up."""
    field = mended("From", text, is_author=True)
    if field is not None:
        value = field.partition(b":")[2].decode("ascii").replace("\r\n", "").strip()
        before = [one.address for one in read_list(text, joins_names=True).mailboxes]
        assert before == [one.address for one in read_list(value, joins_names=True).mailboxes]
        assert mended("From", value, is_author=True) is None


@pytest.mark.parametrize("piece", ['"', "(", "<", "a@", "a,", ":", ";", "\\", '"\\', "(\\", " "])
def test_hostile_lists_take_no_time(piece: str) -> None:
    """64 KiB made to trip a pattern are read in a moment of CPU."""
    start_s = time.process_time()
    mended("From", piece * (65536 // len(piece)), is_author=True)

    assert time.process_time() - start_s < 2.0
