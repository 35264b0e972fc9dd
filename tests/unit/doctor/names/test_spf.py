"""SPF, walked: includes, redirects, limits, and whether an address is listed."""

from __future__ import annotations

import asyncio

import pytest

from fakes.dnsserver import txt
from relay365.doctor.names.spf import Spf, walk

MICROSOFT = "spf.protection.outlook.com"


class Table:
    """Names from a table; counts what was asked."""

    def __init__(self, **texts: str) -> None:
        self.texts = {name.replace("_", "."): text for name, text in texts.items()}
        self.others: dict[tuple[str, str], tuple[str, ...]] = {}
        self.n_asked = 0

    async def ask(self, name: str, kind: str) -> tuple[str, ...]:
        self.n_asked += 1
        if kind == "TXT":
            text = self.texts.get(name, "")
            return tuple(text.split("\n")) if text else ()
        return self.others.get((name, kind), ())

    async def addresses_of(self, host: str) -> tuple[str, ...]:
        return (*await self.ask(host, "A"), *await self.ask(host, "AAAA"))


def walked(table: Table, address: str = "", domain: str = "contoso.com") -> Spf:
    return asyncio.run(walk(domain, table, address))  # type: ignore[arg-type]


def test_includes_are_followed() -> None:
    """Also those inside others; each counts."""
    table = Table(
        contoso_com="v=spf1 include:spf.contoso.com ~all",
        spf_contoso_com=f"v=spf1 include:{MICROSOFT} -all",
        spf_protection_outlook_com="v=spf1 ip4:40.92.0.0/15 -all",
    )
    found = walked(table)

    assert ["spf.contoso.com", MICROSOFT] == found.includes
    assert (2, "~all", []) == (found.n_lookups, found.ending, found.faults)


def test_a_redirect_counts_where_there_is_no_all() -> None:
    """RFC 7208 6.1: behind an all it is nothing."""
    target = {"spf_contoso_com": "v=spf1 -all"}

    assert ["spf.contoso.com"] == walked(
        Table(contoso_com="v=spf1 redirect=spf.contoso.com", **target)
    ).includes
    assert [] == walked(Table(contoso_com="v=spf1 redirect=spf.contoso.com -all", **target)).includes


@pytest.mark.parametrize(
    ("record", "is_listed"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", True),
        ("v=spf1 ip4:192.0.2.7 -all", True),
        ("v=spf1 ip4:192.0.3.0/24 -all", False),
        ("v=spf1 a:relay.contoso.com -all", True),
        ("v=spf1 a/24 -all", True),
        ("v=spf1 mx -all", True),
        ("v=spf1 ip6:2001:db8::/32 -all", False),
        ("v=spf1 +ip4:192.0.2.7 ?all", True),
        ("v=spf1 ip4:nonsense -all", False),
    ],
)
def test_an_address_is_looked_for(record: str, is_listed: bool) -> None:
    """In ip4, a and mx, with and without length; what is no network is passed over."""
    table = Table(contoso_com=record)
    table.others = {
        ("relay.contoso.com", "A"): ("192.0.2.7",), ("contoso.com", "A"): ("192.0.2.200",),
        ("contoso.com", "MX"): ("10 relay.contoso.com",),
    }  # fmt: skip

    assert is_listed is walked(table, "192.0.2.7").lists


def test_no_record_and_two() -> None:
    """None is no fault of the record; two are a permanent error."""
    none, two = walked(Table()), walked(Table(contoso_com="v=spf1 -all\nv=spf1 mx -all"))

    assert ("", []) == (none.record, none.faults)
    assert "2 SPF records" in two.faults[0]


def test_an_include_without_a_record_is_a_fault() -> None:
    """RFC 7208 5.2: a permanent error."""
    assert "which has no SPF record" in walked(Table(contoso_com="v=spf1 include:gone.test -all")).faults[0]


def test_eleven_questions_are_too_many() -> None:
    """And a circle ends by itself."""
    many = {f"s{n}_test": "v=spf1 -all" for n in range(11)}
    record = "v=spf1 " + " ".join(f"include:s{n}.test" for n in range(11)) + " -all"
    circle = Table(contoso_com="v=spf1 include:other.test -all", other_test="v=spf1 include:contoso.com -all")

    assert "stop at 10" in walked(Table(contoso_com=record, **many)).faults[0]
    assert walked(circle).n_lookups <= 4
    assert circle.n_asked <= 4


def test_what_cannot_be_known_is_counted_only() -> None:
    """exists and macros depend on the mail itself."""
    found = walked(Table(contoso_com="v=spf1 exists:%{i}.test include:%{d}.test ptr -all"), "192.0.2.7")

    assert (3, [], False) == (found.n_lookups, found.includes, found.lists)


def test_other_texts_are_none_of_it() -> None:
    """A record is v=spf1 and a blank, whatever stands beside it."""
    assert "v=spf1 -all" == walked(Table(contoso_com="MS=ms1\nv=spf10 x\nv=spf1 -all")).record
    assert txt("x") == ['"x"']
