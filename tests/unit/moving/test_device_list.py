"""Lists of devices as spreadsheets save them."""

from __future__ import annotations

import pytest

from fakes.moving import tables_of
from relay365.config import parse
from relay365.moving.device_list import COLUMNS, read
from relay365.moving.draft import written
from relay365.moving.finding import SourceError, State

AROUND = '[server]\ndata = "d"\n[[listener]]\naddress = "127.0.0.1:25"\n[[route]]\nkind = "smarthost"\nhost = "a:25"\n'
LIST = "name,address,sender,place\nups,10.1.0.9,ups@x.org,cellar\ncopier,10.1.0.8,,\n"


@pytest.mark.parametrize(
    "octets",
    [
        LIST.encode(), LIST.replace(",", ";").encode("utf-8-sig"), LIST.replace(",", "\t").encode("utf-16"),
        LIST.replace("\n", "\r\n").encode("cp1252"), ("\n" + LIST).encode(),
        ("sep=;\r\n" + LIST.replace(",", ";")).encode(),
    ],
)  # fmt: skip
def test_every_form_of_a_list_is_read(octets: bytes) -> None:
    """Comma, semicolon, tab; a byte order mark, UTF-16, Windows line ends, an empty line or sep=; before it."""
    draft, findings = read(octets, "d.csv")

    assert [
        {"name": "ups", "match": {"address": ["10.1.0.9"]}, "sender": "ups@x.org", "place": "cellar"},
        {"name": "copier", "match": {"address": ["10.1.0.8"]}},
    ] == tables_of(draft, "device")
    assert {State.OK} == {one.state for one in findings}


def test_all_columns_become_keys() -> None:
    """And the tables are ones that our reader takes."""
    text = (
        "Device Name;IP Address;MAC;HELO;User;Mail From;Senders;Recipients;Location;Model;Owner;Limit\n"
        'Zähler 2. OG;"10.1.0.9, 10.1.1.0/24";00-11-22-33-44-55;METER;meter;m@x.org;'
        '"a@x.org @y.org";own@x.org;roof;ACME 1;it@x.org;5\n'
    )
    draft, findings = read(text.encode("cp1252"), "d.csv")
    device = parse(AROUND + "".join(written(*one) for one in draft.written()), "x").device[0]

    assert ("Zahler-2-OG", "roof", "ACME 1", "it@x.org", 5) == (
        device.name, device.place, device.kind, device.bounces_to, device.per_minute,
    )  # fmt: skip
    assert (["10.1.0.9/32", "10.1.1.0/24"], "meter", "METER") == (
        [str(one) for one in device.match.address], device.match.login, device.match.helo,
    )  # fmt: skip
    assert ("m@x.org", ("a@x.org", "@y.org"), ("own@x.org",)) == (
        device.sender,
        device.senders,
        device.recipients,
    )
    (row,) = findings
    assert (State.WARN, "d.csv:2") == (row.state, row.where)
    assert all(
        word in row.why for word in ("name became", "MAC address is left out", "relay365 user add meter")
    )


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (",10.1.0.1,,,", "no name"), ("a,,,,", "neither address nor login"), ("a,,00:11:22:33:44:55,,", "only a MAC"),
        ("a,10.1.0.300,,,", "no address"), ("a,10.1.0.1,,nobody,", "no mail address"),
        ("ups,10.1.0.1,,,", "is in d.csv:2"),
        ("b,10.1.0.9,,,", "10.1.0.9 is in d.csv:2"), ("c,10.1.0.1,,,0", "no number above 0"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_a_device_is_told(row: str, word: str) -> None:
    """With its line and the reason; the others are taken."""
    draft, findings = read(
        f"name,ip,mac,sender,per_minute\nups,10.1.0.9,,,\n{row}\nlast,10.1.0.2,,,\n".encode(), "d.csv"
    )
    bad = [one for one in findings if one.state is State.UNKNOWN]

    assert ["ups", "last"] == [one["name"] for one in tables_of(draft, "device")]
    assert [("d.csv:3", True)] == [(one.where, word in one.why) for one in bad]


def test_a_password_is_not_copied() -> None:
    """Neither into a table nor into a finding; a column that nobody knows is told."""
    draft, findings = read(b"name,login,password,colour\nerp,erp,Kanarienvogel,red\n", "d.csv")

    assert "Kanarienvogel" not in repr(draft) + repr(findings.all)
    assert ["d.csv:1", "d.csv:2"] == [one.where for one in findings]
    assert "the password was not copied" in findings.all[1].why


def test_a_helo_name_alone_is_looked_at() -> None:
    """It lets nobody in."""
    _, findings = read(b"name,helo\nups,UPS\n", "d.csv")

    assert [(State.WARN, True)] == [(one.state, "lets nobody in" in one.why) for one in findings]


def test_a_cell_may_have_several_lines() -> None:
    """The places of later rows are right all the same."""
    _, findings = read(b'name,ip,place\nups,10.1.0.9,"two\nlines"\nx,bad,\n', "d.csv")

    assert ["d.csv:3", "d.csv:4"] == [one.where for one in findings]


@pytest.mark.parametrize("octets", [b"", b"a,b\n1,2\n", b"name,colour\n", b"ip,sender\n10.1.0.1,a@x\n"])
def test_what_has_no_columns_is_no_list(octets: bytes) -> None:
    """A name is needed, and something to know the device by."""
    with pytest.raises(SourceError) as error:
        read(octets, "d.csv")

    assert "name,address,sender" in error.value.do


def test_no_heading_means_two_columns() -> None:
    """Each word is in one list only."""
    headings = [word for names in COLUMNS.values() for word in names]

    assert len(headings) == len(set(headings))
