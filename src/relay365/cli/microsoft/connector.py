"""`relay365 connector`: which road a site has, the script for an inbound connector, its proof, its undo."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.microsoft.answering import give, host, leave, origin
from relay365.cli.words.output import (
    PROBLEM,
    WRONG_USE,
    config_option,
    examples,
    fail,
    json_option,
    load_config,
    printable,
    write_json,
)

if TYPE_CHECKING:
    from relay365.app.place import Site
    from relay365.config import ConnectorRoute
    from relay365.setup.advice import Case
    from relay365.setup.scripts.connector import ConnectorWish
    from relay365.setup.tries.answer import Answer

PORT_S = 5.0


@click.group(epilog=examples("relay365 connector plan --domain contoso.com"))
def connector() -> None:
    """The inbound connector for port 25: advice, script, proof and undo."""


@connector.command(epilog=examples("relay365 connector plan --domain contoso.com"))
@json_option
@click.option("--domain", required=True, help="An accepted domain of the tenant.")
@click.option("--address", default="", help="The relay's public IPv4 address, if it is known.")
@click.option("--static/--changing", "is_static", default=None, help="Whether that address stays the same.")
@click.option(
    "--certificate", type=click.Path(dir_okay=False, path_type=Path), help="A certificate with chain (PEM)."
)
@click.option("--per-minute", type=click.IntRange(1), default=10, help="Messages in the busiest minute.")
@click.option("--per-day", type=click.IntRange(1), default=500, help="Recipients on the busiest day.")
@click.option("--inside-only", is_flag=True, help="No recipient is outside of the tenant.")
@click.option(
    "--senders", type=click.Choice(("mailbox", "few", "any")), default="mailbox", help="How many senders."
)
@click.option("--name-server", default="", help="Whom to ask for the MX record: address:port.")
@click.option("--mx", default="", help="The tenant's MX host and port, instead of asking DNS.")
def plan(as_json: bool, **how: Any) -> None:
    """Say which road fits this site, and why: OAuth, connector by certificate or address, High Volume Email, Graph.

    It looks up the domain's MX host and knocks at its port 25; nothing is sent, and nothing is changed.
    """
    from relay365.setup.advice import advise

    mx, why_not = _mx(how)
    case, notes = _case(how, mx)
    verdicts = advise(case)
    if as_json:
        roads = [
            {"road": one.road.value, "fit": one.fit.value, "reasons": list(one.reasons)} for one in verdicts
        ]
        write_json(
            {
                "domain": how["domain"],
                "mx": mx or None,
                "port_25": case.port_25,
                "notes": notes,
                "roads": roads,
            }
        )
        return
    click.echo(f"your case: MX {printable(mx or 'unknown')}{why_not and ': ' + printable(why_not)}")
    for note in notes:
        click.echo(f"           {printable(note)}")
    for one in verdicts:
        click.echo(f"  {one.road.value:<12} {one.fit.value:<14} {one.reasons[0]}")
        for reason in one.reasons[1:]:
            click.echo(f"  {'':<12} {'':<14} {reason}")
    click.echo("next: relay365 init, or relay365 connector script --domain D --certificate-name N")


def _mx(how: dict[str, Any]) -> tuple[str, str]:
    """(host:port, why there is none)."""
    from relay365.config import split_host_port
    from relay365.net.resolve import NameServer
    from relay365.setup.tenant import find_mail_host

    if how["mx"]:
        return _host_port("--mx", how["mx"]), ""
    server = NameServer()
    if how["name_server"]:
        server = NameServer(*split_host_port(_host_port("--name-server", how["name_server"])))
    found = find_mail_host(how["domain"], server)
    if not found.host:
        return "", found.unknown or "the domain has no MX record"
    return f"{found.host}:25", "" if found.is_microsoft else "that is not Exchange Online"


def _host_port(option: str, value: str) -> str:
    from relay365.setup.answers import judge_one

    expected = judge_one("endpoint", value)
    if expected:
        fail(WRONG_USE, f"{option} {value}", f"expected {expected}", "correct it")
    return value


def _case(how: dict[str, Any], mx: str) -> tuple[Case, list[str]]:
    """The case, and what was seen on the way."""
    from relay365.setup.advice import Case

    port_25 = _answers(mx) if mx else None
    words = {
        True: "open",
        False: "shut: your provider blocks it, or a firewall",
        None: "not tried, the MX host is unknown",
    }
    notes = [f"port 25 to it: {words[port_25]}"]
    certificate = how["certificate"]
    has_certificate, said = (
        _judged_certificate(certificate, how["domain"]) if certificate is not None else (False, "none")
    )
    notes.append(f"certificate: {said}")
    case = Case(
        how["per_minute"], how["per_day"], not how["inside_only"], how["senders"], True, has_certificate,
        how["address"], how["is_static"], port_25,
    )  # fmt: skip
    return case, notes


def _answers(address: str) -> bool:
    from relay365.config import split_host_port

    try:
        socket.create_connection(split_host_port(address), PORT_S).close()
    except OSError:
        return False
    return True


def _judged_certificate(file: Path, domain: str) -> tuple[bool, str]:
    """Whether a connector can know us by it, and what is to be said."""
    from relay365.setup.certificates import names_of

    try:
        names = names_of(file.read_bytes())
    except (OSError, ValueError) as error:
        return False, f"{file}: {error}"
    fitting = [name for name in names if f".{name.removeprefix('*.')}".endswith(f".{domain.lower()}")]
    if not fitting:
        return False, f"{file} has {', '.join(names) or 'no names'}, none of them in {domain}"
    return True, f"{file} has {', '.join(fitting)}"


def _wish(how: dict[str, Any]) -> ConnectorWish:
    from relay365.setup.scripts.connector import ConnectorWish

    return ConnectorWish(
        how["name"],
        how["domain"],
        how.get("certificate_name", ""),
        tuple(how.get("addresses", ())),
        how["cloud"],
    )


_NAME = click.option("--name", default="relay365", show_default=True, help="Name of the connector.")
_CLOUD = click.option(
    "--cloud",
    type=click.Choice(("global", "gcc-high", "dod", "china")),
    default="global",
    help="National cloud.",
)
_FOLDER = click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Write it there, not to the screen."
)


@connector.command(
    epilog=examples("relay365 connector script --domain contoso.com --address 203.0.113.7 > connector.ps1")
)
@click.option("--domain", required=True, help="An accepted domain of the tenant.")
@click.option("--certificate-name", default="", help="The name in the relay's certificate.")
@click.option(
    "--address", "addresses", multiple=True, help="A public IPv4 address of the relay; may be repeated."
)
@_NAME
@_CLOUD
@_FOLDER
@json_option
def script(as_json: bool, **how: Any) -> None:
    """Print the PowerShell script that makes the connector, known by a certificate or by addresses.

    It asks before each change, has -WhatIf, may be run again, and refuses what could never work.
    """
    from relay365.setup.scripts.connector import MAKE_FILE, make_script

    if bool(how["certificate_name"]) == bool(how["addresses"]):
        why = "a connector knows the relay by a certificate's name, or by addresses"
        fail(WRONG_USE, "--certificate-name or --address", why, "give one of the two")
    try:
        text = make_script(_wish(how), origin())
    except ValueError as error:
        fail(
            WRONG_USE,
            "this connector could never work",
            f"expected {error}",
            "relay365 connector plan says what fits",
        )
    give(text, MAKE_FILE, how["folder"], as_json=as_json)


@connector.command(epilog=examples("relay365 connector undo > connector-undo.ps1"))
@_NAME
@_CLOUD
@_FOLDER
@json_option
def undo(as_json: bool, **how: Any) -> None:
    """Print the PowerShell script that removes the connector."""
    from relay365.setup.scripts.connector import UNDO_FILE, undo_script

    give(undo_script(_wish({**how, "domain": ""}), origin()), UNDO_FILE, how["folder"], as_json=as_json)


@connector.command(epilog=examples("relay365 connector verify"))
@config_option
@json_option
@click.argument("route", required=False, default="")
@click.option(
    "--from",
    "sender",
    default="",
    help="A sender of the tenant; default: postmaster of the first own domain.",
)
@click.option("--to", "recipient", default="", help="A recipient outside; default: postmaster@example.com.")
def verify(config_file: Path | None, as_json: bool, route: str, sender: str, recipient: str) -> None:
    """Prove that the connector relays for us, and not for whoever lacks our certificate or domain. Nothing is sent.

    Exit 0 all good, 1 something was refused or taken that should not be, 3 the MX host could not be reached.
    """
    from relay365.setup.tries.relaying import OUTSIDE

    config, file = load_config(config_file)
    found = [
        (name, one)
        for name, one in zip(config.route_names(), config.route, strict=True)
        if one.kind == "connector" and route in ("", name)
    ]
    if not found:
        why = f"the file has: {', '.join(config.route_names())}"
        fail(
            WRONG_USE,
            f"there is no connector route {route}".rstrip(),
            why,
            "relay365 connector script, then add one",
        )
    from relay365.app.roads import site_of

    site = site_of(config, file.resolve().parent)
    answers: list[Answer] = []
    for _, one in found:
        domain = one.domain or (config.sender.domains[0] if config.sender.domains else "")
        if not (sender or domain):
            fail(
                WRONG_USE,
                "who sends?",
                "neither the route nor [sender] names a domain",
                "--from postmaster@DOMAIN",
            )
        answers += verified(one, site, sender or f"postmaster@{domain}", recipient or OUTSIDE)
    leave(answers, as_json=as_json)


def verified(route: ConnectorRoute, site: Site, sender: str, recipient: str) -> list[Answer]:
    """The answers for one connector route of the configuration."""
    from relay365.app.vault import path_of
    from relay365.config import split_host_port
    from relay365.setup.tries.relaying import Gate, try_connector

    target, port = split_host_port(route.host) if route.host else (_found_host(route), route.port)
    certificate = path_of(route.certificate, site.base) if route.certificate is not None else None
    key = path_of(route.key, site.base) if route.key is not None else None
    ca_file = str(site.base / route.ca_file) if route.ca_file else ""
    gate = Gate(target, port, site.helo or host(), certificate, key, ca_file, route.source)
    return try_connector(gate, sender, recipient)


def _found_host(route: ConnectorRoute) -> str:
    from relay365.config import split_host_port
    from relay365.net.resolve import NameServer
    from relay365.setup.tenant import find_mail_host

    server = NameServer(*split_host_port(route.name_server)) if route.name_server else NameServer()
    found = find_mail_host(route.domain, server)
    if not found.host:
        why = found.unknown or f"{route.domain} has no MX record"
        fail(PROBLEM, "the tenant's MX host is not known", why, "set host in the route, or mend DNS")
    return found.host
