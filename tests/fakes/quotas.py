"""Values for tests of budgets: a mailbox with its limits, slices of use, notes of the scheduler."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from relay365.routes.api import LaneLimits
from relay365.spool.api import LaneNote
from relay365.spool.waiting.usage import Usage

NOW = 1_800_000_150.0
SLICE_AT = 1_800_000_000.0
OWNER, LANE = "mailbox scan@contoso.com", "submission/scan@contoso.com"
LIMITS = LaneLimits(
    2, 30, budget=OWNER, recipients_per_day=10_000, tenant="contoso.com", external_per_day=16_113,
    own_domains=frozenset({"contoso.com"}), pair_per_hour=1_188,
)  # fmt: skip
CONFIG = """\
[server]
data = "data"
[[listener]]
address = "127.0.0.1:2525"
[[allow]]
network = "127.0.0.0/8"
[[device]]
name = "erp"
match = { address = "192.168.10.9" }
priority = "bulk"
[[route]]
kind = "submission"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
secret = { file = "nowhere" }
mailbox = "scan@contoso.com"
"""


def limits(**keys: Any) -> LaneLimits:
    """LIMITS with keys changed."""
    return replace(LIMITS, **keys)


def usage(recipients: int, *, ago_s: float = 0.0, budget: str = OWNER, **keys: Any) -> Usage:
    """One slice; as many messages as recipients, none of them external, of normal mail, unless keys say so."""
    found = Usage(budget, SLICE_AT - ago_s // 300 * 300, "normal", recipients, recipients, 0)
    return found._replace(**keys)


def note(*budgets: dict[str, Any], lane: str = LANE, **keys: Any) -> LaneNote:
    """What the scheduler wrote down of a lane."""
    full = [
        {"used": 0, "limit": 1, "window_s": 60.0, "opens_at": None, "foreign": 0, **one} for one in budgets
    ]
    return LaneNote(lane, budgets=json.dumps(full), **keys)
