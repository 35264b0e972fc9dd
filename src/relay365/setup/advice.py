"""Which road suits a case: each road with a verdict and a reason, the recommended one first. Pure.

The limits are Microsoft's: a mailbox 30 messages a minute and 10,000 recipients a day; a connector relays for a
certificate of an accepted domain, or a static address that nobody shares; High Volume Email reaches internal recipients
only. (Microsoft: "Improvements in SMTP AUTH client submission"; "Updated requirements for SMTP relay through Exchange
Online"; MC1226222; MC1243552; New-InboundConnector; read 2026-11)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from relay365.setup.scripts.connector import check_address

PER_MINUTE, PER_DAY = 30, 10_000
HVE_CLOUDS = ("global",)


class Road(Enum):
    """The ways to set up, by the words of answers and of the wizard."""

    APPLICATION = "application"
    PERSON = "person"
    CERTIFICATE = "certificate"
    ADDRESS = "address"
    HVE = "hve"
    GRAPH = "graph"


class Fit(Enum):
    """How a road suits a case."""

    BEST = "recommended"
    FITS = "fits"
    RISKY = "risky"
    NO = "does not fit"


@dataclass(frozen=True, slots=True)
class Case:
    """What is known; None: nobody knows. per_minute, recipients_per_day: at the worst hour, the worst day.

    senders: "mailbox" (one address), "few" (several of our domain), "any" (any of our domain, made up by programs).
    port_25: whether the tenant's MX host answers there. address: the public address of the relay, "" for none.
    """

    per_minute: int = 10
    recipients_per_day: int = 500
    outside: bool = True
    senders: str = "mailbox"
    has_admin: bool = True
    has_certificate: bool = False
    address: str = ""
    is_static: bool | None = None
    port_25: bool | None = None
    port_587: bool | None = None
    cloud: str = "global"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One road. reasons: sentences, what speaks against it first."""

    road: Road
    fit: Fit
    reasons: tuple[str, ...]


def advise(case: Case) -> tuple[Verdict, ...]:
    """A verdict on every road, the recommended one first; where none fits, nothing is recommended."""
    judged = [
        _judge(Road.APPLICATION, *_application(case)),
        _judge(Road.CERTIFICATE, *_certificate(case)),
        _judge(Road.GRAPH, *_graph(case)),
        _judge(Road.HVE, *_hve(case)),
        _judge(Road.ADDRESS, *_address(case)),
        _judge(Road.PERSON, *_person(case)),
    ]
    order = [Fit.FITS, Fit.RISKY, Fit.NO]
    judged.sort(key=lambda one: order.index(one.fit))
    if judged[0].fit is Fit.FITS:
        judged[0] = Verdict(judged[0].road, Fit.BEST, judged[0].reasons)
    return tuple(judged)


Against = tuple[list[str], list[str], str]
"""What excludes a road, what makes it risky, and what speaks for it."""


def _judge(road: Road, no: list[str], risks: list[str], good: str) -> Verdict:
    if no:
        return Verdict(road, Fit.NO, (*no, *risks))
    return Verdict(road, Fit.RISKY, (*risks, good)) if risks else Verdict(road, Fit.FITS, (good,))


def _application(case: Case) -> Against:
    no = ["nobody here may consent to an application"] * (not case.has_admin)
    no += ["port 587 of smtp.office365.com does not answer"] * (case.port_587 is False)
    no += _too_much(case)
    risks = ["each further sender needs Send As; any sender of the domain is for a connector"] * (
        case.senders == "any"
    )
    return (
        no,
        risks,
        "an application with a certificate: no user, no password, no MFA, and it survives leavers",
    )


def _person(case: Case) -> Against:
    no = ["port 587 of smtp.office365.com does not answer"] * (case.port_587 is False)
    no += _too_much(case)
    risks = ["it hangs on one person's account: a new password or a leaver stops all mail"]
    risks += ["one sender only"] * (case.senders != "mailbox")
    return no, risks, "no administrator has to consent, where the tenant lets users do that"


def _certificate(case: Case) -> Against:
    no = ["port 25 of the tenant's MX host does not answer: providers often block it"] * (
        case.port_25 is False
    )
    no += ["nobody here may create a connector"] * (not case.has_admin)
    no += ["it needs a certificate of a public authority with a name in an accepted domain"] * (
        not case.has_certificate
    )
    return (
        no,
        [],
        "any sender of the tenant's domains, no limit of 30 a minute, and no address that must stay the same",
    )


def _address(case: Case) -> Against:
    no = ["port 25 of the tenant's MX host does not answer: providers often block it"] * (
        case.port_25 is False
    )
    no += ["nobody here may create a connector"] * (not case.has_admin)
    no += ["a connector takes mail from a public IPv4 address only, and none is known"] * (not case.address)
    if case.address:
        try:
            check_address(case.address)
        except ValueError as error:
            no.append(f"a connector takes {error}")
    no += ["the address changes"] * (case.is_static is False)
    risks = ["nobody is sure that the address is static"] * (case.is_static is None and bool(case.address))
    risks.append("if the address is shared with another tenant, it may stop without notice (MC1226222)")
    return no, risks, "any sender of the tenant's domains, no limit of 30 a minute, no certificate"


def _graph(case: Case) -> Against:
    no = ["nobody here may consent to an application"] * (not case.has_admin)
    no += _too_much(case)
    risks = ["SMTP keeps a message as it is; Graph rewrites it. It is for sites where 587 and 25 are shut"]
    risks = risks if case.port_587 is not False else []
    return no, risks, "over HTTPS, where nothing but port 443 goes out"


def _hve(case: Case) -> Against:
    no = ["it reaches recipients inside the tenant only"] * case.outside
    no += ["it exists in the worldwide cloud only"] * (case.cloud not in HVE_CLOUDS)
    no += ["nobody here may create its account"] * (not case.has_admin)
    risks = ["it needs a billing policy, and every recipient is billed"]
    return no, risks, "no limit of messages a minute or recipients a day"


def _too_much(case: Case) -> list[str]:
    """What a single mailbox cannot carry."""
    found = [f"{case.per_minute} messages a minute are more than a mailbox's {PER_MINUTE}"]
    found = found * (case.per_minute > PER_MINUTE)
    more = f"{case.recipients_per_day:,} recipients a day are more than a mailbox's {PER_DAY:,}"
    return found + [more] * (case.recipients_per_day > PER_DAY)
