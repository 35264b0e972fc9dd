"""`relay365 tail`: what devices and the relay say to each other now, line by line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.devices.device import ARROWS, archive_of, session_lines, session_object
from relay365.cli.words.output import (
    UNREACHABLE,
    config_option,
    data_directory,
    examples,
    fail,
    instant,
    json_option,
    load_config,
    now,
    printable,
    write_json,
)
from relay365.cli.words.times import Span

if TYPE_CHECKING:
    from relay365.engine.blackbox.archive import Archive

_LOOK_S = 0.25


@click.command(epilog=examples("relay365 tail --device canon-2f"))
@config_option
@json_option
@click.option("--device", "name", default="", help="Only this device, by its name or address.")
@click.option("--errors", is_flag=True, help="Only whole sessions that did not end well.")
@click.option("--next", "next_", is_flag=True, help="Only the next session, then leave.")
@click.option(
    "--for", "--seconds", "for_s", type=Span("s", least="0s"), metavar="SPAN",
    help="Leave after so long, digits alone for seconds.",
)  # fmt: skip
def tail(
    config_file: Path | None, as_json: bool, name: str, errors: bool, next_: bool, for_s: float | None
) -> None:
    """Show sessions while they go on; Ctrl-C ends it.

    What was said is a second old at most. Of a client with more sessions a second than are kept, some are not seen.
    """
    from relay365.spool.lock import DirectoryLock

    config, file = load_config(config_file)
    if DirectoryLock(data_directory(config, file)).holder() is None:
        fail(
            UNREACHABLE,
            "there is nothing to follow",
            "the service is not running",
            f"relay365 run --config {file}",
        )
    follower = Follower(archive_of(config, file), name, whole=errors or as_json)
    until_at = now() + for_s if for_s is not None else float("inf")
    try:
        while now() < until_at and not (_show(follower, errors, as_json, next_) and next_):
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        return


def _show(follower: Follower, errors: bool, as_json: bool, next_: bool) -> bool:
    """Print what is new; whether a session that counts has ended."""
    has_ended = False
    for news in follower.news():
        session = news.session
        if errors and is_well(session):
            continue
        if as_json and session["ended"]:
            write_json({"client": news.client, **session_object(session)})
        elif errors:
            for line in session_lines(session):
                click.echo(line)
        else:
            for line in news.lines():
                click.echo(line)
        has_ended = has_ended or session["ended"]
        if has_ended and next_:
            break
    return has_ended


def is_well(session: dict[str, Any]) -> bool:
    """Whether a session gave what it came for."""
    return bool(session["messages"]) and not session["refused"]


class News:
    """What is new of one session: its lines from n_shown on, and its reading when it has ended."""

    def __init__(self, client: str, session: dict[str, Any], n_shown: int) -> None:
        self.client, self.session, self.n_shown = client, session, n_shown

    def lines(self) -> Iterator[str]:
        """For people."""
        who_is = printable(self.client.partition("-")[2])
        began_at = self.session["began_at"]
        for ms, who, text in self.session["lines"][self.n_shown :]:
            yield f"{instant(began_at + ms / 1000)}  {who_is}  {ARROWS.get(who, '--')} {printable(text)}"
        if self.session["ended"]:
            yield f"{' ' * 24}  {who_is}  == {printable(self.session['reading'])}"


class Follower:
    """Looks at the archive again and again. whole: a session is news only when it has ended."""

    def __init__(self, archive: Archive, name: str, *, whole: bool) -> None:
        from relay365.engine.blackbox.archive import key_of

        self._archive, self._whole = archive, whole
        self._keys = {key_of(name, ""), key_of("", name)} if name else set()
        self._stamps = archive.stamps()
        self._n_shown: dict[
            str, dict[str, int]
        ] = {}  # by client: lines shown of each session; -1: it has ended
        for key in self._stamps:
            self._n_shown[key] = {
                one["session"]: _extent(one) for one in archive.read(key).get("sessions", ())
            }

    def news(self) -> list[News]:
        """What is new since the last look."""
        stamps = self._archive.stamps()
        changed = [key for key, stamp in stamps.items() if self._stamps.get(key) != stamp]
        self._stamps = stamps
        found = [one for key in changed if not self._keys or key in self._keys for one in self._of(key)]
        return sorted(found, key=lambda news: float(news.session["began_at"]))

    def _of(self, key: str) -> Iterator[News]:
        before, after = self._n_shown.get(key, {}), {}
        for session in self._archive.read(key).get("sessions", ()):
            name, extent = session["session"], _extent(session)
            n_shown = before.get(name, 0)
            is_due = n_shown != extent and (session["ended"] or not self._whole)
            after[name] = extent if is_due else n_shown
            if is_due:
                yield News(key, session, n_shown)
        self._n_shown[key] = after


def _extent(session: dict[str, Any]) -> int:
    """How much there is to show of a session: so many lines, or -1 for all when it has ended."""
    return -1 if session["ended"] else len(session["lines"])
