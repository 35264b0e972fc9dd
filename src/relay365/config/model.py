"""The tables of the file as frozen models: every key with its type, unit, default and meaning.

docs/config.md is made from this module. A model says what it expects; relay365.config.read says it to people.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from relay365.config.clients import Allow, Device, Sender, Tolerate, User
from relay365.config.references import SecretRef
from relay365.config.repairs import Duplicates, Oversize, Repair
from relay365.config.roads.choice import Rule
from relay365.config.roads.kinds import Route
from relay365.config.table import Table
from relay365.config.tenants import Tenant, unknown_tenants
from relay365.config.watching import Alerts, Metrics
from relay365.config.words import Duration, Flag, HostName, HostPort, Network, Number, OwnSender, Size


class Server(Table):
    """[server]: who we are and where our data is."""

    name: HostName = Field(
        "", description="our name in greeting, EHLO and Received; default: the host's name"
    )
    data: str = Field(description="queue, keys and history; put it on a disk that survives a power cut")
    users: str = Field("users", description="file of logins, made by `relay365 user add`; relative to data")
    token_key: SecretRef | None = Field(
        None,
        description="32 random letters or more (`openssl rand -base64 32`): seals sign-ins of `relay365 token login`",
    )
    max_message: Size = Field(157_286_400, description="largest message we take, in octets")
    max_recipients: Number = Field(
        1000, ge=100, description="recipients of one message (RFC 5321 4.5.3.1.8 asks 100)"
    )
    max_sessions: Number = Field(1000, ge=1, description="sessions at once, in all")
    max_sessions_per_address: Number = Field(100, ge=1, description="sessions at once from one address")
    max_errors: Number = Field(20, ge=1, description="errors after which a session is ended with 421")
    command_timeout: Duration = Field(300.0, description="patience for a command (RFC 5321 4.5.3.2.7: 5m)")
    content_timeout: Duration = Field(
        600.0, description="patience for the next octets of a message: a scanner waits while its lid is open"
    )


class Listener(Table):
    """[[listener]]: where devices come in."""

    address: HostPort = Field(description="address and port to listen on")
    tls: Literal["none", "optional", "required", "implicit"] = Field(
        "optional",
        description="none; optional: STARTTLS is offered; required: no mail before STARTTLS; implicit: TLS at once",
    )
    ciphers: Literal["office", "modern", "legacy"] = Field(
        "office",
        description="office: TLS 1.2 and RSA key exchange, too, for printers; modern; legacy: TLS 1.0 and 1.1, too",
    )
    hosts: tuple[Network, ...] = Field(
        (), description='the only networks that may connect; ciphers = "legacy" needs it'
    )
    review_by: date | None = Field(
        None, description='when somebody looks whether it is still needed; ciphers = "legacy" needs it'
    )
    proxy_from: tuple[Network, ...] = Field((), description="proxies that begin with a PROXY header (v1, v2)")
    xclient_from: tuple[Network, ...] = Field((), description="proxies that may say XCLIENT")
    certificate: SecretRef | None = Field(
        None, description="own certificate chain (PEM), { file = }; default: made at first start"
    )
    key: SecretRef | None = Field(None, description="its private key (PEM), { file = }")
    require_auth: Flag = Field(False, description="whether everybody must log in here")

    @model_validator(mode="after")
    def _pair(self) -> Listener:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key together")
        if any(one is not None and one.file is None for one in (self.certificate, self.key)):
            raise ValueError("certificate and key as { file = }")
        if self.ciphers == "legacy" and not (self.hosts and self.review_by):
            raise ValueError("hosts and review_by")
        return self


class Queue(Table):
    """[queue]: patience."""

    retry: tuple[Duration, ...] = Field(
        (60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0),
        min_length=1,
        description="pauses between tries; the last repeats",
    )
    give_up: Duration = Field(432_000.0, description="life of a message; then its sender is told")
    warn_after: Duration = Field(
        14_400.0, description="after so long the sender of a message that still waits is told of it, once"
    )
    keep: Duration = Field(7_776_000.0, description="how long the history of finished messages is kept")
    reports_to: OwnSender = Field(
        "", description="who gets the reports that nobody else may get: a sender outside is never told"
    )
    disk_floor: Size = Field(67_108_864, description="below this free space devices are told 452 4.3.1")
    disk_share: Number = Field(
        80,
        ge=1,
        le=100,
        description="percent of the room above disk_floor that one client's mail may take; then 452",
    )


class Log(Table):
    """[log]: what the service writes to standard error, and what it keeps of sessions."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="how much")
    format: Literal["text", "json"] = Field(
        "text", description="a line for people, or one JSON object per line"
    )
    sessions: Number = Field(
        20,
        ge=0,
        le=200,
        description="last sessions of each client, kept as transcripts in data/sessions; 0: none",
    )
    content_head: Size = Field(
        0, le=4096, description="how much of each content a transcript shows; 0: only its size"
    )


class Config(Table):
    """The whole file."""

    server: Server
    listener: tuple[Listener, ...] = Field(min_length=1)
    allow: tuple[Allow, ...] = ()
    user: tuple[User, ...] = ()
    device: tuple[Device, ...] = ()
    tolerate: Tolerate = Field(default_factory=Tolerate)
    repair: Repair = Field(default_factory=Repair)
    sender: Sender = Field(default_factory=Sender)
    oversize: Oversize = Field(default_factory=Oversize)
    duplicates: Duplicates = Field(default_factory=Duplicates)
    route: tuple[Route, ...] = Field(min_length=1)
    rule: tuple[Rule, ...] = ()
    tenant: tuple[Tenant, ...] = ()
    queue: Queue = Field(default_factory=Queue)
    log: Log = Field(default_factory=Log)
    metrics: Metrics = Field(default_factory=Metrics)
    alerts: Alerts = Field(default_factory=Alerts)

    @model_validator(mode="after")
    def _no_twins(self) -> Config:
        for table, key, values in (
            ("listener", "address", [one.address for one in self.listener if not one.address.endswith(":0")]),
            ("allow", "network", [str(one.network) for one in self.allow]),
            ("user", "name", [one.name for one in self.user]),
            ("device", "name", [one.name for one in self.device]),
            ("route", "name", [one.name for one in self.route if one.name]),
            ("rule", "name", [one.name for one in self.rule if one.name]),
            ("tenant", "name", [one.name.lower() for one in self.tenant]),
        ):
            twins = [value for n, value in enumerate(values) if value in values[:n]]
            if twins:
                raise PydanticCustomError(
                    "twins", "{table} {key}", {"table": table, "key": key, "twin": twins[0]}
                )
        return self

    @model_validator(mode="after")
    def _known_words(self) -> Config:
        """The listener of a device or network is one of the file, and "own-domains" are named."""
        addresses = tuple(one.address for one in self.listener)
        named: list[Device | Allow] = [*self.device, *self.allow]
        for one in named:
            if one.listener and one.listener not in addresses:
                raise PydanticCustomError(
                    "unknown-word", "{key}", {"key": "listener", "word": one.listener, "known": addresses}
                )
        if not self.sender.domains and any(
            "own-domains" in one.recipients for one in (*self.device, *self.allow)
        ):
            raise PydanticCustomError(
                "unknown-word", "{key}", {"key": "recipients", "word": "own-domains", "known": ()}
            )
        return self

    @model_validator(mode="after")
    def _known_routes(self) -> Config:
        """A rule names routes and devices of the file, a tenant is one of its routes."""
        routes, devices = self.route_names(), tuple(one.name for one in self.device)
        words = [("routes", word, routes) for rule in self.rule for word in rule.routes]
        words += [("device", word, devices) for rule in self.rule for word in rule.device]
        words += unknown_tenants(self.tenant, self.route)
        words += [("route", one.route, routes) for one in self.alerts.channel if one.route]
        for key, word, known in words:
            if word not in known:
                raise PydanticCustomError("unknown-word", "{key}", {"key": key, "word": word, "known": known})
        return self

    def route_names(self) -> tuple[str, ...]:
        """One name per route: its own, or its kind, with a number where that is taken."""
        taken = {route.name for route in self.route if route.name}
        names: list[str] = []
        for route in self.route:
            name, n = route.name or route.kind, 2
            while not route.name and name in taken:
                name, n = f"{route.kind}-{n}", n + 1
            taken.add(name)
            names.append(name)
        return tuple(names)
