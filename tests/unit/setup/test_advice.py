"""Which road suits a case."""

from __future__ import annotations

import pytest

from relay365.setup.advice import Case, Fit, Road, Verdict, advise


def _of(case: Case) -> dict[Road, Verdict]:
    return {one.road: one for one in advise(case)}


def test_an_office_with_printers() -> None:
    """The usual case: an application with a certificate, first in the list."""
    first = advise(Case())[0]

    assert (Road.APPLICATION, Fit.BEST) == (first.road, first.fit)


@pytest.mark.parametrize(
    ("case", "road"),
    [
        (Case(per_minute=200, has_certificate=True), Road.CERTIFICATE),
        (Case(recipients_per_day=20_000, has_certificate=True), Road.CERTIFICATE),
        (Case(senders="any", has_certificate=True), Road.CERTIFICATE),
        (Case(port_587=False), Road.GRAPH),
        (Case(port_587=False, has_certificate=True, port_25=True), Road.CERTIFICATE),
    ],
)
def test_what_is_recommended(case: Case, road: Road) -> None:
    """By load, senders and ports."""
    first = advise(case)[0]

    assert (road, Fit.BEST) == (first.road, first.fit)


@pytest.mark.parametrize(
    ("case", "road", "reason"),
    [
        (Case(per_minute=31), Road.APPLICATION, "31 messages a minute are more than a mailbox's 30"),
        (
            Case(recipients_per_day=10_001),
            Road.GRAPH,
            "10,001 recipients a day are more than a mailbox's 10,000",
        ),
        (Case(), Road.HVE, "inside the tenant only"),
        (Case(outside=False, cloud="dod"), Road.HVE, "worldwide cloud only"),
        (Case(), Road.CERTIFICATE, "certificate of a public authority"),
        (Case(has_certificate=True, port_25=False), Road.CERTIFICATE, "port 25"),
        (Case(has_admin=False), Road.APPLICATION, "nobody here may consent"),
        (Case(), Road.ADDRESS, "none is known"),
        (Case(address="10.0.0.1"), Road.ADDRESS, "private"),
        (Case(address="100.64.1.1"), Road.ADDRESS, "shared by a provider"),
        (Case(address="8.8.4.4", is_static=False), Road.ADDRESS, "the address changes"),
    ],
)
def test_what_does_not_fit(case: Case, road: Road, reason: str) -> None:
    """Each with the reason first."""
    found = _of(case)[road]

    assert Fit.NO is found.fit
    assert reason in found.reasons[0]


def test_risks_are_named() -> None:
    """A shared address, a person's account, a billed service: they work, and something speaks against them."""
    by_address = _of(Case(address="8.8.4.4", is_static=True))[Road.ADDRESS]

    assert Fit.RISKY is by_address.fit
    assert "MC1226222" in by_address.reasons[0]
    assert Fit.RISKY is _of(Case())[Road.PERSON].fit
    assert Fit.RISKY is _of(Case(outside=False))[Road.HVE].fit


def test_where_nothing_fits() -> None:
    """Nothing is recommended, and every road has its reason."""
    found = advise(Case(has_admin=False, port_587=False, port_25=False))

    assert Fit.BEST not in {one.fit for one in found}
    assert all(one.reasons for one in found)


def test_every_road_is_judged_once() -> None:
    """None is left out."""
    assert sorted(road.value for road in Road) == sorted(one.road.value for one in advise(Case()))
