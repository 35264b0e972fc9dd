"""`relay365 init`: from a clean machine to a delivered mail, in one wizard that can be interrupted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365 import __version__
from relay365.cli.microsoft.answering import as_object, wrong
from relay365.cli.setup import init_steps as steps
from relay365.cli.setup.init_questions import ask_all, ask_case
from relay365.cli.words.output import (
    DEFAULT_FILES,
    GOOD,
    PROBLEM,
    WRONG_USE,
    examples,
    fail,
    json_option,
    printable,
    write_json,
)

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
    help="The configuration to write; default /etc/relay365/relay365.toml, else ./relay365.toml.",
)  # fmt: skip
@click.option(
    "--data", default="", help="The data directory; default: that of the answers, or /var/lib/relay365."
)
@click.option(
    "--dry-run", is_flag=True, help="Show the scripts and the configuration; write and change nothing."
)
@click.option("--rescue", is_flag=True, help="Go on with a wizard that was interrupted.")
@json_option
def init(answers_file: Path | None, as_json: bool, **how: Any) -> None:
    """Set up a relay: find the tenant, make key and scripts, wait until Microsoft knows, write the configuration, send.

    Nothing is changed in Microsoft 365 by this command: it writes a PowerShell script that can be read, asks before
    each change, and has an undo. Exit 0 delivered, 1 something is not true yet (go on with --rescue), 2 wrong answers,
    3 somebody cannot be reached, 4 refused for safety.
    """
    is_quiet = as_json
    kept = _kept(how) if how["rescue"] else None
    values = _values(answers_file, kept)
    asks = answers_file is None and kept is None
    if asks:
        click.echo(
            f"relay365 {__version__} - set-up. Microsoft 365 is changed only by scripts that you read and run."
        )
        values = ask_all(values, _compared)
    if how["data"]:
        values["data"] = how["data"]
    answers = _judged(values, answers_file)
    place = _place(how["config_file"], answers, kept)
    answers = _anchored(answers, place)
    if how["dry_run"]:
        _show(answers, place)
        return
    _Wizard(answers, place, values, kept, may_ask=answers_file is None, is_quiet=is_quiet).run()


class _Wizard:
    """The steps in their order, and how far they came."""

    def __init__(
        self, answers: Answers, place: steps.Place, values: dict[str, Any], kept: Progress | None, *, may_ask: bool,
        is_quiet: bool,
    ) -> None:  # fmt: skip
        from relay365.setup.resume import Progress

        self._answers, self._place, self._may_ask, self._is_quiet = answers, place, may_ask, is_quiet
        self._progress = kept or Progress(values, config_file=str(place.config_file.resolve()))
        self._answers_seen: list[Answer] = []

    def run(self) -> None:
        """All that is left to do; leaves with the exit code."""
        steps.configuration_of(
            self._answers, self._place, None
        )  # what cannot work is said before anything is made
        mx = self._look_around()
        self._make_scripts()
        self._learn_result()
        text = steps.configuration_of(self._answers, self._place, self._progress.result, mx)
        steps.write_configuration(text, self._place)
        self._done("configuration", f"written: {self._place.config_file}")
        self._check()
        self._send()
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
        note = "Exchange Online" if found.is_microsoft else "not Exchange Online: check the domain"
        words = f"{found.host} ({note})" if found.host else found.unknown or "no MX record"
        self._say(f"     MX of {answers.domain}: {printable(words)}")
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
            do = f"run the script in {self._place.folder}, then: {self._rescue()}"
            fail(PROBLEM, "the script has not been run yet", "its last line, R365:..., has not come", do)
        self._progress = self._progress.replaced(result=result)
        self._done("result", f"application {result.client}" if result.client else "the connector is there")

    def _check(self) -> None:
        """Everything that the relay needs, until it is true."""
        from relay365.app.ways.identity import store_of
        from relay365.cli.words.signing import signing_routes

        answers, place = self._answers, self._place
        if answers.road.value == "person":
            (route,) = signing_routes(place.config_file, "")
            if not store_of(route.name, route.site).file.exists():
                do = f"relay365 token login --config {place.config_file}, then: {self._rescue()}"
                fail(PROBLEM, "nobody has signed in yet", "a person signs in once for this road", do)
        self._say(f"     {LEARNS}")
        found = steps.check_all(answers, place, self._tell)
        if not all(answer.good for answer in found):
            bad = next(answer for answer in found if not answer.good)
            fail(
                PROBLEM,
                f"not true yet: {bad.name}: {printable(bad.text)}",
                bad.why,
                f"{bad.do}; then: {self._rescue()}",
            )
        self._done("checks", "")

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
                f"{bad.do}; then: {self._rescue()}",
            )
        self._done("mail", "")

    def _finish(self) -> None:
        place = self._place
        if self._is_quiet:
            result = self._progress.result
            write_json(
                {
                    "config": str(place.config_file), "data": str(place.data),
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

    def _rescue(self) -> str:
        return f"relay365 init --rescue --data {self._place.data}"


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


def _kept(how: dict[str, Any]) -> Progress:
    """The interrupted wizard; leaves with 2 where there is none."""
    from relay365.setup.resume import load

    folder = Path(how["data"] or "/var/lib/relay365")
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
    named = {key: getattr(answers, key) for key in ("ca_file", "certificate", "key")}
    return answers.model_copy(update={key: str(place.folder / file) for key, file in named.items() if file})


def _default_file() -> Path:
    system, here = DEFAULT_FILES
    nearest = next(folder for folder in system.parents if folder.exists())
    return system if os.access(nearest, os.W_OK) else here


def _show(answers: Answers, place: steps.Place) -> None:
    """What would be written; leaves with 0. Nothing is made, so the scripts lack the certificate."""
    tenant_id = steps.find_tenant_of(answers).id if answers.asks_entra else ""
    texts = steps.scripts_of(answers, tenant_id, None)
    texts[place.config_file.name] = steps.configuration_of(answers, place, None)
    for name, text in texts.items():
        click.echo(f"# ---- {place.folder / name}")
        click.echo(text)
    click.echo(
        "# ---- a dry run: nothing was written or made; the certificate comes with the key, which is made last"
    )
    raise SystemExit(GOOD)


def _compared() -> str:
    """The road that is advised, after the questions that decide it."""
    from relay365.setup.advice import Case, advise

    verdicts = advise(Case(**ask_case()))
    for one in verdicts:
        click.echo(f"       {one.road.value:<12} {one.fit.value:<15} {one.reasons[0]}")
    chosen = verdicts[0].road.value
    return str(
        click.prompt(
            "     which one", default=chosen, type=click.Choice([one.road.value for one in verdicts])
        )
    )
