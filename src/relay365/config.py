"""The configuration: text in, frozen values out. Pure; files and environment are read by those who call.

Every key has its type, unit, default and meaning here, and docs/config.md is made from this file. An unknown key is an
error with the nearest known name; every error names file, key, what was expected and what was found.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from relay365.errors import ConfigError

_SIZE_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_TIME_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _size(value: object) -> object:
    found = re.fullmatch(r"(\d+)([KMG]?)", value) if isinstance(value, str) else None
    if found:
        return int(found[1]) * _SIZE_UNITS[found[2]]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError('a size such as "25M"')


def _duration(value: object) -> object:
    found = re.fullmatch(r"(\d+)([smhd])", value) if isinstance(value, str) else None
    if found:
        return int(found[1]) * _TIME_UNITS[found[2]]
    if isinstance(value, float):
        return value
    raise ValueError('a time such as "30s", "15m", "4h" or "5d"')


def _host_port(value: object) -> object:
    found = (
        re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:\[\]]+)):(\d{1,5})", value)
        if isinstance(value, str)
        else None
    )
    if found and int(found[3]) < 65536:
        return value
    raise ValueError('an address and port such as "192.168.10.5:25" or "[fd00::5]:25"')


def _network(value: object) -> object:
    try:
        if isinstance(value, str):
            return ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError(f'a network such as "192.168.10.0/24" ({error})') from error
    raise ValueError('a network such as "192.168.10.0/24"')


Size = Annotated[int, BeforeValidator(_size)]
Duration = Annotated[float, BeforeValidator(_duration)]
HostPort = Annotated[str, BeforeValidator(_host_port)]
Network = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, BeforeValidator(_network)]


def split_host_port(value: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` in two."""
    host, _, port = value.rpartition(":")
    return host.strip("[]"), int(port)


class Table(BaseModel):
    """A table of the file: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SecretRef(Table):
    """Where a secret is; never the secret itself."""

    file: str | None = Field(
        None, description="a file that holds it; only this user should be able to read it"
    )
    env: str | None = Field(None, description="an environment variable that holds it")
    credential: str | None = Field(None, description="a systemd credential (LoadCredential=) of this name")

    @model_validator(mode="after")
    def _exactly_one(self) -> SecretRef:
        if sum(way is not None for way in (self.file, self.env, self.credential)) != 1:
            raise ValueError("one of { file = }, { env = }, { credential = }")
        return self

    def __repr__(self) -> str:
        return "{ " + ", ".join(f'{k} = "{v}"' for k, v in self.model_dump(exclude_none=True).items()) + " }"

    __str__ = __repr__


class Server(Table):
    """[server]: who we are and where our data is."""

    name: str = Field("", description="our name in greeting, EHLO and Received; default: the host's name")
    data: str = Field(description="queue, keys and history; put it on a disk that survives a power cut")
    users: str = Field("users", description="file of logins, made by `relay365 user add`; relative to data")
    max_message: Size = Field(157_286_400, description="largest message we take, in octets")
    max_recipients: int = Field(
        1000, ge=100, description="recipients of one message (RFC 5321 4.5.3.1.8 asks 100)"
    )
    max_sessions: int = Field(1000, ge=1, description="sessions at once, in all")
    max_sessions_per_address: int = Field(100, ge=1, description="sessions at once from one address")
    max_errors: int = Field(20, ge=1, description="errors after which a session is ended with 421")
    command_timeout: Duration = Field(300.0, description="patience for a command (RFC 5321 4.5.3.2.7: 5m)")
    content_timeout: Duration = Field(300.0, description="patience for the next octets of a message")


class Listener(Table):
    """[[listener]]: where devices come in."""

    address: HostPort = Field(description="address and port to listen on")
    tls: Literal["none", "optional", "required", "implicit"] = Field(
        "optional",
        description="none; optional: STARTTLS is offered; required: no mail before STARTTLS; implicit: TLS at once",
    )
    certificate: SecretRef | None = Field(
        None, description="own certificate chain (PEM); default: made at first start"
    )
    key: SecretRef | None = Field(None, description="its private key (PEM)")
    require_auth: bool = Field(False, description="whether everybody must log in here")

    @model_validator(mode="after")
    def _pair(self) -> Listener:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key together")
        return self


class Allow(Table):
    """[[allow]]: who may send without or with a login; first match wins, what matches nothing is refused."""

    network: Network = Field(description='the network, such as "192.168.10.0/24"')
    login: Literal["never", "optional", "required"] = Field(
        "optional", description="whether a login is needed"
    )


class User(Table):
    """[[user]]: a login for devices, beside the users file."""

    name: str = Field(description="the login name; name@domain is taken, too")
    password_hash: str = Field(description="argon2id hash, as `relay365 user hash` prints it", repr=False)


class SubmissionRoute(Table):
    """[[route]] kind = "submission": SMTP AUTH client submission."""

    kind: Literal["submission"]
    name: str = Field("", description="name of the route; default: its kind")
    tenant: str = Field("", description="tenant domain or id, for OAuth")
    client: str = Field("", description="application (client) id, for OAuth")
    secret: SecretRef | None = Field(None, description="the client secret's value")
    certificate: SecretRef | None = Field(None, description="the application's certificate (PEM)")
    key: SecretRef | None = Field(None, description="the certificate's private key (PEM)")
    password: SecretRef | None = Field(
        None, description="the mailbox's password: basic authentication, while it lives"
    )
    mailbox: str = Field(description="the mailbox that we send as")
    endpoint: HostPort = Field("smtp.office365.com:587", description="host and port")
    authority: str = Field(
        "https://login.microsoftonline.com", description="base address of the token service"
    )
    scope: str = Field("https://outlook.office365.com/.default", description="what the token is for")
    ca_file: str = Field("", description="file with the roots to trust instead of the system's (PEM)")
    connections: int = Field(2, ge=1, le=3, description="at once; Microsoft allows a mailbox 3")
    per_minute: int = Field(30, ge=1, description="messages in any 60 seconds; Microsoft allows a mailbox 30")

    @model_validator(mode="after")
    def _one_credential(self) -> SubmissionRoute:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key together")
        if sum(way is not None for way in (self.secret, self.certificate, self.password)) != 1:
            raise ValueError("one of secret, certificate with key, or password")
        if self.password is None and not (self.tenant and self.client):
            raise ValueError("tenant and client with secret or certificate")
        return self


class SmarthostRoute(Table):
    """[[route]] kind = "smarthost": any SMTP server as next hop."""

    kind: Literal["smarthost"]
    name: str = Field("", description="name of the route; default: its kind")
    host: HostPort = Field(description="host and port")
    tls: Literal["required", "opportunistic", "none", "implicit"] = Field(
        "required",
        description="required: STARTTLS, verified; opportunistic: where offered; none; implicit: TLS at once",
    )
    user: str = Field("", description="login name at the smart host")
    password: SecretRef | None = Field(None, description="its password")
    ca_file: str = Field("", description="file with the roots to trust instead of the system's (PEM)")
    connections: int = Field(20, ge=1, le=200, description="at once")
    per_minute: int | None = Field(None, ge=1, description="messages in any 60 seconds; default: no limit")

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> SmarthostRoute:
        if bool(self.user) != (self.password is not None):
            raise ValueError("user and password together")
        if self.password is not None and self.tls in ("none", "opportunistic"):
            raise ValueError('tls = "required" or "implicit": a password is never sent in clear')
        return self


class Queue(Table):
    """[queue]: patience."""

    retry: tuple[Duration, ...] = Field(
        (60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0),
        min_length=1,
        description="pauses between tries; the last repeats",
    )
    give_up: Duration = Field(432_000.0, description="life of a message; then its sender is told")
    keep: Duration = Field(7_776_000.0, description="how long the history of finished messages is kept")
    disk_floor: Size = Field(67_108_864, description="below this free space devices are told 452 4.3.1")


class Log(Table):
    """[log]: what the service writes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="how much")
    format: Literal["text", "json"] = Field(
        "text", description="a line for people, or one JSON object per line"
    )


Route = Annotated[SubmissionRoute | SmarthostRoute, Field(discriminator="kind")]


class Config(Table):
    """The whole file."""

    server: Server
    listener: tuple[Listener, ...] = Field(min_length=1)
    allow: tuple[Allow, ...] = ()
    user: tuple[User, ...] = ()
    route: tuple[Route, ...] = Field(min_length=1)
    queue: Queue = Field(default_factory=Queue)
    log: Log = Field(default_factory=Log)

    def route_names(self) -> tuple[str, ...]:
        """One name per route: its own, or its kind, with a number where that is taken."""
        names: list[str] = []
        for route in self.route:
            wanted, n = route.name or route.kind, 2
            name = wanted
            while name in names:
                name, n = f"{wanted}-{n}", n + 1
            names.append(name)
        return tuple(names)


class ConfigErrors(ConfigError):
    """All errors of one file."""

    def __init__(self, errors: tuple[ConfigError, ...]) -> None:
        self.errors = errors
        first = errors[0]
        super().__init__(first.where, first.expected, first.found, first.hint)


LATER = frozenset({"device", "tolerate", "repair", "sender", "oversize", "rule", "web", "metrics", "alerts"})
LATER_KINDS = frozenset({"connector", "graph", "hve", "acs"})


def parse(text: str, where: str) -> Config:
    """Read a configuration; raises ConfigErrors with every error that was found."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigErrors((ConfigError(where, "TOML", str(error)),)) from error
    early = tuple(_not_yet(tables, where))
    if early:
        raise ConfigErrors(early)
    try:
        return Config.model_validate(tables)
    except ValidationError as error:
        causes = [one for one in error.errors() if "after validation" not in one["msg"]]
        raise ConfigErrors(tuple(_explain(one, where) for one in causes)) from error


def _not_yet(tables: dict[str, Any], where: str) -> list[ConfigError]:
    """Tables and routes that belong to the format but not to this version: said, never ignored."""
    errors = [
        ConfigError(
            f"{where}: {name}",
            "a table that this version knows",
            f"[{name}]",
            "it comes with a later version",
        )
        for name in tables
        if name in LATER
    ]
    routes = tables.get("route", [])
    for n, route in enumerate(routes if isinstance(routes, list) else []):
        if isinstance(route, dict) and route.get("kind") in LATER_KINDS:
            hint = "this kind comes with a later version"
            errors.append(
                ConfigError(
                    f"{where}: route[{n}].kind", '"submission" or "smarthost"', repr(route["kind"]), hint
                )
            )
    return errors


def _explain(error: Any, where: str) -> ConfigError:
    path = [part for part in error["loc"] if part not in ("submission", "smarthost")]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    found = error.get("input")
    match error["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(str(path[-1]), _known_keys(path[:-1]), 1)
            hint = f"did you mean {near[0]}?" if near else "see `relay365 config example`"
            return ConfigError(f"{where}: {key}", "a known key", f"{path[-1]!r}", hint)
        case "missing":
            return ConfigError(f"{where}: {key}", "a value", "nothing", "this key is required")
        case "value_error":
            return ConfigError(f"{where}: {key}", str(error["ctx"]["error"]), _short(found))
        case _:
            return ConfigError(
                f"{where}: {key}", error["msg"].removeprefix("Input should be "), _short(found)
            )


def _known_keys(path: list[str | int]) -> list[str]:
    tables = {
        "server": [Server], "listener": [Listener], "allow": [Allow], "user": [User], "queue": [Queue], "log": [Log],
        "route": [SubmissionRoute, SmarthostRoute],
    }  # fmt: skip
    models: list[type[Table]] = tables.get(str(path[0]), [Config]) if path else [Config]  # type: ignore[assignment]
    if len(path) > 1 and isinstance(path[-1], str):
        models = [SecretRef]
    return [key for model in models for key in model.model_fields]


def _short(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(value) + " }"  # keys only: a value could be a secret
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def open_relay_risk(config: Config) -> str:
    """Why this configuration would relay for strangers, or "".

    A public listener (also 0.0.0.0 and ::) must not meet an [[allow]] without login for a public or a very wide network.
    """
    public = [one.address for one in config.listener if not one.require_auth and _is_public(one.address)]
    if not public:
        return ""
    for rule in config.allow:
        widest = 8 if rule.network.version == 4 else 7
        is_wide = rule.network.prefixlen < widest or not rule.network.is_private
        if rule.login != "required" and is_wide:
            return f"[[allow]] network {rule.network} may send without login through the public listener {public[0]}"
    return ""


def _is_public(address: str) -> bool:
    host, _ = split_host_port(address)
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host != "localhost"
    return ip.is_unspecified or not (ip.is_private or ip.is_loopback or ip.is_link_local)
