"""Verdicts for people: what the mark of a rule stands for, and what a client would hear, from the configuration alone.

Beside `explain`, whose other half speaks about what remotes say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import (
    DEFAULT_FILES,
    GOOD,
    PROBLEM,
    WRONG_USE,
    fail,
    load_config,
    printable,
    write_json,
)

if TYPE_CHECKING:
    from relay365.config import Config, Listener
    from relay365.engine.doors.rehearsal import Line
    from relay365.mail.envelope import SubmitterFacts
    from relay365.rules.admission.rulebook import Rule
    from relay365.rules.client import Client
    from relay365.rules.oversize import Decided

_MARK = re.compile(r"(?:.*\()?(R\d{1,4}|A\d{1,3})(?:\))?", re.IGNORECASE | re.DOTALL)
_ASK = "relay365 explain --as ADDRESS --from SENDER --to RECIPIENT says what a client would hear"


def mark_object(config_file: Path | None, text: str) -> dict[str, Any] | None:
    """The explanation of `R12` or `A12`, or of a refusal that ends in one; None for other texts, or without a file.

    What is not a rule's needs none.
    """
    found = _MARK.fullmatch(text.strip())
    if found is not None and found[1].upper().startswith("A"):
        return _answer_object(found[1].upper())
    if found is None or (config_file is None and not any(file.exists() for file in DEFAULT_FILES)):
        return None
    from relay365.rules.admission.rulebook import NO_RULE, rules_of
    from relay365.rules.reading import cure, grants, place, who

    config, file = load_config(config_file)
    mark, rules = found[1].upper(), rules_of(config)
    rule = next((one for one in rules if one.client.mark == mark), None)
    if rule is not None:
        title, why = who(rule), list(grants(rule.client))
        do = [cure(text, rule) or f"it stands in {file}: {place(rule)}"]
    elif mark == NO_RULE:
        title, why = "no rule fits the client", _everybody(rules)
        do = ["let it in by its address or its network, or give it a login"]
    else:
        title, why = f"there is no such rule in {file}", _everybody(rules)
        do = ["look with the file that the relay was started with: --config FILE"]
    quiet = {"class": None, "scope": None, "row": None}
    is_known = rule is not None or mark == NO_RULE
    return {"mark": mark, "is_known": is_known, **quiet, "title": title, "why": why, "do": [*do, _ASK]}


def _answer_object(mark: str) -> dict[str, Any]:
    """What one of our own refusals says, why it comes, and what heals it."""
    from relay365.mail.refusals.closed import BY_MARK

    known, quiet = BY_MARK.get(mark), {"class": None, "scope": None, "row": None}
    if known is None:
        title, why = "there is no such mark", "it is misread, or of another version of relay365"
        do = "look at the whole line: relay365 explain 'the line'"
    else:
        title, why, do = f"{known.code} {known.status} {known.in_general}", known.why, known.cure()
    return {"mark": mark, "is_known": known is not None, **quiet, "title": title, "why": [why], "do": [do]}


def say(config_file: Path | None, asked: Mapping[str, Any], *, as_json: bool) -> int:
    """Print what a client would hear; gives the exit code. asked: the options of `explain --as`."""
    from relay365.rules.admission.rulebook import address_of, rules_of

    config, _ = load_config(config_file)
    if address_of(asked["address"]) is None:
        do = "relay365 explain --as 192.168.10.31"
        fail(WRONG_USE, "this is no address", printable(asked["address"]), do)
    listener = _listener(config, asked["listener"])
    facts = _facts(listener, asked)
    client, lines = _play(config, listener, facts, asked)
    rule = next((one for one in rules_of(config) if one.client.mark == client.mark), None)
    refused = [line for line in lines if not line.is_positive]
    size = _size(config, client, facts, asked)
    verdict = {
        "mark": client.mark or None,
        "rule": client.name or None,
        "device": client.device or None,
        "listener": listener.address,
        "taken": not refused and (size is None or not size.is_refused),
        "said": [{"command": line.command, "reply": line.reply} for line in lines],
        "why": _why(config, client, rule, facts),
        "changes": [*_changes(config, client, asked["sender"]), *_size_words(size)],
        "do": _do(refused, rule, facts),
    }
    if as_json:
        write_json(verdict)
    else:
        _print(verdict)
    return GOOD if verdict["taken"] else PROBLEM


def _everybody(rules: tuple[Rule, ...]) -> list[str]:
    from relay365.rules.reading import who

    return [f"{rule.client.mark} is {who(rule)}" for rule in rules]


def _listener(config: Config, address: str) -> Listener:
    listener = next((one for one in config.listener if address in ("", one.address)), None)
    if listener is None:
        known = ", ".join(one.address for one in config.listener)
        what = f"there is no listener {printable(address)}"
        fail(WRONG_USE, what, f"the file has {known}", "give one of these")
    return listener


def _facts(listener: Listener, asked: Mapping[str, Any]) -> SubmitterFacts:
    from relay365.mail.envelope import SubmitterFacts

    tls = "TLSv1.3" if listener.tls in ("required", "implicit") else ""
    return SubmitterFacts(
        listener.address,
        asked["address"],
        helo=asked["helo"],
        protocol="ESMTP",
        tls=tls,
        login=asked["login"],
    )


def _play(
    config: Config, listener: Listener, facts: SubmitterFacts, asked: Mapping[str, Any]
) -> tuple[Client, tuple[Line, ...]]:
    from relay365.app.doors import host_name, limits_of, offers_of
    from relay365.engine.doors.rehearsal import Envelope, rehearse
    from relay365.rules.admission.rulebook import rules_of
    from relay365.rules.policy import Door, Policy

    policy = Policy(
        rules_of(config), Door(listener.address, listener.tls, require_auth=listener.require_auth)
    )
    offers = offers_of(config, listener, host_name(config))
    envelope = Envelope(asked["sender"], tuple(asked["recipients"]), asked["size"])
    return policy.client(facts), rehearse(policy, offers, limits_of(config), facts, envelope)


def _why(config: Config, client: Client, rule: Rule | None, facts: SubmitterFacts) -> list[str]:
    from relay365.rules.admission.rulebook import rules_of
    from relay365.rules.reading import grants, who

    if rule is None:
        return [f"no rule fits {facts.peer_address}", *_everybody(rules_of(config))]
    return [f"{client.mark} decides: {who(rule)}", *grants(client)]


def _size(config: Config, client: Client, facts: SubmitterFacts, asked: Mapping[str, Any]) -> Decided | None:
    """What becomes of a message that is too large for the ways that it would go; None where it is not."""
    from relay365.rules.oversize import Sizes
    from relay365.rules.routing import Letter, RoadMap

    letter = Letter(client.sender or asked["sender"], facts, asked["size"])
    ways = RoadMap.of(config)
    names = {ways.itinerary(letter, one).roads[0].name for one in asked["recipients"]}
    size = Sizes.of(config).decide(client.oversize, names)
    size = size.kept() if client.kept_octets else size
    return size if size.is_over(asked["size"]) else None


def _size_words(size: Decided | None) -> list[str]:
    if size is None:
        return []
    from relay365.mail.refusals.refusal import limit_words
    from relay365.rules.oversize import words_of

    limit = f"it is larger than {limit_words(size.limit_octets)} ({size.limit_by})"
    return [f"{limit}: it is {words_of(size.action)} ({size.action_by})"]


def _changes(config: Config, client: Client, sender: str) -> list[str]:
    """What would be changed in a message, as far as its envelope tells."""
    from relay365.mail.address import domain_of

    house, changes = config.sender, []
    if client.sender and client.sender != sender:
        changes.append(f"the sender becomes <{client.sender}>")
    elif not sender and house.null == "rewrite":
        changes.append(f"the empty sender becomes <{house.rewrite_to}>")
    foreign = sender and domain_of(sender) not in {domain.lower() for domain in house.domains}
    if foreign and not client.sender and house.foreign == "rewrite":
        changes.append(
            f"a From of {domain_of(sender)} becomes <{house.rewrite_to}>; the old one: {house.keep_as}"
        )
    return changes


def _do(refused: list[Line], rule: Rule | None, facts: SubmitterFacts) -> list[str]:
    from relay365.rules.reading import cure, rule_to_paste

    cures = [cure(line.reply, rule) for line in refused]
    do = list(dict.fromkeys(words for words in cures if words))
    return do if rule is not None or not refused else [*do, rule_to_paste(facts.peer_address, facts.helo)]


def _print(verdict: Mapping[str, Any]) -> None:
    n_taken = sum(line["reply"].startswith("2") for line in verdict["said"][2:])
    taken = (
        "would be taken" if verdict["taken"] else "would be taken in part" if n_taken else "would be refused"
    )
    rule = f"{verdict['mark']}, {verdict['rule']}" if verdict["mark"] else "no rule"
    click.echo(f"{taken} at {verdict['listener']}: {printable(rule)}")
    for line in verdict["said"]:
        click.echo(f"  C: {printable(line['command'])}")
        for reply in line["reply"].splitlines():
            click.echo(f"  S: {printable(reply)}")
    for name, key in (("why", "why"), ("then", "changes")):
        for words in verdict[key]:
            click.echo(f"  {name:4} {printable(words)}")
    for words in verdict["do"]:
        click.echo("  do   " + "\n       ".join(printable(line) for line in words.splitlines()))
