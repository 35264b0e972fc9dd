"""`relay365 init`: from a clean machine to a delivered mail, in one wizard that can be interrupted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365 import __version__
from relay365.cli.microsoft.answering import as_object, wrong
from relay365.cli.setup import init_steps as steps
from relay365.cli.setup.init_questions import ask_all, compared
from relay365.cli.setup.init_rescue import ask_rescue, refuse_broken_off
from relay365.cli.words.output import (
    DEFAULT_FILES,
    PROBLEM,
    WRONG_USE,
    examples,
    fail,
    json_option,
    printable,
    write_json,
)
from relay365.places import DATA

if TYPE_CHECKING:
    from relay365.setup.answers import Answers
    from relay365.setup.resume import Progress
    from relay365.setup.tries.answer import Answer

LEARNS = (
    "Microsoft takes from a minute to two hours to learn this. Each step is tried again until it is true."
)


@click.command(
    epilog=examples(
        "relay365 init",
        "relay365 init --dry-run",
        "relay365 init --answers answers.toml --config relay365.toml",
    )
)
@click.option(
    "--answers", "answers_file", type=click.Path(dir_okay=False, path_type=Path),
    help="A file with the answers (TOML); nothing is asked then.",
)  # fmt: skip
@click.option(
    "--config", "config_file", envvar="RELAY365_CONFIG", type=click.Path(dir_okay=False, path_type=Path),
    help=f"The configuration to write; default {DEFAULT_FILES[0]}, else ./relay365.toml.",
)  # fmt: skip
@click.option("--data", default="", help=f"The data directory; default: that of the answers, or {DATA}.")
@click.option(
    "--dry-run", is_flag=True, help="Show the scripts and the configuration; write and change nothing."
)
@click.option("--resume", is_flag=True, help="Go on with a wizard that was broken off.")
@click.option(
    "--rescue", is_flag=True,
    help="In an emergency: two questions; one mailbox that can sign in now, one device; a reminder in seven days.",
)  # fmt: skip
@click.option(
    "--yes", is_flag=True, help="Do not ask whether a configuration that init has written is replaced."
)
@click.option("--client", default="", help="The id of an application that is there already.")
@json_option
def init(answers_file: Path | None, as_json: bool, **how: Any) -> None:
    """Set up a relay: find the tenant, make key and scripts, wait until Microsoft knows, write the configuration, send.

    Nothing is changed in Microsoft 365 by this command: it writes a PowerShell script that can be read, asks before
    each change, and has an undo. Exit 0 delivered, 1 something is not true yet (go on with --resume), 2 wrong answers,
    3 somebody cannot be reached, 4 refused for safety.
    """
    if how["rescue"] and how["resume"]:
        raise click.UsageError("--rescue sets up anew, --resume goes on: choose one")
    kept = _kept(how) if how["resume"] else None
    values = {**_values(answers_file, kept), **{key: how[key] for key in ("client", "data") if how[key]}}
    seen: list[steps.LookedUp] = []
    if how["rescue"]:
        values = ask_rescue(values)
    elif answers_file is None and kept is None:
        click.echo(
            f"relay365 {__version__} - set-up. Microsoft 365 is changed only by scripts that you read and run."
        )
        values = ask_all(values, compared, lambda domain: _is_ours(domain, seen))
    url = _taken_out(values)
    answers = _judged(values, answers_file)
    place = _place(how["config_file"], answers, kept)
    answers = _anchored(answers, place)
    if how["dry_run"]:
        steps.show(answers, place)
        return
    if how["rescue"]:
        refuse_broken_off(place.data)
    may_ask = answers_file is None or how["rescue"]
    steps.agree_to_replace(place, kept, may_ask=may_ask, is_sure=how["yes"])
    if url:
        steps.keep_url(place, url)
    progress = kept or _begun(values, place, seen)
    _Wizard(answers, place, progress, may_ask=may_ask, is_quiet=as_json).run(seen)


class _Wizard:
    """The steps in their order, and how far they came."""

    def __init__(
        self, answers: Answers, place: steps.Place, progress: Progress, *, may_ask: bool, is_quiet: bool
    ) -> None:
        self._answers, self._place, self._may_ask, self._is_quiet = answers, place, may_ask, is_quiet
        self._progress = progress
        self._answers_seen: list[Answer] = []
        self._copy: Path | None = None

    def run(self, seen: Sequence[steps.LookedUp]) -> None:
        """All that is left to do; leaves with the exit code. seen: what was said of the domain already."""
        from relay365.setup.resume import mark_of

        steps.configuration_of(
            self._answers, self._place, None
        )  # what cannot work is said before anything is made
        last = seen[-1] if seen else None
        mx = last.mx if last is not None and last.tenant_id else self._look_around()
        self._make_scripts()
        self._learn_result()
        text = steps.configuration_of(self._answers, self._place, self._progress.result, mx)
        self._copy = steps.write_configuration(text, self._place)
        self._progress = self._progress.replaced(written=mark_of(text))
        kept = f"; the old one is {self._copy}" if self._copy else ""
        self._done("configuration", f"written: {self._place.config_file}{kept}")
        self._check()
        self._send()
        self._try_alerts()
        self._finish()

    def _look_around(self) -> str:
        """The tenant and the MX host; gives the latter."""
        answers = self._answers
        if answers.asks_entra and not self._progress.tenant_id:
            tenant = steps.find_tenant_of(answers)
            self._progress = self._progress.replaced(tenant_id=tenant.id)
            self._say(f"     tenant {tenant.id} (openid-configuration of {answers.domain})")
        if answers.host is not None:
            return ""
        found = steps.mail_host_of(answers)
        self._say(f"     {printable(steps.mx_words(answers.domain, found))}")
        return found.host

    def _make_scripts(self) -> None:
        """The key, and the scripts with its certificate."""
        answers, place = self._answers, self._place
        needs_key = answers.asks_entra and answers.secret is None and answers.road.value != "person"
        key = steps.make_key_of(place) if needs_key else None
        steps.save_progress(place, self._progress)
        if key is not None:
            self._done(
                "key",
                f"private key: {place.key_file} (only this user may read it; it never leaves this machine)",
            )
        texts = steps.scripts_of(answers, self._progress.tenant_id, key)
        steps.write_all(texts, place.folder)
        for name in texts:
            self._say(f"     written: {place.folder / name}")
        self._done("script", "")

    def _learn_result(self) -> None:
        from relay365.setup.resume import Result

        answers = self._answers
        if "result" in self._progress.steps:
            return
        if answers.client and answers.asks_entra:
            result: Result | None = Result(
                self._progress.tenant_id, answers.client.lower(), mailbox=answers.mailbox
            )
        else:
            self._say(
                "     an administrator runs the script: first with -WhatIf, then without; it asks before each change"
            )
            result = steps.wait_for_result(answers, may_ask=self._may_ask)
        if result is None:
            do = f"run the script in {self._place.folder}, then: {self._resume()}"
            fail(PROBLEM, "the script has not been run yet", "its last line, R365:..., has not come", do)
        self._progress = self._progress.replaced(result=result)
        self._done("result", f"application {result.client}" if result.client else "the connector is there")

    def _check(self) -> None:
        """Everything that the relay needs, until it is true."""
        answers, place = self._answers, self._place
        if answers.road.value == "person":
            self._sign_in()
        self._say(f"     {LEARNS}")
        found = steps.check_all(answers, place, self._tell)
        if not all(answer.good for answer in found):
            bad = next(answer for answer in found if not answer.good)
            fail(
                PROBLEM,
                f"not true yet: {bad.name}: {printable(bad.text)}",
                bad.why,
                f"{bad.do}; then: {self._resume()}",
            )
        self._done("checks", "")

    def _sign_in(self) -> None:
        """A person signs in here, or is told how."""
        from relay365.app.ways.identity import store_of
        from relay365.cli.microsoft.token_login import ask_and_sign_in
        from relay365.cli.words.signing import signing_routes

        (route,) = signing_routes(self._place.config_file, "")
        if store_of(route.name, route.site).file.exists():
            return
        if not self._may_ask:
            do = f"relay365 token login --config {self._place.config_file}, then: {self._resume()}"
            fail(PROBLEM, "nobody has signed in yet", "a person signs in once for this road", do)
        self._say(f"     Now somebody signs in as {self._answers.mailbox}, once.")
        ask_and_sign_in(route)
        self._say("     signed in; it lasts while it is used, 90 days at most without use")

    def _send(self) -> None:
        """The first mail."""
        from relay365.cli.setup.init_mail import send_first

        answers = self._answers
        if not answers.test_to or "mail" in self._progress.steps:
            return
        found = send_first(
            self._place.config_file, (answers.mailbox, answers.test_to), self._tell, answers.wait
        )
        if not found[-1].good:
            bad = found[-1]
            fail(
                PROBLEM,
                f"the first mail: {printable(bad.text)}",
                bad.why,
                f"{bad.do}; then: {self._resume()}",
            )
        self._done("mail", "")

    def _try_alerts(self) -> None:
        """Who should hear hears a test. That of a rescue goes the way that the first mail went."""
        from relay365.cli.setup.init_alerts import try_channels

        if self._answers.alert_by == "nobody" or "alerts" in self._progress.steps:
            return
        found = try_channels(self._place.config_file, self._tell, self._answers.wait)
        bad = next((one for one in found if not one.good), None)
        if bad is not None:
            fail(PROBLEM, f"{bad.name}: {printable(bad.text)}", bad.why, f"{bad.do}; then: {self._resume()}")
        self._done("alerts", "")

    def _finish(self) -> None:
        place = self._place
        if self._is_quiet:
            result = self._progress.result
            write_json(
                {
                    "config": str(place.config_file), "data": str(place.data),
                    "backup": str(self._copy) if self._copy else None,
                    "tenant": self._progress.tenant_id or None,
                    "application": (result.client if result is not None else "") or None,
                    "steps": list(self._progress.steps), "answers": [as_object(one) for one in self._answers_seen],
                }
            )  # fmt: skip
            return
        click.echo(f"\nThe relay is set up. Start it:  relay365 run --config {place.config_file}")
        click.echo(f"Then look:                      relay365 status --config {place.config_file}")
        if any(place.folder.glob("relay365-*undo.ps1")):
            click.echo(f"Taken back by the undo script:  {place.folder}")
        if self._answers.rescue:
            click.echo("In seven days an alert says that it is time for an application of your own.")
        elif self._answers.alert_by == "nobody":
            click.echo("Nobody hears when it breaks yet:  relay365 docs alerts")

    # -- small things -----------------------------------------------------------------------------------------------

    def _done(self, step: str, words: str) -> None:
        self._progress = self._progress.with_step(step)
        steps.save_progress(self._place, self._progress)
        if words:
            self._say(f"     {words}")

    def _say(self, words: str) -> None:
        click.echo(words, err=self._is_quiet)

    def _tell(self, answer: Answer, passed_s: float) -> None:
        self._answers_seen.append(answer)
        if not self._is_quiet:
            steps.tell_answer(answer, passed_s)

    def _resume(self) -> str:
        return f"relay365 init --resume --data {self._place.data}"


def _values(answers_file: Path | None, kept: Progress | None) -> dict[str, Any]:
    """What is known before anybody is asked; the answers file goes before what was kept."""
    from relay365.errors import ConfigError
    from relay365.setup.answers import read_answers

    values = dict(kept.answers) if kept is not None else {}
    if answers_file is None:
        return values
    try:
        return {**values, **read_answers(answers_file.read_text("utf-8"), str(answers_file))}
    except ConfigError as error:
        wrong(error)
        raise
    except (OSError, UnicodeDecodeError) as error:
        fail(
            WRONG_USE,
            f"{answers_file} cannot be read",
            str(error),
            "check the path, and that it is UTF-8 text",
        )


def _is_ours(domain: str, seen: list[steps.LookedUp]) -> bool:
    """Whether there is a tenant of a domain, or nobody could say; it is said, and kept."""
    click.echo("     asking Microsoft and DNS whose it is ...")
    found = steps.look_up(domain)
    seen.append(found)
    for line in found.words:
        click.echo(f"     {printable(line)}")
    return not found.is_no


def _begun(values: dict[str, Any], place: steps.Place, seen: Sequence[steps.LookedUp]) -> Progress:
    from relay365.setup.resume import Progress

    tenant_id = seen[-1].tenant_id if seen else ""
    return Progress(values, tenant_id=tenant_id, config_file=str(place.config_file.resolve()))


def _taken_out(values: dict[str, Any]) -> str:
    """An address to post to that a person has typed, "" for none: a secret, of which only the place is kept."""
    from relay365.setup.writing import URL_FILE

    url = values.get("alert_url")
    if not isinstance(url, str):
        return ""
    values["alert_url"] = {"file": URL_FILE}
    return url


def _kept(how: dict[str, Any]) -> Progress:
    """The interrupted wizard; leaves with 2 where there is none."""
    from relay365.setup.resume import load

    folder = Path(how["data"] or DATA)
    try:
        found = load(folder)
    except (OSError, ValueError) as error:
        fail(WRONG_USE, "the interrupted wizard cannot be read", str(error), "begin anew: relay365 init")
    if found is None:
        fail(
            WRONG_USE,
            f"no wizard was interrupted in {folder}",
            "there is no setup.json",
            "--data DIR, or relay365 init",
        )
    return found


def _judged(values: dict[str, Any], answers_file: Path | None) -> Answers:
    from relay365.errors import ConfigError
    from relay365.setup.answers import judged

    try:
        return judged(values, str(answers_file or "the answers"))
    except ConfigError as error:
        wrong(error)
        raise


def _place(config_file: Path | None, answers: Answers, kept: Progress | None) -> steps.Place:
    """Where things go. A relative data directory is beside the configuration, as the relay reads it."""
    if config_file is None and kept is not None and kept.config_file:
        config_file = Path(kept.config_file)
    file = config_file or _default_file()
    return steps.Place(file, (file.resolve().parent / answers.data).resolve())


def _anchored(answers: Answers, place: steps.Place) -> Answers:
    """Files as the configuration will read them: relative ones are beside it."""
    from relay365.config import SecretRef
    from relay365.setup.writing import URL_FILE

    named = {key: getattr(answers, key) for key in ("ca_file", "certificate", "key")}
    found: dict[str, Any] = {key: str(place.folder / file) for key, file in named.items() if file}
    if answers.alert_url is not None and answers.alert_url.file == URL_FILE:  # as _taken_out has put it
        found["alert_url"] = SecretRef(file=str(place.data / URL_FILE))
    return answers.model_copy(update=found)


def _default_file() -> Path:
    system, here = DEFAULT_FILES
    nearest = next(folder for folder in system.parents if folder.exists())
    return system if os.access(nearest, os.W_OK) else here
