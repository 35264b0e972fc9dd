"""From limits to budgets: which there are, which are shared, and what a message takes from them."""

from __future__ import annotations

from fakes.lanes import a_parcel
from relay365.engine.budgets.building import Purses, bill_of_bundle, bill_of_head, bill_of_parcel
from relay365.engine.budgets.parcels import COVER_OCTETS, Bundle
from relay365.mail.envelope import SpoolId, SubmitterFacts
from relay365.routes.api import LaneLimits
from relay365.rules.quota.budgets import Bill
from relay365.spool.waiting.heads import Flow, Head

FULL = LaneLimits(
    3, 30, budget="mailbox scan@contoso.com", windows=((100, 3600.0),), recipients_per_day=10_000, tenant="contoso.com",
    external_per_day=9_500, own_domains=frozenset({"contoso.com"}), requests=(10_000, 600.0),
    octets_window=(150_000_000, 300.0), application="app-1", at_once_per_application=4, pair_per_hour=1188,
)  # fmt: skip


def test_a_lane_has_a_budget_for_each_limit() -> None:
    """And none where nothing is limited."""
    purses = Purses()

    assert {
        "messages", "messages-3600s", "recipients", "requests", "octets", "pairs", "external", "at-once",
    } == set(purses.vector("graph/scan@contoso.com", FULL).budgets)  # fmt: skip
    assert {} == purses.vector("smarthost", LaneLimits(20)).budgets


def test_lanes_share_by_mailbox_tenant_and_application() -> None:
    """SMTP and Graph of one mailbox share its minute and day; two mailboxes share the tenant and the application."""
    purses = Purses()
    one = purses.vector("submission/scan@contoso.com", FULL)
    same = purses.vector("graph/scan@contoso.com", FULL)
    other_limits = LaneLimits(
        3, 30, budget="mailbox bulk@contoso.com", recipients_per_day=10_000, tenant="contoso.com",
        external_per_day=9_500, application="app-1", at_once_per_application=4,
    )  # fmt: skip
    other = purses.vector("graph/bulk@contoso.com", other_limits)

    assert all(one.budgets[key] is same.budgets[key] for key in one.budgets)
    assert one.budgets["recipients"] is not other.budgets["recipients"]
    assert one.budgets["external"] is other.budgets["external"]
    assert one.budgets["at-once"] is other.budgets["at-once"]


def test_routes_of_one_mailbox_share_its_connections() -> None:
    """Two by SMTP with two connections each are three at once together; Graph of the mailbox has its own."""
    purses = Purses()
    smtp = LaneLimits(2, budget="mailbox scan@contoso.com", at_once_per_budget=3)
    one, other = purses.vector("a/scan@contoso.com", smtp), purses.vector("b/scan@contoso.com", smtp)
    graph = purses.vector("graph/scan@contoso.com", FULL)
    held = [vector.take(Bill(), 0.0) for vector in (one, one, other)]

    assert (False, False, True) == (one.fits(Bill(), 1.0), other.fits(Bill(), 1.0), graph.fits(Bill(), 1.0))
    one.complete(held[0], 1.0)
    assert other.fits(Bill(), 1.0)
    assert not purses.vector("c/bulk@contoso.com", smtp).budgets.keys() - {"connections"}


def test_a_bill_says_what_a_message_takes() -> None:
    """Recipients outside the own domains are external; what is large needs more requests; case does not matter."""
    parcel = a_parcel("IT@Contoso.com", "a@fabrikam.com", priority="bulk", octets=8_000_000)

    assert Bill(
        2,
        1,
        8_000_000,
        5,
        "scan@contoso.com",
        ("it@contoso.com", "a@fabrikam.com"),
        is_bulk=True,
        client="scanner",
    ) == bill_of_parcel(parcel, FULL)


def test_a_head_is_billed_for_what_one_claim_of_it_has() -> None:
    """A thousand recipients where one transaction may have five hundred: five hundred are asked for."""
    head = Head(
        SpoolId("1"), Flow("normal", "mfp"), 0.0, 0.0, 9.0, 2000, "scan@contoso.com", SubmitterFacts("l", "p"),
        tuple((n, f"r{n}@contoso.com") for n in range(1000)),
    )  # fmt: skip
    bill = bill_of_head(head, LaneLimits(3, recipients=500))

    assert (500, 500, 1, False) == (bill.recipients, bill.external, bill.requests, bill.is_bulk)


def test_what_goes_together_is_one_message_for_all() -> None:
    """Letters alike: all recipients, the octets once. A digest: one recipient, all octets and what holds them."""
    heads = tuple(
        Head(
            SpoolId(str(n)), Flow("normal", "erp"), 0.0, 0.0, 9.0, 2000, "erp@contoso.com", SubmitterFacts("l", "p"),
            ((0, f"r{n}@contoso.com"),),
        )
        for n in range(3)
    )  # fmt: skip
    group, digest = (bill_of_bundle(Bundle(heads, least), FULL) for least in (0, 2))

    assert (3, 2000, 3) == (group.recipients, group.octets, len(group.addresses))
    assert (1, 3 * (2000 + COVER_OCTETS), 1) == (digest.recipients, digest.octets, len(digest.addresses))
    assert bill_of_head(heads[0], FULL) == bill_of_bundle(Bundle(heads[:1]), FULL)
