"""All that a configuration names is read before anything of it is used, and what is alike is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay365.app.live.build import Build
from relay365.config import parse
from relay365.errors import ConfigError
from relay365.mail.envelope import SpoolId
from relay365.routes.wire.ear import Ear, nobody

HEAD = """
[server]
name = "relay.test"
data = "./data"
{more}
[[listener]]
address = "127.0.0.1:25"
"""
SUBMISSION = """
[[route]]
kind = "submission"
name = "{name}"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
secret = {{ file = "secret" }}
mailbox = "scan@contoso.com"
{keys}
"""
SMARTHOST = """
[[route]]
kind = "smarthost"
name = "hop"
host = "hop.test:587"
user = "me"
password = { file = "password" }
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("s")
    (tmp_path / "password").write_text("p")
    return tmp_path


def _build(base: Path, *routes: str, more: str = "", present: Build | None = None) -> Build:
    return Build.of(parse(HEAD.format(more=more) + "".join(routes), "x.toml"), base, nobody, present)


def test_what_is_alike_is_kept(base: Path) -> None:
    """The same objects with their tokens and connections; one whose table differs is made anew."""
    one, two = SUBMISSION.format(name="one", keys=""), SUBMISSION.format(name="two", keys="")
    before = _build(base, one, two)
    after = _build(base, one, SUBMISSION.format(name="two", keys="connections = 1"), present=before)

    assert before.ways["one"] is after.ways["one"]
    assert before.ways["two"] is not after.ways["two"]
    assert 2 == len(after.keys)
    assert before.keys[0] is after.keys[0]
    assert before.keys[1] is not after.keys[1]


@pytest.mark.parametrize(
    "more",
    [
        "token_key = { env = 'X' }", "[log]\nsessions = 0",
        '[[tenant]]\nname = "contoso.com"\nper_minute = 10',
    ],
)  # fmt: skip
def test_what_a_route_depends_on_beside_its_table(base: Path, more: str) -> None:
    """The key of stored sign-ins, who listens to attempts, and the tenant's limits make it another one."""

    def ears(spool_id: SpoolId) -> Ear:
        raise NotImplementedError

    route = SUBMISSION.format(name="one", keys="")
    before = Build.of(parse(HEAD.format(more="") + route, "x.toml"), base, ears)
    after = Build.of(parse(HEAD.format(more=more) + route, "x.toml"), base, ears, before)

    assert before.ways["one"] is not after.ways["one"]


def test_a_password_that_was_replaced(base: Path) -> None:
    """It is read once, so the route is another one; a client secret is read for every question, and makes none."""
    routes = SMARTHOST, SUBMISSION.format(name="one", keys="")
    before = _build(base, *routes)
    (base / "password").write_text("other")
    (base / "secret").write_text("other")
    after = _build(base, *routes, present=before)

    assert before.ways["hop"] is not after.ways["hop"]
    assert before.ways["one"] is after.ways["one"]


def test_a_secret_that_is_missing(base: Path) -> None:
    """Said by route and key; what was there before is not touched."""
    before = _build(base, SUBMISSION.format(name="one", keys=""))
    (base / "password").unlink()
    with pytest.raises(ConfigError) as error:
        _build(base, SMARTHOST, present=before)

    assert error.value.where.startswith("route hop: password")
    assert 1 == len(before.keys)


def test_readers_are_kept_as_long_as_their_routes(base: Path) -> None:
    """A change of another route leaves them alone."""
    asking = SUBMISSION.format(name="one", keys="trace = true")
    before = _build(base, asking)
    same = _build(base, asking, SMARTHOST, present=before)
    other = _build(base, SUBMISSION.format(name="one", keys="trace = true\nper_minute = 5"), present=before)

    assert before.reading is same.reading
    assert before.reading is not other.reading
    assert 2 == len(before.keys)


def test_identities_are_read_or_made(base: Path) -> None:
    """Our own where the file names none; none without TLS."""
    text = HEAD.format(more="") + '[[listener]]\naddress = "127.0.0.1:26"\ntls = "none"\n' + SMARTHOST
    found = Build.of(parse(text, "x.toml"), base, nobody).identities(1_796_000_000.0)

    assert found["127.0.0.1:25"] is not None
    assert found["127.0.0.1:26"] is None
    assert (base / "data" / "tls" / "relay.pem").exists()
