"""`relay365 token`: how each route signs in, whether it can now, and what ends when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.microsoft.token_login import login
from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    UNREACHABLE,
    age,
    config_option,
    examples,
    fail,
    instant,
    json_option,
    now,
    printable,
    write_json,
)
from relay365.cli.words.signing import (
    SigningRoute,
    end_object,
    person_route,
    route_argument,
    signing_routes,
    way_of,
)

if TYPE_CHECKING:
    from relay365.errors import TokenRefused
    from relay365.routes.identity.person import PersonSignIn
    from relay365.routes.identity.source import TokenSource

PROBLEM_DAYS = 7  # from here on an end is a problem, and no longer only a warning


@click.group(epilog=examples("relay365 token status"))
def token() -> None:
    """How each route signs in, and whether it can: status, refresh, login, forget."""


@token.command(epilog=examples("relay365 token status"))
@config_option
@json_option
@route_argument
def status(config_file: Path | None, as_json: bool, route: str) -> None:
    """Ask for a token as the relay does, and say what it is good for and what ends when.

    A stored sign-in is only looked at. Exit 0 good, 1 refused or an end within 7 days, 3 the token service is unwell.
    """
    facts = [_facts(one, ask=one.table.login == "") for one in signing_routes(config_file, route)]
    _say(facts, as_json=as_json)


@token.command(epilog=examples("relay365 token refresh submission"))
@config_option
@json_option
@route_argument
def refresh(config_file: Path | None, as_json: bool, route: str) -> None:
    """Ask for a new token now, with a stored sign-in too: does it still work? Exit codes as of status."""
    facts = [_facts(one, ask=True) for one in signing_routes(config_file, route)]
    _say(facts, as_json=as_json)


@token.command(epilog=examples("relay365 token forget submission"))
@config_option
@json_option
@route_argument
def forget(config_file: Path | None, as_json: bool, route: str) -> None:
    """Remove a stored sign-in. At Microsoft it stays valid until it is revoked there."""
    from relay365.routes.identity.store import StoreBusy

    one = person_route(config_file, route)
    store = one.store()
    try:
        with store.held():
            was_there = store.forget()
    except (OSError, StoreBusy) as error:
        fail(PROBLEM, f"{store.file} cannot be removed", str(error) or "another process has it", "try again")
    if not was_there:
        fail(
            PROBLEM,
            f"nothing is stored for {one.name}",
            "nobody has signed in",
            f"relay365 token login {one.name}",
        )
    if as_json:
        write_json({"route": one.name, "forgotten": True})
    else:
        click.echo(
            f"{one.name}: the stored sign-in is gone; a token that the relay holds serves up to an hour more"
        )
        click.echo("at Microsoft it is valid until revoked: Revoke-MgUserSignInSession -UserId MAILBOX")


def _facts(one: SigningRoute, *, ask: bool) -> dict[str, Any]:
    """The documented JSON of one route. ask: put the question; otherwise look at what is stored."""
    from relay365.routes.identity.person import PersonSignIn

    source = one.source()
    directory = source.directory
    held = asked_now(one, source) if ask else {}
    if not ask and isinstance(directory, PersonSignIn):
        held = _stored(one, directory)
    (key,) = one.site.keyring.keys[-1:]
    ends = _ends(key.ending)
    left = ends["days"] if ends else None
    verdict = "good" if held["refusal"] is None else "unwell" if held["refusal"]["temporary"] else "refused"
    if verdict == "good" and left is not None and left < PROBLEM_DAYS:
        verdict = "ends soon"
    return {
        "route": one.name,
        "verdict": verdict,
        "application": one.table.client or None,
        "tenant": one.table.tenant or None,
        "signs_in_by": way_of(one.table),
        "ends": ends,
        "renews_at": _renews_at(one, ends),
        **held,
    }


def asked_now(one: SigningRoute, source: TokenSource) -> dict[str, Any]:
    """What the token service answers now."""
    from relay365.routes.identity.source import refusal_of

    answer = source.directory.ask()
    if "access_token" not in answer:
        return {"asked": True, "token": None, "refusal": _refusal(one, refusal_of(answer))}
    ends_at = now() + float(answer.get("expires_in", 3600))
    return {"asked": True, "token": _token(str(answer["access_token"]), ends_at), "refusal": None}


def _stored(one: SigningRoute, person: PersonSignIn) -> dict[str, Any]:
    """What a person's sign-in left on disk; nobody is asked and nothing changes."""
    from relay365.errors import ConfigError, TokenRefused

    try:
        kept = person.kept()
    except ConfigError as error:
        refused = TokenRefused("credential_unreadable", 0, str(error), temporary=False)
        return {"asked": False, "token": None, "refusal": _refusal(one, refused)}
    if not kept:
        words = f"nobody has signed in for this route yet: relay365 token login {one.name}"
        refused = TokenRefused("interaction_required", 0, words, temporary=False)
        return {"asked": False, "token": None, "refusal": _refusal(one, refused)}
    good = _token(kept["access_token"], kept["ends_at"]) if kept["ends_at"] > now() else None
    return {"asked": False, "token": good, "refusal": None}


def _token(text: str, ends_at: float) -> dict[str, Any]:
    """What is in a token, and never the token."""
    from relay365.routes.identity.claims import read_claims

    claims = read_claims(text)
    return {
        "valid_s": round(ends_at - now()),
        "audience": claims.audience or None,
        "roles": list(claims.roles),
        "who": claims.who or None,
    }


def _refusal(one: SigningRoute, refused: TokenRefused) -> dict[str, Any]:
    """A refusal with its row of the catalogue, and the one command that heals it or says more."""
    from relay365.cli.finding.explain import as_object

    explained = as_object(f"{refused.error}: {refused.text}", "token")
    heal = f"relay365 explain {explained['row']}" if explained["row"] else "relay365 token refresh"
    if one.table.login and not refused.temporary:
        heal = f"relay365 token login {one.name}"
    return {
        "error": refused.error,
        "number": refused.number or None,
        "text": refused.text,
        "temporary": refused.temporary,
        "row": explained["row"],
        "title": explained["title"],
        "do": explained["do"],
        "heal": heal,
    }


def _ends(ending: Any) -> dict[str, Any] | None:
    from relay365.errors import ConfigError

    try:
        found = ending()
    except ConfigError:
        return None  # the refusal says it
    return end_object(found) if found is not None else None


def _renews_at(one: SigningRoute, ends: dict[str, Any] | None) -> str | None:
    """When the running relay renews it; None where it does not."""
    from datetime import datetime

    from relay365.app.renewing.renewer import renews_at

    if ends is None:
        return None
    return instant(renews_at(one.table, datetime.fromisoformat(ends["at"]).timestamp()))


def _say(facts: list[dict[str, Any]], *, as_json: bool) -> None:
    """All routes; leaves with the worst exit code."""
    for one in facts:
        if as_json:
            write_json(one)
        else:
            _print(one)
    if not as_json:
        click.echo("what the running relay holds is its own; this command has asked or looked by itself")
    verdicts = {one["verdict"] for one in facts}
    bad = verdicts & {"refused", "ends soon"}
    raise SystemExit(PROBLEM if bad else UNREACHABLE if "unwell" in verdicts else GOOD)


def _print(one: dict[str, Any]) -> None:
    who = f"application {one['application']} in {one['tenant']}, " if one["application"] else ""
    click.echo(f"{one['route']}: {one['verdict'].upper()}  {printable(who)}{one['signs_in_by']}")
    held, ends, refusal = one["token"], one["ends"], one["refusal"]
    if ends is not None:
        left = f"in {ends['days']} d" if ends["days"] >= 0 else "IT HAS ENDED"
        click.echo(f"  {printable(ends['what'])}  valid to {ends['at'][:10]}, {left}")
    if one["renews_at"] is not None:
        click.echo(f"  renews   itself at {one['renews_at'][:10]}, while the relay runs")
    if held is not None:
        roles = ", ".join(held["roles"]) or "none (that is right with RBAC for Applications)"
        how = "asked for now" if one["asked"] else "stored, not asked for"
        words = (
            f"{how}, good for {age(held['valid_s'])}   aud {held['audience'] or 'unreadable'}   roles {roles}"
        )
        click.echo(f"  token    {printable(words)}")
    elif refusal is None:
        click.echo("  token    the stored one has ended; the relay fetches the next when it needs it")
    if refusal is not None:
        click.echo(f"  NO TOKEN {printable(refusal['text'])}")
        click.echo(f"  why      {refusal['row'] or 'unknown'}: {refusal['title']}")
        click.echo(f"  do       {refusal['heal']}")


token.add_command(login)
