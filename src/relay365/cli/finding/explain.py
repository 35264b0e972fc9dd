"""`relay365 explain`: what a reply or an error means, and what heals it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words import verdict
from relay365.cli.words.output import (
    DEFAULT_FILES,
    GOOD,
    PROBLEM,
    WRONG_USE,
    config_option,
    data_directory,
    examples,
    fail,
    instant,
    json_option,
    load_config,
    printable,
    with_spool,
    write_json,
)
from relay365.cli.words.past import seen_lately
from relay365.cli.words.sizes import Octets

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from relay365.routes.catalogue.rows import Row
    from relay365.spool.api import MessageView, RecipientView

_PLACES = ("smtp", "graph", "token", "ndr")
_KINDS = ("submission", "connector", "graph", "hve", "acs", "smarthost")
SHOWN_DEVICES = 3
# As ids look when they are misread, too; a word without a digit is a word, and Microsoft's numbers are not ours.
_LIKE_AN_ID = re.compile(r"(?!0x|aadsts|\d+$)(?=.*\d)[0-9a-z]{6,13}|[2-9]{6,13}", re.IGNORECASE)
_WORST = ("held", "failed", "expired", "queued", "claimed", "delivered")


@click.command(
    epilog=examples(
        "relay365 explain '550 5.7.64 TenantAttribution; Relay Access Denied SMTP'",
        "relay365 explain 4TQ921",
        "relay365 explain --as 192.168.10.31 --from scan@contoso.com --to lena@fabrikam.com",
    )
)
@config_option
@click.argument("text", required=False)
@click.option("--where", type=click.Choice(_PLACES), help="Where the text comes from, if you know.")
@click.option("--batch", is_flag=True, help="Read one JSON string, or object with text and where, per line.")
@click.option("--unknown", is_flag=True, help="List the replies that came and that no row knows.")
@click.option(
    "--route", "kinds", multiple=True, type=click.Choice(_KINDS), help="The kind of route it came on."
)
@json_option
@click.option("--as", "address", metavar="ADDRESS", help="Instead of a text: what a client there would hear.")
@click.option("--helo", default="device", help="With --as: the name that it gives itself.")
@click.option("--login", default="", help="With --as: the login that it has given.")
@click.option("--listener", default="", help="With --as: the listener's address; default: the first.")
@click.option("--from", "sender", default="", metavar="ADDRESS", help="With --as: the sender.")
@click.option(
    "--to", "recipients", multiple=True, metavar="ADDRESS", help="With --as: a recipient; may be repeated."
)
@click.option("--size", type=Octets(), default=0, metavar="SIZE", help="With --as: how large, such as 25M.")
def explain(
    config_file: Path | None,
    text: str | None,
    where: str | None,
    as_json: bool,
    **client: Any,
) -> None:
    """Say what a reply, an error, a queue id or a mark (R3, A12) means, why it comes, and what to do.

    With --as ADDRESS, from the configuration alone: which rule holds for a client, why, and what it would hear.
    Exit 0 known, or the mail would be taken; 1 unknown, or it would be refused. With --batch every line of standard
    input gets one line of JSON, whatever it is.
    """
    kinds = client.pop("kinds")
    if client.pop("unknown"):
        _print_unknown(config_file, as_json=as_json)
        return
    if client.pop("batch"):
        for line in sys.stdin.buffer:
            write_json(_answer(line.decode("utf-8", "replace")))
        return
    if client["address"]:
        raise SystemExit(verdict.say(config_file, client, as_json=as_json))
    if not text or not text.strip():
        do = "relay365 explain 'the whole line, as you see it'"
        fail(WRONG_USE, "no text", "there is nothing to explain", do)
    found = (None if where else verdict.mark_object(config_file, text)) or as_object(text, where or "", kinds)
    if found["row"] is None and not where and "mark" not in found:
        found = _message(config_file, text) or found
    if found["row"] is not None and "mark" not in found and "id" not in found:
        seen = seen_lately(config_file, found["row"])
        found = {**found, **({"seen": seen} if seen is not None else {})}
    if as_json:
        write_json(found)
    else:
        _print(found)
    raise SystemExit(GOOD if found["row"] or "id" in found or found.get("is_known") else PROBLEM)


def _print_unknown(config_file: Path | None, *, as_json: bool) -> None:
    """The texts that the service has collected, the newest first."""
    from dataclasses import asdict

    from relay365.engine.reports.unknown import load

    config, file = load_config(config_file)
    found = load(data_directory(config, file))
    for one in found:
        if as_json:
            times = {"first_at": instant(one.first_at), "last_at": instant(one.last_at)}
            write_json({**asdict(one), **times})
        else:
            click.echo(
                f"{one.count:6} times, last {instant(one.last_at)} on {one.lane}: {printable(one.text)}"
            )
    if not found and not as_json:
        click.echo("none: the catalogue knew every reply")


def as_object(text: str, where: str, kinds: Collection[str] = ()) -> dict[str, Any]:
    """The documented JSON of one explanation; kinds: those of the routes in use, whose causes come first."""
    from relay365.routes.catalogue import pasted

    explained = pasted.explain(text, where)
    if explained.row is not None:
        return _row_object(explained.row, kinds)
    if pasted.is_yes(text):
        return _a_yes()
    return {
        "class": explained.klass.value,
        "scope": explained.scope.value,
        "row": None,
        "title": "This text is not in the catalogue.",
        "why": [f"no row knows: {printable(' '.join(text.split()))[:200]}"],
        "do": ["look at the queue: relay365 queue list", "report the text, so that it can be classified"],
        "tests": [],
        "links": [],
    }


def _row_object(row: Row, kinds: Collection[str] = ()) -> dict[str, Any]:
    return {
        "class": row.klass.value,
        "scope": row.scope.value,
        "row": row.id,
        "title": row.title,
        "why": list(row.causes_on(kinds)),
        "do": list(row.do),
        "tests": list(row.tests),
        "links": list(row.links),
    }


def _a_yes() -> dict[str, Any]:
    return {
        "is_known": True,
        "class": None,
        "scope": None,
        "row": None,
        "title": "Nothing went wrong: the server that says this has taken the message.",
        "why": ["a reply that begins with 2 is a yes; what becomes of the message later is not in it"],
        "do": [
            "relay365 trace ID, or --message-id '<...>', says what became of it",
            "a server that names no id: send through relay365, whose yes is 250 2.6.0 queued as ID",
        ],
        "tests": [],
        "links": [],
    }


def _answer(line: str) -> dict[str, Any]:
    """One line of --batch; a broken line gets the answer to an unknown text and says what is wrong with it."""
    try:
        text, where = _text_and_where(json.loads(line))
    except (ValueError, TypeError, RecursionError) as error:
        what = "nested too deep" if isinstance(error, RecursionError) else str(error)
        return {**as_object(line, ""), "error": f"not a JSON string or object with text: {printable(what)}"}
    return as_object(text, where)


def _text_and_where(value: object) -> tuple[str, str]:
    text, where = (value.get("text"), value.get("where")) if isinstance(value, dict) else (value, "")
    if not isinstance(text, str):
        raise TypeError("text is missing or is not a string")
    return text, where if isinstance(where, str) and where in _PLACES else ""


def _message(config_file: Path | None, text: str) -> dict[str, Any] | None:
    """The last replies of a message in the queue, if the text is its id and there is a queue."""
    from relay365.spool.ids import seq_of

    spool_id = text.strip()
    is_like_one = bool(_LIKE_AN_ID.fullmatch(spool_id))
    has_file = config_file is not None or any(file.exists() for file in DEFAULT_FILES)
    if (seq_of(spool_id) is None and not is_like_one) or not has_file:
        return None
    config, file = load_config(config_file)
    if not (data_directory(config, file) / "spool.db").exists():
        return None
    view: MessageView | None = with_spool(config_file, lambda spool: spool.show(spool_id))
    if view is None and is_like_one:
        return _no_message(spool_id.upper())
    kinds = dict(zip(config.route_names(), (route.kind for route in config.route), strict=True))
    return _message_object(view, kinds) if view is not None and view.recipients else None


def _no_message(spool_id: str) -> dict[str, Any]:
    return {
        "mark": spool_id,
        "is_known": False,
        "class": None,
        "scope": None,
        "row": None,
        "title": "There is no such message in the queue or its history.",
        "why": ["it is misread (an id has no 0, O, 1 or I), another relay's, or older than [queue] keep"],
        "do": [
            "relay365 history ADDRESS finds it by an address, a device, a Message-ID or words of an answer"
        ],
        "tests": [],
        "links": [],
    }


def _message_object(view: MessageView, kinds: Mapping[str, str]) -> dict[str, Any]:
    """The explanation of the recipient that is worst off, and of each one below it. kinds: by the route's name."""
    recipients = sorted(view.recipients, key=lambda one: _WORST.index(one.state.value))
    explained = [
        {"address": one.address, "state": one.state.value, **_recipient(one, kinds)} for one in recipients
    ]
    first = {
        key: explained[0][key] for key in ("class", "scope", "row", "title", "why", "do", "tests", "links")
    }
    return {"id": view.spool_id, **first, "recipients": explained}


def _recipient(one: RecipientView, kinds: Mapping[str, str]) -> dict[str, Any]:
    """What the last reply means on the kind of route that the recipient waits for, or went by."""
    from relay365.routes.catalogue.rows import catalogue

    kind = kinds.get(one.lane.partition("/")[0], "")
    on = (kind,) if kind else ()
    row = next((row for row in catalogue() if row.id == one.row), None)
    found: dict[str, Any] = {}
    if row is not None:
        found = _row_object(row, on)
    elif one.klass:
        found = as_object(one.last_reply, "smtp", on)
    quiet = {
        "class": None,
        "scope": None,
        "row": None,
        "title": f"Nothing went wrong: it is {one.state.value}.",
    }
    return {"last_reply": one.last_reply, **quiet, "why": [], "do": [], "tests": [], "links": [], **found}


def _said(seen: dict[str, Any]) -> str:
    """What the history has of it, in a line."""
    if not seen["count"]:
        return "never in 30 days"
    who = ", ".join(printable(name) for name in seen["devices"][:SHOWN_DEVICES])
    more = f" and {len(seen['devices']) - SHOWN_DEVICES} more" if len(seen["devices"]) > SHOWN_DEVICES else ""
    counts = f"{seen['count_24h']:,} times in 24 h, {seen['count']:,} in 30 days"
    return f"{counts}, last {seen['last_at']}, mail of {who}{more}: relay365 errors"


def _print(found: dict[str, Any]) -> None:
    entries = found.get("recipients", [found])
    if "id" in found:
        click.echo(f"message {found['id']}")
    for entry in entries:
        if "address" in entry:
            click.echo(
                f"<{printable(entry['address'])}>  {entry['state']}  {printable(entry['last_reply'])}".rstrip()
            )
        marks = f"  [{entry['class']}, {entry['scope']}]" if entry["class"] else ""
        name = entry.get("mark") or entry["row"] or ("unknown" if entry["class"] else "well")
        click.echo(f"{name}: {entry['title']}{marks}")
        if seen := found.get("seen"):
            click.echo(f"  seen {_said(seen)}")
        for cause in entry["why"]:
            click.echo(f"  why  {cause}")
        for cure in entry["do"]:
            click.echo(f"  do   {cure}")
        for test in entry.get("tests", ()):
            click.echo(f"  test {test}")
        for link in entry.get("links", ()):
            click.echo(f"  see  {link}")
