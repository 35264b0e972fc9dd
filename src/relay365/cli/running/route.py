"""`relay365 route`: which way mail takes, and why not the others; from the configuration and the state of the lanes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from relay365.cli.running.route_open import open_route
from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    config_option,
    data_directory,
    examples,
    instant,
    json_option,
    load_config,
    now,
    printable,
    with_spool,
    write_json,
)
from relay365.cli.words.sizes import Octets

if TYPE_CHECKING:
    from relay365.rules.routing import Itinerary, Letter, Road, RoadMap
    from relay365.spool.api import LaneNote


@click.group(epilog=examples("relay365 route list"))
def route() -> None:
    """Show the ways out, which of them a message would take, and try a shut one now."""


@route.command("list", epilog=examples("relay365 route list"))
@config_option
@json_option
def list_routes(config_file: Path | None, as_json: bool) -> None:
    """List the routes in the order of the file, with the lanes of each and their state."""
    from relay365.rules.routing import roads_of

    config, _ = load_config(config_file)
    notes = _notes(config_file)
    for road in roads_of(config):
        lanes = [{"lane": lane, **_state(notes.get(lane))} for lane in road.lanes]
        if as_json:
            write_json({"route": road.name, "kind": road.kind, "lanes": lanes})
            continue
        for lane in lanes:
            click.echo(f"{lane['lane']:40}  {road.kind:10}  {_words(lane)}")


@route.command(epilog=examples("relay365 route explain --to lena@fabrikam.com --size 20M"))
@config_option
@click.option(
    "--from", "sender", default="", metavar="ADDRESS", help="The envelope's sender; default: the null path."
)
@click.option("--to", "recipients", multiple=True, required=True, metavar="ADDRESS", help="May be repeated.")
@click.option("--size", type=Octets(), default=0, metavar="SIZE", help="How large, such as 25M.")
@click.option("--device", default="", help="Name of the [[device]] that sends it.")
@click.option(
    "--priority", type=click.Choice(("alarm", "normal", "bulk")), default="normal", help="Of the device."
)
@json_option
def explain(config_file: Path | None, recipients: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Say which route each recipient's mail takes now, which comes next, and why not the others.

    Nothing is sent. Where a rule says choose = "soonest" it is reckoned when a message would start on each. Exit 0; 1
    where the first route (with "soonest": the one that takes it) is held or cannot carry the message.
    """
    from relay365.mail.envelope import SubmitterFacts
    from relay365.rules.routing import Letter, RoadMap

    config, _ = load_config(config_file)
    is_reckoned = any(rule.choose == "soonest" for rule in config.rule)
    road_map = RoadMap.of(config)
    lanes = Lanes(_notes(config_file), _starts(config_file) if is_reckoned else {})
    facts = SubmitterFacts("", "", device=given["device"], priority=given["priority"])
    letter = Letter(given["sender"], facts, given["size"])
    code = GOOD
    for recipient in recipients:
        found = _explained(road_map, letter, recipient, lanes)
        code = code if _is_well(found) else PROBLEM
        if as_json:
            write_json(found)
        else:
            _print(found)
    raise SystemExit(code)


class Lanes(NamedTuple):
    """What is known of the lanes: the notes that the service wrote down, and when a message would start in each.

    starts: in seconds; {} where no rule asks for it.
    """

    notes: dict[str, LaneNote]
    starts: dict[str, float]


def _is_well(found: dict[str, Any]) -> bool:
    """Whether nobody needs to do anything for this recipient's mail."""
    asked = found["takes"] if found["choose"] == "soonest" else found["routes"][0]["route"]
    return bool(found["takes"]) and not any(one["held"] for one in found["routes"] if one["route"] == asked)


def _explained(road_map: RoadMap, letter: Letter, recipient: str, lanes: Lanes) -> dict[str, Any]:
    """One recipient: the rule, the routes in their order with state, and every other route with the reason."""
    way = road_map.itinerary(letter, recipient)
    named = {road.name for road in way.roads} | {road.name for road, _ in way.unfit}
    routes = [_road(road, lanes, way) for road in way.roads]
    not_these = [{"route": road.name, "why": why} for road, why in way.unfit]
    not_these += [
        {"route": road.name, "why": _not_named(way, road_map)}
        for road in road_map.roads
        if road.name not in named
    ]
    return {
        "to": recipient,
        "rule": way.mark or None,
        "choose": "soonest" if way.soonest else "order",
        "passed_over": [{"rule": mark, "why": why} for mark, why in road_map.passed_over(letter, recipient)],
        "takes": "" if _cannot(way, letter, recipient) else _best(way, routes),
        "after_s": way.after_s,
        "routes": routes,
        "not": not_these,
    }


def _best(way: Itinerary, routes: list[dict[str, Any]]) -> str:
    """The route that takes it now; "" where all are shut."""
    well = [one for one in routes if not one["shut"]]
    if way.soonest:
        well.sort(key=lambda one: min(lane["starts_in_s"] for lane in one["lanes"]))
    return str(well[0]["route"]) if well else ""


def _cannot(way: Itinerary, letter: Letter, recipient: str) -> str:
    """Why even the first road cannot carry it; "" where it can."""
    return way.roads[0].why_not(letter, recipient)


def _not_named(way: Itinerary, road_map: RoadMap) -> str:
    if way.mark:
        return f"{way.mark} does not name it"
    return f"it would send as another mailbox than {road_map.roads[0].name}, and no [[rule]] says that it may"


def _road(road: Road, known: Lanes, way: Itinerary) -> dict[str, Any]:
    """A route with its lanes. shut: all of them have been unwell for so long that the next one has its mail."""
    notes = known.notes
    lanes = [{"lane": lane, **_state(notes.get(lane))} for lane in road.lanes]
    for one in lanes:
        one["starts_in_s"] = round(known.starts.get(one["lane"], 0.0), 1) if way.soonest else None
    since = [notes[lane].since_at if lane in notes else 0.0 for lane in road.lanes]
    return {
        "route": road.name,
        "kind": road.kind,
        "held": all(one["held"] for one in lanes),
        "shut": all(at and now() - at >= way.after_s for at in since),
        "lanes": lanes,
    }


def _starts(config_file: Path | None) -> dict[str, float]:
    """When a message would start in each lane; at once where the service never ran."""
    from relay365.app.ways.allowance import allowances
    from relay365.cli.running.starts import read_starts
    from relay365.spool.lock import DirectoryLock

    config, file = load_config(config_file)
    data = data_directory(config, file)
    if not (data / "spool.db").exists():
        return {}
    is_running = DirectoryLock(data).holder() is not None
    limits = allowances(config)
    return with_spool(  # type: ignore[no-any-return]  # what the work gives
        config_file, lambda spool: read_starts(spool, limits, now(), is_running=is_running)
    )


def _notes(config_file: Path | None) -> dict[str, LaneNote]:
    """What the service last wrote down about its lanes; nothing where it never ran."""
    config, file = load_config(config_file)
    if not (data_directory(config, file) / "spool.db").exists():
        return {}
    return {note.lane: note for note in with_spool(config_file, lambda spool: spool.lanes())}


def _state(note: LaneNote | None) -> dict[str, Any]:
    is_shut = note is not None and note.gate_until_at > now()
    return {
        "held": note.held or None if note else None,
        "row": (note.row or None) if note else None,
        "closed_until": instant(note.gate_until_at) if note and is_shut else None,
    }


def _words(state: dict[str, Any]) -> str:
    if state["held"]:
        return f"HELD: {printable(state['held'])}"
    return f"closed until {state['closed_until']} ({state['row']})" if state["closed_until"] else "well"


def _print(found: dict[str, Any]) -> None:
    is_soonest = found["choose"] == "soonest"
    who = f"rule {found['rule']}" if found["rule"] else "no [[rule]]: the order of the file"
    click.echo(f"<{printable(found['to'])}>  by {who}")
    for one in found["passed_over"]:
        click.echo(f"  not    {one['rule']}: {printable(one['why'])}")
    for n, road in enumerate(found["routes"]):
        place = "else  " if is_soonest else "then  " if n else "first "
        word = "takes " if road["route"] == found["takes"] else place
        for lane in road["lanes"]:
            start = f", starts in {lane['starts_in_s']:g} s" if is_soonest else ""
            click.echo(f"  {word} {lane['lane']}  {_words(lane)}{start}")
    if is_soonest:
        click.echo("         where it would start first; for less than a second a client keeps its last one")
    elif len(found["routes"]) > 1:
        click.echo(
            f"         the next one takes over when one has been shut for {found['after_s'] / 60:g} min"
        )
    for one in found["not"]:
        click.echo(f"  not    {one['route']}: {printable(one['why'])}")
    if not found["takes"]:
        click.echo("  nothing can take it now: it would be queued and wait")


route.add_command(open_route)
