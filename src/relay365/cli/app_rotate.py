"""`relay365 app rotate`: the next certificate, added by the application itself, proved, and only then used."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.init_output import give, host, origin, say
from relay365.cli.output import PROBLEM, WRONG_USE, config_option, fail, instant, json_option, now, write_json
from relay365.cli.signing import SigningRoute, route_argument, signing_routes

if TYPE_CHECKING:
    from relay365.routes.identity.entra import Entra
    from relay365.setup.keys import AppKey
    from relay365.setup.tries.answer import Answer


@click.command()
@config_option
@json_option
@route_argument
@click.option("--if-due", is_flag=True, help="Only within 60 days of its end: for a timer, once a day.")
@click.option(
    "--registration", default="", help="Object id of the app registration, where init did not learn it."
)
@click.option("--script", "as_script", is_flag=True, help="Print a script for an administrator instead.")
@click.option(
    "--minutes", type=click.IntRange(1, 60), default=10, help="How long to wait for Entra to learn it."
)
def rotate(config_file: Path | None, as_json: bool, route: str, **how: Any) -> None:
    """Renew the application's certificate: the old one serves until the new one is proved, and stays valid.

    No permission is needed for that: the present certificate proves who asks. A running relay takes up the new one
    without a restart.
    """
    one = _route(config_file, route)
    present = _present(one)
    if how["if_due"] and not present.is_due(now()):
        _say(present, False, as_json=as_json)
        return
    fresh = _fresh(present)
    if how["as_script"]:
        _give_script(one, fresh)
        return
    if not _is_taken(one, fresh):
        _add(one, present, fresh, how["registration"])
    _prove(one, fresh, how["minutes"] * 60.0, quiet=as_json)
    _take_over(present, fresh)
    _say(_read(present.file), True, as_json=as_json)


def _route(config_file: Path | None, route: str) -> SigningRoute:
    """The one route whose application signs in with a certificate of its own; leaves with 2 where it is not clear."""
    found = [one for one in signing_routes(config_file, route) if _file_of(one) is not None]
    if len(found) != 1:
        names = ", ".join(one.name for one in found) or "none"
        what = "which route?" if found else "no route signs in with a certificate and key in one file"
        fail(
            WRONG_USE, what, f"those with such a certificate: {names}", "name one: relay365 app rotate ROUTE"
        )
    return found[0]


def _file_of(one: SigningRoute) -> Path | None:
    table = one.table
    if table.certificate is None or table.key is None or table.certificate.file is None:
        return None
    same = table.certificate.file == table.key.file
    return one.site.base / table.certificate.file if same else None


def _present(one: SigningRoute) -> AppKey:
    return _read(_file_of(one) or Path())


def _read(file: Path) -> AppKey:
    from relay365.setup.keys import read_key

    try:
        return read_key(file)
    except (OSError, ValueError) as error:
        fail(
            PROBLEM, f"{file} cannot be used", str(error), "put certificate and key (PEM) there, as they were"
        )


def _fresh(present: AppKey) -> AppKey:
    """The next pair, beside the present one; one that was made by an interrupted rotation is used again."""
    from relay365.setup.keys import make_key, read_key

    file = present.file.with_name(present.file.name + ".next")
    try:
        if file.exists():
            kept = read_key(file)
            if not kept.is_due(now()):
                return kept
        return make_key(file, host(), now())
    except (OSError, ValueError) as error:
        fail(PROBLEM, f"{file} cannot be written", str(error), "check the directory's rights")


def _add(one: SigningRoute, present: AppKey, fresh: AppKey, registration: str) -> None:
    """Leaves with 1 where Graph refuses it."""
    from relay365.app.ways.identity import tokens_of
    from relay365.setup.rotation import NotRotated, Registration, add_key
    from relay365.setup.tries.signing import try_token

    object_id = registration or _known_registration(one)
    if not object_id:
        fail(
            PROBLEM, "the object id of the app registration is not known", "init did not make this application",
            "relay365 app rotate --registration ID (portal: App registrations, Object ID), or --script",
        )  # fmt: skip
    table = one.table
    graph = tokens_of(one.name, table, one.site, scope=f"{_graph_resource(one)}/.default")
    answer, token = try_token(graph.directory)
    if not token:
        fail(PROBLEM, f"no token for Graph: {answer.text}", answer.why, answer.do)
    where = Registration(table.graph_endpoint, table.client, object_id)
    try:
        add_key(where, present.file, fresh, (token, _poster(one)), now())
    except NotRotated as error:
        fail(PROBLEM, error.what, error.why, "relay365 app rotate --script, and have an administrator run it")


def _graph_resource(one: SigningRoute) -> str:
    from relay365.config.roads.clouds import GRAPH

    return GRAPH[one.table.cloud]


def _known_registration(one: SigningRoute) -> str:
    """What the wizard learnt."""
    from relay365.setup.resume import load

    try:
        progress = load(one.site.data)
    except (OSError, ValueError):
        return ""
    result = progress.result if progress is not None else None
    return result.registration if result is not None and result.client == one.table.client.lower() else ""


def _poster(one: SigningRoute) -> Any:
    from relay365.routes.identity.transport import Transport, Way

    ca_file = str(one.site.base / one.table.ca_file) if one.table.ca_file else ""

    def post(address: str, token: str, body: dict[str, Any]) -> tuple[int, str]:
        transport = Transport(Way(ca_file, one.table.proxy))
        try:
            answer = transport.post(address, json=body, headers={"Authorization": f"Bearer {token}"})
        finally:
            transport.close()
        return answer.status_code, answer.text

    return post


def _directory(one: SigningRoute, key: AppKey) -> Entra:
    """The tokens that a pair gets."""
    from relay365.app.ways.identity import application_of
    from relay365.routes.identity.credential import Certificate, Reference
    from relay365.routes.identity.entra import Entra

    reference = Reference("the next certificate", key.file.read_bytes, key.file)
    return Entra(application_of(one.table, one.site), Certificate(reference, reference))


def _is_taken(one: SigningRoute, fresh: AppKey) -> bool:
    """Whether Entra knows the new pair already: by a script, or by a rotation that was interrupted."""
    from relay365.setup.tries.signing import try_token

    return try_token(_directory(one, fresh))[0].good


def _prove(one: SigningRoute, fresh: AppKey, wait_s: float, *, quiet: bool) -> None:
    """Wait until Entra gives a token for the new certificate; leaves with 1 where it does not."""
    from relay365.setup.tries.signing import try_token
    from relay365.setup.waiting import Timer, until_good

    directory = _directory(one, fresh)

    def tell(answer: Answer, passed_s: float) -> None:
        if not quiet:
            say(answer, passed_s)

    answers = until_good(lambda: [try_token(directory)[0]], tell, Timer(time.monotonic, time.sleep), wait_s)
    if not answers[0].good:
        fail(PROBLEM, f"the new certificate gets no token: {answers[0].text}", answers[0].why,
             "the old one is in use as before; later: relay365 app rotate")  # fmt: skip


def _take_over(present: AppKey, fresh: AppKey) -> None:
    from relay365.setup.rotation import take_over

    try:
        take_over(present.file, fresh.file)
    except OSError as error:
        fail(
            PROBLEM,
            f"{present.file} cannot be replaced",
            str(error),
            "check the directory's rights, then run it again",
        )


def _give_script(one: SigningRoute, fresh: AppKey) -> None:
    from relay365.setup.scripts.application import ROTATE_FILE, AppWish, rotate_script

    name = f"relay365 {host()}"
    wish = AppWish(one.table.tenant, name, "", "mailbox", fresh.der, fresh.name, cloud=one.table.cloud)
    give(rotate_script(wish, one.table.client, origin()), ROTATE_FILE, None)


def _say(key: AppKey, renewed: bool, *, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "certificate": key.name,
                "file": str(key.file),
                "ends_at": instant(key.ends_at),
                "renewed": renewed,
            }
        )
        return
    until = (instant(key.ends_at) or "")[:10]
    if renewed:
        click.echo(f"{key.name} is in use, valid to {until}; a running relay takes it up by itself")
        click.echo(f"the old one stays valid until its own end, and is kept in {key.file}.old")
    else:
        click.echo(f"{key.name} is valid to {until}: nothing to do yet")
