"""Read the file and say what is wrong with it, in its own words: file, key, expected, found, nearest known name.

A value that could be a secret is never shown, and a setting that this version does not know is never ignored.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from relay365.config.clients import Allow, Device, Match, OwnTolerate, Sender, Tolerate, User
from relay365.config.model import Config, Listener, Log, Queue, Server
from relay365.config.references import SecretRef
from relay365.config.repairs import Duplicates, Oversize, OwnOversize, Repair
from relay365.config.roads.choice import Rule
from relay365.config.roads.kinds import (
    AcsRoute,
    ConnectorRoute,
    GraphRoute,
    HveRoute,
    SmarthostRoute,
    SubmissionRoute,
)
from relay365.config.table import Table
from relay365.config.tenants import Tenant
from relay365.config.watching import Alerts, Channel, Metrics
from relay365.errors import ConfigError

LATER = frozenset({"web"})
KINDS: Mapping[str, type[Table]] = {
    "submission": SubmissionRoute, "connector": ConnectorRoute, "graph": GraphRoute, "hve": HveRoute,
    "acs": AcsRoute, "smarthost": SmarthostRoute,
}  # fmt: skip
LISTS = frozenset({"listener", "allow", "user", "route", "device", "rule", "tenant"})

_MODELS: Mapping[str, tuple[type[Table], ...]] = {
    "server": (Server,), "listener": (Listener,), "allow": (Allow,), "user": (User,), "queue": (Queue,), "log": (Log,),
    "route": tuple(KINDS.values()), "rule": (Rule,), "device": (Device,), "tolerate": (Tolerate,), "repair": (Repair,),
    "sender": (Sender,), "oversize": (Oversize,), "duplicates": (Duplicates,),
    "tenant": (Tenant,), "metrics": (Metrics,), "alerts": (Alerts,),
}  # fmt: skip
_INNER: Mapping[str, tuple[type[Table], ...]] = {
    "match": (Match,),
    "tolerate": (OwnTolerate,),
    "oversize": (OwnOversize,),
    "channel": (Channel,),
}
_SECRETS = frozenset({
    "secret", "password", "key", "certificate", "password_hash", "pfx", "pfx_password", "workload_token",
    "app_certificate", "app_key", "url",
})  # fmt: skip
_NAMED = {
    "listener": ("[[device]], listener", "the address of a [[listener]]"),
    "routes": ("[[rule]], routes", "the name of a [[route]]"),
    "device": ("[[rule]], device", "the name of a [[device]]"),
    "route": ("[[alerts.channel]], route", "the name of a [[route]]"),
    "tenant": ("[[tenant]], name", "the tenant or domain of a [[route]]"),
}
_SINGLE_QUOTES = r"a path with \ stands in single quotes: data = 'C:\ProgramData\relay365'"
_BENT = re.compile(r"[A-Za-z]:(?:[\x00-\x1f]|[\\/].*[\x00-\x1f])", re.DOTALL)
r"""A Windows path in double quotes, where TOML reads \n as the end of a line and \t as a tabulator."""
_REFERENCE = 'a reference: { file = "..." }, { env = "..." } or { credential = "..." }'


class ConfigErrors(ConfigError):
    """All errors of one file."""

    def __init__(self, errors: tuple[ConfigError, ...]) -> None:
        self.errors = errors
        first = errors[0]
        super().__init__(first.where, first.expected, first.found, first.hint)


def parse(text: str, where: str) -> Config:
    """Read a configuration; raises ConfigErrors with every error that was found. where: the file's name for people."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = 'texts stand in quotes: data = "/var/lib/relay365"; every table has its own heading, once'
        if "\\" in str(error) or "hex value" in str(error):  # as tomllib says of "C:\ and "C:\users
            hint = _SINGLE_QUOTES
        raise ConfigErrors((ConfigError(where, "TOML", str(error), hint),)) from error
    early = tuple(_shapes(tables, where)) or tuple(_not_yet(tables, where)) or tuple(_bent(tables, where))
    if early:
        raise ConfigErrors(early)
    try:
        return Config.model_validate(tables)
    except ValidationError as error:
        # A list that lost its only entry to an error of that entry is not an error of its own.
        causes = (one for one in error.errors() if "after validation" not in one["msg"])
        raise ConfigErrors(tuple(_explain(one, where) for one in causes)) from error


def _bent(tables: dict[str, Any], where: str) -> Iterator[ConfigError]:
    r"""Paths such as "C:\relay365" in double quotes, which are TOML, and name another file than is read there."""
    for name, value in tables.items():
        if isinstance(value, list):
            for n, row in enumerate(value, 1):
                yield from _bent_in(row, f"{where}: [[{name}]] {n}")
        else:
            yield from _bent_in(value, f"{where}: [{name}]")


def _bent_in(value: Any, where: str) -> Iterator[ConfigError]:
    if isinstance(value, str) and _BENT.match(value):
        yield ConfigError(
            where, "a path", "one with a control character in it, such as a line end", _SINGLE_QUOTES
        )
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _bent_in(one, f"{where}, {key}")


def _shapes(tables: dict[str, Any], where: str) -> Iterator[ConfigError]:
    """Tables that are no tables: [listener] for [[listener]], a value for a table."""
    for name, value in tables.items():
        if name not in _MODELS:
            continue
        heading = f"[[{name}]]" if name in LISTS else f"[{name}]"
        rows = value if name in LISTS and isinstance(value, list) else [value]
        if name in LISTS and isinstance(value, dict):
            hint = f"there may be several: write {heading} with two brackets"
            yield ConfigError(f"{where}: [{name}]", heading, f"[{name}]", hint)
        elif not all(isinstance(row, dict) for row in rows):
            hint = f"write {heading} on a line of its own and its keys below"
            yield ConfigError(f"{where}: {name}", f"the table {heading}", _short(value), hint)


def _not_yet(tables: dict[str, Any], where: str) -> Iterator[ConfigError]:
    """Tables and routes that belong to the format but not to this version, and kinds that nobody knows."""
    for name in tables:
        if name in LATER:
            hint = "it comes with a later version; take it out"
            yield ConfigError(f"{where}: [{name}]", "a table that this version knows", f"[{name}]", hint)
    for n, route in enumerate(tables.get("route", []), 1):
        kind = route.get("kind")
        if kind in KINDS:
            continue
        found = "nothing" if kind is None else _short(kind)
        expected = f"one of {', '.join(KINDS)}"
        yield ConfigError(f"{where}: [[route]] {n}, kind", expected, found, _nearest(str(kind), tuple(KINDS)))


def _explain(error: Any, where: str) -> ConfigError:
    """One of pydantic's errors as a person can use it."""
    path = [part for part in error["loc"] if part not in KINDS]
    place, found = f"{where}: {_place(path)}", error.get("input")
    key = str(path[-1]) if path else ""
    match error["type"]:
        case "extra_forbidden":
            hint = _nearest(key, _known_keys(path[:-1])) or "relay365 config example shows the known ones"
            return ConfigError(place, "a known key", key, hint)
        case "missing" | "too_short":
            example = f"add it; relay365 config example shows {'one' if len(path) < 2 else 'where'}"
            return ConfigError(place, "a value", "nothing", example)
        case "twins" | "unknown-word":
            return _between_tables(error["ctx"], where)
        case "model_type" | "model_attributes_type" if key in _SECRETS:
            hint = "a secret does not stand in this file: put it into a file that only the relay can read"
            return ConfigError(place, _REFERENCE, "a value, which is not shown", hint)
        case "value_error":
            expected = str(error["ctx"]["error"])
            return ConfigError(place, expected, _short(found), _suggestion(key, found))
        case _:
            expected = error["msg"].removeprefix("Input should be ").replace("'", '"')
            return ConfigError(
                place, expected, "a value, which is not shown" if key in _SECRETS else _short(found)
            )


def _between_tables(found: dict[str, Any], where: str) -> ConfigError:
    """A name that stands twice, or a word for something that is not in the file."""
    if "twin" in found:
        place = f"{where}: [[{found['table']}]], {found['key']}"
        return ConfigError(place, "a different one each time", f"{found['twin']!r} twice", "take one out")
    word, known = found["word"], found["known"]
    if found["key"] == "recipients":
        hint = 'name them: [sender] domains = ["contoso.com"]'
        return ConfigError(f"{where}: recipients", "domains of our own", _short(word), hint)
    hint = _nearest(word, known) or (
        f"the file has {', '.join(known)}" if known else "the file has none: take it out"
    )
    place, expected = _NAMED[found["key"]]
    return ConfigError(f"{where}: {place}", expected, _short(word), hint)


def _place(path: list[str | int]) -> str:
    """`[server] data`, `[[route]] 1, secret.file`: what stands in the file."""
    if not path:
        return "the whole file"
    table, rest = str(path[0]), path[1:]
    heading = f"[[{table}]]" if table in LISTS else f"[{table}]"
    if rest and isinstance(rest[0], int):
        heading, rest = f"{heading} {rest[0] + 1}", rest[1:]
    keys = ".".join(f"{part + 1}" if isinstance(part, int) else part for part in rest)
    comma = "," if heading[-1].isdigit() and keys else ""
    return f"{heading}{comma} {keys}".rstrip()


def _known_keys(path: list[str | int]) -> list[str]:
    if not path:
        return list(Config.model_fields)
    words = [part for part in path if isinstance(part, str)]
    inner = _INNER.get(words[-1], (SecretRef,)) if len(words) > 1 else None
    models = inner or _MODELS.get(str(path[0]), (Config,))
    return [key for model in models for key in model.model_fields]


def _nearest(name: str, known: list[str] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else ""


def _suggestion(key: str, found: object) -> str:
    """What was probably meant by an address without port or a network with host bits."""
    if not isinstance(found, str):
        return ""
    try:
        if key == "network":
            return f'did you mean "{ipaddress.ip_network(found, strict=False)}"?'
        if key in ("address", "host", "endpoint") and ":" not in found and found:
            return f'did you mean "{found}:{587 if key == "endpoint" else 25}"?'
    except ValueError:
        pass
    return ""


def _short(value: object) -> str:
    """A value for a message: of tables only the keys, because a value in them could be a secret."""
    if isinstance(value, dict):
        return "{ " + ", ".join(value) + " }"
    if isinstance(value, list):
        return "a list"
    text = (
        str(value).lower()
        if isinstance(value, bool)
        else f'"{value}"'
        if isinstance(value, str)
        else str(value)
    )
    return text if len(text) <= 60 else text[:57] + "..."
