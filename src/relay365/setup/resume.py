"""How far a wizard has come, kept in the data directory so that an interrupted one goes on; the line of the script.

Nothing secret is kept: the key stands in its own file.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from relay365.setup.keys import write_private

STATE_FILE = "setup.json"

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_LINE = re.compile(rf"R365:({_UUID}):({_UUID}):({_UUID}):({_UUID}):([^\s:]+)")
_CONNECTOR = re.compile(r"R365:connector:(\S[^\r\n]*)")


@dataclass(frozen=True, slots=True)
class Result:
    """What a script has made: the ids of tenant and application (client), the object ids of the enterprise application
    (principal) and of the registration.
    """

    tenant_id: str = ""
    client: str = ""
    principal: str = ""
    registration: str = ""
    mailbox: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known so far. answers: raw values; steps: names of those that are done.

    written: the mark (`mark_of`) of the configuration as it was written, "" for none yet.
    """

    answers: dict[str, Any]
    steps: tuple[str, ...] = ()
    tenant_id: str = ""
    result: Result | None = None
    config_file: str = ""
    written: str = ""

    def with_step(self, name: str) -> Progress:
        """One more that is done."""
        return self if name in self.steps else self.replaced(steps=(*self.steps, name))

    def replaced(self, **changes: Any) -> Progress:
        """The same with other values."""
        return Progress(**{**{key: getattr(self, key) for key in self.__slots__}, **changes})


def read_result(text: str) -> Result | None:
    """The last line of a script's output that is meant for us, wherever it stands in it; None where there is none."""
    lines = _LINE.findall(text)
    if not lines:
        return None
    tenant_id, client, principal, registration, mailbox = lines[-1]
    return Result(tenant_id.lower(), client.lower(), principal.lower(), registration.lower(), mailbox)


def read_connector(text: str) -> str:
    """The name of the connector that a script says it has made, or ""."""
    found = _CONNECTOR.findall(text)
    return str(found[-1]).strip() if found else ""


def mark_of(text: str) -> str:
    """By which a text is known again; its first line, which has the day, does not count."""
    return hashlib.sha256(text.partition("\n")[2].encode()).hexdigest()


def save(folder: Path, progress: Progress) -> None:
    """Keep it; raises OSError."""
    write_private(
        folder / STATE_FILE, (json.dumps(asdict(progress), indent=1, default=str) + "\n").encode("utf-8")
    )


def load(folder: Path) -> Progress | None:
    """What was kept, or None; raises ValueError where the file is damaged, OSError where it cannot be read."""
    file = folder / STATE_FILE
    if not file.exists():
        return None
    try:
        found = json.loads(file.read_text("utf-8"))
        result = Result(**found["result"]) if found["result"] else None
        return Progress(
            found["answers"], tuple(found["steps"]), found["tenant_id"], result, found["config_file"],
            found.get("written", ""),
        )  # fmt: skip
    except (KeyError, TypeError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{file} is damaged: {error}") from error
