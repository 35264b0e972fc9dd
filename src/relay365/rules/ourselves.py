"""Our own mail: which sender alerts, synthetic mail and reports have by each way out, and where nothing tells it. Pure.

A mailbox sends as itself. A way without one takes what the configuration says of our domains; where it says nothing
there is only a name of this machine, which Microsoft's servers do not take. (docs/alerts.md; Microsoft: "How to set up
a multifunction device or application to send email", relay by a connector; ACS: "MailFrom addresses")
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from relay365.config import AcsRoute, Config, ConnectorRoute, Way

_OURS = "set [sender] domains, or rewrite_to"
_DOUBTS: dict[type[Way], tuple[str, str]] = {
    AcsRoute: (
        "Azure Communication Services takes only the MailFrom addresses of the resource",
        "set [sender] rewrite_to to one of them",
    ),
    ConnectorRoute: ("Exchange relays only for senders of the tenant's accepted domains (550 5.7.64)", _OURS),
}
_DOUBT = ("a next server that looks at senders does not know this machine's name", _OURS)


class Doubt(NamedTuple):
    """A route by which our own mail may go as nobody that the other side knows: what, why and do."""

    route: str
    why: str
    do: str

    @property
    def what(self) -> str:
        """In words."""
        return f"alerts by mail may be refused by route {self.route}: no sender is known for it"


def own_sender(config: Config, table: Way, mailbox: str = "") -> str:
    """The address that our own mail may come from by a way; "" where the configuration does not tell."""
    known = mailbox or config.sender.rewrite_to
    if known or isinstance(table, AcsRoute):
        return known or ""
    domain = getattr(table, "domain", "") or next(iter(config.sender.domains), "")
    return f"postmaster@{domain}" if domain else ""


def has_letters(config: Config) -> bool:
    """Whether alerts or synthetic mail go out as mail."""
    return bool(config.alerts.probe_to) or any(one.kind == "mail" for one in config.alerts.channel)


def doubts(config: Config) -> Iterator[Doubt]:
    """Of each route that may carry alerts or synthetic mail and for which no sender is known."""
    named = {one.route for one in config.alerts.channel if one.kind == "mail"}
    takes_all = bool(config.alerts.probe_to) or "" in named
    for name, table in zip(config.route_names(), config.route, strict=True):
        mailbox = getattr(table, "mailbox", None) or next(iter(getattr(table, "mailboxes", ())), "")
        if (takes_all or name in named) and not own_sender(config, table, mailbox):
            yield Doubt(
                name, *next((one for kind, one in _DOUBTS.items() if isinstance(table, kind)), _DOUBT)
            )
