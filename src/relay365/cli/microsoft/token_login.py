"""`relay365 token login`: a person signs in once, in a browser here, in any browser, or with a code elsewhere."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import (
    PROBLEM,
    WRONG_USE,
    age,
    config_option,
    examples,
    fail,
    json_option,
    printable,
    write_json,
)
from relay365.cli.words.signing import SigningRoute, person_route, route_argument
from relay365.cli.words.times import Span

if TYPE_CHECKING:
    from relay365.routes.identity.sign_in import Begun, SignIn

WAITS_S = 900.0
PASTE_ADDRESS = (
    "http://localhost"  # nothing listens there: the browser shows an error, and its address has the code
)


@click.command(epilog=examples("relay365 token login submission --paste"))
@config_option
@json_option
@route_argument
@click.option("--paste", is_flag=True, help="Any browser; paste the address at which it ends.")
@click.option("--device-code", is_flag=True, help="Type a code elsewhere; many tenants block this.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Loopback port for the browser's answer."
)
@click.option(
    "--wait", "--minutes", "wait_s", type=Span("m", least="1m", most="60m"), default=WAITS_S, metavar="SPAN",
    help="How long to wait for the person, digits alone for minutes; default: 15m, at most 60m.",
)  # fmt: skip
def login(config_file: Path | None, as_json: bool, route: str, **how: Any) -> None:
    """Sign in once for a route with login = "mailbox", and keep what comes of it. The relay takes it up at once."""
    if how["paste"] and how["device_code"]:
        fail(WRONG_USE, "two ways at once", "--paste and --device-code exclude each other", "choose one")
    one = person_route(config_file, route)
    let_sign_in(one, how)
    _say_kept(one, as_json=as_json)


def ask_and_sign_in(one: SigningRoute) -> None:
    """In the wizard: by a browser on this machine where there is one, else by any other and a pasted address."""
    question = "     Is there a browser on this machine? Else any other will do"
    try:
        is_here = click.confirm(question, default=has_desktop(), err=True)
    except click.Abort:
        is_here = False
    let_sign_in(one, {"paste": not is_here, "port": 0, "wait_s": WAITS_S})


def has_desktop() -> bool:
    """Whether a browser can probably be opened here: not by SSH, and on Linux only where a screen is named."""
    if "SSH_CONNECTION" in os.environ:
        return False
    return sys.platform in ("win32", "darwin") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())


def let_sign_in(one: SigningRoute, how: dict[str, Any]) -> None:
    """A person signs in, and what comes of it is kept; leaves with 1 where it is refused. how: paste, or of login."""
    from relay365.app.ways.identity import application_of
    from relay365.errors import ConfigError
    from relay365.routes.identity.sign_in import SignIn
    from relay365.routes.identity.store import StoreBusy

    sign_in = SignIn(application_of(one.table, one.site), one.store())
    try:
        answer = _signed_in(sign_in, one, how)
    except (OSError, StoreBusy, ConfigError) as error:
        why = str(error) or "another process holds it"
        fail(
            PROBLEM,
            f"the sign-in cannot be kept in {one.store().file}",
            why,
            f"relay365 token login {one.name}",
        )
    if "access_token" not in answer:
        _refused(one, answer)


def _signed_in(sign_in: SignIn, one: SigningRoute, how: dict[str, Any]) -> dict[str, Any]:
    if how.get("device_code"):
        return _by_device_code(sign_in, how["wait_s"])
    if how["paste"]:
        return _by_paste(sign_in, one)
    return _by_browser(sign_in, one, how)


def _by_browser(sign_in: SignIn, one: SigningRoute, how: dict[str, Any]) -> dict[str, Any]:
    from relay365.routes.identity.redirect import redirect

    with redirect(how["port"]) as listener:
        begun = sign_in.by_browser(listener.address, mailbox_of(one))
        if isinstance(begun, dict):
            return begun
        _tell(
            f"1. open in a browser on this machine:  {begun.address}",
            f"2. sign in as {mailbox_of(one)} and say yes",
            f"3. this command waits {age(how['wait_s'])}; no browser here: relay365 token login {one.name} --paste",
        )
        redirected = listener.wait(time.monotonic() + how["wait_s"])
    return sign_in.finish(begun, redirected) if redirected is not None else _nobody_came()


def _by_paste(sign_in: SignIn, one: SigningRoute) -> dict[str, Any]:
    from relay365.routes.identity.redirect import parameters_of

    begun = sign_in.by_browser(PASTE_ADDRESS, mailbox_of(one), pasted=True)
    if isinstance(begun, dict):
        return begun
    _tell(
        f"1. open in any browser:  {begun.address}",
        f"2. sign in as {mailbox_of(one)} and say yes; the browser ends at {PASTE_ADDRESS}, which it cannot show",
        "3. copy that whole address, paste it here, and press Enter:",
    )
    redirected = parameters_of(sys.stdin.readline())
    if not redirected:
        words = "what was pasted has no code in it; it begins with http://localhost/?code="
        return {"error": "invalid_request", "error_description": words}
    return sign_in.finish(begun, redirected)


def _by_device_code(sign_in: SignIn, wait_s: float) -> dict[str, Any]:
    begun = sign_in.by_device_code()
    if isinstance(begun, dict):
        return begun
    _tell(
        f"1. open on any machine:  {begun.address}",
        f"2. type the code  {begun.user_code}  and sign in",
        f"3. this command waits {age(wait_s)}",
    )
    _end_after(begun, wait_s)
    return sign_in.wait(begun)


def _end_after(begun: Begun, wait_s: float) -> None:
    """MSAL asks until this instant, on the wall clock (msal: acquire_token_by_device_flow)."""
    from relay365.cli.words.output import now

    begun.flow["expires_at"] = min(begun.flow.get("expires_at", 1e12), now() + wait_s)


def mailbox_of(one: SigningRoute) -> str:
    """The mailbox that a route sends from, or the first of several."""
    mailbox = getattr(one.table, "mailbox", None)
    several = getattr(one.table, "mailboxes", ())
    return str(mailbox or (several[0] if several else "the mailbox's user"))


def _tell(*lines: str) -> None:
    """To standard error: standard output is for the result."""
    for line in lines:
        click.echo(line, err=True)


def _nobody_came() -> dict[str, Any]:
    return {"error": "timeout", "error_description": "nobody came back from the browser in time"}


def _refused(one: SigningRoute, answer: dict[str, Any]) -> None:
    from relay365.cli.finding.explain import as_object
    from relay365.routes.identity.source import refusal_of

    refused = refusal_of(answer)
    explained = as_object(f"{refused.error}: {refused.text}", "token")
    what = f"no sign-in for {one.name}: {printable(refused.text)}"
    do = explained["do"][0] if explained["row"] else f"relay365 token login {one.name}"
    fail(PROBLEM, what, explained["title"], do)


def _say_kept(one: SigningRoute, *, as_json: bool) -> None:
    from relay365.app.ways.identity import application_of
    from relay365.routes.identity.person import PersonSignIn

    store = one.store()
    who = PersonSignIn(application_of(one.table, one.site), store, one.name).kept().get("who", "")
    sealed = one.site.token_key is not None
    if as_json:
        write_json({"route": one.name, "who": who or None, "file": str(store.file), "sealed": sealed})
        return
    how = "sealed with server.token_key" if sealed else "readable by its owner only"
    click.echo(
        f"{one.name}: signed in as {printable(who) or 'somebody unnamed'}; stored in {store.file}, {how}"
    )
    click.echo(
        "a running relay takes it up at its next try; it lasts while it is used, 90 days at most without use"
    )
    if who and who.lower() != mailbox_of(one).lower():
        click.echo(
            f"the route sends as {mailbox_of(one)}: {printable(who)} needs Send As and Full Access there"
        )
