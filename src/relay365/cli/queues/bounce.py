"""`relay365 queue bounce`: give mail up and let its sender know, as if the remote had refused it.

Apart from queue, whose other moves tell nobody: here whoever asks sees first who would be told. The report itself is
made by the service, by the rules that hold for every report (engine.reports.audience).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    REFUSED,
    age,
    config_option,
    data_directory,
    examples,
    fail,
    json_option,
    load_config,
    now,
    printable,
    with_spool,
    write_json,
)
from relay365.cli.words.where import chosen, is_terminal, person

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relay365.config import Config
    from relay365.spool.api import MessageView

STATES = ("queued", "held")
MOST_NAMED = 3


@click.command(epilog=examples("relay365 queue bounce 4TQ921 --reason 'the customer has left' --yes"))
@config_option
@json_option
@click.argument("spool_ids", nargs=-1)
@click.option("--where", default="", metavar="FILTER", help="All that fits, as in `queue list`.")
@click.option("--reason", default="", help="Why; it stands in the history and in the report.")
@click.option("--yes", is_flag=True, help="Do not ask; needed without a terminal.")
def bounce(config_file: Path | None, as_json: bool, spool_ids: tuple[str, ...], **by: Any) -> None:
    """Give waiting or held mail up, and report it to its sender as undeliverable.

    The report goes where every report goes: to a sender of your domains, to the owner of the device, else to [queue]
    reports_to. What is on its way stays. Exit 1: there was none; 4: nobody agreed.
    """
    if bool(spool_ids) + bool(by["where"]) != 1:
        raise click.UsageError("name messages, or say --where")
    config, file = load_config(config_file)
    views = chosen(config_file, by["where"] or " ".join(f"id:{one}" for one in spool_ids), STATES)
    if not views:
        fail(
            PROBLEM, "there is nothing to bounce", "no message that waits or is held fits", "relay365 queue list"
        )  # fmt: skip
    readers = readers_of(config, views)
    _agree(views, readers, is_sure=by["yes"])
    n_bounced = with_spool(
        config_file, lambda spool: spool.bounce(_selection(views), f"bounced by {person(by['reason'])}")
    )
    told = sorted({one for each in readers for one in each})
    if as_json:
        n_silent = sum(not one for one in readers)
        write_json({"bounced": n_bounced, "messages": len(views), "told": told, "without_reader": n_silent})
    else:
        click.echo(f"bounced: {n_bounced} recipient{'s' * (n_bounced != 1)}; {_said(readers)}")
        if told:
            _say_when(data_directory(config, file))
    raise SystemExit(GOOD if n_bounced else PROBLEM)


def readers_of(config: Config, views: Sequence[MessageView]) -> list[tuple[str, ...]]:
    """Who is told of each message; nobody where its sender wants no report of any recipient that is given up."""
    from relay365.engine.reports.audience import Audience
    from relay365.mail.dsn import Debt, is_wished

    audience = Audience.of(config)

    def readers(view: MessageView) -> tuple[str, ...]:
        ends = [one for one in view.recipients if one.state.value in STATES]
        is_told = any(is_wished(one.notify, Debt.FAILURE) for one in ends)
        return audience.readers(view.reverse_path, view.submitter) if is_told else ()

    return [readers(view) for view in views]


def _selection(views: Sequence[MessageView]) -> Any:
    from relay365.spool.api import Selection

    return Selection(tuple(view.spool_id for view in views), limit=len(views))


def _agree(views: Sequence[MessageView], readers: Sequence[tuple[str, ...]], *, is_sure: bool) -> None:
    """Say how much it is and who would be told; leaves with 4 where nobody agrees."""
    oldest = age(now() - min(view.accepted_at for view in views))
    what = f"{len(views):,} message{'s' * (len(views) != 1)}, the oldest of {oldest} ago; {_said(readers)}"
    if is_sure or (is_terminal() and click.confirm(f"would bounce {what}. Do it?", err=True)):
        return
    fail(
        REFUSED, "nothing was bounced", f"it would be {what}; nobody agreed",
        "look first: relay365 queue list; then say it again with --yes",
    )  # fmt: skip


def _said(readers: Sequence[tuple[str, ...]]) -> str:
    """`told: lena@contoso.com (2), ops@contoso.com (1), 4 more; nobody of 1`."""
    counts = Counter(one for each in readers for one in each)
    named = [f"{printable(one)} ({n})" for one, n in counts.most_common(MOST_NAMED)]
    if len(counts) > MOST_NAMED:
        named.append(f"{len(counts) - MOST_NAMED} more")
    n_silent = sum(not one for one in readers)
    parts = [f"told: {', '.join(named)}"] if named else []
    return "; ".join([*parts, f"nobody of {n_silent}"] if n_silent else parts)


def _say_when(data: Path) -> None:
    from relay365.spool.lock import DirectoryLock

    is_running = DirectoryLock(data).holder() is not None
    click.echo(
        "the reports go out in a moment" if is_running else "the reports go out when the service runs again"
    )
