"""The import contracts of .importlinter hold, and each one bites."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from shape.tree import ROOT, SRC

LINT = Path(sys.executable).with_name("lint-imports")


@dataclass(frozen=True)
class Breach:
    """One line written into one module, and the contract that must be broken by it."""

    claim: str
    module: str
    line: str
    contract: str


BREACHES = (
    Breach("a rule reads the clock", "rules/retry.py", "import time", "pure"),
    Breach("the protocol does TLS", "smtp/server.py", "import ssl", "pure"),
    Breach("a word logs", "mail/address.py", "import logging", "pure"),
    Breach("a setting is read from the environment", "config/words.py", "import os", "pure"),
    Breach(
        "the emulator borrows our reading of replies",
        "emulator/__init__.py",
        "from relay365.routes import classify",
        "emulator",
    ),
    Breach("a word knows the store", "mail/envelope.py", "from relay365.spool import api", "floors"),
    Breach("a rule knows the protocol", "rules/policy.py", "from relay365.smtp import events", "floors"),
    Breach("the store knows a way out", "spool/content.py", "from relay365.routes import api", "floors"),
    Breach(
        "a session knows which store it writes to",
        "engine/session.py",
        "from relay365.spool import sqlite",
        "adapters",
    ),
    Breach(
        "the scheduler knows which way out it uses",
        "engine/scheduler.py",
        "from relay365.routes import submission",
        "adapters",
    ),
    Breach("two words need each other", "mail/status.py", "from relay365.mail import outcome", "cycles"),
)


def _names() -> dict[str, str]:
    """Contract id -> the name that is printed."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / ".importlinter")
    prefix = "importlinter:contract:"
    return {s.removeprefix(prefix): settings[s]["name"] for s in settings.sections() if s.startswith(prefix)}


def _lint(folder: Path, *contracts: str) -> tuple[int, set[str], str]:
    """(exit code, names of the broken contracts, everything that was said); all contracts where none is named."""
    command = [LINT, "--no-cache", "--config", ROOT / ".importlinter"]
    for contract in contracts:
        command += ["--contract", contract]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    said = done.stdout + done.stderr
    broken = {line.removesuffix(" BROKEN").strip() for line in said.splitlines() if line.endswith(" BROKEN")}
    return done.returncode, broken, said


def test_every_contract_holds() -> None:
    """The tree as it is keeps all five contracts."""
    code, broken, said = _lint(SRC.parent)

    assert (0, set()) == (code, broken), said
    assert f"Contracts: {len(_names())} kept, 0 broken." in said


def test_every_contract_has_a_breach_here() -> None:
    """No contract goes unproved."""
    assert set(_names()) == {breach.contract for breach in BREACHES}


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.claim.replace(" ", "-"))
def test_a_breach_is_named(breach: Breach, tmp_path: Path) -> None:
    """One forbidden import, and the contract that forbids it is reported by name."""
    shutil.copytree(SRC, tmp_path / "relay365", ignore=shutil.ignore_patterns("__pycache__"))
    module = tmp_path / "relay365" / breach.module
    module.write_text(module.read_text("utf-8") + f"\n{breach.line}\n", "utf-8")
    code, broken, said = _lint(tmp_path, breach.contract)

    assert code == 1, said
    assert {_names()[breach.contract]} == broken, said


def test_a_package_without_a_floor_is_named(tmp_path: Path) -> None:
    """A new package of the root must be put on a floor before anything may import it."""
    shutil.copytree(SRC, tmp_path / "relay365", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "relay365" / "attic").mkdir()
    (tmp_path / "relay365" / "attic" / "__init__.py").write_text('"""Things."""\n', "utf-8")
    code, _, said = _lint(tmp_path, "floors")

    assert code == 1, said
    assert "relay365.attic" in said
