"""A Microsoft 365 for stories: the emulator as a process, and a relay configured by the file that it wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.house import Relay
from relay365.trial.process import emulator
from relay365.trial.remote import Control


class Microsoft:
    """A running emulator: facts as emulator.json gives them, and its control API."""

    def __init__(self, facts: dict[str, object], directory: Path) -> None:
        self.facts, self.directory = facts, directory
        self.control = Control(str(facts["control"]))
        self.mailbox = str(facts["mailboxes"][0]["address"])  # type: ignore[index]
        self.password = str(facts["mailboxes"][0]["password"])  # type: ignore[index]

    def config(self, *, route: str = "", more: str = "") -> str:
        """The configuration that the emulator wrote, with another credential in the route and more tables."""
        text = (self.directory / "relay365.toml").read_text()
        text = re.sub(r"(?m)^data = .*$", 'data = "./data"', text)
        if route:
            text = re.sub(r"(?m)^secret = .*$", route, text)
        return f"{text}\n{more}"

    def relay(self, directory: Path, *, route: str = "", more: str = "") -> Relay:
        """A relay in a directory of its own."""
        directory.mkdir(parents=True, exist_ok=True)
        return Relay(directory, self.config(route=route, more=more))


@contextmanager
def microsoft(directory: Path, scenario: str = "") -> Iterator[Microsoft]:
    """An emulator in directory/microsoft; scenario: the text of its file."""
    home, file = directory / "microsoft", directory / "scenario.toml"
    if scenario:
        file.write_text(scenario, "utf-8")
    with emulator(home, file if scenario else None) as service:
        yield Microsoft(service.ready, home)
