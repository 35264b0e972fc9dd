"""Query options: what they select, and that nothing undocumented is taken."""

from __future__ import annotations

from typing import Any

import pytest

from relay365.emulator.graph import odata
from relay365.emulator.graph.answers import GraphError

ITEMS: list[dict[str, Any]] = [
    {"id": "1", "subject": "Undeliverable: A", "isRead": False, "size": 5, "at": "2026-01-01T00:00:00Z"},
    {"id": "2", "subject": "undeliverable: b", "isRead": True, "size": 15, "at": "2026-01-02T00:00:00Z"},
    {
        "id": "3",
        "subject": "It's here and there",
        "isRead": False,
        "size": 10,
        "from": {"emailAddress": {"address": "A@x"}},
    },
]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", "123"),
        ("isRead eq false", "13"),
        ("isRead ne false", "2"),
        ("startswith(subject,'Undeliverable')", "12"),
        ("contains(subject, 'here') and size ge 10", "3"),
        ("endswith(subject,'B')", "2"),
        ("subject eq 'It''s here and there'", "3"),
        ("at ge 2026-01-02T00:00:00Z and at le 2026-01-03T01:00:00+01:00", "2"),
        ("from/emailAddress/address eq 'a@x'", "3"),
        ("nosuch eq 'x'", ""),
        ("size gt 5 AND size lt 15", "3"),
    ],
)
def test_filters(text: str, ids: str) -> None:
    """Comparisons and functions, joined by `and`; strings without case, instants as instants."""
    query = odata.read({"$filter": text}, top=10, most=10)

    assert ids == "".join(one["id"] for one in query.page(ITEMS)[0])


@pytest.mark.parametrize(
    "options",
    [
        {"$filter": "isRead eq false or size eq 5"}, {"$filter": "not isRead"}, {"$filter": "size eq"},
        {"$filter": "isRead eq false size eq 5"}, {"$filter": "at ge yesterday"}, {"$top": "0"}, {"$top": "11"},
        {"$top": "x"}, {"$skip": "-1"}, {"$top": "1" * 5000},
        {"$filter": "size eq " + "1" * 5000}, {"$filter": "at ge 20260101T00"}, {"$orderby": "size sideways"},
    ],
)  # fmt: skip
def test_what_is_not_taken(options: dict[str, str]) -> None:
    """`or`, `not`, half a clause, two without `and`, no instant, sizes out of bounds, no direction: all 400."""
    with pytest.raises(GraphError, match="bad-query"):
        odata.read(options, top=10, most=10)


def test_order_pages_and_selection() -> None:
    """Items come in their order, by pages, reduced to what was asked for and the id."""
    query = odata.read(
        {"$orderby": "size desc", "$top": "1", "$skip": "1", "$select": "size"}, top=10, most=10
    )

    assert ([{"id": "3", "size": 10}], True) == query.page(ITEMS)


def test_an_order_that_the_filter_does_not_begin_with() -> None:
    """A sorted property must come first in the filter, where there is one."""
    good = {"$filter": "size ge 1 and isRead eq false", "$orderby": "size"}
    odata.check_order(odata.read(good, top=10, most=10))
    odata.check_order(odata.read({"$orderby": "subject"}, top=10, most=10))

    with pytest.raises(GraphError, match="inefficient"):
        odata.check_order(odata.read(good | {"$orderby": "isRead"}, top=10, most=10))
