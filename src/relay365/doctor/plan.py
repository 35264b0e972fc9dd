"""The plan: which questions a configuration makes sense of, in which order, and which stand behind which.

Only what the configured roads need is asked: nobody who sends by OAuth needs a PTR record. What was left out is said.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from relay365.doctor.finding import Finding, unknown
from relay365.doctor.house import backlog, disk, hours, rights
from relay365.doctor.lan import listeners, strangers
from relay365.doctor.patient import Patient, sends_outside
from relay365.doctor.roads import Ways
from relay365.doctor.runner import Check
from relay365.errors import TransportError
from relay365.rules.ourselves import has_letters

AREAS = ("local", "lan", "upstream", "dns", "connector")

Ask = Callable[[], Coroutine[Any, Any, Finding]]


@dataclass(frozen=True, slots=True)
class Plan:
    """checks: in their order; left_out: what was not asked, in words; ways: to be closed when all is asked."""

    checks: list[Check]
    left_out: list[str]
    ways: Ways = field(compare=False)


def plan_of(patient: Patient, areas: tuple[str, ...]) -> Plan:
    """The questions of some areas. Those that another area's questions need are asked with them, and named."""
    ways = Ways(patient)
    checks: list[Check] = []
    for area in AREAS:
        if area in areas:
            checks += _MAKERS[area](patient, ways)
    needed = ways.also_needed(checks)
    return Plan([*needed, *checks], _left_out(patient, areas), ways)


def _local(patient: Patient, ways: Ways) -> list[Check]:
    data, floor, now = patient.data, patient.config.queue.disk_floor, patient.clock.now()
    there = ("local.data",)
    checks = [
        Check("local.data", partial(disk.folder, data)),
        Check("local.disk", partial(disk.room, data, floor)),
        Check("local.inodes", partial(disk.inodes, data)),
        Check("local.queue", partial(backlog.store, data, patient.clock), needs=there),
    ]
    if data.is_dir():
        checks.append(Check("local.fsync", partial(disk.sync, data), needs=there))
    for label, file in patient.secret_files:
        checks.append(Check(f"local.{label}.rights", partial(rights.private, label, file, data)))
    for road in patient.roads:
        if road.account is not None:
            ask = partial(
                rights.lasts, road.name, road.ending, now, is_secret=road.account.secret is not None
            )
            checks.append(Check(f"local.{road.name}.ending", ask))
    if has_letters(patient.config):
        checks.append(Check("local.alerts", partial(backlog.alerts, patient.config)))
    for table in patient.config.listener:
        if table.certificate is not None and table.certificate.file is not None:
            at, file = table.address, patient.base / table.certificate.file
            checks.append(Check(f"local.{at}.certificate", partial(rights.certificate, at, file, now)))
    page = ways.first_page()
    if page is not None:

        async def clock() -> Finding:
            try:
                theirs = (await page()).date
            except TransportError as error:
                why = "the token service, whose answers bear its time, cannot be asked"
                return unknown("nobody told the time", why, "relay365 doctor upstream", str(error))
            return await hours.clock(patient.clock.now(), theirs)

        checks.append(Check("local.clock", clock))
    return checks


def _lan(patient: Patient, ways: Ways) -> list[Check]:
    checks = [
        Check("lan.relay", partial(strangers.risk, patient.config)),
        Check("lan.service", partial(listeners.service, patient.data, patient.file)),
        Check("lan.gateway", partial(strangers.told_apart, patient.gateway)),
    ]
    now = patient.clock.now()
    today = dt.datetime.fromtimestamp(now, dt.UTC).date()
    for table in patient.config.listener:
        gate, at = listeners.Gate(table, patient.file), f"lan.{table.address}"
        answers = f"{at}.answers"
        checks.append(Check(answers, partial(listeners.answers, gate), needs=("lan.service",)))
        needs = ("lan.service",) if gate.place[1] == 0 else (answers,)
        has_tls = table.tls != "none" and gate.place[1] != 0
        if has_tls:
            checks.append(Check(f"{at}.certificate", partial(listeners.certificate, gate, now), needs=needs))
        if has_tls and table.ciphers != "modern":
            checks.append(Check(f"{at}.printers", partial(listeners.printers, gate), needs=needs))
        if has_tls and table.ciphers == "legacy":
            checks.append(Check(f"{at}.legacy", partial(listeners.old_machines, gate, today), needs=needs))
        waits = needs if gate.is_behind_proxy and gate.place[1] != 0 else ()
        ask = partial(strangers.refused, gate, patient.config)
        checks.append(Check(f"{at}.strangers", ask, needs=waits))
    return checks


def _upstream(patient: Patient, ways: Ways) -> list[Check]:
    return [check for road in patient.roads for check in ways.upstream(road)]


def _dns(patient: Patient, ways: Ways) -> list[Check]:
    return ways.dns() if any(sends_outside(road) for road in patient.roads) else []


def _connector(patient: Patient, ways: Ways) -> list[Check]:
    return ways.connectors()


_MAKERS: dict[str, Callable[[Patient, Ways], list[Check]]] = {
    "local": _local,
    "lan": _lan,
    "upstream": _upstream,
    "dns": _dns,
    "connector": _connector,
}


def _left_out(patient: Patient, areas: tuple[str, ...]) -> list[str]:
    """What nobody needs here, and why."""
    found = []
    kinds = {road.kind for road in patient.roads}
    if "connector" in areas and "connector" not in kinds and not patient.address:
        found.append("PTR, block lists, port 25, connector certificate: only a connector needs them")
    if "dns" in areas and not any(sends_outside(road) for road in patient.roads):
        found.append(
            "SPF, DKIM, DMARC: no route sends to the outside under a domain of ours through Microsoft"
        )
    elif "dns" in areas and not patient.domains():
        found.append("SPF, DKIM, DMARC: no domain of ours is known; write it into [sender] domains")
    return found
