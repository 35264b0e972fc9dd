"""relay365 as it is, but for its patience after a final dot: STORIES_PATIENCE_S seconds instead of ten minutes.

A process of its own (`python -m stories.impatient run ...`), so that a story of silence ends while somebody waits.
What follows from the silence is the product's; that it waits ten minutes is held in tests/golden and tests/unit.
"""

from __future__ import annotations

import os

from relay365.cli.main import main
from relay365.routes.graph import client as graph
from relay365.smtp.client import DEADLINE_S, Step

if __name__ == "__main__":
    DEADLINE_S[Step.DOT] = graph.ANSWER_S = float(os.environ["STORIES_PATIENCE_S"])
    main(prog_name="relay365")
