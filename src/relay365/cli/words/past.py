"""The past behind a command: the history of the configured relay, and the sessions that brought no message.

Apart from the commands because several ask it. What a session of a device was refused stands in no queue; the black
box has it as long as it keeps sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relay365.cli.words.output import DEFAULT_FILES, data_directory, instant, now, with_store

if TYPE_CHECKING:
    from relay365.clock import Clock
    from relay365.engine.blackbox.archive import Archive
    from relay365.spool.history.search import History
    from relay365.spool.history.trouble import Trouble
    from relay365.spool.history.wanted import Wanted

DAY_S = 86_400.0
MONTH_S = 30 * DAY_S


def with_history(config_file: Path | None, work: Callable[[History], Coroutine[Any, Any, Any]]) -> Any:
    """with_store() of the history."""
    from relay365.spool.history.search import History

    async def opening(directory: Path, clock: Clock) -> History:
        return History(directory, clock)

    return with_store(config_file, "history", opening, work)


def meaning_of(trouble: Trouble) -> tuple[str, str | None]:
    """(class, row) of an answer: as the relay understood it, or as the catalogue reads its words."""
    from relay365.routes.catalogue.pasted import explain

    if trouble.klass:
        return trouble.klass, trouble.row or None
    found = explain(trouble.text, "ndr" if trouble.is_later else "")
    return found.klass.value, found.row.id if found.row is not None else None


def seen_lately(config_file: Path | None, row: str) -> dict[str, Any] | None:
    """How often attempts were told what a row means, in a day and in 30; None where there is no history to ask.

    Whoever has a text explained may have no configuration, or a broken one: that is no fault here.
    """
    import asyncio

    from relay365.clock import SystemClock
    from relay365.config import ConfigErrors, parse
    from relay365.errors import SpoolError
    from relay365.spool.history.search import History

    async def told(data: Path) -> list[Trouble]:
        history = History(data, SystemClock())
        try:
            return await history.troubles(now() - MONTH_S)
        finally:
            await history.close()

    file = config_file or next((one for one in DEFAULT_FILES if one.exists()), None)
    try:
        data = data_directory(parse(file.read_text("utf-8"), str(file)), file) if file is not None else None
        if data is None or not (data / "spool.db").exists():
            return None
        found = [one for one in asyncio.run(told(data)) if meaning_of(one)[1] == row]
    except (OSError, UnicodeDecodeError, ConfigErrors, SpoolError):
        return None
    return {
        "count": len(found), "count_24h": sum(one.at >= now() - DAY_S for one in found),
        "last_at": instant(found[-1].at) if found else None, "devices": sorted({one.device for one in found}),
    }  # fmt: skip


def sessions_without_mail(archive: Archive, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Sessions in which something was refused or nothing was given, where they are wanted, in no order."""
    if wanted.ids or wanted.states or wanted.errors or wanted.subject or wanted.octets[0]:
        return  # these ask for a message
    for client in archive.all():
        for session in client["sessions"]:
            if not session["ids"] and _is_wanted(client, session, wanted):
                yield {**session, "device": client.get("device", ""), "address": client.get("address", "")}


def _is_wanted(client: dict[str, Any], session: dict[str, Any], wanted: Wanted) -> bool:
    from fnmatch import fnmatchcase

    from relay365.spool.history.wanted import is_part

    if not wanted.since_at <= session["began_at"] < wanted.until_at:
        return False
    names = (client.get("device", ""), client.get("address", ""), session.get("login", ""))
    pattern = wanted.device.casefold().replace("[", "[[]")
    if pattern and not any(fnmatchcase(name.casefold(), pattern) for name in names):
        return False
    lines = [text for _, _, text in session["lines"]]
    senders = [text for text in lines if text.upper().startswith("MAIL FROM:")]
    recipients = [text for text in lines if text.upper().startswith("RCPT TO:")]
    texts = [*lines, *names, session["reading"], session["peer"]]
    return (
        (not wanted.sender or any(is_part(f"*{wanted.sender}*", text) for text in senders))
        and (not wanted.to or any(is_part(f"*{wanted.to}*", text) for text in recipients))
        and all(any(word.casefold() in text.casefold() for text in texts) for word in wanted.words)
    )
