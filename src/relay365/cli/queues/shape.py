"""`relay365 queue shape`: how old what waits is, by domain, device or lane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from relay365.cli.words.output import (
    config_option,
    examples,
    json_option,
    now,
    plain_option,
    write_json,
    write_table,
)
from relay365.cli.words.past import with_history

HEADINGS = ("<1m", "<5m", "<15m", "<1h", "<4h", "<1d", "older")


@click.command(epilog=examples("relay365 queue shape --by device"))
@config_option
@json_option
@plain_option
@click.option(
    "--by", type=click.Choice(("domain", "device", "lane")), default="domain", show_default=True,
    help="What each row is.",
)  # fmt: skip
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1), help="The fullest so many rows."
)
def shape(config_file: Path | None, as_json: bool, plain: bool, by: str, limit: int) -> None:
    """How old what waits or is held is: recipients, by domain, device or lane.

    A full left side is a burst, a full right side something that does not go.
    """
    from relay365.spool.history.shape import shapes, total

    queue = with_history(config_file, lambda past: past.waiting())
    rows = shapes(queue, by, now())
    if as_json:
        for row in rows[:limit]:
            counts: dict[str, Any] = dict(zip(HEADINGS, row.counts, strict=True))
            write_json({by: row.name, "total": row.total, **counts})
        return
    table = [(row.name, str(row.total), *map(str, row.counts)) for row in (total(rows), *rows[:limit])]
    write_table((by.upper(), "ALL", *HEADINGS), table)
    if len(rows) > limit:
        click.echo(f"{len(rows) - limit} more rows: --limit {len(rows)}")
