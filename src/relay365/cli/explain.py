"""`relay365 explain`: what a reply or an error means, and what heals it."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from relay365.cli.output import GOOD, PROBLEM, WRONG_USE, fail, json_option, printable, write_json


@click.command()
@click.argument("text", required=False)
@click.option(
    "--where",
    type=click.Choice(("smtp", "graph", "token", "ndr")),
    help="Where the text comes from, if you know.",
)
@click.option(
    "--batch",
    is_flag=True,
    help="Read one JSON string or object with text and where per line from standard input.",
)
@json_option
def explain(text: str | None, where: str | None, batch: bool, as_json: bool) -> None:
    """Say what a reply, an error or the mark of a rule means, why it comes, and what to do.

    Exit 0 known, 1 unknown.
    """
    if batch:
        for line in sys.stdin:
            write_json(_one_line(line))
        return
    if not text:
        fail(
            WRONG_USE,
            "no text",
            "there is nothing to explain",
            "relay365 explain 'the whole line, as you see it'",
        )
    found = as_object(text, where or "")
    if as_json:
        write_json(found)
    else:
        click.echo(f"{found['row'] or 'unknown'}: {found['title']}  [{found['class']}, {found['scope']}]")
        for cause in found["why"]:
            click.echo(f"  why  {cause}")
        for cure in found["do"]:
            click.echo(f"  do   {cure}")
    raise SystemExit(GOOD if found["row"] else PROBLEM)


def as_object(text: str, where: str) -> dict[str, Any]:
    """The documented JSON of one explanation."""
    from relay365.routes import classify

    row = next((row for row in classify.catalogue() if row.id == text.strip()), None)
    explained = classify.explain(text, where if where in ("smtp", "token") else "")
    row = row or explained.row
    if row is None:
        return {
            "class": explained.klass.value,
            "scope": explained.scope.value,
            "row": None,
            "title": "this text is not in the catalogue",
            "why": [f"no rule knows: {printable(text)[:200]}"],
            "do": ["look at the queue: relay365 queue list", "report the text, so that it can be classified"],
        }
    return {
        "class": row.klass.value,
        "scope": row.scope.value,
        "row": row.id,
        "title": row.title,
        "why": list(row.why),
        "do": list(row.do),
    }


def _one_line(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
        text, where = (value["text"], value.get("where") or "") if isinstance(value, dict) else (value, "")
        if not isinstance(text, str):
            raise TypeError("text is no string")
    except (ValueError, KeyError, TypeError) as error:
        return {"error": f"not a JSON string or object with text: {error}"}
    return as_object(text, where)
