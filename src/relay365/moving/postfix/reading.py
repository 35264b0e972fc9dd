"""A folder such as /etc/postfix as a draft of our configuration, with a finding for every line that stands in it."""

from __future__ import annotations

from pathlib import Path

from relay365.moving.draft import Draft
from relay365.moving.finding import Findings, SourceError
from relay365.moving.network import Networks
from relay365.moving.postfix.addresses import Addresses
from relay365.moving.postfix.files.expanding import ExpandError
from relay365.moving.postfix.files.main_cf import MainCf, words
from relay365.moving.postfix.files.master_cf import Service, services_of, shown
from relay365.moving.postfix.files.table import Files
from relay365.moving.postfix.known import tell_rest, tell_services
from relay365.moving.postfix.listening import UNDERSTOOD, Listening
from relay365.moving.postfix.patience import Patience
from relay365.moving.postfix.receiving import Receiving
from relay365.moving.postfix.sending import Sending
from relay365.moving.remote import Wish

_PLAIN_SMTP = "smtp inet n - y - - smtpd"
_OWN_NAMES = ("localhost", "localdomain")


def read(folder: Path, wish: Wish) -> tuple[Draft, Findings]:
    """Read main.cf, master.cf and the tables that they name; raises SourceError where main.cf cannot be read."""
    cf = _main_cf(folder)
    findings = Findings()
    draft = Draft(str(folder))
    files = Files(folder, cf.value("config_directory"))
    services = _services(folder, findings)
    _drop_what_cannot_be_expanded(cf, services, findings)
    sending = Sending(cf, files, draft, findings, wish)
    sending.read()
    addresses = Addresses(cf, files, draft, findings)
    addresses.read(sending.mailbox or wish.mailbox, sending.domain())
    patience = Patience(cf, draft, findings)
    extra: dict[str, object] = {"sender": addresses.fixed} if addresses.fixed else {}
    if patience.per_minute():
        extra["per_minute"] = patience.per_minute()
    Listening(cf, files, draft, findings, services).read()
    Receiving(cf, files, draft, findings, Networks(draft, findings, extra)).read()
    patience.read()
    _tell_destinations(cf, findings)
    tell_services(services, findings, set(UNDERSTOOD))
    tell_rest(cf, findings)
    findings.all.sort(key=_place)
    return draft, findings


def _main_cf(folder: Path) -> MainCf:
    file = folder / "main.cf"
    try:
        return MainCf.of(file.read_text("utf-8", "replace"))
    except OSError as error:
        do = "name the folder that has main.cf, such as /etc/postfix or a copy of it"
        raise SourceError(f"{file} cannot be read", error.strerror or str(error), do) from error


def _services(folder: Path, findings: Findings) -> list[Service]:
    """The services; without a master.cf one that listens on port 25, which is Postfix's own beginning."""
    file = folder / "master.cf"
    try:
        text = file.read_text("utf-8", "replace")
    except OSError as error:
        findings.warn(
            "master.cf",
            "smtp inet smtpd",
            "",
            f"{error.strerror or error}: one listener on port 25 is taken for it",
        )
        text = _PLAIN_SMTP
    services, broken = services_of(text)
    for where, line in broken:
        findings.unknown(where, line, "no service: eight fields are expected")
    return services


def _drop_what_cannot_be_expanded(cf: MainCf, services: list[Service], findings: Findings) -> None:
    """A value that cannot be expanded is not understood; its default holds for all that follows."""
    for name, setting in list(cf.settings.items()):
        try:
            cf.expanded(setting.raw)
        except ExpandError as error:
            findings.unknown(setting.where, str(setting), str(error))
            del cf.settings[name]
    for service in services:
        for name, value in list(service.options.items()):
            try:
                cf.expanded(value)
            except ExpandError as error:
                findings.unknown(service.where, shown(name, value), str(error))
                del service.options[name]


def _tell_destinations(cf: MainCf, findings: Findings) -> None:
    """Domains that were delivered on this machine, or taken for others from everybody."""
    given = cf.given("mydestination")
    if given is not None:
        host = cf.value("myhostname").lower()
        foreign = [
            one
            for one in words(cf.value("mydestination").lower())
            if "." in one
            and one not in (host, f"localhost.{host.partition('.')[2]}")
            and not one.endswith(_OWN_NAMES)
        ]
        if foreign:
            why = f"mail to {', '.join(foreign)} was delivered on this machine; here it goes to Exchange like all other"
            findings.warn(given.where, str(given), "", why)
        else:
            findings.ok(
                given.where, str(given), "", "only names of this machine; relay365 delivers nothing here"
            )
    domains = cf.given("relay_domains")
    if domains is not None and domains.raw and "$mydestination" not in domains.raw:
        why = "mail to these was taken from everybody; here only named clients send: let the MX record lead to Exchange"
        findings.warn(domains.where, str(domains), "", why)


def _place(one: object) -> tuple[int, str, int]:
    """main.cf, master.cf, then the tables by name; lines in their order."""
    where = getattr(one, "where", "")
    file, _, line = where.rpartition(":")
    file, n = (file, int(line)) if line.isdigit() else (where, 0)
    return {"main.cf": 0, "master.cf": 1}.get(file, 2), file, n
