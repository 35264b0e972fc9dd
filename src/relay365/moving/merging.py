"""Puts the tables of a draft into a configuration that a person has written: text is inserted, nothing is written anew.

What stands there already is never changed: where the draft differs, the present value stays and a finding says so.
Apart from `moving.draft`, which writes whole tables and knows nothing of other people's files. Pure.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from relay365.config import Config
from relay365.moving.draft import LISTS, REST, Draft, Entry, lines, written
from relay365.moving.finding import Findings
from relay365.toml import as_toml, toml_line

_HEADING = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_\"'.\- ]+?)\s*\]\]?\s*(#.*)?")
_PLACE = "your file"
_EVERYWHERE = ("0.0.0.0", "[::]")  # noqa: S104  # compared with
_NO_CONDITION = {"name", "routes", "choose", "after", "digest"}

Tables = Mapping[str, Any]


def merged(present: str, config: Config, draft: Draft, findings: Findings) -> str:
    """The present text with what is new in the draft. config: what the present text says."""
    tables = tomllib.loads(present)
    text = present if present.endswith("\n") or not present else present + "\n"
    new = list(_new_entries(draft, tables, config, findings))
    last_first = [one for one in reversed(new) if one[1].is_first]  # each goes in front of those before it
    for name, entry in [one for one in new if not one[1].is_first] + last_first:
        if name in LISTS:
            if _is_inline(text, tables, name):
                _by_hand(findings, name, entry)
                continue
            text = _with_list_table(text, name, entry)
        elif name not in tables:
            text = _at_end(text, written(name, entry))
        elif _is_inline(text, tables, name):
            _by_hand(findings, name, entry)
        else:
            text = _with_keys(text, name, entry)
    return text


def _new_entries(
    draft: Draft, tables: Tables, config: Config, findings: Findings
) -> Iterator[tuple[str, Entry]]:
    """What the present file does not say yet."""
    twins = _same_routes(draft, config)
    for name, entry in draft.written():
        if name == "route" and "name" not in entry.keys:
            findings.ok(_PLACE, "[[route]]", "", f"your routes stay; not added: {_short(entry)}")
        elif name == "route" and entry.keys["name"] in twins:
            why = f"your route {twins[entry.keys['name']]} sends there already and stays"
            findings.ok(_PLACE, f"[[route]] {entry.keys['name']}", "", why)
        elif name == "rule" and entry.keys["name"] == REST:
            if not any(set(row) <= _NO_CONDITION for row in tables.get("rule", [])):
                yield name, Entry({**entry.keys, "routes": _by_themselves(config)}, entry.remark)
        elif name in LISTS:
            new = _with_present_routes(entry, twins) if name == "rule" else entry
            known = _known_as(name, new, tables)
            if known is None:
                yield name, new
            elif known:
                findings.warn(_PLACE, f"[[{name}]] {_short(entry)}", "", known)
        else:
            new = _missing_keys(name, entry, tables.get(name, {}), findings)
            if new.keys or new.later:
                yield name, new


def _same_routes(draft: Draft, config: Config) -> dict[str, str]:
    """Of the draft's routes those that the file has under another name, with that name: kind and destination agree."""
    present = {
        (route.kind, getattr(route, "mailbox", None) or getattr(route, "host", None)): name
        for name, route in zip(config.route_names(), config.route, strict=True)
    }
    named = [one.keys for one in draft.entries("route") if "name" in one.keys]
    places = {keys["name"]: (keys["kind"], keys.get("mailbox") or keys.get("host")) for keys in named}
    return {name: present[place] for name, place in places.items() if present.get(place, name) != name}


def _with_present_routes(rule: Entry, twins: Mapping[str, str]) -> Entry:
    routes = [twins.get(one, one) for one in rule.keys["routes"]]
    return Entry({**rule.keys, "routes": routes}, rule.remark, rule.asides, is_first=rule.is_first)


def _by_themselves(config: Config) -> list[str]:
    """The routes that mail takes where no rule holds."""
    from relay365.rules.routing import RoadMap

    alone = RoadMap.of(config).by_itself
    return [name for name in config.route_names() if name in alone]


def _missing_keys(name: str, entry: Entry, present: Tables, findings: Findings) -> Entry:
    for key, value in entry.keys.items():
        if key in present and present[key] != value:
            why = f"your value stays; the import would have {as_toml(value)}"
            findings.warn(_PLACE, f"[{name}] {toml_line(key, present[key])}", "", why)
    keys = {key: value for key, value in entry.keys.items() if key not in present}
    later = {} if present else entry.later
    return Entry(keys, entry.remark, entry.asides, later)


def _known_as(name: str, entry: Entry, tables: Tables) -> str | None:
    """None: it is new; "": it stands there already; else what differs and stays."""
    rows: list[dict[str, Any]] = [one for one in tables.get(name, []) if isinstance(one, dict)]
    if name == "allow":
        return _covered(entry, rows)
    key = {"listener": "address", "device": "name", "route": "name", "rule": "name"}[name]
    twin = next((one for one in rows if one.get(key) == entry.keys.get(key)), None)
    if twin is None and name == "listener":
        return _taken_port(entry, rows)
    if twin is None:
        return None
    differing = [one for one, value in entry.keys.items() if twin.get(one) != value]
    return f"yours stays; it differs in {', '.join(differing)}" if differing else ""


def _taken_port(entry: Entry, rows: list[dict[str, Any]]) -> str | None:
    """Two listeners with one port cannot be when one of them takes every address."""
    host, _, port = entry.keys["address"].rpartition(":")
    for row in rows:
        theirs, _, their_port = str(row.get("address", "")).rpartition(":")
        if port == their_port and {host, theirs} & set(_EVERYWHERE):
            return f"your {row['address']} has that port and stays; both cannot be"
    return None


def _covered(entry: Entry, rows: list[dict[str, Any]]) -> str | None:
    mine = ipaddress.ip_network(entry.keys["network"])
    for row in rows:
        theirs = ipaddress.ip_network(row.get("network", "0.0.0.0/32"))
        if mine.version != theirs.version or not mine.subnet_of(theirs):  # type: ignore[arg-type]
            continue
        if mine == theirs:
            differing = [
                one for one, value in entry.keys.items() if one != "network" and row.get(one) != value
            ]
            return f"yours stays; it differs in {', '.join(differing)}" if differing else ""
        return None if entry.is_first else f"your {theirs} holds for it, too, and decides"
    return None


def _with_list_table(text: str, name: str, entry: Entry) -> str:
    """A further [[name]]: behind the last one with all that is below it, or before the first, or at the end."""
    rows = text.splitlines(keepends=True)
    headings = [n for n, heading in _headings(rows) if heading == name]
    if not headings:
        return _at_end(text, written(name, entry))
    if entry.is_first:
        at = _above_remarks(rows, headings[0])
        return "".join([*rows[:at], written(name, entry) + "\n", *rows[at:]])
    at = _end_of(rows, headings[-1], lambda heading: heading.startswith(f"{name}."))
    block = written(name, entry).rstrip("\n") + "\n"
    return "".join([*rows[:at], "\n", block, *rows[at:]])


def _with_keys(text: str, name: str, entry: Entry) -> str:
    """Further keys of a table that is there, behind its last one."""
    rows = text.splitlines(keepends=True)
    start = next(n for n, heading in _headings(rows) if heading == name)
    at = _end_of(rows, start, lambda heading: False)
    return "".join([*rows[:at], *(f"{line}\n" for line in lines(entry)), *rows[at:]])


def _headings(rows: list[str]) -> Iterator[tuple[int, str]]:
    """(line, name) of every heading; a line inside a list or a text that looks like one is none."""
    for n, row in enumerate(rows):
        found = _HEADING.fullmatch(row.rstrip("\r\n"))
        if found and _is_toml("".join(rows[:n])):
            yield n, found[2].strip()


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _end_of(rows: list[str], start: int, is_below: Callable[[str], bool]) -> int:
    """The line behind a table's last key: trailing comments belong to what follows."""
    end = next((n for n, heading in _headings(rows) if n > start and not is_below(heading)), len(rows))
    while end > start + 1 and (not rows[end - 1].strip() or rows[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _above_remarks(rows: list[str], at: int) -> int:
    while at > 0 and rows[at - 1].lstrip().startswith("#"):
        at -= 1
    return at


def _at_end(text: str, block: str) -> str:
    gap = "\n" if text and not text.endswith("\n\n") else ""
    return text + gap + block.rstrip("\n") + "\n"


def _is_inline(text: str, tables: Tables, name: str) -> bool:
    """Whether the table stands there without a heading of its own: `allow = [...]`, `server.data = "x"`."""
    if name not in tables:
        return False
    return all(heading != name for _, heading in _headings(text.splitlines(keepends=True)))


def _by_hand(findings: Findings, name: str, entry: Entry) -> None:
    why = f"your file writes {name} without a heading, so nothing can be put behind it; add: {_short(entry)}"
    findings.unknown(_PLACE, name, why)


def _short(entry: Entry) -> str:
    return ", ".join(toml_line(key, value) for key, value in entry.keys.items())
