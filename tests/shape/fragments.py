"""Tables of the configuration as documents show them, made whole so that the configuration reader can judge them.

A page shows the table that it speaks of; the reader wants a whole file. What the page leaves out is put behind it:
a data directory, a listener, somebody who may send, a way out. Apart from command_lines, which judges commands.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

from relay365 import config
from relay365.config import ConfigErrors
from shape import command_lines

_LEFT_OUT = {
    "server": '[server]\ndata = "data"',
    "listener": '[[listener]]\naddress = "192.168.10.5:2500"',
    "allow": '[[allow]]\nnetwork = "192.168.77.0/24"',
}
_NEXT = '[[route]]\nkind = "smarthost"\nname = "{}"\nhost = "mail.contoso.com:587"'
_DEVICE = '[[device]]\nname = "{0}"\nmatch = {{ login = "{0}" }}'
_OF_TENANT = """\
[[route]]
kind = "submission"
name = "of-{0}"
tenant = "{0}"
client = "7a1e0c52-0000-4000-8000-000000000000"
secret = {{ file = "client.secret" }}
mailbox = "scan@{0}"
"""
_TABLES = frozenset(config.Config.model_fields)


def shown(text: str) -> Iterator[str]:
    """Every TOML block of a page that shows tables of the configuration; others are answers, scenarios and the like."""
    for language, content in command_lines.blocks(text):
        if language == "toml":
            tables = tomllib.loads(content)
            if tables and set(tables) <= _TABLES:
                yield content


def fault(fragment: str) -> str:
    """What the configuration reader says against a fragment; "" for nothing."""
    try:
        config.parse(_whole(fragment), "page")
    except ConfigErrors as errors:
        return "; ".join(str(error) for error in errors.errors)
    return ""


def _whole(fragment: str) -> str:
    """The fragment with what it leaves out: tables, the routes that it names, the tenants' routes."""
    given = tomllib.loads(fragment)
    if "data" not in given.get("server", {"data": ""}):
        fragment = fragment.replace("[server]", '[server]\ndata = "data"', 1)
    named = [name for rule in given.get("rule", ()) for name in _listed(rule.get("routes", ()))]
    named += [one["route"] for one in given.get("alerts", {}).get("channel", ()) if "route" in one]
    present = {route.get("name", route.get("kind")) for route in given.get("route", ())}
    missing = [_NEXT.format(name) for name in dict.fromkeys(named) if name not in present]
    missing += [_OF_TENANT.format(tenant["name"]) for tenant in given.get("tenant", ())]
    known = {device["name"] for device in given.get("device", ())}
    devices = [name for rule in given.get("rule", ()) for name in _listed(rule.get("device", ()))]
    missing += [_DEVICE.format(name) for name in dict.fromkeys(devices) if name not in known]
    has_route = any("[[route]]" in one for one in missing)
    missing += [] if has_route or "route" in given else [_NEXT.format("next")]
    return "\n".join([fragment, *(text for name, text in _LEFT_OUT.items() if name not in given), *missing])


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
