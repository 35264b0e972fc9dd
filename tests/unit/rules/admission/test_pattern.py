"""Patterns of addresses: what fits, what is a route, and what two lists have in common."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.rules.admission.pattern import common, fits, is_routed

OURS = frozenset({"@contoso.com", "ops@fabrikam.com"})


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("lena@contoso.com", True),
        ("LENA@CONTOSO.COM", True),
        ("ops@fabrikam.com", True),
        ("Ops@Fabrikam.com", True),
        ("boss@fabrikam.com", False),
        ("lena@sub.contoso.com", False),
        ("lena@contoso.com.evil.test", False),
        ("lena@evilcontoso.com", False),
        ("lena@contoso.com.", False),
        ("lena@[192.0.2.1]", False),
        ("contoso.com", False),
        ("", False),
    ],
)
def test_an_address_is_one_of_ours_or_not(address: str, expected: bool) -> None:
    """A whole domain is that domain only, in any case, and nothing that merely looks like it."""
    assert expected == fits(OURS, address)


def test_no_list_is_any() -> None:
    """Whoever names no addresses restricts none."""
    assert fits(frozenset(), "a@b.test")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("user%other.test@contoso.com", True),
        ("other.test!user@contoso.com", True),
        ('"user@other.test"@contoso.com', True),
        ('"lena"@contoso.com', True),
        ("|program@contoso.com", True),
        ("/etc/passwd@contoso.com", True),
        ("lena@contoso.com", False),
        ("lena+scans@contoso.com", False),
        ("o'brien/sales@contoso.com", False),
    ],
)
def test_a_route_inside_a_local_part_is_seen(address: str, expected: bool) -> None:
    """Percent, bang and quoted routes, which some later server could still obey."""
    assert expected == is_routed(address)


_DOMAINS = st.sampled_from(["a.test", "b.test", "c.test"])
_ADDRESSES = st.builds("{}@{}".format, st.sampled_from(["x", "y"]), _DOMAINS)
_LISTS = st.frozensets(st.one_of(_ADDRESSES, _DOMAINS.map("@{}".format)), max_size=4)


@given(_LISTS, _LISTS, _ADDRESSES)
def test_what_two_lists_have_in_common_fits_both(
    some: frozenset[str], others: frozenset[str], one: str
) -> None:
    """An address fits the common list exactly when it fits the one and the other."""
    assert (fits(some, one) and fits(others, one)) == fits(common(some, others), one)
