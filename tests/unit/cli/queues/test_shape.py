"""`relay365 queue shape`: the ages of what waits."""

from __future__ import annotations

from typing import Any

from fakes.mail import put
from relay365.clock import SystemClock


def test_the_table_has_a_total_and_rows(full_desk: Any) -> None:
    """By domain unless said; what is delivered or failed is not counted."""
    lines = full_desk.run("queue", "shape").stdout.splitlines()

    assert ["DOMAIN", "ALL", "<1m", "<5m", "<15m", "<1h", "<4h", "<1d", "older"] == lines[0].split()
    assert [["TOTAL", "2", "2"], ["fabrikam.com", "2", "2"]] == [line.split()[:3] for line in lines[1:]]


def test_programs_get_one_object_for_each_row(full_desk: Any) -> None:
    """With the heading of each column."""
    (found,) = full_desk.objects("queue", "shape", "--by", "device")

    assert {"device": "192.168.10.31", "total": 2, "<1m": 2} == {
        key: found[key] for key in ("device", "total", "<1m")
    }
    assert [{"lane": "smarthost", "total": 2}] == [
        {key: one[key] for key in ("lane", "total")}
        for one in full_desk.objects("queue", "shape", "--by", "lane")
    ]


def test_rows_that_are_left_out_are_said(full_desk: Any) -> None:
    """The fullest are shown."""
    full_desk.spool(lambda spool: put(spool, SystemClock(), "a@other.test", lane="smarthost"))
    lines = full_desk.run("queue", "shape", "--limit", "1").stdout.splitlines()

    assert ["TOTAL", "fabrikam.com"] == [line.split()[0] for line in lines[1:3]]
    assert "1 more rows: --limit 2" == lines[3]


def test_an_empty_queue_is_a_row_of_zeros(desk: Any) -> None:
    """And no error."""
    desk.spool(lambda spool: spool.counts())

    assert [["TOTAL", *"00000000"]] == [
        line.split() for line in desk.run("queue", "shape").stdout.splitlines()[1:]
    ]
