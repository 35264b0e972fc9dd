"""`relay365 doctor`: every question on the way of a message, and for each fault what heals it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    UNREACHABLE,
    WRONG_USE,
    config_option,
    examples,
    fail,
    json_option,
    load_config,
    now,
    plain_option,
    printable,
    uses_colour,
    write_json,
)

if TYPE_CHECKING:
    from relay365.doctor.finding import Result
    from relay365.doctor.patient import Patient
    from relay365.doctor.plan import Plan

AREAS = ("all", "local", "lan", "upstream", "dns", "connector")
WORDS = {"good": "OK", "warn": "WARN", "bad": "FAIL", "unknown": "?", "behind": "-"}
_COLOURS = {"good": "green", "warn": "yellow", "bad": "red", "unknown": "magenta", "behind": "bright_black"}
_CODES = {"good": GOOD, "warn": GOOD, "bad": PROBLEM, "unknown": UNREACHABLE}


@click.command(
    epilog=examples("relay365 doctor", "relay365 doctor upstream dns", "relay365 doctor --report doctor.html")
)
@click.argument(
    "areas", nargs=-1, type=click.Choice(AREAS), metavar="[all|local|lan|upstream|dns|connector]..."
)
@config_option
@click.option("--fix", is_flag=True, help="Put right what is ours: rights of files, a folder that lacks.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write a page (HTML) to this file, too."
)
@click.option(
    "--address",
    default="",
    metavar="IP",
    help="Our public address, where Microsoft's answer does not tell it.",
)
@click.option(
    "--resolver", default="", metavar="HOST:PORT", help="The name server to ask; default: the system's."
)
@click.option("--route", "routes", multiple=True, metavar="NAME", help="Only this route; may be repeated.")
@plain_option
@json_option
def doctor(
    areas: tuple[str, ...], config_file: Path | None, *, plain: bool, as_json: bool, **given: Any
) -> None:
    """Ask everything on the way of a message: this machine, the listeners, Microsoft by every route, DNS, connectors.

    Nothing is sent: transactions end in RSET. Only what the configured routes need is asked.
    Exit 0: well, warnings included; 1: a fault was found; 3: something could not be asked, and no fault was found.
    """
    from relay365.doctor.finding import counts, verdict

    config, file = load_config(config_file)
    chosen = _chosen(config, given["routes"])
    _check_words(given["resolver"], given["address"])
    patient = _patient(config, file, chosen, given)
    wanted = AREAS[1:] if not areas or "all" in areas else areas
    left_out, results = asyncio.run(_asked(patient, wanted, quiet=as_json or plain))
    if given["fix"]:
        from relay365.doctor.mending import mended

        results = [mended(one) for one in results]
    word = verdict(results)
    found: dict[str, Any] = {
        "verdict": word,
        "counts": counts(results),
        "findings": [as_object(one) for one in results],
        "left_out": left_out,
    }
    if given["report"] is not None:
        _write_report(given["report"], found, file)
    if as_json:
        write_json(found)
    else:
        _print(found, uses_colour(plain))
    raise SystemExit(_CODES[word])


def as_object(one: Result) -> dict[str, Any]:
    """The documented JSON of one finding."""
    finding = one.finding
    return {
        "check": one.name,
        "area": one.area,
        "subject": one.subject or None,
        "state": finding.state.value,
        "behind": one.behind or None,
        "text": finding.text,
        "said": finding.said or None,
        "why": finding.why or None,
        "do": finding.do or None,
        "fixable": finding.mend is not None,
        "took_ms": round(one.took_s * 1000, 1),
    }


def _chosen(config: Any, routes: tuple[str, ...]) -> tuple[str, ...]:
    known = config.route_names()
    for name in routes:
        if name not in known:
            fail(
                WRONG_USE,
                f"there is no route {printable(name)}",
                f"the file has: {', '.join(known)}",
                "relay365 route list",
            )
    return routes or known


def _check_words(resolver: str, address: str) -> None:
    import ipaddress

    from relay365.config import split_host_port

    for text, words in (
        (resolver.rpartition(":")[0].strip("[]"), "--resolver 192.168.10.1:53"),
        (address, "--address 203.0.113.7"),
    ):
        try:
            if text:
                ipaddress.ip_address(text)
        except ValueError:
            fail(
                WRONG_USE,
                f"{printable(text)} is no address",
                "a name would have to be looked up first",
                words,
            )
    try:
        if resolver:
            split_host_port(resolver)
    except ValueError:
        fail(
            WRONG_USE,
            f"{printable(resolver)} has no port",
            "a name server is an address and a port",
            "--resolver 192.168.10.1:53",
        )


def _patient(config: Any, file: Path, chosen: tuple[str, ...], given: dict[str, Any]) -> Patient:
    from dataclasses import replace

    from relay365.cli.finding.doctor_patient import patient_of

    whole = patient_of(config, file, resolver=given["resolver"], address=given["address"])
    return replace(whole, roads=tuple(road for road in whole.roads if road.name in chosen))


async def _asked(patient: Patient, areas: tuple[str, ...], *, quiet: bool) -> tuple[list[str], list[Result]]:
    from relay365.doctor.plan import plan_of
    from relay365.doctor.runner import run

    plan = plan_of(patient, areas)
    try:
        return plan.left_out, await run(plan.checks, _progress(plan, quiet=quiet))
    finally:
        await plan.ways.close()
        if not quiet and sys.stderr.isatty():
            click.echo("\r\x1b[K", err=True, nl=False)


def _progress(plan: Plan, *, quiet: bool) -> Any:
    """On a terminal, how many are answered and which one was the last; a pipe gets nothing."""
    if quiet or not sys.stderr.isatty():
        return lambda result: None
    n_heard = 0

    def heard(result: Result) -> None:
        nonlocal n_heard
        n_heard += 1
        click.echo(f"\r\x1b[K{n_heard} of {len(plan.checks)}  {result.name}", err=True, nl=False)

    return heard


def _write_report(report: Path, found: dict[str, Any], file: Path) -> None:
    from relay365.cli.finding.doctor_report import page

    try:
        report.write_text(page(found, str(file), now()), "utf-8")
    except OSError as error:
        fail(
            WRONG_USE,
            f"{report} cannot be written",
            error.strerror or str(error),
            "name a file in a folder of yours",
        )


def _print(found: dict[str, Any], colour: bool) -> None:
    area, several = "", _several_subjects(found["findings"])
    for one in found["findings"]:
        state = "behind" if one["behind"] else one["state"]
        head = one["area"] if one["area"] != area else ""
        area = one["area"]
        word = click.style(f"{WORDS[state]:4}", fg=_COLOURS[state]) if colour else f"{WORDS[state]:4}"
        text = f"not asked: {one['behind']} comes first" if one["behind"] else one["text"]
        question = one["check"].partition(".")[2] if state == "behind" else ""
        named = question or (one["subject"] if area in several else "")
        click.echo(f"{head:10} {word} {printable(f'{named}: {text}' if named else text)}")
        if state in ("good", "behind"):
            continue
        for label, words in (("text", one["said"]), ("why", one["why"]), ("do", one["do"])):
            if words:
                click.echo(f"{'':15} {label + ':':5} {printable(words)}")
    for words in found["left_out"]:
        click.echo(f"{'left out':10} {'':4} {words}")
    click.echo(_summary(found["counts"]))


def _several_subjects(findings: list[dict[str, Any]]) -> set[str]:
    """The areas whose texts do not name their road by themselves, where there is more than one."""
    subjects = {(one["area"], one["subject"]) for one in findings if one["area"] in ("upstream", "connector")}
    return {area for area, _ in subjects if sum(other == area for other, _ in subjects) > 1}


def _summary(n: dict[str, int]) -> str:
    parts = [
        _several(n["bad"], "fault"), _several(n["warn"], "warning"), f"{n['good']} well",
        *([f"{n['unknown']} could not be asked"] if n["unknown"] else []),
        *([f"{n['behind']} wait behind a fault"] if n["behind"] else []),
    ]  # fmt: skip
    return f"{', '.join(parts)}.   The same as a page: relay365 doctor --report doctor.html"


def _several(n: int, word: str) -> str:
    return f"{n or 'no'} {word}{'' if n == 1 else 's'}"
