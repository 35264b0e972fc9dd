"""Parameters and services that have no place of their own in relay365, with what is said of them: parameters.toml."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from relay365.moving.finding import Findings, State
from relay365.moving.postfix.files.main_cf import MainCf
from relay365.moving.postfix.files.master_cf import OWN, Service, shown

_NEW = "Postfix does not know it either, or it is newer than this reader; look whether mail depends on it"
_SECRETS = ("password", "secret")


@cache
def groups() -> tuple[tuple[tuple[str, ...], State, str], ...]:
    """(names, state, why) in the order in which they are asked."""
    text = files("relay365.moving.postfix").joinpath("parameters.toml").read_text("utf-8")
    return tuple(
        (tuple(one["names"]), State(one["state"]), one["why"]) for one in tomllib.loads(text)["group"]
    )


def said_of(name: str) -> tuple[State, str]:
    """What becomes of a parameter, and why."""
    for names, state, why in groups():
        if any(fnmatchcase(name, pattern) for pattern in names):
            return state, why
    return State.UNKNOWN, _NEW


def tell_rest(cf: MainCf, findings: Findings) -> None:
    """Every line of main.cf that has no finding yet, so that none is dropped in silence."""
    told = {one.where for one in findings}
    for setting in cf.settings.values():
        if setting.where in told:
            continue
        state, why = said_of(setting.name)
        if state is State.UNKNOWN and not setting.raw:
            findings.ok(setting.where, str(setting), "", "it is empty")
        elif state is State.UNKNOWN and why == _NEW and _is_own(setting.name, cf):
            findings.ok(setting.where, str(setting), "", "a name for use in other values")
        else:
            shown = (
                f"{setting.name} = ..." if any(word in setting.name for word in _SECRETS) else str(setting)
            )
            tell(findings, state, (setting.where, shown), why)
    for setting in cf.lost:
        findings.ok(
            setting.where, str(setting), "", f"{cf.where(setting.name)} sets it again, and the last one holds"
        )
    for line in cf.broken:
        findings.unknown(line.where, line.text, "no NAME = VALUE; Postfix does not understand it either")


def tell(findings: Findings, state: State, line: tuple[str, str], why: str) -> None:
    """One finding; line: (where, old)."""
    if state is State.UNKNOWN:
        findings.unknown(*line, why)
    elif state is State.WARN:
        findings.warn(*line, "", why)
    else:
        findings.ok(*line, "", why)


def tell_services(services: list[Service], findings: Findings, used: set[str]) -> None:
    """Services that are no listeners, and the -o of those that are; used: parameters that a listener understood."""
    for one in services:
        if one.is_listener:
            _tell_options(one, findings, used)
        elif (one.command in OWN and one.kind != "inet") or one.kind == "pass":
            findings.ok(one.where, str(one), "", "a part of Postfix's own machinery")
        elif one.command == "pipe":
            findings.ok(
                one.where,
                str(one),
                "",
                "hands mail to a program on this machine; relay365 sends everything on",
            )
        else:
            findings.unknown(one.where, str(one), "a service that relay365 does not have")


def _tell_options(service: Service, findings: Findings, used: set[str]) -> None:
    for name, value in service.options.items():
        if name in used:
            continue
        state, why = said_of(name)
        if state is State.UNKNOWN and not value:
            state, why = State.OK, "it is switched off for this port"
        tell(findings, state, (service.where, shown(name, value)), why)


def _is_own(name: str, cf: MainCf) -> bool:
    """Whether an administrator made the name up, to use it as $name elsewhere."""
    marks = (f"${name}", f"${{{name}", f"$({name}")
    return any(mark in other.raw for other in cf.settings.values() for mark in marks)
