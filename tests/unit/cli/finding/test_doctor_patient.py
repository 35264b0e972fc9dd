"""The patient of the command: roads as the service builds them, and every secret's file."""

from __future__ import annotations

from pathlib import Path

from relay365.cli.finding.doctor_patient import patient_of
from relay365.config import parse
from relay365.engine.blackbox.archive import Archive
from relay365.net.resolve import NameServer

FILE = """
[server]
data = "data"
token_key = { file = "token.key" }
[[listener]]
address = "127.0.0.1:2525"
certificate = { file = "lan.pem" }
key = { file = "lan.key" }
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
host = "127.0.0.1:2626"
tls = "none"
[[route]]
kind = "submission"
name = "broken"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
secret = { env = "NO_SUCH_VARIABLE_HERE" }
mailbox = "erp@contoso.com"
"""


def test_a_gateway_stands_beside_the_roads(tmp_path: Path) -> None:
    """What the black box knows of it, in the words of the list of devices."""
    file = tmp_path / "relay365.toml"
    file.write_text(FILE)
    before = patient_of(parse(FILE, str(file)), file).gateway
    for name in ("copier", "nas", "ups"):
        client = {"address": "172.17.0.1", "names": [name], "sessions": []}
        Archive(tmp_path / "data").write(f"device-{name}", client)
    after = patient_of(parse(FILE, str(file)), file).gateway

    assert before is None
    assert after is not None
    assert "everybody who was heard came from one address, 172.17.0.1" == after[0]


def test_roads_are_built_one_by_one(tmp_path: Path) -> None:
    """A road whose secret is missing is a fault beside it; the others have their tokens, or need none."""
    (tmp_path / "client.secret").write_text("x")
    file = tmp_path / "relay365.toml"
    file.write_text(FILE)
    one = patient_of(parse(FILE, str(file)), file, resolver="127.0.0.1:5353", address="192.88.99.7")
    submission, smarthost, broken = one.roads

    assert (True, None) == (submission.source is not None, submission.fault)
    assert (None, None) == (smarthost.source, smarthost.fault)
    assert broken.fault is not None and "NO_SUCH_VARIABLE_HERE" in broken.fault.where
    assert NameServer("127.0.0.1", 5353) == one.names.server
    assert ("192.88.99.7", tmp_path / "data") == (one.address, one.data)


def test_secret_files(tmp_path: Path) -> None:
    """Secrets and keys, of routes, server and listeners; certificates and variables are none; users where they are."""
    file = tmp_path / "relay365.toml"
    file.write_text(FILE)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "users").write_text("")
    one = patient_of(parse(FILE, str(file)), file)

    assert [
        ("submission/secret", tmp_path / "client.secret"),
        ("server/token_key", tmp_path / "token.key"),
        ("127.0.0.1:2525/key", tmp_path / "lan.key"),
        ("server/users", tmp_path / "data" / "users"),
    ] == list(one.secret_files)
