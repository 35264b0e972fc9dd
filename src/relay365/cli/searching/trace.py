"""`relay365 trace`: what became of a message, from the device to Exchange. Works while the service is down."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import (
    PROBLEM,
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
from relay365.cli.words.story import lines_of, news_of, session_of, story_of
from relay365.cli.words.times import Since, local_times, utc_option

if TYPE_CHECKING:
    from relay365.engine.blackbox.archive import Archive
    from relay365.spool.api import MessageView
    from relay365.spool.later import Search

LOOK_S = 1.0
DEFAULT_SPAN_S = 172_800.0


@click.command(epilog=examples("relay365 trace 4TQ921", "relay365 trace --to lena@fabrikam.com --since 2h"))
@config_option
@json_option
@click.argument("spool_id", required=False)
@click.option("--message-id", default="", metavar="ID", help="By its Message-ID, ours or Microsoft's.")
@click.option("--to", default="", metavar="ADDRESS", help="All mail to an address, of two days.")
@click.option(
    "--since", type=Since(), metavar="AGE", help="All mail since then: 2h, 3d, or an instant; or with --to."
)
@click.option(
    "--follow", is_flag=True, help="Go on with what happens, until the end is known; Ctrl-C ends it."
)
@utc_option
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="The newest so many.")
def trace(
    config_file: Path | None, as_json: bool, spool_id: str | None, *, follow: bool, utc: bool, **by: Any
) -> None:
    """What became of a message: the device's session, our changes, every try with its answer, and its later end."""
    from relay365.engine.blackbox.archive import Archive

    by_time = bool(by["to"]) or by["since"] is not None
    if bool(spool_id) + bool(by["message_id"]) + by_time != 1:
        raise click.UsageError("name one message, or --message-id, or --to and --since")
    wanted = _search(**by)
    config, file = load_config(config_file)
    archive = Archive(data_directory(config, file))
    views = _find(config_file, spool_id, wanted)
    if not views and not (follow and by_time):
        fail(
            PROBLEM,
            f"no message {printable(spool_id or by['message_id'] or by['to'])}".rstrip(),
            "the name is wrong, it is older than asked for, or its history was pruned",
            "relay365 queue list --all",
        )
    face = _Face(archive, as_json=as_json, utc=utc)
    for view in views:
        face.show(view)
    if follow:
        asks = any(
            getattr(one, "trace", False) or getattr(one, "read_reports", False) for one in config.route
        )
        _follow(lambda: _find(config_file, spool_id, wanted), face, asks_later=asks)


def _search(message_id: str, to: str, since: float | None, limit: int) -> Search | None:
    """What is looked for, where it is no id of ours."""
    from relay365.spool.later import Search

    if message_id:
        bare = message_id.strip().strip("<>")
        return Search(frozenset({f"<{bare}>"}), limit=limit)
    if to or since is not None:
        return Search(to=to, since_at=now() - DEFAULT_SPAN_S if since is None else since, limit=limit)
    return None


def _find(config_file: Path | None, spool_id: str | None, wanted: Search | None) -> list[MessageView]:
    if wanted is not None:
        found: list[MessageView] = with_spool(config_file, lambda spool: spool.search(wanted))
        return found
    view = with_spool(config_file, lambda spool: spool.show(spool_id))
    return [view] if view is not None else []


class _Face:
    """Prints stories, and remembers how many events of each were shown."""

    def __init__(self, archive: Archive, *, as_json: bool, utc: bool) -> None:
        self._archive, self._as_json, self._utc = archive, as_json, utc
        self._shown: dict[str, int] = {}

    def show(self, view: MessageView) -> None:
        """The whole story; instants are in UTC for a program, as people want them for a person."""
        self._shown[view.spool_id] = len(view.events)
        story = story_of(view, session_of(view, self._archive))
        if self._as_json:
            write_json(story)
        else:
            click.echo("\n".join([*lines_of(self._timed(story)), ""]))

    def show_news(self, view: MessageView) -> None:
        """What was not shown yet; for a program the whole object again."""
        n_shown = self._shown.get(view.spool_id, 0)
        if n_shown == len(view.events):
            return
        if self._as_json or not n_shown:
            self.show(view)
            return
        self._shown[view.spool_id] = len(view.events)
        for line in news_of(self._timed(story_of(view, None)), n_shown):
            click.echo(line)

    def _timed(self, story: dict[str, Any]) -> dict[str, Any]:
        return story if self._utc else local_times(story)


def _follow(find: Callable[[], list[MessageView]], face: _Face, *, asks_later: bool) -> None:
    """Look again and again; a message that was there before shows its new events, a new one its story.

    asks_later: whether a route asks Microsoft what becomes of it. Where none does, what was handed over has its end.
    """
    from relay365.spool.api import END_STATES

    def is_over(view: MessageView) -> bool:
        has_ended = all(one.state in END_STATES for one in view.recipients)
        return bool(story_of(view, None)["resolved"]) or (has_ended and not asks_later)

    try:
        while True:
            views = find()
            for view in views:
                face.show_news(view)
            if views and all(map(is_over, views)):
                return
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        return
