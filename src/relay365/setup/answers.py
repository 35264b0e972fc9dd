"""What the wizard must know, by whatever way it comes to know it: a file of answers, or a person.

The file is TOML; docs/setup.md shows one. Unknown keys are errors, and every error says what is expected and found.
"""

from __future__ import annotations

import difflib
import tomllib
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from relay365.config.references import SecretRef
from relay365.config.roads.clouds import AUTHORITY, GRAPH, SUBMISSION, Cloud
from relay365.config.roads.kinds import Mailboxes
from relay365.config.table import Table
from relay365.config.watching import SyslogAddress
from relay365.config.words import (
    BaseAddress,
    Duration,
    HostPort,
    MailboxName,
    Network,
    OwnSender,
)
from relay365.errors import ConfigError
from relay365.places import DATA
from relay365.setup.advice import Road
from relay365.setup.scripts.connector import check_address, check_name

AlertBy = Literal["nobody", "teams", "webhook", "syslog", "mail"]
HVE_ENDPOINT = "smtp.hve.mx.microsoft:587"


class Answers(Table):
    """Everything that `relay365 init` asks, with what it takes where nobody says."""

    mailbox: MailboxName = Field(description="the address that sends")
    domain: str = Field(
        description="the mail domain; default: that of the mailbox",
        pattern=r"^[^@\s/<>\"']+\.[^@\s/<>\"'.]+$",
    )
    road: Road = Field(
        Road.APPLICATION, description="application, person, certificate, address, hve or graph"
    )
    grant: Literal["mailbox", "scope"] = Field(
        "mailbox",
        description="how the application may use it: Full Access to it, or a role in a scope (RBAC)",
    )
    senders: Mailboxes = Field((), description="further addresses to send as")
    new_mailbox: bool = Field(False, description="create it as a shared mailbox where it is missing")
    client: str = Field(
        "", description="the application's id, where it exists already", pattern=r"^[0-9a-fA-F-]*$"
    )
    secret: SecretRef | None = Field(
        None, description="its secret, instead of a certificate that is made here"
    )
    result: str = Field("", description="a file in which the line appears that the script ends with")
    networks: tuple[Network, ...] = Field((), description="who may send without a password")
    listeners: tuple[HostPort, ...] = Field(
        ("0.0.0.0:25",), min_length=1, description="where devices come in"
    )
    foreign: Literal["rewrite", "reject", "pass"] = Field("rewrite", description="senders of other domains")
    reports_to: OwnSender = Field("", description="who is told what could not go")
    test_to: OwnSender = Field("", description="who gets the first mail; empty: none is sent")
    alert_by: AlertBy = Field(
        "nobody", description="who hears when it breaks, by which way: nobody, teams, webhook, syslog or mail"
    )
    alert_url: SecretRef | None = Field(
        None, description="teams, webhook: where the address stands that is posted to, { file = }"
    )
    alert_address: SyslogAddress = Field("", description='syslog: "udp://192.168.10.9:514"')
    alert_to: OwnSender = Field("", description="mail: who gets the alerts; default: reports_to")
    alert_host: HostPort | None = Field(
        None, description="mail: a mail server that is not this relay's way, for alerts only"
    )
    alert_tls: Literal["required", "opportunistic", "none"] = Field(
        "required", description="mail: whether it is spoken to by TLS"
    )
    rescue: bool = Field(
        False, description="road person: a reminder in seven days to move to an application (init --rescue)"
    )
    data: str = Field(DATA, min_length=1, description="where the relay keeps its data")
    wait: Duration = Field(3600.0, description="how long to wait for Microsoft to learn it")
    certificate: str = Field(
        "", description="road certificate: file with the certificate and its chain (PEM)"
    )
    key: str = Field("", description="road certificate: file with its key (PEM)")
    certificate_name: str = Field("", description="road certificate: the name in it")
    address: str = Field("", description="road address: the public address of the relay")
    host: HostPort | None = Field(
        None, description="roads certificate, address: the tenant's MX host; default: DNS"
    )
    cloud: Cloud = Field("global", description="global, gcc-high, dod or china")
    authority: BaseAddress = Field(
        "", validate_default=False, description="the token service; default: the cloud's"
    )
    graph_endpoint: BaseAddress = Field("", validate_default=False, description="Graph; default: the cloud's")
    endpoint: HostPort = Field(
        "", validate_default=False, description="the submission host; default: the cloud's"
    )
    ca_file: str = Field("", description="roots to trust instead of the system's")
    proxy: str = Field("", description="HTTP proxy for HTTPS")
    name_server: HostPort | None = Field(None, description="whom to ask instead of the system's name server")

    @model_validator(mode="before")
    @classmethod
    def _presets(cls, given: Any) -> Any:
        """The addresses of the cloud, and the domain of the mailbox, where they are not given."""
        if not isinstance(given, dict):
            return given
        cloud = given.get("cloud", "global")
        found = dict(given)
        if cloud in AUTHORITY:
            endpoint = HVE_ENDPOINT if given.get("road") == Road.HVE.value else SUBMISSION[cloud]
            presets = {"authority": AUTHORITY[cloud], "graph_endpoint": GRAPH[cloud], "endpoint": endpoint}
            found = {**presets, **given}
        mailbox = given.get("mailbox")
        if "domain" not in given and isinstance(mailbox, str) and "@" in mailbox:
            found["domain"] = mailbox.rpartition("@")[2]
        return found

    @model_validator(mode="after")
    def _whole(self) -> Answers:
        if self.road is Road.CERTIFICATE:
            if not (self.certificate and self.key and self.certificate_name):
                raise ValueError('certificate, key and certificate_name with road = "certificate"')
            check_name(self.certificate_name, self.domain)
        if self.road is Road.ADDRESS:
            check_address(self.address)
        missing = {
            "teams": self.alert_url is None and "alert_url",
            "webhook": self.alert_url is None and "alert_url",
            "syslog": not self.alert_address and "alert_address",
            "mail": (not self.alert_host and "alert_host") or (not self.alerts_to and "alert_to"),
        }.get(self.alert_by)
        if missing:
            raise ValueError(f'{missing} with alert_by = "{self.alert_by}"')
        if self.rescue and self.road is not Road.PERSON:
            raise ValueError('road = "person" with rescue')
        if self.secret is not None and not self.client:
            raise ValueError("client with secret")
        if self.foreign == "rewrite" and self.mailbox.rpartition("@")[2].lower() != self.domain.lower():
            raise ValueError("a mailbox in the domain")
        return self

    @property
    def alerts_to(self) -> str:
        """Who gets alerts by mail."""
        return self.alert_to or self.reports_to

    @property
    def asks_entra(self) -> bool:
        """Whether the road signs in at the token service."""
        return self.road not in (Road.CERTIFICATE, Road.ADDRESS)


def read_answers(text: str, where: str) -> dict[str, Any]:
    """A file of answers as values, not yet judged; raises ConfigError where it is no TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            where, "TOML", str(error), 'texts stand in quotes: mailbox = "scan@contoso.com"'
        ) from error


def judged(values: dict[str, Any], where: str) -> Answers:
    """The answers; raises ConfigError for the first thing that is wrong with them."""
    try:
        return Answers.model_validate(values)
    except ValidationError as error:
        raise _explained(error, where) from error


def judge_one(key: str, value: object) -> str:
    """What is expected where one answer is wrong in itself; "" where it is good."""
    field = Answers.model_fields[key]
    annotated: Any = Annotated[(field.annotation, *field.metadata, Field())]
    adapter: TypeAdapter[Any] = TypeAdapter(annotated)
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        one = error.errors()[0]
        return _expected({**one, "loc": (key,)})
    return ""


def _explained(error: ValidationError, where: str) -> ConfigError:
    rank = {"extra_forbidden": 0, "missing": 2}  # a key that is misspelt is missing, too
    one = min(error.errors(), key=lambda found: rank.get(found["type"], 1))
    key = ".".join(str(part) for part in one["loc"])
    place = f"{where}: {key}" if key else where
    if one["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, list(Answers.model_fields), 1)
        hint = f"did you mean {near[0]}?" if near else "docs/setup.md lists the known ones"
        return ConfigError(place, "a known key", key, hint)
    if one["type"] == "missing":
        return ConfigError(place, Answers.model_fields[key].description or "a value", "nothing", f"add {key}")
    found = "these answers together" if isinstance(one["input"], dict) else repr(one["input"])
    return ConfigError(place, _expected(one), found)


def _expected(one: Any) -> str:
    if "error" in one.get("ctx", {}):
        return str(one["ctx"]["error"])
    if one["type"] == "string_pattern_mismatch":
        return {"domain": "a mail domain such as contoso.com"}.get(
            str(one["loc"][0]), "an id of letters and digits"
        )
    return str(one["msg"]).removeprefix("Input should be ").replace("'", '"')
