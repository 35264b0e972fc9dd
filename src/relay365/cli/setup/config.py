"""`relay365 config`: check, show, example."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import (
    PROBLEM,
    REFUSED,
    config_option,
    data_directory,
    examples,
    fail,
    json_option,
    load_config,
    write_json,
)
from relay365.toml import toml_line

if TYPE_CHECKING:
    from relay365.config import Config, SecretRef


@click.group(epilog=examples("relay365 config check --config relay365.toml"))
def config() -> None:
    """Check, show or print an example of the configuration."""


@config.command(epilog=examples("relay365 config check --config relay365.toml"))
@config_option
@json_option
def check(config_file: Path | None, as_json: bool) -> None:
    """Read the file and the secrets and certificates that it names; nothing is changed and nobody is asked.

    Exit 0 good, 1 a secret or certificate is missing, 2 the file is wrong, 4 it would be an open relay.
    """
    from relay365.config import open_relay_risk

    found, file = load_config(config_file)
    risk = open_relay_risk(found)
    if risk:
        do = 'narrow the network, set login = "required" there, or listen on a private address'
        fail(REFUSED, "this would be an open relay", risk, do)
    lanes = _lanes(found, file)
    facts = {
        "file": str(file),
        "good": True,
        "data": str(data_directory(found, file)),
        "listeners": [{"address": one.address, "tls": one.tls} for one in found.listener],
        "rules": _rules(found),
        "lanes": lanes,
        "warnings": _warnings(found, file),
    }
    if as_json:
        write_json(facts)
    else:
        _print(found, facts)


@config.command(epilog=examples("relay365 config show --json"))
@config_option
@json_option
def show(config_file: Path | None, as_json: bool) -> None:
    """Every key with its value, defaults included; secrets as their references."""
    found, _ = load_config(config_file)
    values = found.model_dump(mode="json", exclude_none=True)
    for user in values["user"]:
        user["password_hash"] = "(hidden)"  # noqa: S105  # the word that stands for a hash
    if as_json:
        write_json(values)
        return
    for table, value in values.items():
        for entry in value if isinstance(value, list) else [value]:
            click.echo(f"[[{table}]]" if isinstance(value, list) else f"[{table}]")
            named_first = {key: entry[key] for key in ("kind", "name") if key in entry}
            for key, one in {**named_first, **entry}.items():
                click.echo(toml_line(key, one))


@config.command(epilog=examples("relay365 config example submission > relay365.toml"))
@click.argument("kind", type=click.Choice(("submission", "smarthost")), default="submission")
@json_option
def example(as_json: bool, kind: str) -> None:
    """Print a small configuration that works."""
    text = HEAD + (SUBMISSION if kind == "submission" else SMARTHOST)
    if as_json:
        write_json({"config": text})
    else:
        click.echo(text, nl=False)


def _rules(found: Config) -> list[dict[str, str]]:
    """Who may send, in the order in which it is asked."""
    from relay365.rules.admission.rulebook import rules_of
    from relay365.rules.reading import who

    rules = rules_of(found)
    logins = ["" if one.kind == "login" else one.client.login for one in rules]
    return [
        {"mark": one.client.mark, "who": who(one), "login": login}
        for one, login in zip(rules, logins, strict=True)
    ]


def _lanes(found: Config, file: Path) -> list[str]:
    """The lanes, after every secret, certificate and key that the file names was read; exit 1 where one is missing."""
    from relay365.app.alerting import posts_of
    from relay365.app.roads import build_routes, site_of
    from relay365.app.ways.fates import readers_of
    from relay365.clock import SystemClock
    from relay365.errors import ConfigError
    from relay365.net.tls import server_context

    base = file.resolve().parent
    try:
        for one in found.listener:
            if one.certificate is not None and one.key is not None:
                server_context(base / (one.certificate.file or ""), base / (one.key.file or ""))
        posts_of(found, base)
        site = site_of(found, base)
        routes = build_routes(found, base, site)
        readers_of(found, routes, site, SystemClock())
        return [route.lane for route in routes]
    except ConfigError as error:
        do = error.hint or "put it there, readable by the relay's user only"
        fail(PROBLEM, error.where, f"expected {error.expected}, found {error.found}", do)
    except OSError as error:
        do = "check the paths, and that certificate and key are PEM and belong together"
        fail(PROBLEM, "a listener's certificate or key cannot be used", str(error), do)


def _warnings(found: Config, file: Path) -> list[str]:
    """What is allowed and still worth a second look."""
    warnings = []
    if not found.allow and not found.user and not any(one.match.address for one in found.device):
        warnings.append(
            "no [[allow]], no [[user]] and no [[device]] with an address: only logins of the users file may send "
            "(relay365 user add)"
        )
    if any(route.kind == "submission" and "password" in route.secrets() for route in found.route):
        warnings.append("a password route: Microsoft ends basic authentication; use secret or certificate")
    warnings += [
        f"[[allow]] {rule.network}: public addresses may send without a login"
        for rule in found.allow
        if not rule.network.is_private and rule.login != "required"
    ]
    warnings += [
        f"{secret} can be read by others: chmod 600"
        for route in found.route
        for key, secret in route.secrets().items()
        if not key.endswith("certificate") and _is_readable_by_others(secret, file)
    ]
    return warnings + _never_used(found) + _prices(found) + _nobodys_alerts(found)


def _never_used(found: Config) -> list[str]:
    """Routes that no mail can take: no rule names them, and by themselves they would send as another mailbox."""
    from relay365.rules.routing import RoadMap

    reached = {name for rule in found.rule for name in rule.routes} | RoadMap.of(found).by_itself
    return [
        f"route {name} is never used: no [[rule]] names it, and it sends as another mailbox than the first route"
        for name in found.route_names()
        if name not in reached
    ]


def _prices(found: Config) -> list[str]:
    """Tolerances that cost security, and who has them."""
    from relay365.mail.tolerance import TOLERANCES
    from relay365.rules.admission.rulebook import rules_of

    rules = rules_of(found)
    dear = [
        (one, [r.client.mark for r in rules if one.name in r.client.tolerances])
        for one in TOLERANCES
        if one.price
    ]
    return [f"{one.name} for {', '.join(marks)}: {one.price}" for one, marks in dear if marks]


def _nobodys_alerts(found: Config) -> list[str]:
    """Routes that may carry alerts by mail, and as whom they would go is a guess."""
    from relay365.rules.ourselves import doubts

    return [f"{one.what}; {one.why}; {one.do}" for one in doubts(found)]


def _is_readable_by_others(secret: SecretRef, file: Path) -> bool:
    import os

    if secret.file is None or os.name == "nt":
        return False
    return bool((file.resolve().parent / secret.file).stat().st_mode & 0o077)


def _print(found: Config, facts: dict[str, Any]) -> None:
    click.echo(f"{facts['file']} is good")
    for one in found.listener:
        login = ", everybody must log in" if one.require_auth else ""
        click.echo(f"  listens on  {one.address}, tls {one.tls}{login}")
    for rule in facts["rules"]:
        click.echo(
            f"  may send    {rule['mark']}: {rule['who']}{rule['login'] and ', login ' + rule['login']}"
        )
    for lane in facts["lanes"]:
        route = found.route[found.route_names().index(lane.partition("/")[0])]
        pace = f"{route.per_minute} a minute" if route.per_minute else "no limit of pace"
        tls = f", tls {route.tls}" if route.kind == "smarthost" else ""
        click.echo(
            f"  sends by    {lane} to {route.leads_to()}{tls}, {route.connections} connections, {pace}"
        )
    click.echo(f"  keeps in    {facts['data']}")
    for warning in facts["warnings"]:
        click.echo(f"  WARNING     {warning}")


HEAD = """\
# relay365: mail of the office network goes out through Microsoft 365.
[server]
data = "/var/lib/relay365"                  # queue and keys: on a disk that survives a power cut
[[listener]]
address = "192.168.10.5:25"                 # where devices connect
[[allow]]
network = "192.168.10.0/24"                 # who may send; everybody else is refused
"""
SUBMISSION = """\
[[route]]
kind = "submission"                         # SMTP AUTH client submission with OAuth
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
secret = { file = "/etc/relay365/client.secret" }
mailbox = "scan@contoso.com"
"""
SMARTHOST = """\
[[route]]
kind = "smarthost"                          # any SMTP server
host = "mail.contoso.com:587"
tls = "required"                            # required | opportunistic | none | implicit
"""
