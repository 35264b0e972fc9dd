"""`relay365 device`: who sends through us, what each of them needs, and what it said last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from relay365.cli.devices.change import add, disable, set_
from relay365.cli.devices.learn import learn
from relay365.cli.devices.sheet import sheet
from relay365.cli.words.output import (
    PROBLEM,
    age,
    config_option,
    data_directory,
    examples,
    fail,
    instant,
    json_option,
    load_config,
    now,
    plain_option,
    printable,
    with_spool,
    write_json,
    write_table,
)

if TYPE_CHECKING:
    from relay365.engine.blackbox.archive import Archive
    from relay365.engine.blackbox.gateway import Gateway
    from relay365.engine.doors.locks import Lock

ARROWS = {"client": "->", "relay": "<-", "note": "--", "out": "=>", "remote": "<="}


@click.group(epilog=examples("relay365 device list"))
def device() -> None:
    """List devices, show what they need and said, and write the rule for one."""


for _command in (add, set_, disable, learn, sheet):
    device.add_command(_command)


@device.command("list", epilog=examples("relay365 device list --unknown"))
@config_option
@json_option
@plain_option
@click.option("--unknown", is_flag=True, help="Only those that no rule knows.")
def list_(config_file: Path | None, as_json: bool, plain: bool, unknown: bool) -> None:
    """Every device of the configuration, and everybody who was heard."""
    from relay365.engine.blackbox.gateway import gateway_of

    config, file = load_config(config_file)
    clients = archive_of(config, file).all()
    gateway = gateway_of(clients)
    rows = [row for row in _rows(config, clients, gateway) if not (unknown and row["known"])]
    if as_json:
        for row in rows:
            write_json(row)
        return
    write_table(
        ("NAME", "ADDRESS", "HEARD", "TODAY", "TLS", "NEEDS", "LAST SESSION"),
        [_cells(row) for row in rows],
    )
    for one in [] if unknown else _locks(config, file):
        click.echo(f"\nToo many wrong logins: {_locked(one)}")
    if gateway is not None:
        what, why, do = map(printable, gateway.words)
        click.echo(f"\nwhat: {what}\nwhy:  {why}\ndo:   {do}")
    for row in rows:
        if not row["known"]:
            click.echo(f"\n{printable(row['address'])} is unknown. To let it in, paste into {file}:\n")
            click.echo(row["rule_to_paste"])


@device.command(epilog=examples("relay365 device show 192.168.10.31"))
@config_option
@json_option
@click.argument("name")
def show(config_file: Path | None, as_json: bool, name: str) -> None:
    """One device, by its name or address: its counts, and what it needs."""
    from relay365.engine.blackbox.gateway import gateway_of

    config, file = load_config(config_file)
    clients = archive_of(config, file).all()
    row = next((one for one in _rows(config, clients, gateway_of(clients)) if name in _names(one)), None)
    if row is None:
        _never_heard(name)
    if as_json:
        write_json(row)
        return
    click.echo(
        printable(
            " - ".join(part for part in (row["name"] or row["address"], row["kind"], row["place"]) if part)
        )
    )
    for word, text in (*_facts(row), *_warnings(config, row)):
        click.echo(f"  {word:<13}{printable(text)}")
    for one in _locks(config, file):
        if one.address in (row["address"], "any"):
            click.echo(f"  {'locked':<13}{_locked(one)}")
    if not row["known"]:
        click.echo(f"\nTo let it in, paste into {file}:\n\n{row['rule_to_paste']}")


@device.command(epilog=examples("relay365 device sessions canon-2f"))
@config_option
@json_option
@click.argument("name")
@click.option(
    "--last", default=5, show_default=True, type=click.IntRange(1), help="So many of the last sessions."
)
def sessions(config_file: Path | None, as_json: bool, name: str, last: int) -> None:
    """What a device and we said to each other last, and what it means; and what became of its messages."""
    config, file = load_config(config_file)
    found = heard(archive_of(config, file), name)
    if not found:
        _never_heard(name)
    shown = found["sessions"][-last:]
    fates = _fates(config_file, data_directory(config, file), [one for s in shown for one in s["ids"]])
    for session in shown:
        session["fates"] = [fate for one in session["ids"] for fate in fates.get(one, ())]
        if as_json:
            write_json(session_object(session))
        else:
            for line in session_lines(session):
                click.echo(line)


def archive_of(config: Any, file: Path) -> Archive:
    """The archive beside a configuration's data."""
    from relay365.engine.blackbox.archive import Archive

    return Archive(data_directory(config, file))


def heard(archive: Archive, name: str) -> dict[str, Any]:
    """What is known of a client by its device's name or its address; {} where it was never heard."""
    from relay365.engine.blackbox.archive import key_of

    return archive.read(key_of(name, "")) or archive.read(key_of("", name))


def session_object(session: dict[str, Any]) -> dict[str, Any]:
    """A session with its instants as text and its lines as objects."""
    attempts = [
        {**one, "lines": [_line_object(line) for line in one["lines"]]} for one in session.get("attempts", ())
    ]
    lines = [_line_object(line) for line in session["lines"]]
    return {**session, "began_at": instant(session["began_at"]), "lines": lines, "attempts": attempts}


def _line_object(line: tuple[int, str, str]) -> dict[str, Any]:
    ms, who, text = line
    return {"ms": ms, "who": who, "text": text}


def _both_legs(session: dict[str, Any]) -> list[tuple[int, str, str]]:
    """What was said to the device and to the next hop, in the order of time; the other leg names the message."""
    lines = [(ms, ARROWS.get(who, "--"), text) for ms, who, text in session["lines"]]
    for one in session.get("attempts", ()):
        arrows = {**ARROWS, "note": "=="}
        lines += [(ms, arrows.get(who, "=="), f"{one['id']}  {text}") for ms, who, text in one["lines"]]
    return sorted(lines, key=lambda line: line[0])


def session_lines(session: dict[str, Any]) -> Iterator[str]:
    """A session as a person reads it."""
    about = [
        session["peer"],
        session["tls"] or "no TLS",
        f"login {session['login']}" if session["login"] else "no login",
    ]
    yield f"{instant(session['began_at'])}  {printable(', '.join(about))}"
    for ms, arrow, text in _both_legs(session):
        yield f"{ms:>9} ms {arrow} {printable(text)}"
    if session["tolerated"]:
        yield f"  needed: {printable(counted(session['tolerated']))}"
    yield f"  reading: {printable(session['reading'])}"
    for fate in session.get("fates", ()):
        yield f"  {printable(fate)}"


def counted(tolerated: dict[str, int]) -> str:
    """`no_brackets 12, bare_lf_commands 3`, the most frequent first."""
    return ", ".join(
        f"{name} {n}" for name, n in sorted(tolerated.items(), key=lambda one: (-one[1], one[0]))
    )


def _rows(config: Any, clients: list[dict[str, Any]], gateway: Gateway | None) -> list[dict[str, Any]]:
    found = {client["client"]: client for client in clients}
    rows = [_row(one, found.pop(f"device-{one.name}", {})) for one in config.device]
    rows += [_row(None, client) for client in found.values()]
    is_behind = gateway.address if gateway is not None else None
    words = gateway.as_object() if gateway is not None else None
    return [{**row, "gateway": words if row["address"] == is_behind else None} for row in rows]


def _row(configured: Any, client: dict[str, Any]) -> dict[str, Any]:
    from relay365.rules.reading import rule_to_paste

    is_known = configured is not None or bool(client.get("rule"))
    return {
        "name": configured.name if configured is not None else client.get("device", ""),
        "kind": configured.kind if configured is not None else "",
        "place": configured.place if configured is not None else "",
        "known": is_known,
        "rule": client.get("rule") or None,
        "rule_name": client.get("rule_name") or None,
        "address": client.get("address", ""),
        "helo": client.get("helo", ""),
        "login": client.get("login") or None,
        "tls": client.get("tls") or None,
        "listener": client.get("listener") or None,
        "sender": client.get("sender") or None,
        "last_heard_at": instant(client.get("last_heard_at")),
        "last_heard_age_s": round(now() - client["last_heard_at"], 1) if client else None,
        "sessions": client.get("sessions_heard", 0),
        "messages": client.get("messages", 0),
        "messages_today": client.get("messages_today", 0) if client.get("day") == int(now() // 86_400) else 0,
        "refused": client.get("refused", 0),
        "needs": client.get("tolerated", {}),
        "divided": _divided(client),
        "reading": client.get("reading") or None,
        "rule_to_paste": None if is_known else rule_to_paste(client["address"], client["helo"]),
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    when = f"{age(row['last_heard_age_s'])} ago" if row["last_heard_at"] else "never"
    return (
        row["name"] or "-", row["address"] or "-", when, str(row["messages_today"]),
        (row["tls"] or "-").partition(" ")[0], ", ".join(sorted(row["needs"])) or "-", row["reading"] or "-",
    )  # fmt: skip


def _names(row: dict[str, Any]) -> tuple[str, ...]:
    return row["name"], row["address"]


def _facts(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if row["last_heard_at"] is None:
        yield "heard", "never"
        return
    yield (
        "heard",
        f"{row['last_heard_at']} from {row['address']} as {row['helo'] or 'nobody'}, at {row['listener']}",
    )
    yield "rule", f"{row['rule']}: {row['rule_name']}" if row["rule"] else "none"
    yield (
        "security",
        f"{row['tls'] or 'no TLS'}, " + (f"login {row['login']}" if row["login"] else "no login"),
    )
    if row["sender"]:
        yield "sender", row["sender"]
    count = f"{row['messages_today']} today, {row['messages']} in all"
    yield "messages", f"{count}, refusals {row['refused']}, sessions {row['sessions']}"
    yield "needs", counted(row["needs"]) or "no tolerance"
    yield "last session", row["reading"] or ""


def _divided(client: dict[str, Any]) -> dict[str, Any] | None:
    """Of a client that sends large mail in pieces: which piece came last, and how many there were."""
    n = client.get("pieces", 0)
    return {"piece": client["piece"], "messages": n} if n else None


def _warnings(config: Any, row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What nothing at the relay can heal, each once."""
    if row["gateway"]:
        yield "warning", f"{row['gateway']['what']}: {row['gateway']['why']}; {row['gateway']['do']}"
    if row["divided"]:
        from relay365.cli.devices.sheet_facts import find, size_for
        from relay365.mail.refusals.refusal import limit_words

        who = find(config, row["name"] or row["address"])
        limit = limit_words(size_for(config, who)) if who is not None else "what we take"
        seen = f"recipients see [{row['divided']['piece']}]"
        yield "warning", f"division is on; {seen}; set the limit to {limit} instead"


def _locks(config: Any, file: Path) -> list[Lock]:
    from relay365.engine.accounts import users_in
    from relay365.engine.doors.locks import locks_in

    data = data_directory(config, file)
    return locks_in(data, now(), users_in(data / config.server.users))


def _locked(lock: Lock) -> str:
    return printable(f"login {lock.name} from {lock.address} is not tried until {instant(lock.until_at)}")


def _fates(config_file: Path | None, data: Path, ids: list[str]) -> dict[str, list[str]]:
    """Queue id -> a line for each of its recipients; {} where there is no queue."""
    if not ids or not (data / "spool.db").exists():
        return {}

    async def look(spool: Any) -> dict[str, list[str]]:
        views = [await spool.show(one) for one in ids]
        return {
            view.spool_id: [
                f"{view.spool_id} to <{r.address}>: {r.state.value} {r.last_reply}".rstrip()
                for r in view.recipients
            ]
            for view in views
            if view is not None
        }

    found: dict[str, list[str]] = with_spool(config_file, look)
    return found


def _never_heard(name: str) -> NoReturn:
    fail(
        PROBLEM,
        f"nothing was heard of {printable(name)}",
        "no device and no address of this name has connected",
        "relay365 device list",
    )
