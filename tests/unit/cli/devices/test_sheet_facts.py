"""What a sheet says is what the configuration and a rehearsed session say."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from relay365.cli.devices import sheet_facts
from relay365.cli.devices.sheet_facts import (
    AT_ONCE,
    MUST_STARTTLS,
    NONE,
    STARTTLS,
    Facts,
    Sender,
    facts_of,
    find,
)
from relay365.clock import SystemClock
from relay365.config import parse
from relay365.net.tls import own_certificate
from relay365.spool.lock import DirectoryLock

HEAD = '[server]\ndata = "data"\nname = "relay.contoso.com"\n'
LISTENER = '[[listener]]\naddress = "127.0.0.1:{port}"\n'
ROUTE = '[[route]]\nkind = "smarthost"\nhost = "127.0.0.1:26"\ntls = "none"\n'
ALLOW = '[[allow]]\nnetwork = "192.168.10.0/24"\n'
COPIER = '[[device]]\nname = "copier"\nkind = "Kyocera"\nplace = "cellar"\n'


def facts(folder: Path, *tables: str, name: str = "", login: str = "") -> Facts:
    """The facts of one configuration; its first listener is at port 2525 unless a table says otherwise."""
    listeners = "" if any("[[listener]]" in one for one in tables) else LISTENER.format(port=2525)
    text = HEAD + listeners + "".join(tables) + ("" if any("[[route]]" in one for one in tables) else ROUTE)
    file = folder / "relay365.toml"
    file.write_text(text, "utf-8")
    config = parse(text, str(file))
    who = find(config, name)
    assert who is not None
    return facts_of(config, file, who._replace(login=login or who.login))


@pytest.mark.parametrize(
    ("keys", "rule", "expected"),
    [
        ('tls = "none"\n', "", (NONE, True)),
        ("", "", (STARTTLS, True)),
        ("", "starttls = false\n", (NONE, True)),
        ("", 'login = "never"\n', (STARTTLS, False)),
        ('tls = "required"\n', "", (MUST_STARTTLS, False)),
        ('tls = "implicit"\n', "", (AT_ONCE, False)),
    ],
)
def test_the_security_is_what_the_listener_would_offer(
    tmp_path: Path, keys: str, rule: str, expected: tuple[str, bool]
) -> None:
    """Its tls, what the rule hides, and whether a login may be said in clear."""
    (way,) = facts(tmp_path, LISTENER.format(port=25) + keys, ALLOW + rule).ways

    assert (*expected, "127.0.0.1", 25) == (way.security, way.in_clear, way.server, way.port)


def test_a_device_has_its_own_values(tmp_path: Path) -> None:
    """Its sender, limit and recipients, whom it is for, and the rule that decides."""
    own = 'match = { address = "192.168.10.31" }\nsender = "scan@contoso.com"\nmax_message = "25M"\n'
    found = facts(tmp_path, COPIER, own, 'recipients = ["@contoso.com"]\n', ALLOW, name="copier")

    assert ("copier", "cellar", "Kyocera", "192.168.10.31") == found.who[:4]
    assert ("R1", "relay.contoso.com", "optional") == (found.mark, found.relay, found.login)
    assert Sender("scan@contoso.com", is_put_in=True) == found.sender
    assert (25 * 1024**2, frozenset({"@contoso.com"})) == (found.ways[0].size_octets, found.client.recipients)


def test_what_goes_out_counts_where_it_is_less(tmp_path: Path) -> None:
    """A message that would be taken and then held for its size is no message that fits."""
    found = facts(tmp_path, ALLOW, '[oversize]\nlimit = "10M"\naction = "hold"\n')

    assert 10 * 1024**2 == found.ways[0].size_octets


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ("", Sender()),
        ('[sender]\ndomains = ["contoso.com"]\nforeign = "reject"\n', Sender("", ("@contoso.com",))),
        (
            '[sender]\ndomains = ["contoso.com"]\nforeign = "rewrite"\nrewrite_to = "scan@contoso.com"\n',
            Sender("scan@contoso.com", ("@contoso.com",), is_mended=True),
        ),
    ],
)
def test_the_sender_is_what_the_house_asks_for(tmp_path: Path, tables: str, expected: Sender) -> None:
    """Any, one of our domains, or any that then becomes ours."""
    assert expected == facts(tmp_path, ALLOW, tables).sender


def test_the_mailbox_of_a_route_is_a_sender_that_may_be_used(tmp_path: Path) -> None:
    """Microsoft lets a mailbox send as itself."""
    route = (
        '[[route]]\nkind = "submission"\ntenant = "contoso.com"\nclient = "7a1e0c52-0000-4000-8000-000000000000"\n'
        'secret = { env = "SECRET" }\nmailbox = "post@contoso.com"\n'
    )
    assert Sender("post@contoso.com") == facts(tmp_path, ALLOW, route).sender


def test_only_the_listeners_that_are_open_to_it_are_ways(tmp_path: Path) -> None:
    """Its own listener where the rule names one; none whose hosts leave it out."""
    two = (
        LISTENER.format(port=25)
        + LISTENER.format(port=587)
        + 'hosts = ["10.0.0.0/8"]\n'
        + LISTENER.format(port=26)
    )
    assert [25, 26] == [way.port for way in facts(tmp_path, two, ALLOW).ways]
    own = COPIER + 'match = { address = "192.168.10.31" }\nlistener = "127.0.0.1:26"\n'
    assert [26] == [way.port for way in facts(tmp_path, two, own, name="copier").ways]


def test_who_may_not_send_has_no_way(tmp_path: Path) -> None:
    """An address that no rule knows."""
    assert () == facts(tmp_path, ALLOW, name="192.0.2.7").ways


def test_a_device_by_login_is_judged_with_it(tmp_path: Path) -> None:
    """Wherever it comes from; outside of our networks its password is for TLS only."""
    found = facts(tmp_path, COPIER, 'match = { login = "copier" }\n', name="copier")

    assert ("copier", "", False) == (found.who.login, found.who.address, found.ways[0].in_clear)


def test_the_sheet_of_a_network_is_for_none_of_its_devices(tmp_path: Path) -> None:
    """The address that is tried belongs to nobody by name; a network is named as it stands in the file."""
    first = COPIER + 'match = { address = "192.168.10.1" }\nmax_message = "1M"\n'
    found = facts(tmp_path, first, ALLOW, name="192.168.10.0/24")

    assert ("network 192.168.10.0/24", "192.168.10.2", "R3") == (
        found.who.title,
        found.who.address,
        found.mark,
    )


def test_a_listener_is_asked_whether_it_answers(tmp_path: Path) -> None:
    """Where the service runs; else nobody is asked."""
    with socket.create_server(("127.0.0.1", 0)) as somebody, socket.create_server(("127.0.0.1", 0)) as other:
        there, gone = somebody.getsockname()[1], other.getsockname()[1]
        other.close()
        tables = (LISTENER.format(port=there) + LISTENER.format(port=gone), ALLOW)
        assert [None, None] == [way.answers for way in facts(tmp_path, *tables).ways]
        (tmp_path / "data").mkdir()
        lock = DirectoryLock(tmp_path / "data")
        lock.take()
        try:
            found = facts(tmp_path, *tables)
        finally:
            lock.release()

    assert (True, [True, False]) == (found.is_running, [way.answers for way in found.ways])


def test_the_certificate_is_the_one_that_is_shown(tmp_path: Path) -> None:
    """Our authority's file where there is one, with its fingerprint and end; none without TLS."""
    assert ("", True) == _certificate(facts(tmp_path, ALLOW))
    own_certificate(tmp_path / "data" / "tls", ["localhost"], SystemClock().now())
    found = facts(tmp_path, ALLOW)
    assert (str(tmp_path / "data" / "tls" / "ca.pem"), True) == _certificate(found)
    assert found.certificate is not None
    assert 32 == len(found.certificate.fingerprint.split(":"))
    assert facts(tmp_path, LISTENER.format(port=25) + 'tls = "none"\n', ALLOW).certificate is None


def _certificate(found: Facts) -> tuple[str, bool]:
    assert found.certificate is not None
    return found.certificate.file, found.certificate.is_ours


def test_everywhere_becomes_the_address_that_is_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0.0.0.0 cannot be typed: of this machine's addresses the one in the device's network is."""
    monkeypatch.setattr(
        "relay365.net.tls.local_addresses", lambda: ["10.0.0.5", "192.168.10.5", "2001:db8::5"]
    )
    found = facts(tmp_path, '[[listener]]\naddress = "0.0.0.0:25"\n', ALLOW)

    assert "192.168.10.5" == found.ways[0].server


def test_the_limit_can_be_asked_for_alone(tmp_path: Path) -> None:
    """For the words about a device that divides its mail; nothing where it may not send."""
    config: Any = parse(HEAD + LISTENER.format(port=25) + ALLOW + ROUTE, "x")
    sizes = [sheet_facts.size_for(config, who) for name in ("", "192.0.2.7") if (who := find(config, name))]

    assert [150 * 1024**2, 0] == sizes


def test_a_name_that_nobody_has_is_nobody(tmp_path: Path) -> None:
    """Neither a device, nor an address, nor a network of the file."""
    config = parse(HEAD + LISTENER.format(port=25) + ALLOW + ROUTE, "x")

    assert [None, None] == [find(config, name) for name in ("copier", "10.0.0.0/8")]
