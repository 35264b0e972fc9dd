"""What `relay365 init` does, step by step; each step may be the first after an interruption.

Apart from init, which is the command and its order. Nothing here asks a person but `wait_for_result`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.microsoft.answering import host, origin, say, today
from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    REFUSED,
    UNREACHABLE,
    WRONG_USE,
    copy_stamp,
    fail,
    now,
    printable,
)

if TYPE_CHECKING:
    from relay365.setup.answers import Answers
    from relay365.setup.resume import Progress, Result
    from relay365.setup.scripts.application import AppWish
    from relay365.setup.tenant import MailHost, Tenant
    from relay365.setup.tries.answer import Answer

GRANTS = {"person": "person", "graph": "scope-graph", "hve": "hve"}
LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where things go: the configuration's file, and the data directory (absolute)."""

    config_file: Path
    data: Path

    @property
    def folder(self) -> Path:
        """Where the scripts go: beside the configuration."""
        return self.config_file.resolve().parent

    @property
    def key_file(self) -> Path:
        """The application's certificate and key."""
        from relay365.setup.writing import KEY_FILE

        return self.data / KEY_FILE


def find_tenant_of(answers: Answers) -> Tenant:
    """The tenant; leaves with 1 where there is none, 3 where nobody could say."""
    from relay365.routes.identity.transport import Way
    from relay365.setup.tenant import NoTenant, find_tenant

    try:
        return find_tenant(answers.domain, answers.authority, Way(answers.ca_file, answers.proxy))
    except NoTenant as error:
        do = (
            "check the domain, and cloud for a national one"
            if error.is_sure
            else "open port 443 to it, or set proxy"
        )
        fail(PROBLEM if error.is_sure else UNREACHABLE, error.what, error.why, do)


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What is known of a domain. is_no: the token service said that nobody has it; words: lines for a person."""

    domain: str
    tenant_id: str = ""
    mx: str = ""
    words: tuple[str, ...] = ()
    is_no: bool = False


def look_up(domain: str) -> LookedUp:
    """Whose domain it is, and where its mail goes, as far as anybody can say. Leaves for nothing."""
    from relay365.config.roads.clouds import AUTHORITY
    from relay365.net.resolve import NameServer
    from relay365.routes.identity.transport import Way
    from relay365.setup.tenant import NoTenant, find_mail_host, find_tenant

    tenant_id, is_no = "", False
    try:
        tenant_id = find_tenant(domain, AUTHORITY["global"], Way()).id
        said = f"Microsoft 365, tenant {tenant_id} (openid-configuration)"
    except NoTenant as error:
        is_no, said = error.is_sure, f"{error.what}: {error.why}"
    found = find_mail_host(domain, NameServer())
    return LookedUp(domain, tenant_id, found.host, (said, mx_words(domain, found)), is_no)


def mx_words(domain: str, found: MailHost) -> str:
    """Where mail of a domain goes, in a line."""
    note = "Exchange Online" if found.is_microsoft else "not Exchange Online: check the domain"
    words = f"{found.host} ({note})" if found.host else found.unknown or "no MX record"
    return f"MX of {domain}: {words}"


def mail_host_of(answers: Answers) -> MailHost:
    """Where the domain's mail goes, as far as DNS says."""
    from relay365.config import split_host_port
    from relay365.net.resolve import NameServer
    from relay365.setup.tenant import find_mail_host

    server = NameServer(*split_host_port(answers.name_server)) if answers.name_server else NameServer()
    return find_mail_host(answers.domain, server)


def make_key_of(place: Place) -> Any:
    """The application's pair: the one that is there, or a new one; leaves with 1 where that cannot be."""
    from relay365.setup.keys import make_key, read_key

    try:
        if place.key_file.exists():
            return read_key(place.key_file)
        place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return make_key(place.key_file, host(), now())
    except (OSError, ValueError) as error:
        fail(
            PROBLEM,
            f"{place.key_file} cannot be used",
            str(error),
            "init as a user who may write there, or other data",
        )


def scripts_of(answers: Answers, tenant_id: str, key: Any) -> dict[str, str]:
    """Every script of the road by its file's name; of an application that exists already, only its certificate.

    Leaves with 2 where an answer cannot stand in a script.
    """
    from relay365.setup.scripts import application, connector

    try:
        if not answers.asks_entra:
            addresses = (answers.address,) if answers.address else ()
            wish = connector.ConnectorWish(
                "relay365", answers.domain, answers.certificate_name, addresses, answers.cloud
            )
            return {
                connector.MAKE_FILE: connector.make_script(wish, origin()),
                connector.UNDO_FILE: connector.undo_script(wish, origin()),
            }
        app = app_wish(answers, tenant_id, key)
        if answers.client:
            no_key = answers.secret is not None or answers.road.value == "person"
            text = "" if no_key else application.rotate_script(app, answers.client, origin())
            return {application.ROTATE_FILE: text} if text else {}
        return {
            application.MAKE_FILE: application.make_script(app, origin()),
            application.UNDO_FILE: application.undo_script(app, origin()),
        }
    except ValueError as error:
        fail(WRONG_USE, "an answer cannot stand in the script", f"expected {error}", "correct it")


def app_wish(answers: Answers, tenant_id: str, key: Any) -> AppWish:
    """The application that the answers ask for."""
    from relay365.setup.scripts.application import AppWish

    grant: Any = GRANTS.get(answers.road.value, answers.grant)
    der, name = (key.der, key.name) if key is not None else (b"", "")
    return AppWish(
        tenant_id, f"relay365 {host()}", answers.mailbox, grant, der, name, tuple(answers.senders), answers.new_mailbox,
        answers.cloud,
    )  # fmt: skip


def keep_url(place: Place, url: str) -> None:
    """Keep the address that alerts are posted to, for this user alone; leaves with 1 where that cannot be."""
    from relay365.setup.keys import write_private
    from relay365.setup.writing import URL_FILE

    try:
        place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(place.data / URL_FILE, f"{url}\n".encode())
    except OSError as error:
        fail(
            PROBLEM, f"{place.data / URL_FILE} cannot be written", error.strerror or str(error),
            "init as a user who may, or other data",
        )  # fmt: skip


def write_all(texts: dict[str, str], folder: Path) -> None:
    """Write scripts; leaves with 1 where that cannot be."""
    for name, text in texts.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        except OSError as error:
            fail(
                PROBLEM,
                f"{folder / name} cannot be written",
                error.strerror or str(error),
                "choose another --config",
            )


def configuration_of(answers: Answers, place: Place, result: Result | None, mx: str = "") -> str:
    """The configuration, judged as `config check` does; leaves with 2, or 4 for an open relay."""
    from relay365.cli.words.output import say_config_errors
    from relay365.config import ConfigErrors, open_relay_risk, parse
    from relay365.setup.resume import Result
    from relay365.setup.writing import Page, configuration

    made_here = answers.asks_entra and answers.secret is None and answers.road.value != "person"
    known = result or Result(client=answers.client or "00000000-0000-0000-0000-000000000000")
    data = answers.model_copy(update={"data": str(place.data)})
    text = configuration(Page(data, today(), known, str(place.key_file) if made_here else "", mx))
    try:
        config = parse(text, str(place.config_file))
    except ConfigErrors as errors:
        say_config_errors(errors.errors, place.config_file)
        raise SystemExit(WRONG_USE) from None
    risk = open_relay_risk(config)
    if risk:
        fail(
            REFUSED,
            "this would be an open relay",
            risk,
            "narrow the networks, or listen on a private address",
        )
    return text


def agree_to_replace(place: Place, kept: Progress | None, *, may_ask: bool, is_sure: bool) -> None:
    """Leaves with 4 where a configuration is there and nobody agreed that it is replaced: before anything is made.

    kept: the wizard that goes on; what it has written itself and nobody has changed, it may write again.
    """
    from relay365.setup.resume import mark_of

    present, file = _present(place), place.config_file
    if not present or is_sure or (kept is not None and kept.written == mark_of(present)):
        return
    by = present.partition("\n")[0].removeprefix("# relay365, ").partition(":")[0]
    if may_ask and _agreed(
        f"     {file} is there already, {printable(by)}. Replace it? A copy is kept beside it"
    ):
        return
    other = file.with_name("other.toml")
    do = f"the same with --yes, and a copy is kept beside it; or write another one: --config {other}"
    fail(
        REFUSED, f"{file} is there already, and stays", f"{printable(by)}; it may have been edited since", do
    )


def _agreed(question: str) -> bool:
    try:
        return bool(click.confirm(question, err=True))
    except click.Abort:
        return False


def _present(place: Place) -> str:
    """The configuration that is there, "" for none; leaves with 4 where init has not written it."""
    from relay365.setup.writing import FIRST_LINE

    file = place.config_file
    try:
        text = file.read_text("utf-8") if file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        fail(PROBLEM, f"{file} cannot be read", str(error), "choose another file: --config FILE")
    if text and not text.startswith(FIRST_LINE):
        do = f"move it away, or write another one: --config {file.with_name('other.toml')}"
        fail(REFUSED, f"{file} is there already", "init did not write it, and overwrites nobody's work", do)
    return text


def write_configuration(text: str, place: Place) -> Path | None:
    """Write it; gives the copy of the one that it replaces, None where there was none or it says the same.

    Leaves with 4 where a file is there that init has not written.
    """
    from relay365.moving.applying import replace
    from relay365.setup.resume import mark_of

    file, present = place.config_file, _present(place)
    try:
        if present:
            return None if mark_of(text) == mark_of(present) else replace(file, text, copy_stamp())
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    except OSError as error:
        fail(PROBLEM, f"{file} cannot be written", str(error), "choose another file: --config FILE")
    return None


def wait_for_result(answers: Answers, *, may_ask: bool) -> Result | None:
    """The line that the script ends with, from the file of the answers or from a person; None where there is none yet.

    For a connector any line of ours will do.
    """
    if answers.result:
        return _result_in(Path(answers.result), answers, time.monotonic() + answers.wait)
    if not may_ask:
        return None
    while True:
        said = _pasted()
        found = _read(said, answers)
        if found is not None or not said:
            return found
        click.echo("     expected a line that begins with R365:")


def _pasted() -> str:
    """What a person pastes; "" for nothing, and where nobody is there."""
    try:
        text = "     Paste the last line that it prints (empty: later)"
        return str(click.prompt(text, default="", show_default=False)).strip()
    except click.Abort:
        return ""


def _result_in(file: Path, answers: Answers, until: float) -> Result | None:
    while True:
        text = file.read_bytes() if file.exists() else b""
        found = _read(_decoded(text), answers)
        if found is not None or time.monotonic() > until:
            return found
        time.sleep(LOOK_S)


def _decoded(octets: bytes) -> str:
    """Windows PowerShell's > writes UTF-16 with a byte order mark."""
    return octets.decode("utf-16" if octets[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")


def _read(text: str, answers: Answers) -> Result | None:
    from relay365.setup.resume import Result, read_connector, read_result

    if not answers.asks_entra:
        return Result() if read_connector(text) else None
    return read_result(text)


def check_all(answers: Answers, place: Place, tell: Any) -> list[Answer]:
    """Ask until everything is true that the relay needs, or the time is over."""
    from relay365.cli.microsoft import app, connector
    from relay365.cli.words.output import load_config
    from relay365.cli.words.signing import signing_routes
    from relay365.setup.waiting import Timer, until_good

    def ask() -> list[Answer]:
        if answers.asks_entra:
            (route,) = signing_routes(place.config_file, "")
            return app.verified(route, tuple(answers.senders))
        from relay365.app.roads import site_of
        from relay365.setup.tries.relaying import OUTSIDE

        config, file = load_config(place.config_file)
        table = config.route[0]
        return connector.verified(table, site_of(config, file.resolve().parent), answers.mailbox, OUTSIDE)

    return until_good(ask, tell, Timer(time.monotonic, time.sleep), answers.wait)


def save_progress(place: Place, progress: Progress) -> None:
    """Keep how far it came; leaves with 1 where that cannot be."""
    from relay365.setup.resume import save

    try:
        save(place.data, progress)
    except OSError as error:
        fail(
            PROBLEM,
            f"{place.data} cannot be written",
            error.strerror or str(error),
            "init as a user who may, or other data",
        )


def tell_answer(answer: Answer, passed_s: float) -> None:
    """A line for people."""
    say(answer, passed_s)


def show(answers: Answers, place: Place) -> None:
    """What would be written; leaves with 0. Nothing is made, so the scripts lack the certificate."""
    tenant_id = find_tenant_of(answers).id if answers.asks_entra else ""
    texts = scripts_of(answers, tenant_id, None)
    texts[place.config_file.name] = configuration_of(answers, place, None)
    for name, text in texts.items():
        click.echo(f"# ---- {place.folder / name}")
        click.echo(text)
    click.echo(
        "# ---- a dry run: nothing was written or made; the certificate comes with the key, which is made last"
    )
    raise SystemExit(GOOD)
