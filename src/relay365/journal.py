"""The journal: the closed list of events, and how one becomes a line for people or a JSON object.

An event is logged as `noun.past key=value ...`; docs/events.md is made from the list here. Nothing that comes from
outside can forge a second line.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import NamedTuple


class Event(NamedTuple):
    """One kind of event. level: info, warning, error or critical; places: log, history or both.

    The log is what the service writes to standard error; the history is what `relay365 queue show` prints.
    """

    name: str
    level: str
    places: str
    meaning: str


EVENTS = (
    Event("service.ready", "info", "log", "Every listener listens and every route is set up."),
    Event("config.reloaded", "info", "log", "A changed configuration holds from now on; what it changed."),
    Event("config.refused", "error", "log", "A changed configuration cannot be used; all goes on as it was."),
    Event("config.needs-restart", "warning", "log", "A changed key that only a restart changes; the old one holds."),
    Event("config.unfinished", "error", "log", "A fault of ours in what a changed configuration left to do: restart."),
    Event("control.failed", "error", "log", "A command asked for what could not be done: a fault of ours, or of its."),
    Event("control.unwell", "warning", "log", "Commands cannot ask the service: its folder cannot be used."),
    Event("service.stopping", "info", "log", "The service was told to end; open sessions may finish."),
    Event("service.draining", "warning", "log", "No mail is taken until an instant, what waits goes out (drain)."),
    Event("service.drained", "warning", "log", "Nothing waits any more where no mail is taken; it may be stopped."),
    Event("service.accepts", "warning", "log", "Mail is taken again: a person said so, or the drain's time is over."),
    Event("service.frozen", "warning", "log", "Mail is taken and not delivered until an instant: a person said so."),
    Event("service.freeze-unread", "error", "log", "An order to freeze may be there and cannot be read: as before."),
    Event("service.thawed", "warning", "log", "Mail is delivered again: a person said so, or the freeze has ended."),
    Event("supervisor.unheard", "warning", "log", "systemd could not be told how we are; no mail is hurt."),
    Event("service.died", "critical", "log", "A part of the relay died of a fault of ours; all of it stops."),
    Event("stop.late", "error", "log", "The spool did not answer while the service ended; claims will lapse."),
    Event("session.refused", "warning", "log", "A connection was one too many, or its address may not connect."),
    Event("session.failed", "error", "log", "A fault of ours in a session; the peer was told 451 or lost."),
    Event("session.timed-out", "info", "log", "A peer said nothing for too long and was told 421."),
    Event("session.bare-lf", "warning", "log", "A content ended in LF.LF, which is no end; see bare_lf_ends_data."),
    Event("blackbox.failed", "warning", "log", "The last sessions of clients could not be written; no mail is hurt."),
    Event("tls.failed", "warning", "log", "A TLS handshake with a peer failed, or it began TLS where it cannot."),
    Event("tls.at-once", "info", "log", "A client began TLS on a plain port without STARTTLS, and is served."),
    Event("tls.plain-client", "warning", "log", "A client waits for a greeting, or speaks in clear, on a TLS port."),
    Event("proxy.refused", "warning", "log", "A PROXY header is missing, wrong, or came from who is no named proxy."),
    Event("listener.review-due", "warning", "log", "review_by is over: is the listener still needed? Said daily."),
    Event("certificate.reloaded", "info", "log", "The chain or key of a listener or route has changed, and is used."),
    Event("certificate.unusable", "error", "log", "A changed chain or key cannot be used; the one before it stays."),
    Event("certificate.not-rsa", "warning", "log", "A listener's certificate is not RSA: many printers cannot use it."),
    Event("certificate.ends-soon", "warning", "log", "A listener's or route's certificate ends in three weeks. Daily."),
    Event(
        "certificate.authority-renewed", "warning", "log",
        "Our own authority neared its end and was made anew: devices that check need the new ca.pem.",
    ),
    Event("login.refused", "warning", "log", "A peer gave a wrong name or password."),
    Event("login.locked", "warning", "log", "Too many wrong logins: for a while a name or an address is not tried."),
    Event("login.unlocked", "info", "log", "A lock of logins has ended; seen at the next login."),
    Event("locks.not-written", "warning", "log", "The list of locked logins is not on disk; the locks hold."),
    Event("client.unknown", "warning", "log", "No rule knows a client; a rule to paste. Once an hour per address."),
    Event("client.slowed", "warning", "log", "A client sends more than its rule allows. Once an hour per address."),
    Event(
        "client.over-share", "warning", "log",
        "Mail of one client takes its share of the disk: it hears 452. Once an hour per address.",
    ),
    Event("gateway.suspected", "warning", "log", "All clients come by one address, as behind a NAT. Said once."),
    Event("mail.refused", "info", "log", "Policy refused a MAIL: the address or login may not send here."),
    Event("message.accepted", "info", "both", "A message is durable and was answered 250: now it is ours."),
    Event("message.repaired", "info", "history", "What was put right in a message, with old and new lines."),
    Event("message.refused", "info", "log", "A content was refused at its end: its size, a line or its From."),
    Event("message.kept", "warning", "log", "What would be refused was taken and waits for a person."),
    Event("message.duplicate", "warning", "both", "A client sent a message again that was accepted: it is sent once."),
    Event("twins.not-kept", "warning", "log", "What [duplicates] remembers is not on disk; memory goes on."),
    Event("message.claimed", "info", "history", "The scheduler took recipients of a message for one attempt."),
    Event("message.resent", "info", "history", "A person sent what had ended here once more, as a new message."),
    Event("message.damaged", "error", "both", "A stored message cannot be read; it is held, never dropped."),
    Event("message.restored", "info", "history", "A message came back with a backup: perhaps delivered since."),
    Event("recipient.delivered", "info", "both", "The remote took the message for this recipient."),
    Event("recipient.deferred", "warning", "both", "It did not go this time; it is due again later."),
    Event("recipient.failed", "warning", "both", "It will never go: the remote said a final no. A report is owed."),
    Event("recipient.held", "warning", "both", "It waits for a person: held by one, or its sender may not be used."),
    Event("recipient.released", "info", "history", "A person let a held recipient go on."),
    Event("recipient.hastened", "info", "history", "A person made a waiting recipient due now."),
    Event(
        "recipient.moved", "info", "history",
        "It waits in another lane now: its own is gone, shut for too long, or cannot carry it.",
    ),
    Event("recipient.bounced", "warning", "history", "A person gave a waiting recipient up; its sender is told."),
    Event("recipient.deleted", "warning", "history", "A person gave a waiting recipient up; no report is owed."),
    Event(
        "recipient.uncertain", "warning", "both",
        "The way broke after the final dot, or the relay stopped during delivery: tried again as a possible duplicate.",
    ),
    Event("recipient.fate", "warning", "both", "What became of a delivered recipient later, by a trace or a report."),
    Event("recipient.expired", "error", "both", "It was not delivered in its time. A report is owed."),
    Event(
        "reply.unknown", "error", "log",
        "The catalogue does not know this reply: please report it, so that it can be classified.",
    ),
    Event("draft.left", "warning", "log", "A draft that was not sent is still in the mailbox: delete it there."),
    Event("report.queued", "warning", "both", "A delivery status notification for the sender is on its way."),
    Event("report.withheld", "warning", "log", "Nobody may be told of a failed message: its sender is outside."),
    Event("report.forgiven", "info", "history", "No report may go: null path, NOTIFY=NEVER, or a damaged sender."),
    Event("unknown.not-written", "warning", "log", "The list of replies that nobody knows could not be written."),
    Event("report.read", "info", "log", "A non-delivery report in a sending mailbox was read."),
    Event("quota.shared", "warning", "log", "A limit is full below our own count: others send from this mailbox, too."),
    Event("quota.client", "warning", "log", "A client has had its share of a mailbox's day: it leaves the rest."),
    Event("quota.low", "warning", "log", "A day's budget is used up to 80 %, or to 95 %: `relay365 quota status`."),
    Event("limit.reached", "error", "log", "Exchange reported later that a limit is used up: its lanes wait."),
    Event("fates.not-allowed", "error", "log", "Trace or reports may not be read; what heals it. Asked hourly."),
    Event("fates.waits", "info", "log", "Graph or the spool did not answer: asked again later. No mail waits for it."),
    Event("fates.go-on", "info", "log", "Trace or reports may be read again."),
    Event("claim.lapsed", "warning", "log", "Claims of a worker that stopped went back to the queue as uncertain."),
    Event("claim.lost", "warning", "log", "Another worker had settled a claim already; nothing was changed."),
    Event("attempt.lost", "error", "log", "A fault of ours in an attempt; its claim will lapse."),
    Event("route.host-found", "info", "log", "The MX host of a connector route was looked up, and is new."),
    Event("route.host-stale", "warning", "log", "The MX host could not be looked up again; the one before it is used."),
    Event("route.failed", "error", "log", "A fault of ours in a route; the recipients were deferred."),
    Event("settle.failed", "error", "log", "The outcome of an attempt could not be written; its claim will lapse."),
    Event("token.refused", "warning", "log", "The token service gave no token: relay365 token status says what heals."),
    Event("token.healed", "info", "log", "After a refusal the token service gave a token again."),
    Event("token.not-kept", "error", "log", "A stored sign-in could not be written; the token at hand is used."),
    Event(
        "credential.ends-soon", "warning", "log",
        "A certificate, a client secret or a sign-in ends within 30, 14, 7, 3 or 1 days, or has ended. Once each.",
    ),
    Event("credential.renewed", "warning", "log", "The relay has renewed the certificate of a route's application."),
    Event("credential.not-renewed", "error", "log", "A certificate does not renew itself, and why; it is tried again."),
    Event("lane.held", "error", "log", "A lane waits for a person: relay365 explain ROW says what to do. Said once."),
    Event("lane.resumed", "info", "log", "A lane that waited for a person was healed and goes on."),
    Event("lane.not-noted", "warning", "log", "A lane's health could not be written down for relay365 status."),
    Event("lane.rerouted", "warning", "log", "Mail waited where a changed file does not let it wait; it was moved."),
    Event("lane.asked", "warning", "log", "A person asked for a try of a shut lane now: relay365 route open."),
    Event("lane.relieved", "warning", "log", "A lane is shut for too long; another one takes some of its mail."),
    Event("lane.gone", "warning", "log", "Mail waited in a lane that the configuration no longer has; it was moved."),
    Event("keeper.waits", "error", "log", "The keeper could not work because of the spool; it tries again."),
    Event("spool.refused", "error", "log", "The spool could not take a message; the device was told 451 or 452."),
    Event("spool.unwell", "error", "log", "The spool could not give mail to the scheduler; it looks again."),
    Event("spool.foreign-file", "warning", "log", "A file that is not ours lies among the segments; it is left alone."),
    Event("spool.begun-anew", "error", "log", "There was no database; what an earlier one left behind was kept aside."),
    Event("writer.failed", "error", "log", "A fault of ours in one write; nothing of it was stored, the others go on."),
    Event("alert.sent", "warning", "log", "A channel was told of a trouble, or that it is healed (alerts.md)."),
    Event("alert.not-sent", "error", "log", "A channel has not taken an alert; it is tried again, each time later."),
    Event("alert.not-noted", "error", "log", "What was told is not on disk: a restart would tell it again."),
    Event("users.unreadable", "warning", "log", "The users file cannot be read; the logins that were known stay."),
)  # fmt: skip

_NAME = re.compile(r"[a-z]+\.[a-z-]+")


class _Text(logging.Formatter):
    """`2026-11-24T10:02:11.204Z INFO message.accepted id=... peer=...`"""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_instant(record)} {record.levelname} {_one_line(record.getMessage())}"
        if record.exc_info is None:
            return line
        return f"{line} | {_one_line(self.formatException(record.exc_info))}"


class _Json(logging.Formatter):
    """One object per line; event is null for lines of libraries."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        name = _NAME.match(text)
        value = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "source": record.name,
            "event": name[0] if name else None,
            "detail": text[name.end() :].lstrip(" :") if name else text,
        }
        if record.exc_info is not None:
            value["trace"] = self.formatException(record.exc_info)
        return json.dumps(value, ensure_ascii=True)


def configure(level: str, form: str) -> None:
    """Send the journal to standard error. level: debug, info, warning, error; form: text or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # libraries; msal and urllib3 write tokens and addresses at debug
    logging.getLogger("relay365").setLevel(level.upper())


def _instant(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(text: str) -> str:
    """Control characters and Unicode line ends are written as escapes (log injection)."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
