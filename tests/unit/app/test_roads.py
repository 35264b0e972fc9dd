"""The configuration's routes become lanes with the limits of the design."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay365.app.roads import build_routes, build_ways, site_of
from relay365.config import parse
from relay365.errors import ConfigError

FILE = """
[server]
name = "relay.contoso.test"
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "submission"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
secret = { file = "client.secret" }
mailbox = "scan@contoso.com"
[[route]]
kind = "smarthost"
host = "mail.contoso.com:587"
"""


def test_routes_have_the_lanes_and_limits_of_the_design(tmp_path: Path) -> None:
    """A submission lane per mailbox with 2 connections and 30 a minute; a smart host with 20 and no rate."""
    (tmp_path / "client.secret").write_text("x")
    submission, smarthost = build_routes(parse(FILE, "relay365.toml"), tmp_path)

    assert ("submission/scan@contoso.com", 2, 30) == (
        submission.lane, submission.limits.connections, submission.limits.messages,
    )  # fmt: skip
    assert ("smarthost", 20, None) == (
        smarthost.lane, smarthost.limits.connections, smarthost.limits.messages,
    )  # fmt: skip


BULK = (
    FILE[: FILE.index("[[route]]")]
    + """
[[route]]
kind = "hve"
password = { env = "BULK_PASSWORD" }
mailbox = "bulk@contoso.com"
domains = ["Contoso.com"]
[[route]]
kind = "acs"
resource = "mail"
client = "7a1e0c52-0000-4000-8000-000000000000"
tenant = "contoso.com"
password = { env = "BULK_PASSWORD" }
"""
)


def test_the_bulk_services_have_microsofts_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """High Volume Email: 50 recipients, 10 MB, no rate; Azure: as many, 30 a minute and 100 an hour."""
    monkeypatch.setenv("BULK_PASSWORD", "s")
    hve, acs = build_routes(parse(BULK, "relay365.toml"), tmp_path)

    assert ("hve/bulk@contoso.com", 50, 10_000_000, None, ()) == (
        hve.lane, hve.limits.recipients, hve.limits.octets, hve.limits.messages, hve.limits.windows,
    )  # fmt: skip
    assert ("acs", 50, 10_000_000, 30, 60.0, ((100, 3600.0),)) == (
        acs.lane, acs.limits.recipients, acs.limits.octets, acs.limits.messages, acs.limits.window_s,
        acs.limits.windows,
    )  # fmt: skip


def test_a_bad_ca_file_is_named(tmp_path: Path) -> None:
    """A file that is no PEM is a configuration error, not a crash at the first delivery."""
    (tmp_path / "client.secret").write_text("x")
    (tmp_path / "roots.pem").write_text("no certificate")
    text = FILE.replace('mailbox = "scan', 'ca_file = "roots.pem"\nmailbox = "scan')
    with pytest.raises(ConfigError) as error:
        build_routes(parse(text, "relay365.toml"), tmp_path)

    assert "roots.pem" in error.value.found


def test_ways_that_are_alike_are_not_made_again(tmp_path: Path) -> None:
    """By all that they are made from; each has its own keys, which are on nobody's keyring yet."""
    (tmp_path / "client.secret").write_text("x")
    before, other = (
        parse(FILE, "x.toml"),
        parse(FILE.replace("mail.contoso.com:587", "other.test:25"), "x.toml"),
    )
    site = site_of(before, tmp_path)
    ways = build_ways(before, site)
    again = build_ways(other, site_of(other, tmp_path), ways)

    assert ["submission", "smarthost"] == list(ways)
    assert (True, False) == tuple(ways[name] is again[name] for name in ways)
    assert (1, 0, []) == (len(ways["submission"].keys), len(ways["smarthost"].keys), site.keyring.keys)
