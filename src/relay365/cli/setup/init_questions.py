"""The questions of `relay365 init`, one by one; what a file of answers says already is not asked again."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import click

ROADS = {
    "a": (
        "application",
        "OAuth, an application with a certificate: no user, no password; one sender or several",
    ),
    "b": (
        "person",
        "OAuth, a person signs in once: no application of an administrator, where users may consent",
    ),
    "c": (
        "certificate",
        "connector by certificate: any sender of your domain, no 30 a minute; port 25 must be open",
    ),
    "d": ("address", "connector by static public address: the same without a certificate"),
    "e": ("hve", "High Volume Email: recipients inside your tenant only, billed for each"),
    "f": ("graph", "Microsoft Graph: over HTTPS, where neither 587 nor 25 goes out"),
}


NEEDED = frozenset((
    "domain", "mailbox", "certificate", "key", "certificate_name", "address", "alert_url", "alert_address", "alert_to",
    "alert_host",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """key: of Answers; text: what is asked; default: from what is known so far; is_list: several, by commas.

    check: of an answer in itself, what is expected or ""; default: as the file of answers is judged.
    """

    key: str
    text: str
    default: Callable[[dict[str, Any]], str] = lambda _: ""
    is_list: bool = False
    is_asked: Callable[[dict[str, Any]], bool] = lambda _: True
    check: Callable[[object], str] | None = None


def _domain(known: dict[str, Any]) -> str:
    return str(known.get("domain", ""))


def check_url(value: object) -> str:
    """What is expected where nothing can be posted to an address; "" where it can."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(str(value))
        host = parts.hostname or ""
    except ValueError:
        parts, host = None, ""
    is_here = host in ("localhost", "127.0.0.1", "::1")
    is_good = (
        parts is not None and bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_here))
    )
    return "" if is_good else "an https address"


def _hears(*ways: str) -> Callable[[dict[str, Any]], bool]:
    return lambda known: known.get("alert_by") in ways


def _is(*roads: str) -> Callable[[dict[str, Any]], bool]:
    return lambda known: known.get("road") in roads


QUESTIONS = (
    Question("domain", "1/6  Your mail domain"),
    Question("road", "2/6  How shall mail go out", lambda _: "application"),
    Question("mailbox", "     The address that sends", lambda known: f"scan@{_domain(known)}"),
    Question("certificate", "     File with the certificate and its chain (PEM)", is_asked=_is("certificate")),
    Question("key", "     File with its key (PEM)", is_asked=_is("certificate")),
    Question("certificate_name", "     The name in it", lambda k: f"relay.{_domain(k)}", is_asked=_is("certificate")),
    Question("address", "     The public address of this relay", is_asked=_is("address")),
    Question("client", "3/6  Id of the application, if there is one already (empty: a script makes it)",
             is_asked=_is("application", "person", "graph", "hve")),
    Question("networks", "4/6  Networks that may send without a password", lambda _: own_networks(), is_list=True),
    Question("foreign", "     Senders of other domains: rewrite, reject or pass", lambda _: "rewrite"),
    Question("listeners", "5/6  Listen on", lambda _: own_listeners(), is_list=True),
    Question("reports_to", "6/6  Who is told what could not go"),
    Question("test_to", "     Who gets the first mail", lambda known: str(known.get("reports_to", ""))),
    Question("alert_by", "     Who should hear when it breaks: teams, webhook, syslog, mail or nobody",
             lambda _: "nobody"),
    Question("alert_url", "     The address to post to (it goes into a file that only this user can read)",
             is_asked=_hears("teams", "webhook"), check=check_url),
    Question("alert_address", "     The syslog server, udp://host:514 or tcp://host:601", is_asked=_hears("syslog")),
    Question("alert_to", "     Who gets the alerts", lambda known: str(known.get("reports_to", "")),
             is_asked=_hears("mail")),
    Question("alert_host", "     By which mail server, not Microsoft's: this way may be what broke (host:port)",
             is_asked=_hears("mail")),
)  # fmt: skip


def ask_all(
    known: dict[str, Any], compare: Callable[[], str], looked_up: Callable[[str], bool] = lambda _: True
) -> dict[str, Any]:
    """Every question that is open, in order; compare: gives the word of the road that is advised after more questions.

    looked_up: whether a domain is one of Microsoft 365, asked at once, before anybody answers more about it.
    Ends with click.Abort at Ctrl-C or the end of input.
    """
    answers = dict(known)
    for question in QUESTIONS:
        if question.key not in answers and question.is_asked(answers):
            value = _road(question, compare) if question.key == "road" else _ask(question, answers)
            if question.key == "domain":
                value = _confirmed(question, str(value), looked_up)
            if value not in ("", []):
                answers[question.key] = value
    return answers


def _confirmed(question: Question, domain: str, looked_up: Callable[[str], bool]) -> str:
    """The domain; asked again while there is no tenant of it, unless it is given twice."""
    while not looked_up(domain):
        again = str(_ask(_offering(question, domain), {}))
        if again == domain:
            return domain
        domain = again
    return domain


def _offering(question: Question, text: str) -> Question:
    return replace(question, default=lambda _: text)


def _ask(question: Question, known: dict[str, Any]) -> Any:
    """One answer that is good in itself; asked again until it is."""
    while True:
        default = question.default(known)
        said = str(click.prompt(question.text, default=default, show_default=bool(default))).strip()
        value: Any = [part.strip() for part in said.split(",") if part.strip()] if question.is_list else said
        expected = _expected(question, value)
        if not expected:
            return value
        click.echo(f"     expected {expected}, found {said or 'nothing'}")


def _expected(question: Question, value: Any) -> str:
    """What is expected where an answer is wrong in itself, "" where it is good."""
    from relay365.setup.answers import judge_one

    if not value:
        return "an answer" if question.key in NEEDED else ""
    return question.check(value) if question.check is not None else judge_one(question.key, value)


def _road(question: Question, compare: Callable[[], str]) -> str:
    for letter, (word, about) in ROADS.items():
        click.echo(f"       {letter.upper()}  {word:<12} {about}")
    click.echo("       ?  compare them for my case")
    words = {word for word, _ in ROADS.values()}
    while True:
        said = str(click.prompt(question.text, default="A")).strip().lower()
        if said == "?":
            return compare()
        word = ROADS[said][0] if said in ROADS else said
        if word in words:
            return word
        click.echo(f"     expected a letter of A to F, or ?, found {said}")


def own_networks() -> str:
    """The private networks of this machine as far as its addresses tell: /24 around each, by commas."""
    from relay365.net.tls import local_addresses

    found = [ipaddress.ip_address(one) for one in local_addresses()]
    networks = [
        str(ipaddress.ip_network(f"{one}/24", strict=False))
        for one in found
        if one.version == 4 and one.is_private and not one.is_loopback
    ]
    return ", ".join(dict.fromkeys(networks))


def own_listeners() -> str:
    """Port 25 on the first private address of this machine, else on all."""
    from relay365.net.tls import local_addresses

    found = [one for one in local_addresses() if ipaddress.ip_address(one).version == 4]
    private = [one for one in found if ipaddress.ip_address(one).is_private]
    return f"{(private or ['0.0.0.0'])[0]}:25"  # noqa: S104  # asked, and shown before it is used


def ask_case() -> dict[str, Any]:
    """The questions that decide the road."""
    return {
        "per_minute": click.prompt("     messages in the busiest minute", default=10, type=click.IntRange(1)),
        "recipients_per_day": click.prompt("     recipients on the busiest day", default=500, type=click.IntRange(1)),
        "outside": click.confirm("     do any recipients lie outside of your tenant?", default=True),
        "senders": "any" if click.confirm("     do programs send with many own addresses?") else "mailbox",
        "has_certificate": click.confirm("     is there a public certificate for a name of your domain?"),
        "has_admin": click.confirm("     is there an administrator who may consent?", default=True),
    }  # fmt: skip


def compared() -> str:
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
