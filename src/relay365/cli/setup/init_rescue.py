"""`relay365 init --rescue`: mail within minutes, by the sign-in of a person and for one device, when something broke.

Apart from the questions of the whole wizard: here are two, everything else is taken as it is most likely right, and a
reminder in the file says in seven days that this was not meant to stay.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import click

from relay365.cli.words.output import WRONG_USE, fail

MAILBOX = "1/2  The mailbox that can sign in now"
ADDRESS = "2/2  The one address that may send through us, such as 192.168.10.31"


def ask_rescue(known: dict[str, Any]) -> dict[str, Any]:
    """The answers of a rescue. known: what a file of answers says already; only what is missing is asked."""
    from relay365.setup.answers import judge_one

    answers = {"road": "person", "rescue": True, "foreign": "rewrite", **known}
    click.echo(
        "Two questions, then somebody signs in. What is set up now is for one device, and for a few days."
    )
    if "mailbox" not in answers:
        answers["mailbox"] = _asked(MAILBOX, lambda said: judge_one("mailbox", said))
    if "networks" not in answers:
        answers["networks"] = [_asked(ADDRESS, one_address)]
    for key in ("reports_to", "test_to"):
        answers.setdefault(key, answers["mailbox"])
    return answers


def one_address(said: str) -> str:
    """What is expected where a text is not the address of one device; "" where it is."""
    try:
        ipaddress.ip_address(said)
    except ValueError:
        return "the address of one device, such as 192.168.10.31"
    return ""


def refuse_broken_off(data: Path) -> None:
    """Leaves with 2 where a wizard was broken off: --rescue went on with it once, and somebody may mean that."""
    from relay365.setup.resume import load

    try:
        kept = load(data)
    except (OSError, ValueError):  # nothing could go on with it
        return
    if kept is None or "mail" in kept.steps or ("checks" in kept.steps and not kept.answers.get("test_to")):
        return
    fail(
        WRONG_USE,
        f"a wizard was broken off in {data}",
        "--rescue sets up anew, in an emergency; what it did before is now --resume",
        f"go on with it: relay365 init --resume --data {data}; or take {data / 'setup.json'} away",
    )


def _asked(text: str, expected_of: Any) -> str:
    while True:
        said = str(click.prompt(text)).strip()
        expected = expected_of(said)
        if not expected:
            return said
        click.echo(f"     expected {expected}, found {said or 'nothing'}")
