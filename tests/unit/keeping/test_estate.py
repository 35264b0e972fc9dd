"""What a estate is made of: every file that the configuration names, wherever it is, and what cannot be taken along."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay365.config import SecretRef, parse
from relay365.keeping.estate import Estate, references

CONFIG = """\
[server]
data = "data"
users = "{users}"
token_key = {{ env = "TOKEN_KEY" }}
[[listener]]
address = "127.0.0.1:2525"
certificate = {{ file = "tls/chain.pem" }}
key = {{ file = "{elsewhere}/relay.key" }}
[[allow]]
network = "127.0.0.0/8"
[[route]]
name = "one"
kind = "submission"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
mailbox = "scan@contoso.com"
secret = {{ file = "client.secret" }}
ca_file = "roots.pem"
[[route]]
name = "two"
kind = "submission"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
mailbox = "fax@contoso.com"
secret = {{ credential = "two.secret" }}
[[alerts.channel]]
kind = "webhook"
url = {{ file = "data/hook.url" }}
"""


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """A configuration with a file of each kind, and a data directory in the middle of its work."""
    home, elsewhere = tmp_path / "etc", tmp_path / "srv"
    for name in (
        "client.secret", "roots.pem", "tls/chain.pem", "data/spool.db", "data/spool.db-wal", "data/segments/1-0.seg",
        "data/lock", "data/users", "data/hook.url", "data/tls/ca.key", "data/tokens/one.bin", "data/tokens/one.lock",
        "data/alerts.json.new", "data/unknown.json.part", "data/.doctor-7", "data/lost-1/spool.db-wal",
        "data/backup/spool.db", "data/sessions/device-a.json", "data/control/0123456789abcdef.request",
        "data/alerts-test.json",
    ):  # fmt: skip
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    elsewhere.mkdir()
    (elsewhere / "relay.key").write_text("key")
    text = CONFIG.format(users="users", elsewhere=elsewhere)
    (home / "relay365.toml").write_text(text)
    return Estate(parse(text, "relay365.toml"), home / "relay365.toml", home / "data")


def test_all_files_and_no_others(estate: Estate, tmp_path: Path) -> None:
    """Configuration, what it names, and the memory of the service; not the queue's own files, locks, half files and
    what was just asked of the service.
    """
    named, _ = estate.files()

    assert {
        "config/relay365.toml",
        "config/client.secret",
        "config/roots.pem",
        "config/tls/chain.pem",
        f"elsewhere{tmp_path}/srv/relay.key",
        "data/users",
        "data/hook.url",
        "data/tls/ca.key",
        "data/tokens/one.bin",
        "data/sessions/device-a.json",
    } == {one.name for one in named}
    assert all(one.path.is_file() for one in named)


def test_what_is_left_out_is_said(estate: Estate) -> None:
    """Secrets that are no files, and what an earlier queue left: each with its reason, none of them a fault."""
    _, left_out = estate.files()

    assert [
        ('server.token_key = { env = "TOKEN_KEY" }', False),
        ('route 2.secret = { credential = "two.secret" }', False),
        ("lost-1/", False),
    ] == [(one.what, one.is_fault) for one in left_out]
    assert all(one.why for one in left_out)


def test_a_file_that_lacks_is_a_fault(estate: Estate) -> None:
    """A secret that should be there and is not: the backup would not be enough, and says so."""
    (estate.base / "client.secret").unlink()
    _, left_out = estate.files()

    assert [f"route 1.secret = {estate.base}/client.secret"] == [one.what for one in left_out if one.is_fault]


def test_a_link_keeps_its_name(estate: Estate, tmp_path: Path) -> None:
    """A secret that is a link to somewhere is taken under the name that the configuration gives it."""
    (tmp_path / "vault").mkdir()
    (estate.base / "client.secret").rename(tmp_path / "vault" / "x7")
    (estate.base / "client.secret").symlink_to(tmp_path / "vault" / "x7")
    named, _ = estate.files()

    assert "client.secret" in [one.path.read_text() for one in named if one.name == "config/client.secret"]


def test_users_outside_the_data_directory_are_taken(estate: Estate, tmp_path: Path) -> None:
    """[server] users may be an absolute path."""
    (tmp_path / "srv" / "logins").write_text("scan:x")
    text = CONFIG.format(users=f"{tmp_path}/srv/logins", elsewhere=f"{tmp_path}/srv")
    other = Estate(parse(text, "relay365.toml"), estate.config_file, estate.data)

    assert f"elsewhere{tmp_path}/srv/logins" in {one.name for one in other.files()[0]}


def test_every_reference_of_the_file_is_found(estate: Estate) -> None:
    """Whatever table it stands in, by the shape of the models: a new key is found without anybody thinking of it."""
    found = dict(references(estate.config))

    assert {
        "server.token_key",
        "listener.certificate",
        "listener.key",
        "route 1.secret",
        "route 1.ca_file",
        "route 2.secret",
        "alerts.channel.url",
    } == set(found)
    assert isinstance(found["alerts.channel.url"], SecretRef)
    assert "roots.pem" == found["route 1.ca_file"]
