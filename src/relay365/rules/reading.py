"""Readings: a rule and a verdict in plain words, for `explain`, the journal and whoever writes the next rule."""

from __future__ import annotations

import re
from collections.abc import Iterator

from relay365.mail.refusals.closed import refusal_in
from relay365.mail.refusals.refusal import limit_words
from relay365.mail.tolerance import BY_NAME, DEFAULT
from relay365.rules.admission.pattern import NOBODY
from relay365.rules.admission.rulebook import Rule
from relay365.rules.client import Client
from relay365.rules.oversize import Wish, words_of

_NO_LABEL = re.compile(r"[^a-z0-9._\-]+")
_LOGIN = {
    "never": "no login is offered",
    "optional": "a login is offered, not asked for",
    "required": "nobody sends without a login",
}


def rule_to_paste(address: str, helo: str) -> str:
    """The table that would let an unknown client in by its address, named after what it calls itself."""
    label = _label(helo) or f"device-{_label(address)}"
    return f'[[device]]\nname = "{label}"\nmatch = {{ address = "{address}" }}'


def _label(text: str) -> str:
    return _NO_LABEL.sub("-", text.lower()).strip("-._")[:32]


def who(rule: Rule) -> str:
    """Whom a rule is about: `network 192.168.10.0/24`, `device ups-2 (address 192.168.10.90)`."""
    if rule.kind != "device":
        return rule.client.name
    words = [f"address {', '.join(_short(str(network)) for network in rule.networks)}"] * bool(rule.networks)
    words += [f"login {rule.login}"] * bool(rule.login)
    words += [f"HELO {rule.helo}"] * bool(rule.helo)
    return f"{rule.client.name} ({', '.join(words)})"


def place(rule: Rule) -> str:
    """Where a rule stands in the file."""
    if rule.kind == "device":
        return f'[[device]] name = "{rule.client.device}"'
    return f'[[allow]] network = "{rule.networks[0]}"' if rule.networks else "[[user]] and the users file"


def cure(said: str, rule: Rule | None) -> str:
    """What heals a refusal of ours; "" for a text that is none."""
    where = place(rule) if rule is not None else "its rule"
    listener = rule.listener if rule is not None and rule.listener else "its own listener"
    found = refusal_in(said)
    return found.cure(where, listener) if found is not None else ""


def grants(client: Client) -> Iterator[str]:
    """What holds for a client, in sentences without a full stop; what is as ever is left out, but for the login."""
    yield _LOGIN[client.login]
    if client.sender:
        yield f"every message gets the sender <{client.sender}>"
    if client.senders and not client.sender:
        yield f"senders: {_list(client.senders)}"
    if client.house and not client.sender:
        yield f"senders, whoever it is: {_list(client.house - {NOBODY}) or 'none'}"
    if not client.takes_null and not client.sender:
        yield "an empty sender is refused"
    if client.priority != "normal":
        yield f"its messages have the priority {client.priority}"
    if client.recipients:
        yield f"recipients: {_list(client.recipients)}"
    if client.kept_octets:
        yield "what would be refused is taken and held for a person"
    if client.max_octets:
        whose = "" if client.size_mark else ", by [oversize] or its routes"
        yield f"{limit_words(client.max_octets)} at most in a message{whose}"
    yield from _oversize(client.oversize)
    for n, words in (
        (client.per_minute, "messages a minute at most from one address"),
        (client.sessions, "sessions at once at most from one address"),
    ):
        if n:
            yield f"{n} {words}"
    if not client.starttls:
        yield "STARTTLS is not offered"
    yield from _tolerated(client)


def _oversize(wish: Wish) -> Iterator[str]:
    """What its own table says of large messages; what it leaves open, its route or [oversize] says."""
    if not wish.is_any:
        return
    limit = wish.limit_octets
    size = "too large for its way out" if limit is None else f"larger than {limit_words(limit)}"
    if limit == 0:
        yield "nothing is too large for its way out, by its own oversize"
    else:
        done = words_of(wish.action) if wish.action else "treated as its route or [oversize] says"
        yield f"what is {size} is {done}, by its own oversize"


def _tolerated(client: Client) -> Iterator[str]:
    """What differs from the usual tolerances, with its price."""
    for name in sorted(client.tolerances - DEFAULT):
        price = BY_NAME[name].price
        yield f"{name} is forgiven" + (f"; price: {price}" if price else "")
    needless = set() if client.sender else {"not_an_address"}
    for name in sorted(DEFAULT - client.tolerances - needless):
        yield f"{name} is not forgiven"


def _list(patterns: frozenset[str]) -> str:
    return ", ".join(sorted(patterns))


def _short(network: str) -> str:
    """An address alone without its length."""
    host, _, length = network.partition("/")
    return host if length == ("128" if ":" in host else "32") else network
