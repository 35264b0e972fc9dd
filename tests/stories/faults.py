"""The faults that the stories play: which mood of the emulator, and which row of the catalogue the operator is told.

Data only; the story is story.py, and docs/outcomes.md shows what it saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Healed = Literal["by itself", "queue retry", "restart", "waiting", "end of the pause", "host named"]
Dns = Literal["", "silent", "SERVFAIL", "NXDOMAIN"]
TAKES_PART = """
[[route]]
kind = "{kind}"
{keys}
authority = "{{authority}}"
ca_file = "{{ca_file}}"
"""
APP = 'tenant = "{tenant}"\nclient = "{client_id}"\nsecret = {{ file = "{secret_file}" }}\n'
HVE = TAKES_PART.format(
    kind="hve", keys=APP + 'mailbox = "{account}"\ndomains = ["{tenant}"]\nendpoint = "{hve}"'
)
SUBMISSION = TAKES_PART.format(
    kind="submission", keys=APP + 'mailbox = "{mailbox}"\nendpoint = "{submission}"'
)
GRAPH_SCOPE = 'scope = "https://graph.microsoft.com/.default"'
GRAPH = TAKES_PART.format(
    kind="graph", keys=APP + 'mailbox = "{mailbox}"\ngraph_endpoint = "{graph}"\n' + GRAPH_SCOPE
)
CONNECTOR = """
[[route]]
kind = "connector"
host = "{mx}"
certificate = {{ file = "{connector_certificate_file}" }}
key = {{ file = "{connector_key_file}" }}
ca_file = "{ca_file}"
"""
SMARTHOST = """
[[route]]
kind = "smarthost"
host = "{mx}"
tls = "none"
"""
UNKNOWN_DIRECTORY = SUBMISSION.replace("{authority}", "https://login.nowhere.invalid")
BEHIND_SUBMISSION = SUBMISSION + GRAPH + '[[rule]]\nroutes = ["submission", "graph"]\n'
BEHIND_GRAPH = GRAPH + SUBMISSION + '[[rule]]\nroutes = ["graph", "submission"]\n'
LOOKED_UP = """
[[route]]
kind = "connector"
domain = "{tenant}"
name_server = "{name_server}"
certificate = {{ file = "{connector_certificate_file}" }}
key = {{ file = "{connector_key_file}" }}
ca_file = "{ca_file}"
"""
BY_CERTIFICATE = TAKES_PART.format(
    kind="submission",
    keys='tenant = "{tenant}"\nclient = "{client_id}"\ncertificate = {{ file = "{certificate_file}" }}\n'
    'key = {{ file = "{key_file}" }}\nmailbox = "{mailbox}"\nendpoint = "{submission}"',
)
"""Roads, with the facts of emulator.json to be filled in."""


@dataclass(frozen=True)
class Fault:
    """One fault. mood: for the emulator, {} for one that is there by itself; told: the row, "" for nothing to act on.

    healed: what it takes. `queue retry` is what an impatient person does, since a probe comes once a minute; `waiting`
    is nobody at all; `end of the pause` is where the remote asked for a long one, which neither a person nor a restart
    can shorten; `host named` is a line in the file and a restart.
    of_lane: the operator finds the row in the lane's note (`status`); else in the history of a message (`trace`).
    road: the routes of this story; to: the recipient; queue: more of [queue]; lasts_s: how old the mail must be
    before it is healed; told_s: how long it may take until the operator is told; dns: what the name server of a
    looked-up road does.
    """

    name: str
    told: str
    mood: dict[str, Any]
    healed: Healed = "queue retry"
    of_lane: bool = True
    road: str = SUBMISSION
    to: str = "lena@fabrikam.com"
    queue: str = ""
    lasts_s: float = 0.0
    told_s: float = 20.0
    dns: Dns = ""


def _auth(text: str, row: str) -> Fault:
    return Fault(f"AUTH: {text}", row, {"name": "auth", "text": text})


def _reply(at: str, text: str, row: str, healed: Healed = "queue retry", **bounds: Any) -> Fault:
    mood = {"name": "reply", "at": at, "text": text, **bounds}
    return Fault(
        f"{at}: {text[:44]}", row, mood, healed, of_lane=healed not in ("by itself", "queue release")
    )


def _passes(name: str, mood: dict[str, Any], told: str = "", **more: Any) -> Fault:
    """What costs nothing, or one more try: nobody has to do anything."""
    return Fault(name, told, mood, "by itself", of_lane=False, **more)


def _graph(name: str, row: str, mood: dict[str, Any], healed: Healed = "queue retry") -> Fault:
    return Fault(f"graph: {name}", row, mood, healed, of_lane=healed != "by itself", road=GRAPH)


def _token(number: int, row: str, healed: Healed = "restart") -> Fault:
    """A refusal of the directory: the credential is asked with again after 30 s and longer, whoever retries."""
    return Fault(f"token: AADSTS{number}", row, {"name": "token-error", "number": number}, healed)


FAULTS = (
    Fault("connections are refused", "cannot-connect", {"name": "outage", "how": "refuse"}),
    Fault("421 instead of a greeting", "service-not-available", {"name": "outage", "how": "greeting"}),
    Fault("451 PRX2 to MAIL", "proxy-failure", {"name": "outage", "how": "proxy"}),
    Fault("STARTTLS is missing", "no-starttls", {"name": "no-starttls"}),
    Fault("octets behind the 220 of STARTTLS", "", {"name": "injection"}, "by itself", of_lane=False),
    Fault("certificate of another name", "tls-failed", {"name": "wrong-certificate", "how": "name"}),
    Fault(
        "certificate of a strange authority", "tls-failed", {"name": "wrong-certificate", "how": "authority"}
    ),
    Fault("certificate has expired", "tls-failed", {"name": "wrong-certificate", "how": "expired"}),
    Fault("certificate is not valid yet", "tls-failed", {"name": "wrong-certificate", "how": "future"}),
    _auth("auth-failed", "auth-refused"),
    _auth("auth-tenant", "smtp-auth-disabled-tenant"),
    _auth("auth-mailbox", "smtp-auth-disabled-mailbox"),
    _auth("auth-security-defaults", "security-defaults"),
    _auth("auth-criteria", "policy-criteria"),
    Fault(
        "AUTH: auth-failed, and nobody asks for a try",
        "auth-refused",
        {"name": "auth", "text": "auth-failed"},
        "waiting",
    ),
    _reply("auth", "454 4.7.0 Temporary authentication failure", "auth-temporary"),
    _reply("mail", "421 4.3.2 Service not available", "service-not-available"),
    _reply("rcpt", "452 4.5.3 Too many recipients (AS780090)", "too-many-recipients", "by itself", count=2),
    _reply("rcpt", "550 5.7.64 TenantAttribution; Relay Access Denied SMTP", "relay-denied-attribution"),
    _reply("dot", "451 4.7.0 Temporary server error. Please try again later. PRX2", "proxy-failure"),
    _reply("dot", "452 4.3.1 Insufficient system resources", "remote-short-of-resources"),
    _reply("dot", "550 5.7.708 Access denied, traffic not accepted from this IP", "address-reputation"),
    _reply(
        "rcpt",
        "451 4.7.500 Server busy. Please try again later from [x]. (AS761)",
        "address-throttled",
        "end of the pause",
    ),
    Fault(
        "432 too many at once",
        "too-many-connections",
        {"name": "concurrent", "count": 1},
        "by itself",
        of_lane=False,
    ),
    Fault("430 no rights on the mailbox yet", "no-mailbox-rights", {"name": "storedrv"}),
    Fault("554 5.2.0 quota of the day", "daily-recipients", {"name": "quota"}, "end of the pause"),
    Fault(
        "554 5.2.0 for longer than a message may live",
        "daily-recipients",
        {"name": "quota"},
        "end of the pause",
        queue='give_up = "2s"',
        lasts_s=12.0,
    ),
    Fault("554 5.2.2 mailbox full", "sender-mailbox-full", {"name": "full"}),
    Fault("550 5.2.252 penalty box", "penalty-box-252", {"name": "penalty"}, "end of the pause"),
    Fault(
        "closes inside DATA", "no-answer-after-dot", {"name": "drop", "count": 2}, "by itself", of_lane=False
    ),
    Fault(
        "closes after the dot",
        "no-answer-after-dot",
        {"name": "lie", "how": "close", "count": 2},
        "by itself",
        of_lane=False,
    ),
    Fault(
        "cut after the dot",
        "no-answer-after-dot",
        {"name": "lie", "how": "cut", "count": 2},
        "by itself",
        of_lane=False,
    ),
    Fault(
        "garbage after the dot",
        "no-answer-after-dot",
        {"name": "lie", "how": "garbage", "count": 2},
        "by itself",
        of_lane=False,
    ),
    Fault(
        "reset in place of the answer to MAIL",
        "connection-broken",
        {"name": "hang-up", "at": "mail", "how": "reset"},
    ),
    Fault(
        "reset inside the content",
        "no-answer-after-dot",
        {"name": "drop", "how": "reset", "count": 2},
        "by itself",
        of_lane=False,
    ),
    Fault(
        "reset after the dot",
        "no-answer-after-dot",
        {"name": "lie", "how": "reset", "count": 2},
        "by itself",
        of_lane=False,
    ),
    Fault(
        "DATA is never answered",
        "connection-broken",
        {"name": "hang", "at": "data", "count": 2},
        "by itself",
        of_lane=False,
        told_s=200.0,
    ),
    *(
        Fault(
            f"a reply of 100 kB in one line to {at}",
            row,
            {"name": "odd-reply", "at": at, "how": "long", "count": 2},
            "by itself",
            of_lane=False,
        )
        for at, row in (("mail", "connection-broken"), ("dot", "no-answer-after-dot"))
    ),
    *(
        Fault(
            f"a reply without end to {at}",
            row,
            {"name": "odd-reply", "at": at, "how": "endless", "count": 2},
            "by itself",
            of_lane=False,
        )
        for at, row in (("rcpt", "connection-broken"), ("dot", "no-answer-after-dot"))
    ),
    Fault(
        "connections are never answered",
        "cannot-connect",
        {"name": "outage", "how": "blackhole"},
        told_s=90.0,
    ),
    _passes("a greeting that takes five seconds", {"name": "slow", "at": "greeting", "seconds": 5.0}),
    Fault("a greeting, and then the end", "cannot-connect", {"name": "banner", "how": "close"}),
    Fault("a greeting that is no reply", "not-smtp", {"name": "banner"}),
    _reply("ehlo", "500 5.5.1 Command unrecognized", "no-ehlo"),
    _passes(
        "ehlo: 500, and a smart host without TLS and sign-in",
        {"name": "reply", "at": "ehlo", "text": "500 5.5.1 Command unrecognized"},
        road=SMARTHOST,
        to="alerts@contoso.com",  # an MX host takes nothing else without a connector
    ),
    _passes(
        "dot: 550 5.2.3, and another road",
        {
            "name": "reply",
            "at": "dot",
            "text": "550 5.2.3 RESOLVER.RST.SendSizeLimit.Sender; message too large for this sender",
        },
        "message-too-big-resolver",
        road=BEHIND_SUBMISSION,
    ),
    _reply("starttls", "454 4.7.0 TLS not available due to temporary reason", "starttls-refused"),
    Fault("certificate is self-signed", "tls-failed", {"name": "wrong-certificate", "how": "self-signed"}),
    Fault("TLS 1.0 only", "tls-broken", {"name": "old-tls"}),
    _reply("mail", "530 5.7.57 Client not authenticated to send mail.", "not-authenticated"),
    *(
        _passes(f"the answer to the dot in an odd form: {how}", {"name": "odd-reply", "how": how, "count": 2})
        for how in ("lines", "octets")
    ),
    _passes(
        "half-closed after the dot",
        {"name": "lie", "how": "half-close", "count": 2},
        "no-answer-after-dot",
    ),
    _passes("neither PIPELINING nor 8BITMIME", {"name": "no-extension"}),
    Fault(
        "token is not valid yet: the directory's clock is two hours ahead",
        "auth-refused",
        {"name": "token-clock", "how": "ahead"},
    ),
    Fault(
        "token has expired: the directory's clock is two hours behind",
        "auth-refused",
        {"name": "token-clock", "how": "behind"},
    ),
    Fault(
        "certificate of the application, and clocks two hours apart",
        "assertion-time",
        {"name": "token-clock", "how": "ahead"},
        "restart",
        road=BY_CERTIFICATE,
    ),
    Fault(
        "token service: 503",
        "directory-unwell",
        {"name": "token-outage", "status": 503, "retry_after": 1},
        "restart",
    ),
    Fault(
        "token service: 429",
        "directory-unwell",
        {"name": "token-outage", "status": 429, "retry_after": 1},
        "restart",
    ),
    _token(7000215, "secret-wrong"),
    _token(7000222, "secret-expired", "waiting"),
    _token(700016, "app-not-in-tenant"),
    _token(53003, "conditional-access"),
    _token(90055, "directory-unwell"),
    _graph(
        "429 with Retry-After", "graph-concurrency", {"name": "graph-outage", "status": 429, "seconds": 3}
    ),
    _graph("503", "graph-unwell", {"name": "graph-outage", "status": 503, "retry_after": "none"}),
    _graph(
        "200 in place of 202",
        "graph-200",
        {"name": "graph-answer", "how": "ignored", "count": 2},
        "by itself",
    ),
    *(
        _graph(
            f"429 with Retry-After: {how}",
            "graph-concurrency",
            {"name": "graph-outage", "status": 429, "retry_after": how, "seconds": 3},
            "end of the pause" if how == "day" else "queue retry",
        )
        for how in ("date", "none", "day", "negative")
    ),
    *(
        _graph(str(status), row, {"name": "graph-outage", "status": status, "retry_after": "none"})
        for status, row in (
            (401, "graph-token"),
            (403, "graph-access-denied"),
            (404, "graph-no-mailbox"),
            (500, "graph-unwell"),
            (502, "graph-unwell"),
            (504, "graph-unwell"),
        )
    ),
    _passes(
        "graph: 413, and another road",
        {"name": "graph-outage", "status": 413, "retry_after": "none", "at": "sendMail"},
        "graph-too-large",
        road=BEHIND_GRAPH,
    ),
    _passes(
        "graph: 400 that nobody knows, and another road",
        {"name": "graph-outage", "status": 400, "retry_after": "none", "at": "sendMail"},
        road=BEHIND_GRAPH,
    ),
    *(
        _graph(
            f"{how} in place of the answer",
            row,
            {"name": "graph-answer", "how": how, "count": 2},
            "by itself",
        )
        for how, row in (
            ("lost", "no-answer-after-dot"),
            ("reset", "no-answer-after-dot"),
            ("html", "graph-200"),
        )
    ),
    *(
        Fault(f"token service: {how}", row, {"name": "token-answer", "how": how}, "restart")
        for how, row in (
            ("html", "token-malformed"),
            ("truncated", "token-malformed"),
            ("reset", "token-busy"),
            ("word-expiry", "token-malformed"),
        )
    ),
    *(
        _passes(f"token service: {how}", {"name": "token-answer", "how": how})
        for how in ("no-expiry", "negative-expiry", "long-expiry")
    ),
    Fault(
        "token service: 500",
        "directory-unwell",
        {"name": "token-outage", "status": 500, "retry_after": 0},
        "restart",
    ),
    _passes("token service takes five seconds", {"name": "token-slow"}),
    Fault("DNS of the token service: no such name", "token-busy", {}, "host named", road=UNKNOWN_DIRECTORY),
    Fault(
        "connector: 550 5.7.64 at RCPT",
        "relay-denied-attribution",
        {"name": "reply", "at": "rcpt", "text": "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"},
        road=CONNECTOR,
    ),
    *(
        Fault(
            f"DNS of the connector's MX: {dns}",
            row,
            {},
            "host named",
            road=LOOKED_UP,
            dns=dns,
            told_s=40.0,
        )
        for dns, row in (
            ("silent", "cannot-connect"),
            ("SERVFAIL", "cannot-connect"),
            ("NXDOMAIN", "no-mx-host"),
        )
    ),
    Fault(
        "hve: a recipient outside, and another road",
        "",
        {},
        "by itself",
        of_lane=False,
        road=HVE + SUBMISSION + '[[rule]]\nroutes = ["hve", "submission"]\n',
    ),
)


def family(fault: Fault) -> str:
    """reply, line, graph or token: the file that tells its story, so that four can be told at once."""
    mood = str(fault.mood.get("name", ""))
    if fault.name.startswith(("graph", "hve")):
        return "graph"
    if fault.dns or mood.startswith("token") or fault.name.startswith("DNS"):
        return "token"
    return "line" if mood not in _REPLIES else "reply"


_REPLIES = {"reply", "auth", "quota", "full", "penalty", "storedrv", "concurrent"}
