"""`relay365 probe`: what a mail server offers, shows and speaks; `openssl s_client` that knows SMTP, in words."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    UNREACHABLE,
    WRONG_USE,
    examples,
    fail,
    json_option,
    now,
    plain_option,
    printable,
    write_json,
)
from relay365.cli.words.times import Span

if TYPE_CHECKING:
    from relay365.doctor.probing.probe import Seen, Target
    from relay365.doctor.wire.shown import Certificate

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]\s]+))(?::(\d{1,5}))?")
_TLS_OF_PORT = {465: "tls"}
_VERSIONS = ("1.0", "1.1", "1.2", "1.3")


@click.command(
    epilog=examples("relay365 probe smtp.office365.com:587", "relay365 probe 192.168.10.80:25 --json")
)
@click.argument("host", metavar="HOST[:PORT]")
@click.option(
    "--auto", "manner", flag_value="auto", default=True, help="Find out whether TLS comes at once (default)."
)
@click.option("--starttls", "manner", flag_value="starttls", help="Plain words first, then STARTTLS.")
@click.option("--tls", "manner", flag_value="tls", help="TLS at once.")
@click.option("--tls-min", "least", type=click.Choice(_VERSIONS), default="1.0", show_default=True,
              help="The oldest version of TLS to ask for.")  # fmt: skip
@click.option(
    "--sni",
    "name",
    default="",
    metavar="NAME",
    help="The name that its certificate must have; default: HOST.",
)
@click.option("--ca-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Roots to trust instead of the system's (PEM).")  # fmt: skip
@click.option("--enumerate", "enumerate_suites", is_flag=True,
              help="Every cipher suite, in the server's order: a connection for each.")  # fmt: skip
@click.option(
    "--mail-from", "sender", metavar="ADDRESS", help="Say MAIL with this sender, then RSET: nothing is sent."
)
@click.option("--rcpt-to", "recipient", default="", metavar="ADDRESS", help="And RCPT with this recipient.")
@click.option("--helo", default="probe.relay365.example", show_default=True, help="The name to say in EHLO.")
@click.option(
    "--timeout", type=Span("s", most="10m"), default=60.0, metavar="SPAN",
    help="Time for all of it; default: 60s, at most 10m.",
)  # fmt: skip
@click.option(
    "--transcript", is_flag=True, help="Show the first conversation, word for word, with its times."
)
@plain_option
@json_option
def probe(host: str, *, plain: bool, as_json: bool, transcript: bool, timeout: float, **given: Any) -> None:
    """Look at a mail server: greeting, offers, TLS versions, certificate, and what all that means. Nothing is sent.

    Exit 0: the relay would send through it; 1: it would not, and why; 3: nobody answers, or no mail server.
    """
    from relay365.doctor.probing.probe import probe as look
    from relay365.doctor.probing.probe import within
    from relay365.errors import RemoteProtocolError, TransportError

    target = _target(host, given)
    where = f"{target.host}:{target.port}"
    try:
        seen = asyncio.run(within(timeout, look(target, _progress(as_json or plain))))
    except TransportError as error:
        fail(UNREACHABLE, f"no conversation with {where}", printable(str(error)), _cure(error.phase, target))
    except RemoteProtocolError as error:
        fail(UNREACHABLE, f"{where} is no mail server", printable(str(error)), "check host and port")
    finally:
        _wipe()
    found = _as_object(target, seen, transcript=transcript)
    if as_json:
        write_json(found)
    else:
        _print(target, found)
    raise SystemExit(GOOD if found["good"] else PROBLEM)


def _target(host: str, given: dict[str, Any]) -> Target:
    from relay365.doctor.probing.probe import Target

    found = _HOST.fullmatch(host)
    port = int(found[3] or (465 if given["manner"] == "tls" else 25)) if found else 0
    if found is None or not 0 < port < 65536:
        fail(
            WRONG_USE,
            f"{printable(host)} is no host and port",
            "a host, or host:port, or [v6]:port",
            "relay365 probe smtp.office365.com:587",
        )
    if given["recipient"] and given["sender"] is None:
        fail(WRONG_USE, "--rcpt-to without --mail-from", "RCPT comes behind MAIL", "give --mail-from, too")
    ca_file = str(given.pop("ca_file") or "")
    return Target(found[1] or found[2], port, ca_file=ca_file, **given)


def _cure(phase: str, target: Target) -> str:
    if phase == "resolve":
        return "check the name, and the name server of this machine"
    if phase == "connect":
        return (
            f"is it the right port, and does a firewall let us out to {target.port}? relay365 doctor upstream"
        )
    return "try --tls or --starttls, or a longer --timeout"


def _progress(is_quiet: bool) -> Any:
    """Says on a terminal what is being asked; a pipe gets nothing."""
    if is_quiet or not sys.stderr.isatty():
        return lambda words: None
    return lambda words: click.echo(f"\r\x1b[K... {words}", err=True, nl=False)


def _wipe() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)


def _as_object(target: Target, seen: Seen, *, transcript: bool) -> dict[str, Any]:
    """The documented JSON."""
    from relay365.doctor.probing.probe import openssl_line
    from relay365.doctor.probing.reading import faults, remarks, summary
    from relay365.doctor.wire.shown import read

    wrong = faults(target, seen)
    certificate = read(seen.shown.certificates) if seen.shown is not None else None
    return {
        "host": target.host,
        "port": target.port,
        "good": not wrong,
        "tls": {"tls": "at once", "starttls": "starttls", "plain": None}[seen.manner],
        "greeting": seen.greeting,
        "greeting_ms": round(seen.greeting_s * 1000, 1),
        "offers": {"in_clear": _offers(seen.features), "inside_tls": _offers(seen.features_inside)},
        "versions": [
            {
                "version": one.version, "spoken": one.is_spoken, "cipher": one.cipher or None,
                "why_not": one.why_not or None,
            }
            for one in seen.spoken
        ],
        "key_exchange": seen.exchanges,
        "suites": seen.suites,
        "certificate": _certificate(certificate, target, seen) if certificate is not None else None,
        "asked": [{"command": command, "reply": reply} for command, reply in seen.asked],
        "faults": wrong,
        "remarks": remarks(target, seen, now()),
        "looks_like": summary(seen),
        "openssl": openssl_line(target, seen.manner),
        "transcript": [
            {"at_ms": round(one.at_s * 1000, 1), "side": one.side, "text": one.text} for one in seen.entries
        ] if transcript else [],
    }  # fmt: skip


def _offers(features: dict[str, str]) -> list[str]:
    return [f"{keyword} {rest}".rstrip() for keyword, rest in features.items()]


def _certificate(one: Certificate, target: Target, seen: Seen) -> dict[str, Any]:
    return {
        "subject": one.subject,
        "issuer": one.issuer,
        "names": list(one.names),
        "fits": one.fits(target.called),
        "begins": one.begins.isoformat().replace("+00:00", "Z"),
        "ends": one.ends.isoformat().replace("+00:00", "Z"),
        "days": one.days_left(now()),
        "key": one.key,
        "signed_with": one.signed_with,
        "sent": one.n_sent,
        "trusted": not seen.distrust,
        "why_not": seen.distrust or None,
    }


def _print(target: Target, found: dict[str, Any]) -> None:
    for entry in found["transcript"]:
        mark = {"client": " >", "server": "< ", "note": " ~"}[entry["side"]]
        click.echo(f"{entry['at_ms']:9.1f} ms  {mark} {printable(entry['text'])}")
    tls = {"at once": "TLS at once", "starttls": "STARTTLS", None: "no TLS"}[found["tls"]]
    click.echo(f"server       {target.host}:{target.port}, {tls}")
    click.echo(f'greeting     after {found["greeting_ms"]:.0f} ms  "{printable(found["greeting"])}"')
    click.echo(f"offers       {printable(', '.join(found['offers']['inside_tls'])) or 'nothing'}")
    hidden = [one for one in found["offers"]["inside_tls"] if one not in found["offers"]["in_clear"]]
    if found["tls"] == "starttls" and hidden:
        click.echo(f"  inside TLS {printable(', '.join(hidden))}")
    _print_tls(found)
    for one in found["asked"]:
        click.echo(f"asked        {printable(one['command'])}   {printable(one['reply'])}")
    click.echo(f"reading      {found['looks_like']}")
    for words in found["faults"]:
        click.echo(f"  WRONG      {printable(words)}")
    for words in found["remarks"]:
        click.echo(f"  note       {printable(words)}")
    verdict = "the relay would send through it" if found["good"] else "the relay would not send through it"
    click.echo(f"verdict      {verdict}")
    click.echo(f"with openssl {found['openssl']}")


def _print_tls(found: dict[str, Any]) -> None:
    if found["versions"]:
        said = "   ".join(
            f"{one['version']} {'yes, ' + one['cipher'] if one['spoken'] else 'no'}"
            for one in found["versions"]
        )
        click.echo(f"tls          {said}")
    if found["key_exchange"]:
        click.echo(f"keys by      {', '.join(found['key_exchange'])}")
    for version, names in found["suites"].items():
        click.echo(f"suites {version}   {', '.join(names)}")
    one = found["certificate"]
    if one is None:
        return
    click.echo(
        f"certificate  {printable(one['subject'])}, for {printable(', '.join(one['names'])) or 'no name'}"
    )
    click.echo(
        f"  issued by  {printable(one['issuer'])}; {one['sent']} sent; {one['key']}, {one['signed_with']}"
    )
    click.echo(f"  valid      {one['begins'][:10]} to {one['ends'][:10]}, {one['days']} days left")
    click.echo(f"  trusted    {'yes' if one['trusted'] else 'no: ' + printable(one['why_not'])}")
