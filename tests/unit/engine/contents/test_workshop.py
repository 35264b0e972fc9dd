"""The configuration's tables as one value."""

from __future__ import annotations

from relay365.config import parse
from relay365.engine.contents.workshop import Workshop, workshop_of
from relay365.mail.repair.rules import Authors, Rules

MINIMAL = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:2525"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
host = "127.0.0.1:2626"
tls = "none"
"""
CHANGED = """
[repair]
date = "add"
date_off = "1h"
message_id = false
sender = false
recipient = false
raw_headers = false
syntax = false
parts = false
received = "short"
[sender]
domains = ["Contoso.com", "fabrikam.com"]
foreign = "rewrite"
rewrite_to = "r@contoso.com"
keep_as = "none"
null = "reject"
[oversize]
limit = "2M"
action = "hold"
[duplicates]
window = "5m"
"""


def test_by_default_everything_is_put_right_and_nothing_is_recognised() -> None:
    """The defaults of the file, where each repair is on."""
    every = Rules("replace", 172_800.0, True, True, True, True, True, True)

    assert Workshop(rules=every) == workshop_of(parse(MINIMAL, "x.toml"))


def test_each_key_arrives() -> None:
    """No key of the four tables is read and then forgotten."""
    made = workshop_of(parse(MINIMAL + CHANGED, "x.toml"))

    assert Rules("add", 3600.0, message_id=False) == made.rules
    assert (
        Authors(frozenset(["contoso.com", "fabrikam.com"]), "rewrite", "r@contoso.com", "none", "reject")
        == made.authors
    )
    assert ("short", (2 << 20, "hold"), True) == (
        made.received, made.sizes.house[:2], made.twins is not None,
    )  # fmt: skip
