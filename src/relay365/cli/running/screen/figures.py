"""The figures of `relay365 status`: from the service where only it knows, else from the queue and the files beside it.

Everything but what the service tells is there while it is down.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from relay365.cli.running import purse
from relay365.cli.running.screen.lines import is_overdue
from relay365.cli.words.output import data_directory, instant, now, with_spool
from relay365.cli.words.past import DAY_S, with_history
from relay365.cli.words.signing import calendar, nearest_end, way_of

if TYPE_CHECKING:
    from relay365.config import Config
    from relay365.routes.api import LaneLimits

WITHIN_S = 5.0  # a service that has not answered by then is not well


def figures(config: Config, file: Path, config_file: Path | None, pid: int | None) -> dict[str, Any]:
    """All that `status` shows but its verdict and what a person has ordered. pid: of the service, None without one."""
    from relay365.app.ways.allowance import allowances
    from relay365.engine.reports.unknown import load

    data, at = data_directory(config, file), now()
    stored = with_spool(
        config_file, lambda spool: _look(spool, allowances(config), at, is_running=pid is not None)
    )
    day, last = with_history(config_file, lambda past: _day(past, at))
    told = told_by(data) if pid is not None else None
    return {
        "at": instant(at),
        **_service(config, pid, told, at),
        "today": {"since": instant(midnight(at)), **day._asdict()},
        "recipients": stored["recipients"],
        "oldest_age_s": stored["oldest_age_s"],
        "lanes": _lanes(config, stored["notes"], last, told or {}),
        **_spent(stored["books"], allowances(config), told or {}),
        "expiring": nearest_end(config, file),
        "ends": calendar(config, file),
        "devices": _devices(config, data, at),
        "legacy": _legacy(config, data, at),
        "gateway": _gateway(data),
        **_alerts(data),
        "unknown_replies": len(load(data)),
    }


async def _look(
    spool: Any, limits: Mapping[str, LaneLimits], at: float, *, is_running: bool
) -> dict[str, Any]:
    from relay365.spool.api import Selection, State

    counts = await spool.counts()
    oldest = await spool.list(Selection(states=frozenset({State.QUEUED, State.CLAIMED}), limit=1))
    notes = {note.lane: note for note in await spool.lanes()}
    usage = tuple(await spool.usage(at - purse.DAY_S - purse.SLICE_S))
    return {
        "recipients": {state.value: n for state, n in counts.items()},
        "oldest_age_s": round(at - oldest[0].accepted_at, 1) if oldest else None,
        "notes": notes,
        "books": purse.Books(at, is_running, usage, notes),
    }


async def _day(past: Any, at: float) -> tuple[Any, Mapping[str, float]]:
    return await past.day(midnight(at)), await past.last_deliveries(at - DAY_S)


def midnight(at: float) -> float:
    """When the day of an instant began, in local time."""
    return (
        datetime.fromtimestamp(at).astimezone().replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    )


# -- the service -----------------------------------------------------------------------------------------------------


def told_by(data: Path) -> dict[str, Any] | None:
    """What the running service says of itself; {} where it cannot be asked, None where it does not answer."""
    from relay365.engine.control.requests import NotAnswered, ServiceGone, ask

    try:
        found = ask(data, "standing", {}, WITHIN_S)
    except (ServiceGone, OSError):  # it ended meanwhile; or the data directory is not ours to write
        return {}
    except NotAnswered:
        return None
    return found if "listeners" in found else {}  # another version of the service knows no such question


def _service(config: Config, pid: int | None, told: dict[str, Any] | None, at: float) -> dict[str, Any]:
    """answered: None where nobody was asked, or the service cannot say."""
    from relay365 import __version__
    from relay365.app.doors import host_name
    from relay365.app.live.standing import listener_object

    known = told or {}
    began_at = known.get("began_at")
    return {
        "running": pid is not None,
        "pid": pid,
        "answered": None if pid is None or told == {} else told is not None,
        "version": known.get("version", __version__),
        "host": known.get("host") or host_name(config),
        "started_at": instant(began_at),
        "up_s": round(max(0.0, at - began_at), 1) if began_at is not None else None,
        "listeners": known.get("listeners") or [listener_object(one, one.address) for one in config.listener],
        "sessions": {
            "now": known.get("sessions"), "limit": known.get("sessions_limit", config.server.max_sessions),
        },
    }  # fmt: skip


# -- the ways --------------------------------------------------------------------------------------------------------


def _lanes(
    config: Config, notes: Mapping[str, Any], last: Mapping[str, float], told: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Those of the file in its order, then those of which only a note is left."""
    from relay365.app.ways.allowance import allowances

    tables = dict(zip(config.route_names(), config.route, strict=True))
    live = {one["lane"]: one for one in told.get("lanes", ())}
    names = [*allowances(config), *(name for name in notes if name not in allowances(config))]
    return [_lane(name, tables, notes.get(name), live.get(name, {}), last.get(name)) for name in names]


def _lane(
    name: str, tables: Mapping[str, Any], note: Any, live: Mapping[str, Any], last_at: float | None
) -> dict[str, Any]:
    route, _, mailbox = name.partition("/")
    table = tables.get(route)
    found = max((at for at in (live.get("last_delivery_at"), last_at) if at is not None), default=None)
    return {
        "lane": name,
        "held": (note.held or None) if note is not None else None,
        "class": (note.klass or None) if note is not None else None,
        "row": (note.row or None) if note is not None else None,
        "since": instant(note.since_at) if note is not None else None,
        "closed_until": instant(note.gate_until_at) if note is not None else None,
        "last_success": instant(note.last_success_at) if note is not None else None,
        "configured": table is not None,
        "kind": table.kind if table is not None else None,
        "signs_in_by": way_of(table) if table is not None else None,
        "mailbox": mailbox or None,
        "last_delivery": instant(found),
        "under_way": live.get("under_way"),
        "connections": live.get("connections"),
    }


def _spent(books: purse.Books, limits: Mapping[str, LaneLimits], told: Mapping[str, Any]) -> dict[str, Any]:
    """What of Microsoft's limits is used, by mailbox and tenant."""
    owners = purse.owners_of(limits)
    under_way = {one["lane"]: one["under_way"] for one in told.get("lanes", ())}
    tenants = dict.fromkeys(owner.limits.tenant for owner in owners if owner.limits.tenant)
    return {
        "mailboxes": [
            {
                "owner": owner.word,
                "lanes": list(owner.lanes),
                "budgets": [_budget(one) for one in purse.standing(books, owner)],
                "connections": {
                    "used": sum(under_way.get(one, 0) for one in owner.lanes) if under_way else None,
                    "limit": sum(limits[one].connections for one in owner.lanes),
                },
            }
            for owner in owners
        ],
        "tenants": [
            {"tenant": name, "budgets": [_budget(purse.external(books, name, owners))]} for name in tenants
        ],
    }


def _budget(found: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("name", "used", "limit", "window_s", "foreign")
    assumed = found.get("by_priority", {}).get(purse.ASSUMED, 0)
    return {**{key: found[key] for key in keys}, "assumed": assumed, "opens_at": instant(found["opens_at"])}


# -- who speaks, and what is wrong -----------------------------------------------------------------------------------


def _devices(config: Config, data: Path, at: float) -> dict[str, Any]:
    """Who should have spoken, as the alarm judges it (engine.alerts.causes)."""
    from relay365.engine.alerts.alarm import SINCE
    from relay365.engine.alerts.ledger import FILE, read_object

    seen = read_object(data / FILE)
    began = seen.get("marks", {}).get(SINCE, at)
    heard = {one.name: seen.get("heard", {}).get(one.name) for one in config.device}
    expected = [one for one in config.device if one.expects is not None]
    silent = [one for one in expected if at - (heard[one.name] or began) > (one.expects or 0.0)]
    return {
        "known": len(config.device),
        "expected": len(expected),
        "heard": len(expected) - len(silent),
        "silent": [
            {
                "name": one.name, "place": one.place or None, "silent_s": round(at - (heard[one.name] or began), 1),
                "expects_s": one.expects, "last_heard_at": instant(heard[one.name]),
                "show": f"relay365 device show {quote(one.name)}",
            }
            for one in silent
        ],
    }  # fmt: skip


def _legacy(config: Config, data: Path, at: float) -> dict[str, Any] | None:
    """Listeners for old TLS, and how many clients were last heard there; None where there is no such listener."""
    from relay365.engine.blackbox.archive import Archive

    found = [one for one in config.listener if one.ciphers == "legacy"]
    if not found:
        return None
    addresses = [one.address for one in found]
    review_by = min(one.review_by for one in found if one.review_by is not None).isoformat()
    today = datetime.fromtimestamp(at).astimezone().date()
    return {
        "listeners": addresses,
        "devices": sum(client.get("listener") in addresses for client in Archive(data).all()),
        "review_by": review_by,
        "overdue": is_overdue(review_by, today),
    }


def _gateway(data: Path) -> dict[str, Any] | None:
    """The one address that everybody came by, None where there is no sign of one."""
    from relay365.engine.blackbox.archive import Archive
    from relay365.engine.blackbox.gateway import gateway_in

    found = gateway_in(Archive(data))
    return found.as_object() if found is not None else None


def _alerts(data: Path) -> dict[str, Any]:
    """What is open, as the service last saw it."""
    from relay365.engine.alerts.ledger import FILE, read_object

    found = [one["cause"] for one in read_object(data / FILE).get("open", []) if not one.get("gone_at")]
    opened = [{"key": one[0], "severity": one[1], "what": one[2]} for one in found]
    return {"alerts": len(opened), "alerts_open": opened}
