"""The configuration that the wizard writes: commented TOML that reads like a letter and passes `config check`. Pure.

Everything that was answered stands in it; what keeps its default does not. (docs/config.md)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from ipaddress import IPv4Network

from relay365.config import SecretRef
from relay365.config.roads.clouds import AUTHORITY, GRAPH, SUBMISSION
from relay365.setup.advice import Road
from relay365.setup.answers import HVE_ENDPOINT, Answers
from relay365.setup.resume import Result
from relay365.toml import as_toml

FIRST_LINE = "# relay365, written by relay365 init"
KEY_FILE = "keys/app.pem"
URL_FILE = "keys/alert.url"
ALERT_ROUTE = "alerts"
RESCUED_DAYS = 7
KINDS = {Road.GRAPH: "graph", Road.HVE: "hve", Road.CERTIFICATE: "connector", Road.ADDRESS: "connector"}

_LOOPBACK = IPv4Network("127.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Page:
    """What stands beside the answers. day: of writing; result: what the script has made; key_file: "" for none.

    mx_host: the MX host that was found, for a comment.
    """

    answers: Answers
    day: str
    result: Result | None = None
    key_file: str = ""
    mx_host: str = ""


def configuration(page: Page) -> str:
    """The whole file."""
    answers = page.answers
    networks = " and ".join(str(one) for one in answers.networks) or "nobody but this machine and logins"
    parts = [
        f"{FIRST_LINE} on {page.day}: mail of {networks}",
        f"# goes out through Microsoft 365 as {answers.mailbox}. Every key: relay365 config show, and docs/config.md.",
        "# After a change: relay365 config check, then relay365 reload.",
        "",
        *_server(answers),
        *_listeners(answers),
        *_allow(answers),
        *_sender(answers),
        *_route(page),
        *_queue(answers),
        *_alerts(page),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def _server(answers: Answers) -> Iterator[str]:
    yield "[server]"
    yield f"data = {as_toml(answers.data)}  # queue, keys and history: on a disk that survives a power cut"
    yield ""


def _listeners(answers: Answers) -> Iterator[str]:
    for address in answers.listeners:
        port = address.rpartition(":")[2]
        yield "[[listener]]"
        yield f"address = {as_toml(address)}"
        if port == "465":
            yield 'tls = "implicit"  # TLS at once'
        elif port == "587":
            yield "require_auth = true  # for logins: relay365 user add NAME"
        yield ""


def _allow(answers: Answers) -> Iterator[str]:
    yield "# Who may send without a password; the first that fits decides, everybody else is refused."
    for network in answers.networks:
        yield "[[allow]]"
        yield f'network = "{network}"'
        yield ""
    if not any(
        network.overlaps(_LOOPBACK) for network in answers.networks if isinstance(network, IPv4Network)
    ):
        yield "[[allow]]"
        yield 'network = "127.0.0.0/8"  # this machine itself'
        yield ""


def _sender(answers: Answers) -> Iterator[str]:
    yield "[sender]"
    yield f"domains = [{as_toml(answers.domain)}]"
    words = {
        "rewrite": "a sender of another domain becomes the mailbox; the old one stands in Reply-To",
        "reject": "a sender of another domain is refused: Microsoft would refuse it later (5.2.252)",
        "pass": "a sender of another domain goes as it is; Microsoft may refuse it (5.2.252)",
    }[answers.foreign]
    yield f'foreign = "{answers.foreign}"  # {words}'
    if answers.foreign == "rewrite":
        yield f"rewrite_to = {as_toml(answers.mailbox)}"
    yield ""


def _route(page: Page) -> Iterator[str]:
    answers = page.answers
    yield "[[route]]"
    yield from {
        Road.APPLICATION: _submission, Road.PERSON: _submission, Road.GRAPH: _graph, Road.HVE: _hve,
        Road.CERTIFICATE: _connector, Road.ADDRESS: _connector,
    }[answers.road](page)  # fmt: skip
    if answers.cloud != "global":
        yield f'cloud = "{answers.cloud}"'
    if answers.ca_file:
        yield f"ca_file = {as_toml(answers.ca_file)}  # the roots that are trusted instead of the system's"
    if answers.proxy and answers.asks_entra:
        yield f"proxy = {as_toml(answers.proxy)}"
    yield ""


def _submission(page: Page) -> Iterator[str]:
    answers = page.answers
    yield 'kind = "submission"  # SMTP AUTH client submission with OAuth'
    yield from _application(page)
    yield f"mailbox = {as_toml(answers.mailbox)}"
    yield from _unless_preset("endpoint", answers)


def _graph(page: Page) -> Iterator[str]:
    yield 'kind = "graph"  # Microsoft Graph, over HTTPS'
    yield from _application(page)
    yield f"mailbox = {as_toml(page.answers.mailbox)}"


def _hve(page: Page) -> Iterator[str]:
    yield 'kind = "hve"  # High Volume Email: internal recipients only, billed for each'
    yield from _application(page)
    yield f"mailbox = {as_toml(page.answers.mailbox)}"
    yield f"domains = [{as_toml(page.answers.domain)}]"
    if page.answers.endpoint != HVE_ENDPOINT:
        yield f"endpoint = {as_toml(page.answers.endpoint)}"


def _connector(page: Page) -> Iterator[str]:
    answers = page.answers
    yield 'kind = "connector"  # port 25 to the MX host of the tenant'
    if answers.host:
        yield f"host = {as_toml(answers.host)}"
    else:
        found = f"  # its MX host, today {page.mx_host}" if page.mx_host else "  # its MX host is looked up"
        yield f"domain = {as_toml(answers.domain)}{found}"
    if answers.name_server and not answers.host:
        yield f"name_server = {as_toml(answers.name_server)}"
    if answers.road is Road.CERTIFICATE:
        yield f"certificate = {{ file = {as_toml(answers.certificate)} }}  # with its whole chain"
        yield f"key = {{ file = {as_toml(answers.key)} }}"
    else:
        yield f"# known by the public address {answers.address}: nothing else of it is secret"


def _application(page: Page) -> Iterator[str]:
    answers, result = page.answers, page.result
    tenant = result.tenant_id if result is not None and result.tenant_id else answers.domain
    client = result.client if result is not None else answers.client
    yield f"tenant = {as_toml(tenant)}  # {answers.domain}"
    yield f"client = {as_toml(client)}  # the application's id"
    if answers.road is Road.PERSON:
        yield 'login = "mailbox"  # a person signs in once: relay365 token login'
    elif answers.secret is not None:
        yield f"secret = {_reference(answers.secret)}"
    else:
        yield f"certificate = {{ file = {as_toml(page.key_file)} }}  # made here, in the data directory"
        yield f"key = {{ file = {as_toml(page.key_file)} }}  # it never leaves this machine"
        yield from _renewal(known=not answers.client or bool(result is not None and result.registration))
    yield from _unless_preset("authority", answers)
    yield from _unless_preset("graph_endpoint", answers)


def _renewal(*, known: bool) -> Iterator[str]:
    """Of a certificate that was made here. known: whether the wizard learns the registration that it belongs to."""
    if known:
        yield "# The relay renews it 30 days before its end. Without this: relay365 app rotate, in time."
        yield "renew = true"
    else:
        yield "# With the Object ID of the app registration the relay renews it 30 days before its end; until then:"
        yield "# relay365 app rotate, in time."
        yield '# registration = "..."'
        yield "# renew = true"


def _queue(answers: Answers) -> Iterator[str]:
    if answers.reports_to:
        yield "[queue]"
        why = "who is told what could not go, where no sender may be told"
        yield f"reports_to = {as_toml(answers.reports_to)}  # {why}"
        yield ""


def _alerts(page: Page) -> Iterator[str]:
    """Who hears when it breaks, and by which way that is not what broke."""
    answers = page.answers
    yield "# Who hears when it breaks, once for each cause; docs/alerts.md. Try it: relay365 alerts test"
    if answers.rescue:
        yield from _reminder(page)
    elif answers.alert_by == "nobody":
        yield "# Nobody does now. For example by a workflow of Teams, whose address stands in a file:"
        yield "# [[alerts.channel]]"
        yield '# kind = "teams"'
        yield '# url = { file = "/etc/relay365/teams.url" }'
    else:
        yield "[[alerts.channel]]"
        yield from {"teams": _posted, "webhook": _posted, "syslog": _syslog, "mail": _mailed}[
            answers.alert_by
        ](answers)


def _posted(answers: Answers) -> Iterator[str]:
    what = "a card by a Workflows webhook" if answers.alert_by == "teams" else "JSON by POST"
    yield f'kind = "{answers.alert_by}"  # {what}'
    yield f"url = {_reference(answers.alert_url)}  # whoever knows the address can post"


def _syslog(answers: Answers) -> Iterator[str]:
    yield 'kind = "syslog"'
    yield f"address = {as_toml(answers.alert_address)}"


def _mailed(answers: Answers) -> Iterator[str]:
    """A way of their own: this one may be what broke. A rule keeps all other mail off it."""
    yield 'kind = "mail"'
    yield f"to = {as_toml(answers.alerts_to)}"
    yield f'route = "{ALERT_ROUTE}"'
    yield ""
    yield "[[route]]"
    yield f'name = "{ALERT_ROUTE}"  # for alerts only: it does not end at the same place as the other'
    yield 'kind = "smarthost"'
    yield f"host = {as_toml(answers.alert_host or '')}"
    if answers.alert_tls != "required":
        yield f'tls = "{answers.alert_tls}"'
    yield ""
    yield "[[rule]]  # all other mail"
    yield f'routes = ["{KINDS.get(answers.road, "submission")}"]'


def _reminder(page: Page) -> Iterator[str]:
    """What was set up in a hurry is not meant to stay."""
    answers = page.answers
    yield "[[alerts.channel]]"
    yield 'kind = "mail"  # by the same way: it brings the reminder; for outages give it another one beside it'
    yield f"to = {as_toml(answers.alerts_to or answers.mailbox)}"
    yield ""
    day = date.fromisoformat(page.day) + timedelta(days=RESCUED_DAYS)
    yield "[[alerts.reminder]]  # this was set up in a hurry: one mailbox, one device, the sign-in of one person"
    yield f"on = {day.isoformat()}"
    yield 'what = "move from the sign-in of a person to an application of your own"'
    yield 'do = "relay365 init, and choose road A"'


def _reference(secret: SecretRef | None) -> str:
    return as_toml(secret.model_dump(exclude_none=True) if secret is not None else {})


def _unless_preset(key: str, answers: Answers) -> Iterator[str]:
    value = str(getattr(answers, key))
    if value not in _presets(key):
        yield f"{key} = {as_toml(value)}"


def _presets(key: str) -> set[str]:
    return set({"authority": AUTHORITY, "graph_endpoint": GRAPH, "endpoint": SUBMISSION}[key].values())
