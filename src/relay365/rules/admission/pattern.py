"""Patterns of addresses: "scan@contoso.com" is one mailbox, "@contoso.com" a whole domain. Compared in lower case.

What cannot be compared fits nothing: a quoted local part, a domain that ends in a dot, an address in brackets.
"""

from __future__ import annotations

import re

NOBODY = "@"  # fits no address: what two lists without a common entry have in common

_ROUTED = re.compile(r"[@%!\"]|^[/|]")


def fits(patterns: frozenset[str], address: str) -> bool:
    """Whether an address is one of the patterns; an empty set is any."""
    if not patterns:
        return True
    lowered = address.lower()
    domain = lowered.rpartition("@")[2]
    return lowered in patterns or (f"@{domain}" in patterns and "@" in lowered)


def is_routed(address: str) -> bool:
    """Whether a local part tells a later server where to send it on: `a%b@c`, `b!a@c`, `"a@b"@c`.

    Whoever may write only to some addresses must not reach others through a server behind that still obeys such
    routes (Postfix allow_untrusted_routing).
    """
    return _ROUTED.search(address.rpartition("@")[0]) is not None


def common(some: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    """The patterns of what fits both; empty sets are any."""
    if not some or not others:
        return some or others
    both = {one for one in some if fits(others, one)} | {one for one in others if fits(some, one)}
    return frozenset(both or {NOBODY})
