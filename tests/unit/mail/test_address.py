"""Paths and mailboxes as they stand on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.mail.address import MAX_PATH_OCTETS, check_path, domain_of, split_mailbox, strip_source_route


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("scan@contoso.com", ("scan", "contoso.com")),
        ("Postmaster", ("Postmaster", "")),
        ('"a b"@x.test', ('"a b"', "x.test")),
        ('"a\\"@b"@x.test', ('"a\\"@b"', "x.test")),
        ("scan@[192.168.10.5]", ("scan", "[192.168.10.5]")),
        ("scan@[IPv6:fd00::5]", ("scan", "[IPv6:fd00::5]")),
        ("größe@bücher.test", ("größe", "bücher.test")),
        ("a+b=c/d!e@x", ("a+b=c/d!e", "x")),
    ],
)
def test_a_mailbox_is_split_as_the_rfc_says(address: str, parts: tuple[str, str]) -> None:
    """Dot-strings, quoted strings, address literals and UTF-8 are mailboxes (RFC 5321 4.1.2, RFC 6531 3.3)."""
    assert parts == split_mailbox(address)
    assert "" == check_path(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@x.test",
        "a b@x.test",
        "a@",
        "a@x y",
        "a@b@c",
        "<a@b>",
        'a"@b',
        '"a@b',
        "a@[]",
        "a@x\r\nRCPT",
        "a\x00@x",
        "a@x:y",
    ],
)
def test_what_is_no_mailbox_is_refused_with_a_reason(address: str) -> None:
    """Blanks, controls, brackets and missing parts are named in a short reason."""
    assert "" != check_path(address)
    with pytest.raises(ValueError, match=r"missing|forbidden"):
        split_mailbox(address)


def test_only_postmaster_may_stand_without_a_domain() -> None:
    """`<Postmaster>` is a forward-path in any case, another bare name is not (RFC 5321 4.5.1)."""
    assert "" == check_path("POSTMASTER")
    assert "the domain is missing" == check_path("scan")


def test_a_path_has_256_octets_with_its_brackets() -> None:
    """The limit counts octets, not characters (RFC 5321 4.5.3.1.3)."""
    longest = "a" * (MAX_PATH_OCTETS - 2 - len("@x.test")) + "@x.test"

    assert "" == check_path(longest)
    assert "longer than 256 octets" == check_path("a" + longest)
    assert "longer than 256 octets" == check_path("ä" * 125 + "@x.test")


def test_a_source_route_is_dropped() -> None:
    """`@a,@b:` in front of a mailbox is accepted and ignored (RFC 5321 C)."""
    assert "scan@x.test" == strip_source_route("@a.test,@b.test:scan@x.test")
    assert "scan@x.test" == strip_source_route("scan@x.test")


def test_a_domain_is_compared_in_lower_case() -> None:
    """The null path and bare names have none."""
    assert ["contoso.com", "", ""] == [domain_of("scan@Contoso.COM"), domain_of(""), domain_of("postmaster")]


@settings(deadline=None)
@given(st.text(max_size=400))
def test_no_text_can_break_the_check(text: str) -> None:
    """A text is a path that can be split, or there is a reason; nothing else is raised."""
    if not check_path(text):
        local, domain = split_mailbox(text)

        assert text == (f"{local}@{domain}" if domain else local)
