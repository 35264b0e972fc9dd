"""The two ways of a test message: handed in at a listener and followed through the queue, or straight by a route.

Apart from the command, which reads options and prints: here one object is made of what was said, on each leg, and of
what became of the message.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relay365.cli.words.output import UNREACHABLE, WRONG_USE, data_directory, fail, now, printable

if TYPE_CHECKING:
    from relay365.config import Config, Listener
    from relay365.doctor.trying.handing import Approach, Handed
    from relay365.doctor.trying.letter import Letter
    from relay365.doctor.trying.quirks import Quirk
    from relay365.doctor.wire.talk import Entry
    from relay365.mail.outcome import Outcome
    from relay365.spool.api import LaneNote, MessageView

LOOK_S = 0.1
ARCHIVE_S = 3.0  # the black box writes its sessions every second
_ENDED = ("delivered", "failed", "expired", "held")
_NEEDS_A_PERSON = ("configuration", "sender")

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """What is asked for. given: the options of the command."""

    config: Config
    file: Path
    given: dict[str, Any]
    quirks: tuple[Quirk, ...] = ()
    password: str = field(default="", repr=False)

    @property
    def data(self) -> Path:
        """The data directory."""
        return data_directory(self.config, self.file)

    def sender(self) -> str:
        """The one that is given, or that of the first road."""
        from relay365.cli.finding.doctor_patient import patient_of

        if self.given["sender"]:
            return str(self.given["sender"])
        patient = patient_of(self.config, self.file)
        roads = [road for road in patient.roads if self.given["via"] in ("lan", road.name)]
        found = patient.sender_of(roads[0])
        if not found:
            fail(
                WRONG_USE,
                "from whom?",
                "the file names no sender of ours",
                "relay365 send-test --from scan@contoso.com",
            )
        return found

    def letter(self, sender: str) -> Letter:
        """The message; leaves with 2 where a file cannot be read."""
        from relay365.app.doors import host_name
        from relay365.doctor.trying.letter import Wish, read, write

        given = self.given
        try:
            if given["eml"] is not None:
                return read(given["eml"].read_bytes())
            attach = given["attach"]
            attachment = (attach.name, attach.read_bytes()) if attach is not None else None
        except OSError as error:
            fail(
                WRONG_USE,
                f"{error.filename} cannot be read",
                error.strerror or str(error),
                "check its rights",
            )
        name = secrets.token_hex(6)
        host = host_name(self.config)
        return write(Wish(sender, given["recipients"], name, host, now(), given["size"], attachment))


# -- by a listener ----------------------------------------------------------------------------------------------


async def by_listener(trial: Trial, told: Told) -> dict[str, Any]:
    """Hand it in, then follow it until it has ended or the time is over. Leaves with 3 where nobody listens."""
    from relay365.doctor.trying.handing import hand_in
    from relay365.errors import TransportError

    approach = approach_of(trial)
    sender = trial.sender()
    letter = trial.letter(sender)
    where = approach.gate.table.address
    told(f"handing in at {where}")
    try:
        handed = await hand_in(approach, letter, sender, trial.given["recipients"])
    except TransportError as error:
        do = f"relay365 run --config {trial.file}, or: relay365 doctor lan"
        fail(UNREACHABLE, f"{where} does not answer", printable(str(error)), do)
    found = _head(trial, sender, letter)
    found["legs"].append(leg("LAN leg", f"{where}  {_manner(approach)}", handed.entries))
    if handed.stage:
        return {**found, **_refused(handed, approach)}
    if not handed.spool_id:
        why, do = "the answer has no id of a queue: something else listens there", f"relay365 probe {where}"
        text = f"taken, but not by this relay: {handed.reply}"
        return {**found, "result": "taken", "text": text, "why": why, "do": do}
    return await _follow(trial, found, handed, told)


def approach_of(trial: Trial) -> Approach:
    """How the device comes; leaves with 2 where it cannot."""
    from relay365.config import split_host_port
    from relay365.doctor.lan.listeners import Gate
    from relay365.doctor.trying.handing import Approach

    given = trial.given
    table = _listener(trial.config, given["listener"])
    gate, address = Gate(table, trial.file), given["address"]
    if split_host_port(table.address)[1] == 0:
        fail(
            WRONG_USE,
            f"{table.address} has no port of its own",
            "with port 0 the system chooses",
            "give [[listener]] address a port",
        )
    header, source = b"PROXY UNKNOWN\r\n" if gate.is_behind_proxy else b"", ""
    if address:
        _check_address(address)
        if gate.is_behind_proxy:
            host, port = gate.place
            header = f"PROXY TCP4 {address} {host} 40000 {port}\r\n".encode()
        elif _is_ours(address):
            source = address
        else:
            why = "it is no address of this machine, and proxy_from of the listener does not name us"
            do = f"from the rules alone: relay365 explain --as {address} --listener {table.address}"
            fail(WRONG_USE, f"we cannot come from {printable(address)}", why, do)
    return Approach(gate, source, header, given["login"], trial.password, trial.quirks)


def _listener(config: Config, address: str) -> Listener:
    found = next((one for one in config.listener if address in ("", one.address)), None)
    if found is None:
        known = ", ".join(one.address for one in config.listener)
        fail(
            WRONG_USE,
            f"there is no listener {printable(address)}",
            f"the file has {known}",
            "give one of these",
        )
    return found


def _check_address(address: str) -> None:
    import ipaddress

    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        fail(
            WRONG_USE,
            f"{printable(address)} is no IPv4 address",
            "a device has one",
            "relay365 send-test --as-ip 192.168.10.31",
        )


def _is_ours(address: str) -> bool:
    """Whether this machine has the address: only then a socket can be bound to it."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _manner(approach: Approach) -> str:
    words = ["as a device would"]
    if approach.header and b"UNKNOWN" not in approach.header:
        words.append(f"from {approach.header.split()[2].decode()} by a PROXY header")
    elif approach.source:
        words.append(f"from {approach.source}")
    words += [f"login {approach.login}"] if approach.login else []
    words += [one.name for one in approach.quirks]
    return f"({', '.join(words)})"


def _refused(handed: Handed, approach: Approach) -> dict[str, Any]:
    """A refusal of ours has the mark of a rule, and `explain` knows it."""
    import re

    mark = re.search(r"\((R\d+)\)", handed.reply)
    do = f"relay365 explain {mark[1]}" if mark else "relay365 tail, and send it again; relay365 doctor lan"
    quirks = ", ".join(one.name for one in approach.quirks)
    why = f"[tolerate] has {quirks} off for this client, or it would be refused anyway" if quirks else ""
    why = why or (
        "a rule of the file says so" if mark else "the relay could not take it, or the conversation broke"
    )
    return {"result": "refused", "text": f"refused at {handed.stage}: {handed.reply}", "why": why, "do": do}


async def _follow(trial: Trial, found: dict[str, Any], handed: Handed, told: Told) -> dict[str, Any]:
    from relay365.cli.words.story import ask_lines, session_of
    from relay365.clock import SystemClock
    from relay365.engine.blackbox.archive import Archive
    from relay365.spool.sqlite import SqliteSpool

    clock = SystemClock()
    until = clock.mono() + trial.given["wait"]
    spool = await SqliteSpool.open(trial.data, clock=clock, exclusive=False)
    try:
        view = await spool.show(handed.spool_id)  # type: ignore[arg-type]
        while view is not None and not _has_ended(view) and clock.mono() < until:
            told(f"{handed.spool_id} waits for its delivery, {until - clock.mono():.0f} s left")
            await asyncio.sleep(LOOK_S)
            view = await spool.show(handed.spool_id)  # type: ignore[arg-type]
        notes = {note.lane: note for note in await spool.lanes()}
    finally:
        await spool.close()
    if view is None:
        text, why = f"{handed.spool_id} is in no queue here", "that relay has another data directory"
        do = f"look at [server] data in {trial.file}"
        return {**found, "id": handed.spool_id, "result": "unknown", "text": text, "why": why, "do": do}
    until = clock.mono() + ARCHIVE_S
    archive = Archive(trial.data)
    attempts: list[dict[str, Any]] = []
    while not attempts and clock.mono() < until and any(one.attempts for one in view.recipients):
        session = await asyncio.to_thread(session_of, view, archive)
        attempts = [one for one in (session or {}).get("attempts", ()) if one["id"] == view.spool_id]
        await asyncio.sleep(0 if attempts else LOOK_S)
    for one in attempts:
        lines = [{"at_ms": ms, "side": who, "text": text} for ms, who, text in one["lines"]]
        found["legs"].append({"name": "Upstream", "where": view.recipients[0].lane, "lines": lines})
    return {**found, **judged(view, handed.n_refused, notes), "ask_microsoft": ask_lines(view)}


def _has_ended(view: MessageView) -> bool:
    """Whether waiting longer tells nothing more: it is over, or only a person can heal what is wrong."""
    return all(one.state.value in _ENDED or one.klass in _NEEDS_A_PERSON for one in view.recipients)


def judged(view: MessageView, n_refused: int, notes: Mapping[str, LaneNote]) -> dict[str, Any]:
    """What became of a message in the queue: the recipient that is worst off decides. notes: what lanes wait for."""
    order = {"failed": 0, "expired": 1, "held": 2, "queued": 3, "claimed": 4, "delivered": 5}
    worst = min(view.recipients, key=lambda one: order[one.state.value])
    state = worst.state.value
    head = {"id": view.spool_id, "result": state, "why": "", "do": ""}
    some = f"; {n_refused} recipients were refused at RCPT" if n_refused else ""
    if state == "delivered":
        took_s = max((one.settled_at or view.accepted_at) for one in view.recipients) - view.accepted_at
        text = f"taken by the next server {took_s:.1f} s after the 250. That is not yet the inbox{some}"
        return {**head, "result": "refused" if n_refused else state, "text": text}
    row = worst.row
    do = f"relay365 explain {row}" if row else f"relay365 trace {view.spool_id}"
    words = worst.last_reply or "nothing was tried yet"
    note = notes.get(worst.lane)
    if state == "queued" and not worst.last_reply and note is not None and note.held:
        text = f"it still waits, its route is held: {note.held}{some}"
        why = "an earlier message was refused; one tries once a minute, and all go when it is healed"
        return {**head, "text": text, "why": why, "do": f"relay365 explain {note.row}" if note.row else do}
    if state in ("queued", "claimed"):
        busy = "the route is busy, shut or held: relay365 status"
        why = "the relay keeps it and goes on trying" if worst.last_reply else busy
        return {**head, "result": "queued", "text": f"it still waits: {words}{some}", "why": why, "do": do}
    return {
        **head,
        "text": f"{state}: {words}{some}",
        "why": "it will not be tried again by itself",
        "do": do,
    }


# -- straight by a route ----------------------------------------------------------------------------------------


async def by_route(trial: Trial, told: Told) -> dict[str, Any]:
    """One attempt as the service makes it, without queue and listener: the route alone is on trial."""
    from relay365.cli.finding.doctor_patient import patient_of
    from relay365.clock import SystemClock
    from relay365.doctor.trying.listening import Listening
    from relay365.mail.envelope import Envelope, ForwardPath, SpoolId
    from relay365.routes.api import Consignment
    from relay365.spool.content import MemoryContent

    sender = trial.sender()
    letter, ear = trial.letter(sender), Listening(SystemClock().mono)
    patient = patient_of(trial.config, trial.file, ears=ear)
    road = next(one for one in patient.roads if one.name == trial.given["via"])
    if road.fault is not None:
        said = f"expected {road.fault.expected}, found {road.fault.found}"
        fail(WRONG_USE, road.fault.where, said, road.fault.hint or "relay365 config check")
    envelope = Envelope(sender, tuple(ForwardPath(one) for one in trial.given["recipients"]))
    goods = Consignment(SpoolId("TEST00"), envelope, MemoryContent(letter.content), b"", sender)
    told(f"sending by {road.name}")
    try:
        outcomes = await road.routes[0].deliver(goods)
    finally:
        for one in patient.roads:
            for route in one.routes:
                await route.close()
    found = _head(trial, sender, letter)
    found["legs"].append(leg("Upstream", f"{road.name} to {road.table.leads_to()}", ear.entries))
    return {**found, **_outcome(outcomes, road.kind, letter)}


def _outcome(outcomes: tuple[Outcome, ...], kind: str, letter: Letter) -> dict[str, Any]:
    from relay365.doctor.upstream.reading import of_outcome

    worst = next((one for one in outcomes if one.kind.value != "delivered"), None)
    if worst is None:
        name = outcomes[0].remote_id or letter.message_id
        ask = [
            f"Get-MessageTraceV2 -MessageId '{name.replace(chr(39), chr(39) * 2)}' | Get-MessageTraceDetailV2"
        ]
        text = f"taken: {outcomes[0].reply_text}. That is not yet the inbox"
        return {
            "result": "delivered",
            "text": text,
            "why": "",
            "do": "",
            "ask_microsoft": ask if kind != "smarthost" else [],
        }
    finding = of_outcome("", worst, kind, worst.reply_text)
    return {
        "result": worst.kind.value,
        "text": f"{worst.kind.value}: {worst.reply_text}",
        "why": finding.why,
        "do": finding.do,
    }


def leg(name: str, where: str, entries: list[Entry]) -> dict[str, Any]:
    """One leg with its lines, for programs and people."""
    lines = [{"at_ms": round(one.at_s * 1000, 1), "side": one.side, "text": one.text} for one in entries]
    return {"name": name, "where": where, "lines": lines}


def _head(trial: Trial, sender: str, letter: Letter) -> dict[str, Any]:
    """The keys that every result has."""
    return {
        "from": sender,
        "to": list(trial.given["recipients"]),
        "via": trial.given["via"],
        "message_id": letter.message_id or None,
        "size_octets": len(letter.content),
        "id": None,
        "result": "",
        "text": "",
        "why": "",
        "do": "",
        "legs": [],
        "ask_microsoft": [],
    }
