"""A estate on disk: a configuration with a secret, and a data directory with mail of each kind of content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from contract.spools import SqliteLife, accept, live, octets_of
from relay365.config import parse
from relay365.keeping.estate import Estate
from relay365.spool.intake import INLINE_OCTETS, STREAM_OCTETS
from relay365.spool.sqlite import SqliteSpool

PASSPHRASE = "correct horse battery"
ABOUT = {
    "program": "0.1.0",
    "created_at": "2026-11-30T02:00:00Z",
    "host": "relay.contoso.com",
    "config_file": "/etc/relay365/relay365.toml",
    "data": "/var/lib/relay365",
}
MAILS = tuple(octets_of(n, seed) for seed, n in enumerate((100, INLINE_OCTETS + 9, STREAM_OCTETS + 9), 3))
CONFIG = """\
[server]
data = "data"
[[listener]]
address = "127.0.0.1:2525"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "submission"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
mailbox = "scan@contoso.com"
secret = { file = "client.secret" }
"""


def estate_in(home: Path, mails: Sequence[bytes] = MAILS) -> Estate:
    """Make one; its queue holds the mails, all of them waiting."""
    home.mkdir(parents=True)
    (home / "relay365.toml").write_text(CONFIG)
    (home / "relay365.toml").chmod(0o644)
    (home / "client.secret").write_text("canary-client-secret")
    (home / "client.secret").chmod(0o600)

    async def story(spool: SqliteSpool) -> None:
        for octets in mails:
            await accept(spool, octets=octets)

    live(SqliteLife(home / "data"), story)  # type: ignore[arg-type]
    (home / "data" / "users").write_text("scan:canary-hash\n")
    return Estate(parse(CONFIG, "relay365.toml"), home / "relay365.toml", home / "data")
