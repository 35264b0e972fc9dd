"""What DNS says of a domain, as findings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fakes.dnsserver import healthy
from relay365.doctor.finding import Finding, State
from relay365.doctor.names import records
from relay365.errors import TransportError

DOMAIN = "contoso.com"
Ask = Callable[["Table"], Awaitable[Finding]]
ASKS: dict[str, Ask] = {
    "spf": lambda names: records.spf(DOMAIN, names, "global"),
    "dkim": lambda names: records.dkim(DOMAIN, names),
    "dmarc": lambda names: records.dmarc(DOMAIN, names),
    "mx": lambda names: records.mx(DOMAIN, names),
    "resolver": records.resolver,
}


class Table:
    """Names from records as the fake name server has them; silent: it says nothing at all."""

    def __init__(self, *, silent: bool = False) -> None:
        self.records = {**healthy(DOMAIN), (".", "NS"): ["a.root-servers.net."]}
        self.silent = silent

    async def ask(self, name: str, kind: str) -> tuple[str, ...]:
        if self.silent:
            raise TransportError("resolve", f"{kind} of {name}: timed out")
        return tuple(
            one.replace('" "', "").strip('"').rstrip(".") for one in self.records.get((name, kind), ())
        )


def asked(question: str, names: Table) -> Finding:
    return asyncio.run(ASKS[question](names))  # type: ignore[arg-type]


@pytest.mark.parametrize("question", sorted(ASKS))
def test_a_healthy_domain_is_good(question: str) -> None:
    """All five."""
    assert State.GOOD is asked(question, Table()).state


@pytest.mark.parametrize("question", sorted(ASKS))
def test_no_answer_is_not_no_record(question: str) -> None:
    """It is unknown, says so, and keeps the words of the resolver."""
    finding = asked(question, Table(silent=True))

    assert State.UNKNOWN is finding.state
    assert "says nothing about the record" in finding.why
    assert "timed out" in finding.said


def test_another_cloud_has_another_include() -> None:
    """GCC High and 21Vianet send from servers of their own."""
    finding = asyncio.run(records.spf(DOMAIN, Table(), "gcc-high"))  # type: ignore[arg-type]

    assert State.BAD is finding.state
    assert "include:spf.protection.office365.us" in finding.text


def test_the_organisations_dmarc_holds_below_it() -> None:
    """scan.contoso.com without a record of its own has that of contoso.com (RFC 7489 6.6.3)."""
    finding = asyncio.run(records.dmarc(f"scan.{DOMAIN}", Table()))  # type: ignore[arg-type]

    assert (State.GOOD, "DMARC of scan.contoso.com: p=quarantine") == (finding.state, finding.text)


def test_two_dmarc_records_are_none() -> None:
    """Receivers take neither."""
    names = Table()
    names.records["_dmarc.contoso.com", "TXT"] = ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"']

    assert State.BAD is asked("dmarc", names).state


def test_keys_instead_of_cnames_will_do() -> None:
    """A selector may hold the key itself."""
    names = Table()
    del names.records["selector1._domainkey.contoso.com", "CNAME"]
    assert State.WARN is asked("dkim", names).state
    names.records["selector1._domainkey.contoso.com", "TXT"] = ['"v=DKIM1; k=rsa; p=MIIB"']
    assert State.GOOD is asked("dkim", names).state


def test_a_domain_that_takes_no_mail() -> None:
    """A null MX is no host (RFC 7505)."""
    names = Table()
    names.records[DOMAIN, "MX"] = ["0 ."]

    assert State.BAD is asked("mx", names).state
