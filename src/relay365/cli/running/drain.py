"""`relay365 drain`: the service takes no mail any more, delivers what waits, and says when it may be stopped."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import click

from relay365.cli.queues.freeze import frozen, words
from relay365.cli.words.asking import answered, asked, checked
from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    REFUSED,
    UNREACHABLE,
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
    with_spool,
    write_json,
)
from relay365.cli.words.times import Span, clock_time
from relay365.cli.words.where import person

HALF_AN_HOUR_S = 1800.0
WITHIN_S = 60.0
LOOK_S = 1.0
TOLD_S = 30.0  # how often a line comes where there is no terminal
ENDS_S = 20.0  # a service that was told to end has ten seconds
STOP = "systemctl stop relay365"
GONE = {"draining": False, "gone": True}


@click.command(epilog=examples("relay365 drain && systemctl stop relay365", "relay365 drain --stop --for 2h"))
@config_option
@json_option
@click.option(
    "--for", "for_s", type=Span(), default=HALF_AN_HOUR_S, metavar="SPAN",
    help="After this mail is taken again, unless the service was stopped; default: 30m, at most 1d.",
)  # fmt: skip
@click.option("--stop", is_flag=True, help="The service ends by itself when it is empty.")
@click.option("--undo", is_flag=True, help="Take mail again.")
def drain(config_file: Path | None, as_json: bool, for_s: float, *, stop: bool, undo: bool) -> None:
    """Take no mail any more, deliver what waits, and say when the service may be stopped.

    Devices hear 421 at the greeting; a message that has begun may end; what waits is tried at once, and then about
    every minute. Ctrl-C takes mail again, and so do the end of --for and a restart. Exit 0: empty; 1: something is
    left, and why; 3: no service runs; 4: the queue is frozen.
    """
    if undo:
        _undo(config_file, as_json=as_json)
    from relay365.engine.control.drain import LONGEST_S

    config, file = load_config(config_file)
    data = data_directory(config, file)
    if for_s > LONGEST_S:
        raise click.UsageError("at most 1d: a relay that takes no mail for longer is forgotten")
    order = frozen(data)
    if order is not None:
        fail(REFUSED, "nothing would go out", words(order), "relay365 queue thaw, then: relay365 drain")
    began_at = now()
    try:
        seen = _begun(config_file, {"do": "begin", "for_s": for_s, "stops": stop, "by": person()})
        seen = _watch(data, seen, _Show(as_json=as_json))
    except KeyboardInterrupt:
        _interrupted(config_file, as_json=as_json)
    if seen.get("gone"):
        _gone(config_file, began_at, as_json=as_json)
    _ended(seen, began_at, as_json=as_json)


def _begun(config_file: Path | None, order: dict[str, Any]) -> dict[str, Any]:
    """The first look, GONE where the service has ended before it could tell."""
    from relay365.engine.control.requests import ServiceGone

    try:
        return answered(config_file, "drain", order, WITHIN_S)
    except ServiceGone:
        return GONE


def _undo(config_file: Path | None, *, as_json: bool) -> NoReturn:
    """Take mail again; leaves with 1 where it was taken already."""
    was = asked(config_file, "drain", {"do": "undo"}, WITHIN_S)["was"]
    if as_json:
        write_json({"event": "undone", "was": was})
    else:
        click.echo("mail is taken again" if was else "nothing was drained: mail is taken")
    raise SystemExit(GOOD if was else PROBLEM)


def _interrupted(config_file: Path | None, *, as_json: bool) -> NoReturn:
    asked(config_file, "drain", {"do": "undo"}, WITHIN_S)
    if as_json:
        write_json({"event": "undone", "was": True})
    else:
        click.echo("\ninterrupted: mail is taken again, what waits goes on", err=True)
    raise SystemExit(PROBLEM)


def _watch(data: Path, seen: dict[str, Any], show: _Show) -> dict[str, Any]:
    """Until it is empty, only a person can move what is left, it was ended, or the service has gone; the last look."""
    last = seen
    if seen["draining"]:
        show.begin(seen)
    while seen["draining"]:
        if seen["state"] == "stuck" or (seen["state"] == "empty" and not seen["stops"]):
            break
        last = seen
        show(seen)
        time.sleep(LOOK_S)
        seen = _look(data)
    show.end()
    return seen if seen["draining"] or seen.get("gone") else {**last, "draining": False}


def _look(data: Path) -> dict[str, Any]:
    """What the service says now, GONE where it has ended; leaves with 3 where it does not answer."""
    from relay365.engine.control.requests import NotAnswered, ask
    from relay365.spool.lock import DirectoryLock

    until = now() + WITHIN_S
    while now() < until:
        if DirectoryLock(data).holder() is None:
            return GONE
        try:
            return checked(ask(data, "drain", {"do": "look"}, ENDS_S))
        except NotAnswered:
            pass  # it may have ended meanwhile
        except OSError as error:
            fail(
                PROBLEM, "the service cannot be asked any more", f"{data}: {error.strerror}",
                "relay365 status says whether it still drains; relay365 drain --undo ends that",
            )  # fmt: skip
    return fail(
        UNREACHABLE, "the service does not answer any more", f"nothing came within {WITHIN_S:.0f} s",
        "relay365 status, and the last lines of its log",
    )  # fmt: skip


def _gone(config_file: Path | None, began_at: float, *, as_json: bool) -> NoReturn:
    """The service has ended: by --stop, or because somebody stopped it. What is left in its queue says the rest."""
    depths = with_spool(config_file, lambda spool: spool.depths())
    n_left = sum(one.recipients for one in depths)
    if as_json:
        write_json({"event": "stopped", "left": n_left, "took_s": round(now() - began_at, 1)})
    elif n_left:
        fail(
            PROBLEM, "the service has ended before it was empty", f"{_recipients(n_left)} left, safe in its queue",
            "relay365 queue list; start it again, and they go out",
        )  # fmt: skip
    else:
        click.echo(f"empty after {age(now() - began_at)}: the service has ended")
    raise SystemExit(PROBLEM if n_left else GOOD)


def _ended(seen: dict[str, Any], began_at: float, *, as_json: bool) -> NoReturn:
    is_empty = seen["draining"] and seen["state"] == "empty"
    if as_json:
        write_json(
            {
                **as_object(seen),
                "event": "empty" if is_empty else "left",
                "took_s": round(now() - began_at, 1),
            }
        )
    elif is_empty:
        until = clock_time(seen["until_at"], utc=False)
        click.echo(f"empty after {age(now() - began_at)}: the service may be stopped: {STOP}")
        click.echo(f"it takes mail again at {until}, or by: relay365 drain --undo")
    else:
        _say_left(seen)
    raise SystemExit(GOOD if is_empty else PROBLEM)


def _say_left(seen: dict[str, Any]) -> None:
    """Three lines: what is left, why, and what to do; leaves with 1."""
    what = f"not empty: {_counts(seen)}"
    why = "; ".join(_why(lane) for lane in seen["lanes"]) or seen["trouble"] or "the last of it was under way"
    if seen["frozen"]:
        why = f"the queue is frozen: relay365 queue thaw; {why}"
    if seen["draining"]:
        until = clock_time(seen["until_at"], utc=False)
        do = f"relay365 queue list --state held: release or delete it; mail is taken again at {until}, or by --undo"
    else:
        do = "mail is taken again; relay365 queue list, then relay365 drain, with --for 2h where it needs longer"
    fail(PROBLEM, what, printable(why), do)


def _why(lane: dict[str, Any]) -> str:
    """One lane, in words."""
    parts = []
    if lane["waiting"]:
        at = lane["next_at"]
        later = f", the next try at {clock_time(at, utc=False)}" if at is not None and at > now() else ""
        said = f" ({lane['why']})" if lane["why"] else ""
        parts.append(f"{lane['waiting']} wait{'s' * (lane['waiting'] == 1)}{later}{said}")
    if lane["held"]:
        parts.append(f"{lane['held']} held for a person")
    return f"{lane['lane']}: {', '.join(parts)}"


def _counts(seen: dict[str, Any]) -> str:
    parts = [
        f"{seen['sessions']} session{'s' * (seen['sessions'] != 1)} open" if seen["sessions"] else "",
        f"{_recipients(seen['waiting'])} wait{'s' * (seen['waiting'] == 1)}" if seen["waiting"] else "",
        f"{seen['under_way']} under way" if seen["under_way"] else "",
        f"{seen['held']} held" if seen["held"] else "",
        "reports to senders are owed" if seen["reports"] else "",
    ]
    return ", ".join(one for one in parts if one) or "nothing is left, it is looked at once more"


def _recipients(n: int) -> str:
    return f"{n:,} recipient{'s' * (n != 1)}"


def as_object(seen: dict[str, Any]) -> dict[str, Any]:
    """The documented JSON of a look."""
    lanes = [{**one, "next_at": instant(one["next_at"])} for one in seen["lanes"]]
    return {"event": "draining", **seen, "until_at": instant(seen["until_at"]), "lanes": lanes}


def drained(data: Path, pid: int | None) -> dict[str, Any] | None:
    """The drain that holds now, as the documented JSON; pid: the process that has the data directory."""
    from relay365.engine.control.drain import read_drain

    order = read_drain(data, pid)
    if order is None:
        return None
    return {
        "since": instant(order.began_at), "until": instant(order.until_at), "by": order.by, "stops": order.stops,
    }  # fmt: skip


def banner_of(drain: dict[str, Any]) -> str:
    """It in a line, for `relay365 status`."""
    end = "; the service ends when it is empty" if drain["stops"] else ""
    what = f"no mail is taken, what waits is delivered{end}. relay365 drain --undo"
    return f"DRAINING until {drain['until']} by {printable(drain['by'])}: {what}"


class _Show:
    """Prints looks: on a terminal one line that changes, else a line now and then, or an object each."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json, self._is_live = as_json, sys.stderr.isatty() and not as_json
        self._shown_at, self._shown = 0.0, ""

    def begin(self, seen: dict[str, Any]) -> None:
        """What holds from now on."""
        if not self._as_json:
            until = clock_time(seen["until_at"], utc=False)
            click.echo(f"no mail is taken until {until}: devices hear 421 4.3.2; Ctrl-C takes it again")

    def __call__(self, seen: dict[str, Any]) -> None:
        """One look."""
        if self._as_json:
            write_json(as_object(seen))
            return
        frozen_ = ", FROZEN by a person" if seen["frozen"] else ""
        trouble = f", the queue cannot be counted: {printable(seen['trouble'])}" if seen["trouble"] else ""
        line = f"draining: {_counts(seen)}{frozen_}{trouble}"
        if self._is_live:
            click.echo(f"\r\x1b[K{line}", err=True, nl=False)
        elif line != self._shown and (not self._shown or now() - self._shown_at >= TOLD_S):
            self._shown, self._shown_at = line, now()
            click.echo(line)

    def end(self) -> None:
        """The line that changes is over."""
        if self._is_live and not self._as_json:
            click.echo("\r\x1b[K", err=True, nl=False)
