"""`relay365 config`: check, show, example."""

from __future__ import annotations

from pathlib import Path

import click

from relay365.cli.output import PROBLEM, REFUSED, config_option, fail, json_option, load_config, write_json


@click.group()
def config() -> None:
    """Check, show or print an example of the configuration."""


@config.command()
@config_option
@json_option
def check(config_file: Path | None, as_json: bool) -> None:
    """Read the file and the secrets it names; exit 0 good, 1 a secret or certificate is missing, 2 bad file, 4 unsafe."""
    from relay365.app import build_routes
    from relay365.config import open_relay_risk
    from relay365.errors import ConfigError

    found, file = load_config(config_file)
    risk = open_relay_risk(found)
    if risk:
        fail(
            REFUSED,
            "this would be an open relay",
            risk,
            'narrow the network, set login = "required", or listen on a private address',
        )
    try:
        routes = build_routes(found, file.resolve().parent)
    except ConfigError as error:
        fail(
            PROBLEM,
            error.where,
            f"expected {error.expected}, found {error.found}",
            error.hint or "put it there, readable by the relay's user",
        )
    if as_json:
        write_json({"file": str(file), "good": True, "lanes": [route.lane for route in routes]})
    else:
        click.echo(
            f"{file} is good: {len(found.listener)} listener(s), {len(found.allow)} network(s), routes {', '.join(r.lane for r in routes)}"
        )


@config.command()
@config_option
@json_option
def show(config_file: Path | None, as_json: bool) -> None:
    """Every key with its value, defaults included; secrets as their references."""
    found, _ = load_config(config_file)
    values = found.model_dump(mode="json", exclude_none=True)
    for user in values["user"]:
        user["password_hash"] = "(hidden)"
    if as_json:
        write_json(values)
        return
    for table, value in values.items():
        for entry in value if isinstance(value, list) else [value]:
            click.echo(f"[[{table}]]" if isinstance(value, list) else f"[{table}]")
            for key, one in entry.items():
                click.echo(f"{key} = {_toml(one)}")


@config.command()
@click.argument("kind", type=click.Choice(("submission", "smarthost")), default="submission")
def example(kind: str) -> None:
    """Print a small configuration that works."""
    click.echo(HEAD + (SUBMISSION if kind == "submission" else SMARTHOST), nl=False)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return (
        '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else str(value)
    )


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
