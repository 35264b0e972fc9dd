"""Tables as TOML that our reader and tomllib take."""

from __future__ import annotations

import tomllib

import pytest

from relay365.moving.draft import Draft, Entry, duration, whole_file, written


def test_a_table_has_remark_asides_and_comments() -> None:
    """A key for later is a comment; the heading of a list has two brackets."""
    entry = Entry({"address": "a:1"}, "first\nsecond", {"address": "here"}, {"key": {"file": "k"}})

    assert '# first\n# second\n[[listener]]\naddress = "a:1"  # here\n# key = { file = "k" }\n' == written(
        "listener", entry
    )
    assert '[server]\nname = "x"\n' == written("server", Entry({"name": "x"}))


def test_a_file_reads_like_a_letter() -> None:
    """Server, listeners, who may send, ways out; what must come first does; empty tables are left out."""
    draft = Draft("old")
    draft.add("route", Entry({"kind": "smarthost"}))
    draft.add("allow", Entry({"network": "wide"}))
    draft.add("allow", Entry({"network": "narrow"}, is_first=True))
    draft.table("queue")
    draft.table("sender").set("foreign", "pass", "as before")
    text = whole_file(draft, "2026-11-30")

    assert ["server", "allow", "sender", "route"] == list(tomllib.loads(text))
    assert ["narrow", "wide"] == [one["network"] for one in tomllib.loads(text)["allow"]]
    assert text.startswith("# relay365, written by relay365 import on 2026-11-30 from old.\n")


def test_writing_changes_nothing() -> None:
    """A whole file has a data directory; the draft itself, which may be put into another file, has none."""
    draft = Draft("old")
    draft.table("server").set("name", "r.x.org")

    assert 'data = "/var/lib/relay365"' in whole_file(draft, "2026-11-30")
    assert {"name": "r.x.org"} == draft.table("server").keys


@pytest.mark.parametrize(
    ("value_s", "expected"), [(172_800, "2d"), (5400, "90m"), (7200, "2h"), (61, "61s"), (0, "0s")]
)
def test_a_duration_loses_nothing(value_s: int, expected: str) -> None:
    """The largest unit that it is a multiple of."""
    assert expected == duration(value_s)
