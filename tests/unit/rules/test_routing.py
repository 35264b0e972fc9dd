"""Which way: the first rule that fits decides, and nobody's mail goes out as another mailbox by itself."""

from __future__ import annotations

import pytest

from relay365.config import Rule, parse
from relay365.mail.envelope import SubmitterFacts
from relay365.rules.routing import AFTER_S, Letter, Road, RoadMap, roads_of

SCAN = Road("submission", "submission", ("submission/scan@contoso.com",), frozenset({"scan@contoso.com"}))
GRAPH = Road("graph", "graph", ("graph/scan@contoso.com",), frozenset({"scan@contoso.com"}), 3_000_000)
POOL = ("b1@contoso.com", "b2@contoso.com")
BULK = Road("bulk", "submission", tuple(f"bulk/{one}" for one in POOL), frozenset(POOL))
CONNECTOR = Road("connector", "connector", ("connector",))
HVE = Road(
    "hve", "hve", ("hve/h@contoso.com",), frozenset({"h@contoso.com"}), 10_000_000, frozenset({"contoso.com"})
)
ROADS = (SCAN, GRAPH, BULK, CONNECTOR, HVE)


def road_map(*rules: dict[str, object]) -> RoadMap:
    return RoadMap(ROADS, [Rule.model_validate(rule) for rule in rules], ["contoso.com"])


def letter(sender: str = "erp@contoso.com", octets: int = 2000, **facts: str) -> Letter:
    return Letter(sender, SubmitterFacts("lan", "192.0.2.7", **facts), octets)  # type: ignore[arg-type]


def names(found: RoadMap, what: Letter | None = None, to: str = "lena@fabrikam.com") -> list[str]:
    return [road.name for road in found.itinerary(what or letter(), to).roads]


def test_without_a_rule_no_other_mailbox_is_used() -> None:
    """The first road, another road of the same mailbox, and one that keeps any sender; never somebody else's."""
    assert ["submission", "graph", "connector"] == names(road_map())
    way = road_map().itinerary(letter(), "a@b.example")
    assert ("", AFTER_S) == (way.mark, way.after_s)


def test_the_first_rule_that_fits_decides() -> None:
    """The next one is not asked, and a rule may name another mailbox: the administrator wrote it."""
    found = road_map({"device": "erp", "routes": "bulk"}, {"routes": ["connector"]})

    assert ["bulk"] == names(found, letter(device="erp"))
    assert ["connector"] == names(found, letter(device="copier"))


@pytest.mark.parametrize(
    ("rule", "what", "to"),
    [
        ({"device": "erp"}, letter(device="erp"), "a@b.example"),
        ({"sender": "@CONTOSO.com"}, letter("Erp@contoso.COM"), "a@b.example"),
        ({"recipients": "@fabrikam.com"}, letter(), "Lena@Fabrikam.com"),
        ({"recipients": "own-domains"}, letter(), "it@contoso.com"),
        ({"recipients": "external"}, letter(), "a@b.example"),
        ({"larger_than": "3M"}, letter(octets=4_000_000), "a@b.example"),
        ({"smaller_than": "3M"}, letter(octets=2_000_000), "a@b.example"),
        ({"priority": "bulk"}, letter(priority="bulk"), "a@b.example"),
    ],
)
def test_all_that_stands_in_a_rule_must_fit(rule: dict[str, object], what: Letter, to: str) -> None:
    """Each key by itself, and together with one that does not."""
    chosen, other = {**rule, "routes": "bulk"}, {**rule, "routes": "bulk", "sender": "nobody@x.example"}

    assert ["bulk"] == names(road_map(chosen), what, to)
    assert "bulk" not in names(road_map(other), what, to)


@pytest.mark.parametrize(
    ("rule", "what", "to", "why"),
    [
        ({"device": "erp"}, letter(), "a@b.example", "the device is none that is known"),
        ({"sender": "a@b.example"}, letter(""), "a@b.example", "the sender is <>"),
        ({"recipients": "external"}, letter(), "it@contoso.com", "the recipient is it@contoso.com"),
        ({"larger_than": "3M"}, letter(octets=7), "a@b.example", "it has 7 octets"),
        ({"priority": "alarm"}, letter(), "a@b.example", "its priority is normal"),
    ],
)
def test_a_rule_that_does_not_fit_says_why(rule: dict[str, object], what: Letter, to: str, why: str) -> None:
    """For `route explain`: what it found, in words."""
    found = road_map()

    assert why == found.why_not(Rule.model_validate({**rule, "routes": "bulk"}), what, to)


def test_what_cannot_carry_a_message_is_passed_over() -> None:
    """Too large for Graph, outside for High Volume Email: the next road of the rule takes it."""
    found = road_map({"routes": ["graph", "hve", "connector"]})
    way = found.itinerary(letter(octets=5_000_000), "lena@fabrikam.com")

    assert ["connector"] == [road.name for road in way.roads]
    assert [
        ("graph", "5000000 octets are more than its 3000000"),
        ("hve", "it reaches internal recipients only"),
    ] == [(road.name, why) for road, why in way.unfit]


def test_where_no_road_can_the_first_one_says_no() -> None:
    """In the remote's own words, to whoever sent it; there is always a road."""
    assert ["hve"] == names(road_map({"routes": "hve"}))


def test_only_what_comes_behind_a_road_may_take_what_it_cannot() -> None:
    """So that nothing goes in circles."""
    way = road_map({"routes": ["submission", "graph", "connector"]}).itinerary(letter(), "a@b.example")

    assert ["connector"] == [road.name for road in way.behind("graph/scan@contoso.com")]
    assert [] == list(way.behind("connector"))
    assert 3 == len(way.behind("a lane that is gone"))


def test_a_pool_is_one_road_with_several_lanes() -> None:
    """Which of them is decided by their room."""
    way = road_map({"routes": "bulk"}).itinerary(letter(), "a@b.example")

    assert ("bulk/b1@contoso.com", "bulk/b2@contoso.com") == way.lanes


def test_the_roads_of_a_file_have_the_lanes_of_its_routes() -> None:
    """One for each mailbox, named as the scheduler names them; what each can carry is known without its secrets."""
    config = parse(FILE, "relay365.toml")

    assert [
        (
            "pool",
            ("pool/a@contoso.com", "pool/B@contoso.com"),
            {"a@contoso.com", "b@contoso.com"},
            None,
            set(),
        ),
        ("graph", ("graph/a@contoso.com",), {"a@contoso.com"}, 2_200_000, set()),
        ("hve", ("hve/h@contoso.com",), {"h@contoso.com"}, 10_000_000, {"contoso.com"}),
        ("connector", ("connector",), set(), 5 * 1024**2, set()),
    ] == [(one.name, one.lanes, set(one.mailboxes), one.octets, set(one.domains)) for one in roads_of(config)]


FILE = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[route]]
kind = "submission"
name = "pool"
managed_identity = "system"
mailboxes = ["a@contoso.com", "B@contoso.com"]
[[route]]
kind = "graph"
managed_identity = "system"
mailbox = "a@contoso.com"
large = "refuse"
[[route]]
kind = "hve"
managed_identity = "system"
mailbox = "h@contoso.com"
domains = "Contoso.com"
[[route]]
kind = "connector"
domain = "contoso.com"
max_message = "5M"
"""


def test_a_rule_may_ask_for_digests() -> None:
    """Of what it decides about, and of nothing else."""
    found = road_map({"device": "ups", "routes": "connector", "digest": 5}, {"routes": "submission"})

    assert [5, 0] == [found.itinerary(letter(device=one), "it@contoso.com").digest for one in ("ups", "mfp")]
    assert (True, False) == (found.has_digests, road_map({"routes": "submission"}).has_digests)
