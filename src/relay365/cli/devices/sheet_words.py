"""The words of a sheet: what to type, what to do then, and what the texts on the panel mean. Facts in, lines out.

For a technician in front of a machine, who knows its menus and nothing of mail. Apart from how it is printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from relay365.cli.devices.sheet_facts import AT_ONCE, MUST_STARTTLS, NONE, STARTTLS, Facts, Way
from relay365.mail.refusals import entering, keeping
from relay365.mail.refusals.refusal import Refusal, limit_words

_SECURITY = {
    NONE: ("none", "SSL, TLS and STARTTLS off"),
    STARTTLS: ("STARTTLS", "if the test fails: none"),
    MUST_STARTTLS: ("STARTTLS", "without it nothing is taken"),
    AT_ONCE: ("SSL/TLS", "from the first moment; some call it SMTPS"),
}
_NO_PORT = "it is another at each start: the administrator gives [[listener]] a port"
_LISTED = 60  # letters of a list of addresses
_ASK = "ask the administrator"
AVOID = "Do not choose: POP before SMTP, OAuth, or dividing large mail (the recipients get pieces)."


class Row(NamedTuple):
    """One line of the sheet: the field, what to type, and what else is to be known."""

    field: str
    value: str
    note: str = ""


class Meaning(NamedTuple):
    """What a panel may show, what that means, and what to do at the machine."""

    said: str
    means: str
    do: str


def rows(facts: Facts, password: str) -> list[Row]:
    """What to type, at the first way."""
    way = facts.ways[0]
    found = [
        Row(
            "Server",
            way.server or facts.relay,
            "a number on purpose: it works without DNS" if way.server else "",
        )
    ]
    found.append(Row("Port", str(way.port) if way.port else "not fixed", "" if way.port else _NO_PORT))
    found += [_security(facts, way), *_login(facts, password), _sender(facts)]
    if facts.client.recipients:
        found.append(
            Row("Recipients", f"only {_listed(sorted(facts.client.recipients))}", "others are refused")
        )
    if way.size_octets:
        files = limit_words(way.size_octets // 4 * 3)
        found.append(
            Row(
                "Largest mail",
                limit_words(way.size_octets),
                f"files of {files} in all; mail makes them larger",
            )
        )
    return found + _certificate(facts, way)


def _has_login(facts: Facts) -> bool:
    return facts.login == "required" or (facts.who.login != "" and facts.login != "never")


def _security(facts: Facts, way: Way) -> Row:
    value, note = _SECURITY[way.security]
    if way.security == STARTTLS and _has_login(facts) and not way.in_clear:
        note = "without it no login is taken"
    return Row("Security", value, note)


def _login(facts: Facts, password: str) -> list[Row]:
    name = facts.who.login
    if facts.login == "never":
        return [Row("Login", "off", "no login, no SMTP authentication")]
    if not _has_login(facts):
        return [Row("Login", "off", "none is needed here")]
    found = [Row("Login", "on", "SMTP authentication, LOGIN or PLAIN")]
    found.append(Row("User name", name or _ASK, "" if name else "relay365 user add NAME makes one"))
    return [
        *found,
        Row("Password", password or _ASK, "" if password else "it was shown once, when it was made"),
    ]


def _sender(facts: Facts) -> Row:
    sender = facts.sender
    if sender.is_put_in:
        return Row("Sender", sender.address, "whatever is typed here, the mail goes out with this one")
    others = [one for one in sender.allowed if one != sender.address]
    note = f"or another of {_listed(others)}" if others and sender.address else ""
    if sender.is_mended:
        note += "; any other becomes this one" if note else "any other becomes this one"
    value = sender.address or (f"one of {_listed(sender.allowed)}" if sender.allowed else "any address")
    return Row("Sender", value, note)


def _listed(patterns: Sequence[str]) -> str:
    """`contoso.com, lena@else.test and 2 more`: as many as a line of the sheet has room for, at least one."""
    names = [one.removeprefix("@") for one in patterns]
    n = len(names)
    while n > 1 and len(", ".join(names[:n])) > _LISTED:
        n -= 1
    shown = ", ".join(names[:n])
    return f"{shown} and {len(names) - n} more" if len(names) > n else shown


def _certificate(facts: Facts, way: Way) -> list[Row]:
    shown = facts.certificate
    if way.security == NONE or shown is None:
        return []
    if not shown.is_ours:
        return [
            Row(
                "Certificate",
                "check on",
                "the administrator's own; if the machine does not know its issuer: off",
            )
        ]
    if not shown.file:
        return [
            Row(
                "Certificate",
                "check off",
                "the relay makes its own at its first start, then there is a file to import",
            )
        ]
    note = f"or on, after ca.pem was imported: the administrator has it in {shown.file} (until {shown.until})"
    return [Row("Certificate", "check off", note)]


def others(facts: Facts) -> list[str]:
    """The other ways that are open to it."""
    return [
        f"port {way.port} at {way.server or facts.relay} with {_SECURITY[way.security][0]}"
        for way in facts.ways[1:] if way.port
    ]  # fmt: skip


def remarks(facts: Facts) -> list[str]:
    """What the administrator must know before the sheet is given away."""
    if not facts.is_running:
        return ["The relay does not run now; these are the values of its configuration."]
    silent = [way.listener for way in facts.ways if way.answers is False]
    return [f"Nobody answers now at {', '.join(silent)}: relay365 doctor says why."] if silent else []


def test(facts: Facts) -> list[str]:
    """How to see that it works."""
    follow = (
        f"relay365 tail --device {facts.who.title} --next"
        if "/" not in facts.who.title
        else "relay365 tail --next"
    )
    return [
        "Save, then press the machine's own test, or scan one page to yourself.",
        f"Who has the relay's console sees it come, and what is wrong: {follow}",
    ]


def meanings(facts: Facts) -> list[Meaning]:
    """The texts that this machine may show, the likeliest first."""
    found = [
        Meaning("no connection, server not found, time-out", "nothing reached the relay", _LOOK),
        _of(facts, entering.ADDRESS_UNKNOWN, "the relay does not know this machine's address", _TELL_ADDRESS),
    ]
    security = facts.ways[0].security
    if security != NONE:
        found.append(
            Meaning("certificate, SSL or TLS error", "it does not trust the relay, or its TLS is old", _TLS)
        )
    if security == MUST_STARTTLS:
        found.append(_of(facts, entering.NEEDS_TLS, "it sent without STARTTLS", "switch STARTTLS on"))
    found += [*_about_login(facts), *_about_addresses(facts)]
    found.append(
        _of(facts, keeping.TOO_BIG, "the scan is too large", "lower the resolution, or send fewer pages")
    )
    if facts.client.per_minute:
        found.append(_of(facts, entering.TOO_FAST, "more than it may send in a minute", "wait a minute"))
    return [*found, _of(facts, keeping.DISK_FULL, "the relay's disk is full", "tell the administrator")]


_LOOK = "server and port as above? network cable, gateway, firewall?"
_TELL_ADDRESS = "tell the administrator the machine's address"
_TLS = "switch the certificate check off; then security as above"


def _about_login(facts: Facts) -> Iterator[Meaning]:
    way = facts.ways[0]
    if _has_login(facts):
        yield _of(facts, entering.NEEDS_LOGIN, "no login is set in it", "enter user name and password")
        wrong = "user name or password is wrong"
        yield _of(facts, entering.WRONG_LOGIN, wrong, "enter both anew, in small letters")
        if not way.in_clear and way.security == STARTTLS:
            yield _of(facts, entering.LOGIN_IN_CLEAR, "it logs in without TLS", "switch STARTTLS on")
    elif facts.login == "never":
        yield _of(facts, entering.NO_LOGIN, "a login is set, and none is wanted", "switch the login off")


def _about_addresses(facts: Facts) -> Iterator[Meaning]:
    client = facts.client
    if not client.sender and (client.senders or client.house):
        refusal = entering.SENDER_UNKNOWN if client.senders else entering.SENDER_DOMAIN
        yield _of(facts, refusal, "the sender is another than above", "type the sender as above")
    if client.recipients:
        yield _of(
            facts, entering.RECIPIENT_UNKNOWN, "it may not send to that address", "choose another recipient"
        )


def _of(facts: Facts, refusal: Refusal, means: str, do: str) -> Meaning:
    words = refusal.words.replace("{limit}", limit_words(facts.ways[0].size_octets))
    return Meaning(f"{refusal.code} {refusal.status} {words}", means, do)
