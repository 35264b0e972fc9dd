"""`relay365 queue export` and `import`: mail out of a queue as files that anybody can read, and in again.

An export holds for each message ID.eml, the octets that would be sent, and ID.json, its envelope and who gave it. It
changes nothing in the queue; an import hands mail in at a listener, so that a message is accepted there like any other.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.queues.handing_back import Door, Letter, Refused, door_of, fresh, hand_back
from relay365.cli.words.output import (
    PROBLEM,
    WRONG_USE,
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
from relay365.cli.words.where import chosen

if TYPE_CHECKING:
    from relay365.spool.api import MessageView
    from relay365.spool.history.search import History
    from relay365.spool.sqlite import SqliteSpool

FORMAT = 1
WAITING = ("queued", "claimed", "held")
KEPT = (*WAITING, "failed", "expired")
"""States whose content is still there."""


@click.command(
    epilog=examples(
        "relay365 queue export --all --to waiting.zip",
        "relay365 queue export --where 'state:failed since:2d' --to failed.zip",
    )
)
@config_option
@json_option
@click.argument("spool_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that waits or is held.")
@click.option(
    "--where", default="", metavar="FILTER", help="All that fits, as in `queue list`; failed mail, too."
)
@click.option(
    "--to", "target", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to make."
)
def export(config_file: Path | None, as_json: bool, spool_ids: tuple[str, ...], **by: Any) -> None:
    """Write messages into a zip file: ID.eml is what would be sent, ID.json its envelope. The queue stays as it is.

    Failed and deleted mail has its content as long as its history. Exit 1: a content was not there any more.
    """
    if bool(spool_ids) + by["everything"] + bool(by["where"]) != 1:
        raise click.UsageError("name messages, or say --where or --all")
    target: Path = by["target"]
    if target.exists():
        fail(WRONG_USE, f"{target} exists", "nothing is overwritten", "choose another name after --to")
    words = by["where"] or " ".join(f"id:{one}" for one in spool_ids)
    views = chosen(config_file, words, WAITING if by["everything"] else KEPT)
    found = _make(config_file, views, target)
    missing = len(views) - len(found) + max(0, len({*spool_ids}) - len(views))
    if as_json:
        write_json({"file": str(target) if found else None, "exported": found, "missing": missing})
    else:
        where = f" in {target}" if found else ""
        click.echo(
            f"exported: {len(found)} message{'s' * (len(found) != 1)}{where}; {missing} had no content"
        )
        if any(one.state.value == "claimed" for view in views for one in view.recipients):
            click.echo("some of them are on their way now: they may arrive all the same")
    raise SystemExit(PROBLEM if missing or not found else 0)


def _make(config_file: Path | None, views: Sequence[MessageView], target: Path) -> list[str]:
    """Make the file, for this user alone, whole or not at all; gives the ids that are in it."""
    part = target.with_name(f"{target.name}.part")
    try:
        part.touch(mode=0o600)
        found = asyncio.run(_write(config_file, views, part)) if views else []
        if found:
            part.replace(target)
    except OSError as error:
        fail(
            WRONG_USE,
            f"{target} cannot be written",
            error.strerror or str(error),
            "choose another place",
        )
    finally:
        part.unlink(missing_ok=True)
    return found


async def _write(config_file: Path | None, views: Sequence[MessageView], part: Path) -> list[str]:
    """Write the messages; gives the ids that are in it. Raises OSError."""
    from relay365.clock import SystemClock
    from relay365.spool.history.search import History
    from relay365.spool.sqlite import SqliteSpool

    config, file = load_config(config_file)
    data = data_directory(config, file)
    history = History(data, SystemClock())
    spool = await SqliteSpool.open(data, clock=SystemClock(), exclusive=False)
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            return [str(view.spool_id) for view in views if await _add(archive, view, spool, history)]
    finally:
        await spool.close()
        await history.close()


async def _add(archive: zipfile.ZipFile, view: MessageView, spool: SqliteSpool, history: History) -> bool:
    """One message; False where its content is not there, or is not what was accepted."""
    from relay365.errors import SpoolCorrupt

    row = await history.row(view.spool_id)
    try:
        content = await spool.content(view.spool_id)
        if row is None or content is None:
            return False
        whole = content.octets()
        blocks = content.blocks() if whole is None else _once(whole)
        begin = row.trace + await anext(blocks, b"")  # damage shows before the first block
        check = hashlib.sha256(begin)
        with archive.open(f"{view.spool_id}.eml", "w", force_zip64=True) as out:
            out.write(begin)
            async for block in blocks:
                check.update(block)
                out.write(block)
    except SpoolCorrupt as damage:
        click.echo(f"{view.spool_id} is damaged: {printable(str(damage))}", err=True)
        return False
    about = {
        "format": FORMAT, "id": view.spool_id, "accepted_at": instant(view.accepted_at), "sha256": check.hexdigest(),
        "message_id": view.message_id, "reverse_path": view.reverse_path, "body": row.body,
        "smtputf8": bool(row.smtputf8), "ret": row.ret, "envid": row.envid,
        "recipients": [
            {
                "address": one.address, "notify": one.notify, "orcpt": one.orcpt, "state": one.state.value,
                "attempts": one.attempts, "last_reply": one.last_reply,
                "possible_duplicate": one.possible_duplicate,
            }
            for one in view.recipients
        ],
        "submitter": asdict(view.submitter),
    }  # fmt: skip
    archive.writestr(f"{view.spool_id}.json", json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    return True


async def _once(octets: bytes) -> AsyncIterator[bytes]:
    yield octets


@click.command("import", epilog=examples("relay365 queue import waiting.zip"))
@config_option
@json_option
@click.argument("source", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--listener", default="", metavar="ADDRESS", help="Which listener, by its address; default: the first."
)
@click.option("--login", default="", help="Log in by this name; the password is read from standard input.")
def import_(config_file: Path | None, as_json: bool, source: Path, listener: str, login: str) -> None:
    """Hand the messages of an export in at a listener of the running relay, to all who have not got them.

    The relay judges them like any mail: this machine's address, or --login, must be allowed to send for their senders.
    What was taken is written into FILE.done, so that the same import again goes on where it ended. Exit 1: some were
    refused.
    """
    config, file = load_config(config_file)
    password = sys.stdin.readline().rstrip("\r\n") if login else ""
    door = door_of(config, file, listener, (login, password) if login else None)
    done_file = source.with_name(f"{source.name}.done")
    done = set(done_file.read_text("utf-8").split()[::2]) if done_file.exists() else set()
    counts = Counter[str]()
    for name, letter, wrong in _letters(source):
        if name in done or (not wrong and not letter.recipients):
            counts["done"] += 1
            continue
        new_id, refused = ("", wrong) if wrong else _hand_in(config_file, door, letter)
        counts["refused" if refused else "taken"] += 1
        if new_id:
            with done_file.open("a", encoding="utf-8") as out:
                out.write(f"{name} {new_id}\n")
        if as_json:
            write_json({"id": name, "new_id": new_id or None, "refused": refused or None})
        elif refused:
            click.echo(f"{name} was refused: {refused}")
    if not as_json:
        click.echo(f"taken: {counts['taken']}, refused: {counts['refused']}, done before: {counts['done']}")
        if counts["refused"]:
            click.echo(f"why: relay365 explain --as {door.host} --from SENDER --to RECIPIENT")
    raise SystemExit(PROBLEM if counts["refused"] else 0)


def _hand_in(config_file: Path | None, door: Door, letter: Letter) -> tuple[str, str]:
    """(new id, "") of one message, or ("", why it was refused)."""
    began_at = now()
    try:
        return fresh(config_file, hand_back(door, letter), began_at), ""
    except Refused as no:
        return "", str(no)


def _letters(source: Path) -> Iterator[tuple[str, Letter, str]]:
    """(id, message, what is wrong with it or "") of an export; leaves with 2 where the file is none."""
    try:
        with zipfile.ZipFile(source) as archive:
            names = [name.removesuffix(".json") for name in archive.namelist() if name.endswith(".json")]
            yield from (_letter(archive, name) for name in names)
    except (zipfile.BadZipFile, OSError) as error:
        fail(
            WRONG_USE,
            f"{printable(source.name)} cannot be read",
            printable(str(error)),
            "name a file that `relay365 queue export` has made",
        )


def _letter(archive: zipfile.ZipFile, name: str) -> tuple[str, Letter, str]:
    try:
        about = json.loads(archive.read(f"{name}.json"))
        content = archive.read(f"{name}.eml")
        if about["format"] != FORMAT:
            return name, Letter(b"", "", ()), f"its format is {about['format']}, this relay365 knows {FORMAT}"
        if hashlib.sha256(content).hexdigest() != about["sha256"]:
            return name, Letter(b"", "", ()), "its content is not what was exported: the checksum is wrong"
        open_ = [one for one in about["recipients"] if one["state"] != "delivered"]
        recipients = tuple((one["address"], one["notify"], one["orcpt"]) for one in open_)
        letter = Letter(
            content,
            about["reverse_path"],
            recipients,
            about["body"],
            about["smtputf8"],
            about["ret"],
            about["envid"],
        )
    except (KeyError, ValueError, TypeError) as error:
        return name, Letter(b"", "", ()), f"it is not as an export writes it: {printable(str(error))}"
    return name, letter, ""
