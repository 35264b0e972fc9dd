"""PowerShell as a reader that we did not write reads it: tree-sitter's grammar, in node.

Only from the first of V8's two compilers of WebAssembly: the second needs a minute for the tables of this grammar.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.order import missing

DEADLINE_S = 100.0
READER = Path(__file__).with_name("read.mjs")
NEEDS = ("node", "node_modules/web-tree-sitter", "node_modules/tree-sitter-powershell")


@dataclass(frozen=True)
class Reading:
    """faults: what cannot be read, "line:column KIND text"; commands: (name, parameters), in the text's order."""

    faults: list[str]
    commands: list[tuple[str, list[str]]]


def read(texts: Sequence[str]) -> list[Reading]:
    """Each text as it is read. Skips where the reader is not installed, but not where a change is decided upon."""
    lacks = [need for need in NEEDS if missing(need)]
    if lacks and "CI" not in os.environ:
        pytest.skip(f"{lacks[0]} is not here: see requirements/debian.txt and tests/packages.sh")
    done = subprocess.run(
        ["node", "--liftoff-only", str(READER)], input=json.dumps(texts), capture_output=True, text=True,
        timeout=DEADLINE_S, check=True,
    )  # fmt: skip
    return [
        Reading(one["faults"], [(name, parameters) for name, parameters in one["commands"]])
        for one in json.loads(done.stdout)
    ]
