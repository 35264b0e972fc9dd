"""The story of one message, from the device to what Exchange says later, as `relay365 trace` shows it.

Apart from the command, which finds messages: here a message, its history and the session that brought it become one
object, and that object lines for a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from relay365.cli.words.output import instant, printable, size

if TYPE_CHECKING:
    from relay365.engine.blackbox.archive import Archive
    from relay365.spool.api import EventView, MessageView, RecipientView

ATTEMPTS = {
    "recipient.delivered": "delivered",
    "recipient.deferred": "deferred",
    "recipient.uncertain": "uncertain",
    "recipient.failed": "failed",
    "recipient.held": "held",
}
"""Events that are the end of an attempt, where one was begun."""

ARROWS = {"client": "->", "relay": "<-", "note": "--"}
_LANE = re.compile(r"\bin lane (\S+)$")
_RESOLVED = ("delivered", "expanded", "filtered-as-spam", "quarantined", "failed", "recalled")


def story_of(view: MessageView, session: dict[str, Any] | None) -> dict[str, Any]:
    """A message as the documented JSON of `trace` shows it. session: as the archive has it, None where it is gone."""
    recipients = [_recipient(view, r) for r in view.recipients]
    repairs = [e.detail for e in view.events if e.name == "message.repaired"]
    return {
        "id": view.spool_id,
        "message_id": view.message_id,
        "accepted_at": instant(view.accepted_at),
        "size_octets": view.size_octets,
        "reverse_path": view.reverse_path,
        "device": view.submitter.device or None,
        "peer_address": view.submitter.peer_address,
        "helo": view.submitter.helo,
        "login": view.submitter.login or None,
        "tls": view.submitter.tls or None,
        "session": _session(view, session),
        "repairs": [line for text in repairs for line in text.split("\n")],
        "recipients": recipients,
        "events": [{"at": instant(e.at), "n": e.n, "name": e.name, "detail": e.detail} for e in view.events],
        "ask_microsoft": ask_lines(view),
        "resolved": all(one["resolved"] for one in recipients),
    }


def session_of(view: MessageView, archive: Archive) -> dict[str, Any] | None:
    """The session that brought a message, while the archive keeps it."""
    from relay365.engine.blackbox.archive import key_of

    facts = view.submitter
    for key in (key_of(facts.device, facts.peer_address), key_of("", facts.peer_address)):
        for session in archive.read(key).get("sessions", ()):
            if view.spool_id in session.get("ids", ()):
                found: dict[str, Any] = session
                return found
    return None


def ask_lines(view: MessageView) -> list[str]:
    """What to ask Exchange in PowerShell, a line for each name of what it took and whose end is not known.

    (Microsoft: Get-MessageTraceV2 wants the whole Message-ID with its angle brackets)
    """
    names = [
        r.remote_id or view.message_id
        for r in view.recipients
        if r.state.value == "delivered" and r.fate not in _RESOLVED
    ]
    asked = [name.replace("'", "''") for name in dict.fromkeys(names) if name]
    return [f"Get-MessageTraceV2 -MessageId '{name}' | Get-MessageTraceDetailV2" for name in asked]


def verdict_of(recipient: RecipientView) -> str:
    """Where a recipient is now, in a sentence: what we know, and what Microsoft said later."""
    words = recipient.state.value
    if words != "delivered":
        return f"{words}: {recipient.last_reply}" if recipient.last_reply else words
    if not recipient.fate:
        return "delivered to Microsoft"
    later = f"{recipient.fate} {recipient.fate_detail}".strip()
    return f"delivered to Microsoft; later: {later}"


def _recipient(view: MessageView, recipient: RecipientView) -> dict[str, Any]:
    return {
        "address": recipient.address,
        "state": recipient.state.value,
        "possible_duplicate": recipient.possible_duplicate,
        "remote_id": recipient.remote_id or None,
        "attempts": [_attempt(*found) for found in _attempts(view.events, recipient)],
        "later": later_of(recipient),
        "verdict": verdict_of(recipient),
        "resolved": recipient.state.value in ("failed", "expired") or recipient.fate in _RESOLVED,
    }


def later_of(recipient: RecipientView) -> dict[str, Any] | None:
    """What was learnt of a recipient after it was delivered, or None."""
    if not recipient.fate:
        return None
    meaning = _meaning(recipient.fate_detail, "ndr") if recipient.fate == "failed" else (None, None)
    return {
        "state": recipient.fate, "at": instant(recipient.fate_at), "detail": recipient.fate_detail,
        "class": meaning[0], "row": meaning[1],
    }  # fmt: skip


def _attempts(events: Sequence[EventView], recipient: RecipientView) -> Iterator[tuple[EventView, str]]:
    """The ends of a recipient's attempts with their lanes; what happened to it between two claims was no attempt.

    A claim speaks of the recipients in its lane alone: who was never moved has always been in its own.
    """
    was_moved = any(event.n == recipient.n and event.name == "recipient.moved" for event in events)
    lane, is_claimed = recipient.lane, False
    for event in events:
        found = _LANE.search(event.detail) if event.n < 0 and was_moved else None
        lane = found[1] if found else lane
        if event.name == "message.claimed":
            is_claimed = True
        elif event.n == recipient.n and event.name in ATTEMPTS and is_claimed:
            is_claimed = False
            yield event, lane


def _attempt(event: EventView, lane: str) -> dict[str, Any]:
    outcome = ATTEMPTS[event.name]
    klass, row = (None, None) if outcome == "delivered" else _meaning(event.detail, "")
    return {
        "at": instant(event.at), "lane": lane, "outcome": outcome, "answer": event.detail, "class": klass, "row": row,
    }  # fmt: skip


def _meaning(words: str, where: str) -> tuple[str | None, str | None]:
    """Class and row of the catalogue."""
    from relay365.routes.catalogue.pasted import explain

    found = explain(words, where)
    return found.klass.value, found.row.id if found.row is not None else None


def _session(view: MessageView, session: dict[str, Any] | None) -> dict[str, Any] | None:
    """The part of a session that is about this message."""
    if session is None:
        return None
    lines = [
        {"at": instant(session["began_at"] + ms / 1000), "who": who, "text": text}
        for ms, who, text in _own_lines(session["lines"], view.spool_id)
    ]
    return {
        "session": session["session"], "peer": session["peer"], "tls": session["tls"] or None,
        "login": session["login"] or None, "tolerated": session["tolerated"], "lines": lines,
    }  # fmt: skip


def _own_lines(lines: Sequence[list[Any]], spool_id: str) -> Sequence[list[Any]]:
    """From the message before it, or from the greeting, to our 250 for it."""
    begins = 0
    for n, (_, who, text) in enumerate(lines):
        if who != "relay" or "queued as " not in text:
            continue
        if text.endswith(spool_id):
            return lines[begins : n + 1]
        begins = n + 1
    return lines[begins:]


def lines_of(story: dict[str, Any]) -> list[str]:
    """A story as a person reads it, the eldest first."""
    blank = " " * len(story["accepted_at"])
    facts = [story["device"] or "", story["peer_address"], f"says {story['helo']}", story["tls"] or "no TLS"]
    facts.append(f"login {story['login']}" if story["login"] else "no login")
    lines = [
        f"{story['id']}  {size(story['size_octets'])}  from <{printable(story['reverse_path'])}>",
        f"Message-ID {printable(story['message_id']) or 'none'}",
        *_timed(story["accepted_at"], "device", ", ".join(printable(fact) for fact in facts if fact)),
    ]
    for one in story["session"]["lines"] if story["session"] else ():
        lines += _timed(one["at"], ARROWS.get(one["who"], "--"), printable(one["text"]))
    if story["session"] is None:
        lines += _timed(blank, "", "the session itself is not kept any more")
    for text in story["repairs"]:
        lines += _timed(blank, "changed", printable(text))
    for recipient in story["recipients"]:
        lines += _recipient_lines(recipient, blank)
    for line in story["ask_microsoft"]:
        lines += _timed(blank, "to go on", printable(line))
    return lines


def _recipient_lines(recipient: dict[str, Any], blank: str) -> list[str]:
    """blank: as wide as an instant."""
    lines = [f"<{printable(recipient['address'])}>"]
    for n, one in enumerate(recipient["attempts"], 1):
        words = f"{printable(one['lane'])}  {printable(one['answer'])}"
        meaning = " ".join(word for word in (one["class"], one["row"]) if word)
        lines += _timed(one["at"], f"try {n}", f"{words}   {meaning}".rstrip())
    later = recipient["later"]
    if later is not None:
        words = f"{later['state']} {later['detail']}".strip()
        meaning = " ".join(word for word in (later["class"], later["row"]) if word)
        lines += _timed(later["at"] or blank, "later", f"{printable(words)}   {meaning}".rstrip())
    note = "  (possible duplicate)" if recipient["possible_duplicate"] else ""
    lines += _timed(blank, "now", printable(recipient["verdict"]) + note)
    return lines


def _timed(at: str, what: str, words: str) -> list[str]:
    """One line: instant, what it is, words."""
    return [f"{at}  {what:<8}  {words}".rstrip()]


def news_of(story: dict[str, Any], n_shown: int) -> list[str]:
    """The events of a story behind those that were shown, for --follow."""
    lines = []
    for event in story["events"][n_shown:]:
        who = f" #{event['n']}" if event["n"] >= 0 else ""
        first = event["detail"].split("\n")[0]
        lines.append(f"{event['at']}  {story['id']}  {event['name']}{who}  {printable(first)}".rstrip())
    return lines
