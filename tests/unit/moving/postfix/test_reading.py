"""Whole folders: real-life samples, and what is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fakes.moving import HEAD, HOP, SAMPLES, about, config_of, folder, postfix, sample
from relay365.moving.draft import whole_file
from relay365.moving.finding import SourceError, State
from relay365.moving.postfix.reading import read
from relay365.moving.remote import Wish

NAMES = sorted(one.name for one in (SAMPLES / "postfix").iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_sample_is_accounted_for(name: str, tmp_path: Path) -> None:
    """Each logical line of main.cf, master.cf and the tables has a finding, and no password is anywhere."""
    directory = sample(name, tmp_path)
    draft, findings = read(directory, Wish())
    said = {one.where for one in findings}
    missing = [
        f"{file.name}:{n}"
        for file in directory.iterdir()
        for n, row in enumerate(file.read_text("utf-8").splitlines(), 1)
        if row.strip() and not row.startswith(("#", " ", "\t")) and f"{file.name}:{n}" not in said
    ]

    assert [] == missing
    assert "Kanarienvogel" not in repr(findings.all) + whole_file(draft, "2026-11-30")


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_makes_a_configuration(name: str, tmp_path: Path) -> None:
    """What is written is taken by our own reader, and says nothing that a finding has not said."""
    draft, findings = read(sample(name, tmp_path), Wish())
    told = " ".join(one.new for one in findings)

    assert config_of(draft).route
    assert [] == [one.keys["address"] for one in draft.entries("listener") if one.keys["address"] not in told]
    assert [] == [one.keys["network"] for one in draft.entries("allow") if one.keys["network"] not in told]


def test_the_counts_of_the_samples(tmp_path: Path) -> None:
    """How much of each is not understood; a change of these numbers is a change of what is promised."""
    counts = {}
    for name in NAMES:
        _, findings = read(sample(name, tmp_path), Wish())
        counts[name] = (findings.count(State.WARN), findings.count(State.UNKNOWN))

    assert {
        "debian": (1, 0),
        "gateway": (11, 15),
        "office365": (5, 2),
        "old": (1, 1),
        "smarthost": (0, 0),
    } == counts


def test_a_folder_without_main_cf_is_none(tmp_path: Path) -> None:
    """The error says what to give instead."""
    with pytest.raises(SourceError) as error:
        read(tmp_path, Wish())

    assert "/etc/postfix" in error.value.do


def test_without_master_cf_port_25_is_taken(tmp_path: Path) -> None:
    """And that is said."""
    directory = folder(tmp_path, HOP)
    (directory / "master.cf").unlink()
    draft, findings = read(directory, Wish())

    assert "0.0.0.0:25" == config_of(draft).listener[0].address
    assert [State.WARN] == [one.state for one in findings if one.where == "master.cf"]


def test_a_value_that_cannot_be_expanded_leaves_the_default(tmp_path: Path) -> None:
    """It is not understood, and all that follows is as if it were not there."""
    draft, findings = postfix(tmp_path, HOP + "inet_interfaces = $nobody\n")

    assert State.UNKNOWN is about(findings, "inet_interfaces")[0].state
    assert "0.0.0.0:25" == config_of(draft).listener[0].address


def test_an_option_that_cannot_be_expanded_is_told(tmp_path: Path) -> None:
    """Debian's master.cf names parameters that nobody has set; the port is taken without that option."""
    master = "submission inet n - y - - smtpd\n  -o smtpd_client_restrictions=$mua_client_restrictions\n"
    master += "  -o syslog_name=x/$service_name\n"
    draft, findings = postfix(tmp_path, HOP, master)

    assert "0.0.0.0:587" == config_of(draft).listener[0].address
    assert [State.UNKNOWN] == [one.state for one in about(findings, "-o smtpd_client_restrictions=$mua")]
    assert all(one.state is State.OK for one in about(findings, "syslog_name=x"))


def test_local_and_relayed_domains_are_looked_at(tmp_path: Path) -> None:
    """Mail for a domain that was delivered there, or taken from everybody, changes its way."""
    _, local = postfix(
        tmp_path / "a", HOP + "mydestination = $myhostname, localhost\nrelay_domains = $mydestination\n"
    )
    _, foreign = postfix(tmp_path / "b", HOP + "mydestination = lists.x.org\nrelay_domains = x.org\n")

    assert {State.OK} == {one.state for one in about(local, "mydestination")}
    assert [State.WARN, State.WARN] == [
        about(foreign, word)[0].state for word in ("mydestination", "relay_domains")
    ]


def test_main_cf_comes_first(tmp_path: Path) -> None:
    """Then master.cf, then the tables; inside a file in the order of its lines."""
    _, findings = postfix(tmp_path, HOP + "transport_maps = hash:/etc/postfix/a\n", a="x.org smtp:[y]\n")
    files = list(dict.fromkeys(re.sub(r":\d+$", "", one.where) for one in findings))

    assert ["main.cf", "master.cf", "a"] == files
    assert HEAD.startswith("myhostname")
