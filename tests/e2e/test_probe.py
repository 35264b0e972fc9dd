"""probe in front of Microsoft's side and of the relay itself, as processes of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from e2e.house import SMARTHOST, Relay
from e2e.microsoft import Microsoft, microsoft
from relay365.cli.main import main


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Microsoft]:
    with microsoft(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(autouse=True)
def well(cloud: Microsoft) -> Iterator[None]:
    """Every test ends with an emulator in a good mood."""
    yield
    link = HTTPConnection(str(cloud.facts["control"]).removeprefix("http://"), timeout=10)
    link.request("DELETE", "/moods")
    assert link.getresponse().status == 204
    link.close()


def looked(where: object, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(main, ["probe", str(where), "--json", *arguments], prog_name="relay365")
    assert done.stdout, done.stderr
    return done.exit_code, json.loads(done.stdout)


def test_client_submission(cloud: Microsoft) -> None:
    """The relay would send through it; the login stands inside TLS only; no suite is old."""
    code, found = looked(cloud.facts["submission"], "--ca-file", str(cloud.facts["ca_file"]), "--enumerate")

    assert (0, "starttls", "this is Exchange") == (code, found["tls"], found["looks_like"])
    assert "AUTH LOGIN XOAUTH2" in found["offers"]["inside_tls"]
    assert not any(offer.startswith("AUTH") for offer in found["offers"]["in_clear"])
    assert {"1.3": True, "1.2": True, "1.1": False, "1.0": False} == {
        one["version"]: one["spoken"] for one in found["versions"]
    }
    assert found["suites"]["1.2"] and not any(
        "RC4" in name or "DES" in name for name in found["suites"]["1.2"]
    )
    assert [] == found["faults"]


def test_a_tenants_mx_host(cloud: Microsoft) -> None:
    """It takes no login; who is no connector of the tenant hears 5.7.64, and nothing is sent."""
    before = len(cloud.control.messages())
    arguments = (
        "--ca-file",
        str(cloud.facts["ca_file"]),
        "--mail-from",
        "a@contoso.com",
        "--rcpt-to",
        "b@else.example",
    )
    code, found = looked(cloud.facts["mx"], *arguments)

    assert 0 == code
    assert "only a connector" in found["looks_like"]
    assert found["asked"][1]["reply"].startswith("550 5.7.64")
    assert before == len(cloud.control.messages())


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ({"name": "no-starttls"}, "offers no TLS"),
        ({"name": "old-tls"}, "only TLS 1.0"),
        ({"name": "wrong-certificate", "how": "name"}, "certificate"),
        ({"name": "wrong-certificate", "how": "expired"}, "certificate"),
        ({"name": "wrong-certificate", "how": "authority"}, "certificate"),
    ],
    ids=["no starttls", "old tls", "name", "expired", "authority"],
)
def test_bad_days(mood: dict[str, str], words: str, cloud: Microsoft) -> None:
    """Each is a fault of its own, exit 1."""
    cloud.control.set_mood(**mood)
    code, found = looked(cloud.facts["submission"], "--ca-file", str(cloud.facts["ca_file"]))

    assert 1 == code
    assert words in found["faults"][0]


def test_the_relay_itself(tmp_path: Path) -> None:
    """As a printer would: its own authority is trusted where it is given, and RSA key exchange is there."""
    directory = tmp_path / "relay"
    directory.mkdir()
    with Relay(directory, SMARTHOST.format(host="127.0.0.1:9")) as running:
        code, found = looked(f"127.0.0.1:{running.port}", "--ca-file", str(running.ca_file))

    assert (0, True) == (code, found["certificate"]["trusted"])
    assert ["ECDHE", "RSA"] == found["key_exchange"]
    assert "relay365" in found["looks_like"]
