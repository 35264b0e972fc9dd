"""`relay365` as it is, but for the keeper's pause between two prunings: a second instead of ten minutes.

A program of its own, because a bench cannot wait for ten minutes, and the product needs no key for it.
"""

from __future__ import annotations

from relay365.cli.main import main
from relay365.engine import keeper

PRUNE_ROUND_S = 1.0

if __name__ == "__main__":
    keeper.PRUNE_ROUND_S = PRUNE_ROUND_S
    main()
