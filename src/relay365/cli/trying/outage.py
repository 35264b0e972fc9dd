"""`relay365 simulate outage`: the fire drill, at the relay in production, with a report that can be signed.

Apart from the command that plays devices: this one orders the running service, and writes a file for other people.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.queues.freeze import frozen, words
from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    REFUSED,
    UNREACHABLE,
    WRONG_USE,
    age,
    config_option,
    data_directory,
    examples,
    fail,
    instant,
    json_option,
    load_config,
    now,
    printable,
    size,
    write_json,
)
from relay365.cli.words.times import Span, clock_time
from relay365.cli.words.where import is_terminal, person

if TYPE_CHECKING:
    from relay365.spool.waiting.freeze import Freeze
    from relay365.trial.outage import Moment, Plan, Report

HALF_AN_HOUR_S = 1800.0
LONGEST_S = 4 * 3600.0
TABLE_ROWS = 16
TOLD_S = 30.0  # how often a line comes where there is no terminal


@click.command(epilog=examples("relay365 simulate outage --for 30m --report drill.txt"))
@config_option
@json_option
@click.option(
    "--for",
    "for_s",
    type=Span(),
    default=HALF_AN_HOUR_S,
    metavar="SPAN",
    help="How long; default: 30m, at most 4h.",
)
@click.option(
    "--drain-within", "drain_s", type=Span(), default=2 * 3600.0, metavar="SPAN",
    help="How long to watch the drain; default: 2h.",
)  # fmt: skip
@click.option("--reason", default="outage drill", show_default=True, help="Why; for log, status and report.")
@click.option(
    "--report", "report_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Where the report goes; default: outage-drill-DATE.txt here.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask; needed without a terminal.")
def outage(config_file: Path | None, as_json: bool, **given: Any) -> None:
    """A fire drill: the running relay takes mail and delivers nothing for a while, then drains; all of it is counted.

    Ctrl-C ends the outage early and goes on to the drain; once more ends the watching. Whatever becomes of this
    command, the relay delivers again when the time is over. Exit 0: nothing was lost and everything has gone out.
    """
    from relay365.spool.lock import DirectoryLock

    config, file = load_config(config_file)
    data = data_directory(config, file)
    if DirectoryLock(data).holder() is None:
        fail(
            UNREACHABLE, "there is no relay to drill", f"no process has {data}",
            f"relay365 run --config {file}, or: relay365 status",
        )  # fmt: skip
    if given["for_s"] > LONGEST_S:
        fail(
            WRONG_USE, "that is too long for a drill", f"at most {LONGEST_S / 3600:.0f}h, so that no mail grows old",
            "relay365 simulate outage --for 30m",
        )  # fmt: skip
    present = frozen(data)
    if present is not None:
        fail(REFUSED, "the relay is frozen already", words(present), "relay365 queue thaw, then the drill")
    _agree(given["for_s"], is_sure=given["yes"])
    target = _target(given["report_file"])
    try:
        report = _run(data, _order(given), given["drain_s"], as_json=as_json)
        target.write_text(text_of(report, data), "utf-8")
    finally:
        if not target.stat().st_size:  # there was nothing to report
            target.unlink()
    found = as_object(report)
    if as_json:
        write_json({"event": "report", **found, "file": str(target)})
    else:
        click.echo(f"\n{found['result']}\nreport: {target}")
    raise SystemExit(GOOD if report.is_good else PROBLEM)


def _target(wanted: Path | None) -> Path:
    """Where the report goes, tried before anything is stopped; leaves with 2."""
    name = clock_time(now(), utc=False)[:16].replace(" ", "-").replace(":", "")
    target = wanted or Path(f"outage-drill-{name}.txt")
    try:
        with target.open("x", encoding="utf-8"):
            return target
    except OSError as error:
        fail(
            WRONG_USE, f"{target} cannot be made", error.strerror or str(error),
            "give another file: --report FILE",
        )  # fmt: skip


def _agree(for_s: float, *, is_sure: bool) -> None:
    """Leaves with 4 where nobody agrees."""
    what = f"for {age(for_s)} the relay takes mail and delivers none of it"
    if is_sure or (is_terminal() and click.confirm(f"{what}; then it drains. Do it?", err=True)):
        return
    fail(REFUSED, "no drill was held", f"{what}, and nobody agreed", "say it again with --yes")


def _order(given: dict[str, Any]) -> Freeze:
    from relay365.spool.waiting.freeze import Freeze

    at = now()
    return Freeze(at, at + given["for_s"], given["reason"], person())


def _run(data: Path, order: Freeze, drain_s: float, *, as_json: bool) -> Report:
    """The drill; leaves with 3 where the queue or the disk is unwell, thawed."""
    from relay365.errors import SpoolError
    from relay365.trial.outage import Plan

    plan = Plan(order, drain_s, lambda at: _told_since(data, at))
    show = _Show(order, as_json=as_json)
    try:
        return asyncio.run(_drill(data, plan, show))
    except (SpoolError, OSError) as error:
        fail(
            UNREACHABLE, "the drill was given up, and the relay is thawed", printable(str(error)), "relay365 status"
        )  # fmt: skip


async def _drill(data: Path, plan: Plan, show: _Show) -> Report:
    from relay365.clock import SystemClock
    from relay365.spool.history.search import History
    from relay365.trial.outage import Drill

    history = History(data, SystemClock())
    drill = Drill(history, data, SystemClock(), plan)
    loop = asyncio.get_running_loop()
    names = ("SIGINT", "SIGTERM", "SIGHUP") if sys.platform != "win32" else ()
    for name in names:
        loop.add_signal_handler(getattr(signal, name), drill.stop.set)
    try:
        return await drill.run(show)
    finally:
        for name in names:
            loop.remove_signal_handler(getattr(signal, name))
        await history.close()


def _told_since(data: Path, at: float) -> Collection[int]:
    """The messages that sessions were told of with a 250, as the black box has them: another record than the queue."""
    from relay365.engine.blackbox.archive import Archive
    from relay365.spool.ids import seq_of

    sessions = [one for client in Archive(data).all() for one in client["sessions"] if one["began_at"] >= at]
    numbers = (seq_of(spool_id) for one in sessions for spool_id in one["ids"])
    return {seq for seq in numbers if seq is not None}


class _Show:
    """Prints the moments: on a terminal one line that changes, else a line now and then, or an object each."""

    def __init__(self, order: Freeze, *, as_json: bool) -> None:
        self._order, self._as_json = order, as_json
        self._is_live = sys.stderr.isatty() and not as_json
        self._shown_at, self._phase = 0.0, ""

    def __call__(self, moment: Moment) -> None:
        if self._as_json:
            write_json({"event": moment.phase, "at": instant(moment.at), "taken": moment.taken,
                        "waiting": moment.waiting, "oldest_s": round(moment.oldest_s, 1)})  # fmt: skip
            return
        is_new = moment.phase != self._phase
        self._phase = moment.phase
        left = f", {age(self._order.until_at - moment.at)} left" if moment.phase == "frozen" else ""
        counts = f"{moment.taken} taken, {moment.waiting} wait, the oldest for {age(moment.oldest_s)}"
        line = f"{moment.phase}{left}: {counts}"
        if self._is_live:
            click.echo(f"\r\x1b[K{line}", err=True, nl=False)
        elif is_new or moment.at - self._shown_at >= TOLD_S:
            self._shown_at = moment.at
            click.echo(f"{clock_time(moment.at, utc=False)}  {line}")


def as_object(report: Report) -> dict[str, Any]:
    """The documented JSON of a report."""
    from relay365.spool.ids import spool_id_of

    return {
        "result": result_of(report), "good": report.is_good, "began_at": instant(report.began_at),
        "thawed_at": instant(report.thawed_at), "ended_at": instant(report.ended_at),
        "planned_s": report.planned_s, "frozen_s": round(report.thawed_at - report.began_at, 1),
        "drained_s": None if report.drained_s is None else round(report.drained_s, 1),
        "thawed_early": report.thawed_early or None, "by": report.by, "reason": report.reason,
        "messages": report.messages, "octets": report.octets, "backlog": report.backlog,
        "recipients": report.recipients, "lost": [spool_id_of(seq) for seq in report.lost],
        "possible_duplicates": report.possible_duplicates, "settled_while_frozen": report.while_frozen,
        "disobeyed": report.disobeyed,
        "most_waiting": report.most_waiting, "oldest_s": round(report.oldest_s, 1),
    }  # fmt: skip


def result_of(report: Report) -> str:
    """The sentence that people read."""
    if report.disobeyed:
        return f"NO DRILL: the relay went on delivering ({report.disobeyed:,} recipients); restart it and try again."
    drained = report.drained_s
    end = f"drained in {span(drained)}" if drained is not None else f"{report.still_waiting} still wait"
    return f"{report.messages:,} mails taken, {len(report.lost)} lost, {end}."


def span(seconds: float) -> str:
    """A duration with its two largest units."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def text_of(report: Report, data: Path) -> str:
    """The report as a page that can be printed and signed."""
    from relay365 import __version__
    from relay365.spool.ids import spool_id_of

    ends = report.recipients
    early = f"; ended early: {report.thawed_early}" if report.thawed_early else ""
    facts = (
        ("relay", f"relay365 {__version__}, data in {data}"),
        (
            "held",
            f"{clock_time(report.began_at, utc=False)}, by {printable(report.by)}: {printable(report.reason)}",
        ),
        ("outage", f"{span(report.thawed_at - report.began_at)} of {span(report.planned_s)} planned{early}"),
        ("taken", f"{report.messages:,} mails, {size(report.octets)}, while nothing was delivered"),
        ("before", f"{report.backlog:,} mails waited already, and were drained with the others"),
        (
            "most",
            f"{report.most_waiting:,} recipients waited at once, the oldest mail for {span(report.oldest_s)}",
        ),
        (
            "drain",
            span(report.drained_s) if report.drained_s is not None else "not over when the watching ended",
        ),
        ("recipients", ", ".join(f"{n:,} {state}" for state, n in sorted(ends.items())) or "none"),
        ("twice", f"{report.possible_duplicates:,} may have arrived twice"),
        ("on the way", f"{report.while_frozen:,} were settled within the outage"),
        ("lost", ", ".join(spool_id_of(seq) for seq in report.lost) or "0"),
    )
    lines = ["OUTAGE DRILL", "", f"RESULT  {result_of(report)}", ""]
    lines += [f"{name:<11} {said}" for name, said in facts]
    lines += ["", f"{'when':<26} {'phase':<9} {'taken':>8} {'waiting':>8}  oldest"]
    lines += [_row(moment) for moment in _moments(report)]
    lines += [
        "",
        "How it was counted: every second the queue was read beside the running service. Taken is what the queue",
        "accepted between the first line and the thaw. Lost is what was seen there, or what a device's session was",
        "told of with 250 as the relay's record of sessions has it, and what the history did not have at the end.",
        "Delivered means that the next server has answered 250.",
        "",
        "Signed off by ______________________________      Date ____________________",
    ]
    return "\n".join(lines) + "\n"


def _moments(report: Report) -> list[Moment]:
    from relay365.trial.outage import thinned

    return thinned(report.moments, TABLE_ROWS)


def _row(moment: Moment) -> str:
    when = clock_time(moment.at, utc=False)
    return f"{when:<26} {moment.phase:<9} {moment.taken:>8,} {moment.waiting:>8,}  {span(moment.oldest_s)}"
