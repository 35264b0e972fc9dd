"""Where the sessions of the zoo are kept, and what each of them says about itself.

A session is a transcript (trial.zoo.script) whose settings also name its row, its device, the tolerance that it needs
or does without, and what a technician can do at the device. The files travel with the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from relay365.trial.zoo.script import Script, parse

SUFFIX = ".session"


@dataclass(frozen=True, slots=True)
class Specimen:
    """One session. needs and without: names of mail.tolerance, or "". do: what helps at the device, or ""."""

    name: str
    row: str
    device: str
    needs: str
    without: str
    do: str
    script: Script


def specimens() -> list[Specimen]:
    """The whole zoo, in the order of its rows."""
    files = (file for file in resources.files(__package__).iterdir() if file.name.endswith(SUFFIX))
    return [
        _specimen(file.name.removesuffix(SUFFIX), file.read_text("utf-8"))
        for file in sorted(files, key=lambda file: file.name.removesuffix(SUFFIX))
    ]


def find(name: str) -> Specimen | None:
    """One session by its name, or by a part of it that only one has, those that show a refusal left out."""
    zoo = specimens()
    like = [one for one in zoo if name.lower() in one.name and not one.without]
    found = [one for one in zoo if one.name == name] or like
    return found[0] if len(found) == 1 else None


def _specimen(name: str, text: str) -> Specimen:
    script = parse(name, text, "C")
    told = {topic: " ".join(script.answers(topic)) for topic in ("row", "device", "needs", "without", "do")}
    return Specimen(name=name, script=script, **told)
