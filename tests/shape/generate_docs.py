"""Makes the tables of docs/config.md, events.md, outcomes.md and quota.md from the code; a test keeps them up to date.

`python tests/shape/generate_docs.py --write` writes them. Outside its two marks a page is
written by hand.
"""

from __future__ import annotations

import json
import re
import sys
import typing
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from relay365 import config
from relay365.config import tenants, watching, words
from relay365.config.roads import choice, kinds
from relay365.engine.watch.catalogue import METRICS
from relay365.journal import EVENTS
from relay365.routes.catalogue.rows import Row, catalogue
from relay365.routes.limits import Limit, limits

DOCS = Path(__file__).resolve().parents[2] / "docs"
BEGIN = "<!-- made by tests/shape/generate_docs.py: begin -->"
END = "<!-- made by tests/shape/generate_docs.py: end -->"

# Heading of each table of the file, and the model that reads it.
TABLES: tuple[tuple[str, type[config.Table]], ...] = (
    ("[server]", config.Server),
    ("[[listener]]", config.Listener),
    ("[[allow]]", config.Allow),
    ("[[user]]", config.User),
    ('[[route]] kind = "submission"', config.SubmissionRoute),
    ('[[route]] kind = "graph"', config.GraphRoute),
    ('[[route]] kind = "connector"', config.ConnectorRoute),
    ('[[route]] kind = "hve"', config.HveRoute),
    ('[[route]] kind = "acs"', config.AcsRoute),
    ('[[route]] kind = "smarthost"', config.SmarthostRoute),
    ("[[rule]]", config.Rule),
    ("[[tenant]]", config.Tenant),
    ("[[device]]", config.Device),
    ("match", config.Match),
    ("[tolerate]", config.Tolerate),
    ("[repair]", config.Repair),
    ("[sender]", config.Sender),
    ("[oversize]", config.Oversize),
    ("oversize of a client or a route", config.OwnOversize),
    ("[duplicates]", config.Duplicates),
    ("[queue]", config.Queue),
    ("[log]", config.Log),
    ("[metrics]", config.Metrics),
    ("[alerts]", config.Alerts),
    ("[[alerts.channel]]", config.Channel),
    ("[[alerts.reminder]]", config.Reminder),
    ("References to secrets", config.SecretRef),
)
WHERE = {
    "smtp": "Replies of Microsoft's SMTP servers",
    "token": "Refusals of the token service (AADSTS numbers and OAuth error names)",
    "graph": "Errors of Microsoft Graph",
    "device": "Texts that devices and other programs show",
    "relay": "Marks and replies of the relay itself",
}
_WORDS: dict[object, str] = {
    words.Size: "size", words.Duration: "time", words.HostPort: "address:port", words.Network: "network",
    words.MailboxName: "mail address", words.HostName: "host name", words.BaseAddress: "https address",
    words.Label: "name", words.Number: "number", words.Flag: "true or false", str: "text",
    words.OwnSender: "mail address", words.Networks: "network, or list of networks", words.Domains: "domain, or list",
    words.Senders: "address, or list", words.Recipients: "address, or list",
    choice.Destinations: "address, or list", choice.Labels: "name, or list", kinds.Mailboxes: "mail address, or list",
    kinds.SourceAddress: "IPv4 address",
    watching.SyslogAddress: "syslog address", watching.Weekly: "day and time", config.Channel: "table",
    config.Reminder: "table",
    tenants.TenantName: "tenant", tenants.ClockTime: "time of day",
    config.SecretRef: "reference", date: "date", config.Match: "table", config.OwnTolerate: "table",
    config.OwnOversize: "table",
}  # fmt: skip


def config_tables() -> str:
    """One table of keys for each table of the configuration."""
    parts = []
    for heading, model in TABLES:
        hints = typing.get_type_hints(model, include_extras=True)
        about = (model.__doc__ or "").partition(": ")[2] or (model.__doc__ or "")
        rows = [_key(name, field, hints[name]) for name, field in model.model_fields.items()]
        parts.append(
            f"## {heading}\n\n{about[:1].upper()}{about[1:]}\n\n{_table(('key', 'type', 'default', 'meaning'), rows)}"
        )
    return "\n\n".join(parts)


def _key(name: str, field: FieldInfo, hint: object) -> tuple[str, ...]:
    return f"`{name}`", _type(hint, field), _default(field, hint), _first_capital(field.description or "")


def _type(hint: object, field: FieldInfo) -> str:
    bare = _without_none(hint)
    if get_origin(bare) is Literal:
        return ", ".join(f'`"{word}"`' for word in get_args(bare))
    if get_origin(bare) is tuple:
        return f"list of {_WORDS[get_args(bare)[0]]}s"
    least = next((_bound(m.ge) for m in field.metadata if hasattr(m, "ge")), "")
    most = next((_bound(m.le) for m in field.metadata if hasattr(m, "le")), "")
    limits = f", {least} to {most}" if most else f", at least {least}" if least else ""
    return _WORDS[bare] + limits


def _bound(value: float) -> str:
    """A limit as people write it; only times are no whole numbers."""
    if isinstance(value, float):
        return _in_units(int(value), (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)))
    return str(value)


def _without_none(hint: object) -> object:
    if get_origin(hint) in (typing.Union, type(int | str)):
        return next(one for one in get_args(hint) if one is not type(None))
    return hint


def _default(field: FieldInfo, hint: object) -> str:
    if field.is_required():
        return "**required**"
    return (
        ""
        if field.default in (None, "", PydanticUndefined)
        else f"`{_toml(field.default, _without_none(hint))}`"
    )


def _toml(value: Any, hint: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(one, get_args(hint)[0]) for one in value) + "]"
    if hint == words.Size:
        return f'"{_in_units(value, (("G", 1024**3), ("M", 1024**2), ("K", 1024)))}"'
    if hint == words.Duration:
        return f'"{_in_units(int(value), (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)))}"'
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _in_units(value: int, units: tuple[tuple[str, int], ...]) -> str:
    return next((f"{value // size}{unit}" for unit, size in units if value % size == 0), str(value))


def event_table() -> str:
    """All events in the order of a message's life."""
    rows = [
        (f"`{e.name}`", e.level, "log and history" if e.places == "both" else e.places, e.meaning)
        for e in EVENTS
    ]
    return _table(("event", "level", "stands in", "meaning"), rows)


def reply_tables() -> str:
    """The catalogue, one table per place where a text comes from, by code."""
    parts = []
    for where, heading in WHERE.items():
        rows = sorted(
            (row for row in catalogue() if row.where == where),
            key=lambda row: (row.codes, row.statuses, row.id),
        )
        if rows:
            cells = [_reply(row) for row in rows]
            parts.append(
                f"### {heading}\n\n{_table(('row', 'matches', 'class', 'scope', 'meaning and cure'), cells)}"
            )
    return "\n\n".join(parts)


def limit_table() -> str:
    """Microsoft's limits in the order of the file, each with its text and what that leaves open."""
    rows = [
        (
            f"`{one.name}`", one.title, one.scope, _amount(one), _span_of(one),
            ", ".join(f"`{row}`" for row in one.rows), f"[{one.version}]({one.source})", _first_capital(one.doubt),
        )
        for one in limits().values()
    ]  # fmt: skip
    return _table(("limit", "what", "whose", "amount", "in", "said by row", "read", "doubt"), rows)


def _amount(limit: Limit) -> str:
    if limit.formula is None:
        return f"{limit.amount:,}"
    one = limit.formula
    return f"{one.base:,} + {one.factor} · licences^{one.power}; trial {limit.trial:,}"


def _span_of(limit: Limit) -> str:
    if not limit.window_s:
        return "at once" if limit.unit == "at once" else "a message"
    return next(f"{limit.window_s // size} {unit}" for size, unit in _SPANS if limit.window_s % size == 0)


_SPANS = ((3600, "h"), (60, "min"), (1, "s"))


_STORIES = (
    "Bounced is what should have waited; refused is what the remote refused for good, recipient by recipient, and "
    "whose sender was told. Duplicates are copies that Microsoft has twice, each marked as a possible duplicate; none "
    "where the message trace may be asked."
)


def story_table() -> str:
    """What each story of tests/stories saw in its last whole run, from the results beside it; "" before the first."""
    file = DOCS.parent / "tests" / "stories" / "results.json"
    if not file.exists():
        return ""
    cells = [
        (
            name,
            f"{one.get('messages', 6):,}",
            f"`{one['told']}`",
            str(one["lost"]),
            str(one["bounced"]),
            str(one.get("refused", 0)),
            str(one["duplicates"]),
            one["healed"],
            one.get("cure", ""),
        )
        for name, one in json.loads(file.read_text("utf-8")).items()
    ]
    headings = (
        "fault",
        "messages",
        "told",
        "lost",
        "bounced",
        "refused",
        "duplicates",
        "went on",
        "first thing to do",
    )
    return f"\n\n### Faults and what became of the mail (tests/stories)\n\n{_STORIES}\n\n{_table(headings, cells)}"


def _reply(row: Row) -> tuple[str, ...]:
    matched = [", ".join(str(code) for code in row.codes), ", ".join(_spans(row.statuses))]
    matched += [" ".join(f'"{fragment}"' for fragment in row.fragments)]
    matches = " ".join(part for part in matched if part)
    cure = "; ".join(row.do)
    return f"`{row.id}`", matches, row.klass.value, row.scope.value, f"{row.title} *{_first_capital(cure)}.*"


def _spans(statuses: tuple[str, ...]) -> list[str]:
    """`5.7.606` to `5.7.649` again as one span."""
    if len(statuses) < 10:
        return list(statuses)
    last = [statuses[0]]
    spans = [last]
    for status in statuses[1:]:
        if int(status.rpartition(".")[2]) == int(last[-1].rpartition(".")[2]) + 1:
            last.append(status)
        else:
            last = [status]
            spans.append(last)
    return [s[0] if len(s) == 1 else f"{s[0]} to {s[-1]}" for s in spans]


def _first_capital(text: str) -> str:
    return text[:1].upper() + text[1:] if re.match(r"[a-z]+[ ,]", text) else text


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def metric_table() -> str:
    """All metrics in the order of the list."""
    rows = [
        (f"`{one.shown}`", one.kind, ", ".join(f"`{label}`" for label in one.labels), one.meaning)
        for one in METRICS
    ]
    return _table(("metric", "kind", "labels", "meaning"), rows)


PAGES = {
    "config.md": config_tables,
    "events.md": event_table,
    "outcomes.md": lambda: reply_tables() + story_table(),
    "quota.md": limit_table,
    "metrics.md": metric_table,
}


def expected(page: str, present: str) -> str:
    """The page as it should be: its own prose, and the made part between the marks."""
    before, _, rest = present.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{PAGES[page]()}\n\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write the pages, or say which are out of date."""
    stale = 0
    for page in PAGES:
        file = DOCS / page
        present = file.read_text("utf-8")
        wanted = expected(page, present)
        if wanted != present:
            stale += 1
            print(f"{page} {'written' if '--write' in arguments else 'is out of date'}")  # noqa: T201  # its whole output
            if "--write" in arguments:
                file.write_text(wanted, "utf-8")
    return 0 if "--write" in arguments else min(stale, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
