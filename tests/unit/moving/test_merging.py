"""A draft in a file that somebody else has written: text is inserted, nothing is lost."""

from __future__ import annotations

import difflib
import tomllib

import pytest

from relay365.config import parse
from relay365.moving.draft import REST, Draft, Entry
from relay365.moving.finding import Findings, State
from relay365.moving.merging import merged

PRESENT = """\
# my relay, do not touch
[server]
data = "data"   # on the SSD

[[listener]]
address = "127.0.0.1:25"

# the office
[[allow]]
network = "192.168.10.0/24"
per_minute = 60

# about routes
[[route]]
kind = "smarthost"
host = "127.0.0.1:26"
tls = "none"
# the end
"""


def _merge(draft: Draft, present: str = PRESENT) -> tuple[str, Findings]:
    findings = Findings()
    text = merged(present, parse(present, "x"), draft, findings)
    parse(text, "merged")
    return text, findings


def _is_only_more(before: str, after: str) -> bool:
    return not [
        line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line.startswith("- ")
    ]


def _draft(**tables: list[Entry]) -> Draft:
    return Draft("old", dict(tables))


def test_every_word_of_the_file_stays() -> None:
    """Comments, order and spaces are what they were; only lines are added."""
    draft = _draft(
        server=[Entry({"max_message": 1000, "name": "r.x.org"})],
        allow=[Entry({"network": "10.1.0.0/24"})],
        listener=[Entry({"address": "127.0.0.1:2525"})],
        queue=[Entry({"give_up": "2d"})],
        device=[Entry({"name": "ups", "match": {"address": ["10.1.0.9"]}})],
    )
    text, _ = _merge(draft)
    tables = tomllib.loads(text)

    assert _is_only_more(PRESENT, text)
    assert (1000, "r.x.org", "data") == (
        tables["server"]["max_message"],
        tables["server"]["name"],
        tables["server"]["data"],
    )
    assert ["192.168.10.0/24", "10.1.0.0/24"] == [one["network"] for one in tables["allow"]]
    assert text.index("10.1.0.0/24") < text.index("# about routes")


def test_what_is_there_already_is_not_added_twice() -> None:
    """The second import changes nothing."""
    draft = _draft(
        server=[Entry({"name": "r.x.org"})],
        allow=[Entry({"network": "10.1.0.0/24"})],
        device=[Entry({"name": "ups", "match": {"address": ["10.1.0.9"]}})],
    )
    once, _ = _merge(draft)
    twice, _ = _merge(draft, once)

    assert once == twice


def test_the_present_value_stays() -> None:
    """Where the draft differs, a finding says so: of a key, of a network, of a listener."""
    draft = _draft(
        server=[Entry({"data": "/var/lib/relay365"})],
        allow=[Entry({"network": "192.168.10.0/24", "per_minute": 5})],
        listener=[Entry({"address": "127.0.0.1:25", "tls": "none"})],
    )
    text, findings = _merge(draft)

    assert PRESENT == text
    assert [State.WARN] * 3 == [one.state for one in findings]


@pytest.mark.parametrize(
    ("address", "is_new"), [("0.0.0.0:25", False), ("10.1.0.5:25", True), ("0.0.0.0:26", True)]
)
def test_one_port_is_taken_once(address: str, *, is_new: bool) -> None:
    """A listener for every address and one for a single address cannot share a port: the present one stays."""
    text, findings = _merge(_draft(listener=[Entry({"address": address})]))

    assert (is_new, not is_new) == (address in text, "both cannot be" in repr(findings.all))


def test_a_network_inside_another_is_said() -> None:
    """The wider one holds for it; an exclusion goes in front of it."""
    draft = _draft(
        allow=[
            Entry({"network": "192.168.10.128/25"}),
            Entry({"network": "192.168.10.7/32", "login": "required"}, is_first=True),
            Entry({"network": "192.168.10.8/32", "login": "required"}, is_first=True),
        ]
    )
    text, findings = _merge(draft)

    assert ["192.168.10.7/32", "192.168.10.8/32", "192.168.10.0/24"] == [
        one["network"] for one in tomllib.loads(text)["allow"]
    ]
    assert "192.168.10.0/24 holds for it" in next(iter(findings)).why
    assert _is_only_more(PRESENT, text)


def test_the_own_routes_stay() -> None:
    """The main way of the import is not added; named ones are, and all other mail keeps to the present ones."""
    draft = _draft(
        route=[
            Entry({"kind": "smarthost", "host": "a:25"}),
            Entry({"kind": "smarthost", "name": "partner", "host": "b:25", "tls": "none"}),
        ],
        rule=[
            Entry({"name": "p", "recipients": ["@b.org"], "routes": ["partner"]}, is_first=True),
            Entry({"name": REST, "routes": ["submission"]}),
        ],
    )
    text, findings = _merge(draft)
    config = parse(text, "x")

    assert ["smarthost", "partner"] == list(config.route_names())
    assert [("p", ("partner",)), (REST, ("smarthost",))] == [(one.name, one.routes) for one in config.rule]
    assert "your routes stay" in next(iter(findings)).why


def test_a_route_that_is_there_is_not_made_again() -> None:
    """The same destination under another name: the rule leads to the present one."""
    draft = _draft(
        route=[Entry({"kind": "smarthost", "name": "partner", "host": "127.0.0.1:26", "tls": "none"})],
        rule=[Entry({"name": "p", "recipients": ["@b.org"], "routes": ["partner"]}, is_first=True)],
    )
    text, findings = _merge(draft)
    config = parse(text, "x")

    assert (("smarthost",), [("smarthost",)]) == (config.route_names(), [one.routes for one in config.rule])
    assert "your route smarthost sends there already" in next(iter(findings)).why


def test_a_rule_for_everything_is_the_last_one() -> None:
    """Where the file has one, new rules go before it and no second one is made."""
    present = PRESENT + '[[rule]]\nroutes = ["smarthost"]\n'
    draft = _draft(
        route=[Entry({"kind": "smarthost", "name": "partner", "host": "b:25", "tls": "none"})],
        rule=[
            Entry({"name": "p", "recipients": ["@b.org"], "routes": ["partner"]}, is_first=True),
            Entry({"name": REST, "routes": ["x"]}),
        ],
    )
    text, _ = _merge(draft, present)

    assert ["p", ""] == [one.name for one in parse(text, "x").rule]


@pytest.mark.parametrize(
    "present",
    [
        PRESENT.replace('[server]\ndata = "data"   # on the SSD', 'server = { data = "data" }'),
        PRESENT.replace('[server]\ndata = "data"   # on the SSD', 'server.data = "data"'),
    ],
)
def test_a_table_without_a_heading_is_left_to_a_person(present: str) -> None:
    """Nothing can be put behind it; the finding says what to add."""
    text, findings = _merge(_draft(server=[Entry({"name": "r.x.org"})]), present)

    assert present == text
    assert [State.UNKNOWN] == [one.state for one in findings]


def test_a_line_that_looks_like_a_heading_is_none() -> None:
    """Inside a list or a text; and a table below a table belongs to it."""
    present = PRESENT.replace(
        'data = "data"   # on the SSD', 'data = """\n[allow]\n[[allow]]\n"""\nname = "a.b"'
    ) + '[sender]\ndomains = [\n["allow"][0],\n]\n'.replace('["allow"][0]', '"x.org"')
    text, _ = _merge(
        _draft(allow=[Entry({"network": "10.1.0.0/24"})], sender=[Entry({"foreign": "pass"})]), present
    )
    tables = tomllib.loads(text)

    assert "[allow]\n[[allow]]\n" == tables["server"]["data"]
    assert ({"domains": ["x.org"], "foreign": "pass"}, 2) == (tables["sender"], len(tables["allow"]))


def test_tables_below_an_entry_go_with_it() -> None:
    """[device.match] is a part of the device before it; a new device comes behind both."""
    present = PRESENT + '[[device]]\nname = "a"\n[device.match]\naddress = "10.1.0.1"\n'
    draft = _draft(device=[Entry({"name": "b", "match": {"address": ["10.1.0.2"]}})])
    text, _ = _merge(draft, present)

    assert [{"address": "10.1.0.1"}, {"address": ["10.1.0.2"]}] == [
        one["match"] for one in tomllib.loads(text)["device"]
    ]
