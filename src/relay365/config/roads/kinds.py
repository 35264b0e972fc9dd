"""[[route]]: the ways out, a model for each kind. Every endpoint can be set; the presets are in clouds.

A route says how it signs in by exactly one of secret, certificate with key, pfx, login, managed_identity,
workload_token and, where that lives, password.
"""

from __future__ import annotations

from datetime import date
from ipaddress import AddressValueError, IPv4Address
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from relay365.config.references import SecretRef
from relay365.config.repairs import OwnOversize
from relay365.config.roads.clouds import Cloud, with_presets
from relay365.config.table import Table
from relay365.config.words import (
    BaseAddress,
    Domains,
    Flag,
    HostPort,
    Label,
    MailboxName,
    Number,
    Size,
    several,
)


def _source(value: object) -> object:
    """Connectors know IPv4 addresses only (New-InboundConnector -SenderIPAddresses)."""
    try:
        return str(IPv4Address(value)) if isinstance(value, str) and value else value
    except AddressValueError:
        raise ValueError("an IPv4 address of this machine: a connector knows no other") from None


SourceAddress = Annotated[str, BeforeValidator(_source)]
Mailboxes = Annotated[tuple[MailboxName, ...], BeforeValidator(several)]


class Way(Table):
    """What every kind of route has."""

    name: Label = Field("", description="name of the route; default: its kind")
    max_message: Size | None = Field(
        None, description="largest message that it takes; default: the kind's own"
    )
    oversize: OwnOversize = Field(
        default_factory=OwnOversize, description="exceptions from [oversize] for what goes this way"
    )
    recipients: Number = Field(500, ge=1, le=1000, description="recipients of one transaction at most")
    ca_file: str = Field("", description="file with the roots to trust instead of the system's (PEM)")

    def secrets(self) -> dict[str, SecretRef]:
        """Every secret that it names, by its key."""
        named = {key: getattr(self, key) for key in type(self).model_fields}
        return {key: value for key, value in named.items() if isinstance(value, SecretRef)}

    def leads_to(self) -> str:
        """Where it sends, for people."""
        return str(
            getattr(self, "endpoint", None) or getattr(self, "host", None) or getattr(self, "domain", "")
        )


class Account(Way):
    """A route that signs in to Microsoft."""

    cloud: Cloud = Field(
        "global", description="global (GCC too), gcc-high, dod or china: presets of all addresses"
    )
    tenant: str = Field("", description="tenant domain or id, for OAuth")
    client: str = Field("", description="application (client) id, for OAuth")
    secret: SecretRef | None = Field(None, description="the client secret's value")
    secret_expires: date | None = Field(
        None,
        description="day on which the secret ends, as the portal says: a warning comes before, 2027-05-01",
    )
    certificate: SecretRef | None = Field(None, description="the application's certificate (PEM)")
    key: SecretRef | None = Field(None, description="the certificate's private key (PEM)")
    pfx: SecretRef | None = Field(None, description="certificate and key in one PKCS#12 file, as { file = }")
    pfx_password: SecretRef | None = Field(None, description="its password")
    login: Literal["", "mailbox"] = Field(
        "", description='"mailbox": a person signs in once, with `relay365 token login`'
    )
    renew: Flag = Field(
        False,
        description="the relay renews the application's certificate itself, 30 days before its end (tokens.md)",
    )
    registration: str = Field(
        "", description="object id of the app registration, for renew; default: what `relay365 init` learnt"
    )
    managed_identity: str = Field(
        "",
        description='"system", or the client id of a user-assigned identity, where the relay runs in Azure',
    )
    workload_token: SecretRef | None = Field(
        None, description="file with a federated token of the platform (Kubernetes workload identity)"
    )
    authority: BaseAddress = Field(
        "https://login.microsoftonline.com", description="base address of the token service"
    )
    graph_endpoint: BaseAddress = Field(
        "https://graph.microsoft.com", description="base address of Microsoft Graph"
    )
    scope: str = Field("", description="what the token is for; default: that of the kind and cloud")
    proxy: str = Field("", description='HTTP proxy for HTTPS calls, such as "http://proxy.contoso.com:3128"')
    trace: Flag = Field(
        False, description="ask Microsoft's message trace what became of mail (ExchangeMessageTrace.Read.All)"
    )
    read_reports: Flag = Field(
        False,
        description="read non-delivery reports from the sending mailbox (Mail.Read), to learn what bounced later",
    )

    @model_validator(mode="before")
    @classmethod
    def _presets(cls, given: Any) -> Any:
        return with_presets(given.get("kind", ""), given) if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _one_credential(self) -> Account:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key together")
        if self.pfx_password is not None and self.pfx is None:
            raise ValueError("pfx and pfx_password together")
        if self.pfx is not None and self.pfx.env is not None:
            raise ValueError("pfx = { file = } or { credential = }: a PKCS#12 file is not text")
        if self.secret_expires is not None and self.secret is None:
            raise ValueError("secret_expires and secret together")
        n_ways = sum(map(bool, self._credentials()))
        if n_ways > 1 or (n_ways == 0 and self._needs_sign_in()):
            raise ValueError(_ONE)
        if self.renew and not self._renewable():
            raise ValueError("renew with certificate and key in one { file = }, which the relay can replace")
        if self.asks_entra() and not (self.tenant and self.client):
            raise ValueError("tenant and client with secret, certificate, pfx, login or workload_token")
        return self

    def _renewable(self) -> bool:
        """Whether the application's certificate and key stand in one file."""
        prefix = "app_" if hasattr(self, "app_certificate") else ""
        certificate, key = getattr(self, f"{prefix}certificate"), getattr(self, f"{prefix}key")
        return certificate is not None and certificate.file is not None and certificate == key

    def _credentials(self) -> tuple[object, ...]:
        """All ways to sign in, given or not."""
        application = (self.secret, self.certificate, self.pfx, self.login, self.workload_token)
        return (*application, self.managed_identity, getattr(self, "password", None))

    def asks_entra(self) -> bool:
        """Whether tokens come by an app registration."""
        return any((self.secret, self.certificate, self.pfx, self.login, self.workload_token))

    def _needs_sign_in(self) -> bool:
        return True


_ONE = "one of secret, certificate with key, pfx, login, managed_identity, workload_token, or password"


class SubmissionRoute(Account):
    """[[route]] kind = "submission": SMTP AUTH client submission."""

    kind: Literal["submission"] = Field(description="what kind of way out this is")
    password: SecretRef | None = Field(
        None, description="the mailbox's password: basic authentication, while it lives"
    )
    mailbox: MailboxName | None = Field(None, description="the mailbox that we sign in to and send from")
    mailboxes: Mailboxes = Field(
        (), description="instead of mailbox: a pool, each with its own budget, for bulk"
    )
    endpoint: HostPort = Field("smtp.office365.com:587", description="host and port")
    connections: Number = Field(2, ge=1, le=3, description="at once; Microsoft allows a mailbox 3")
    per_minute: Number = Field(
        30, ge=1, description="messages in any 60 seconds; Microsoft allows a mailbox 30"
    )

    @model_validator(mode="after")
    def _a_mailbox(self) -> SubmissionRoute:
        _one_of_mailboxes(self)
        return self


class GraphRoute(Account):
    """[[route]] kind = "graph": Microsoft Graph sendMail, and an upload session for large mail."""

    kind: Literal["graph"] = Field(description="what kind of way out this is")
    mailbox: MailboxName | None = Field(None, description="the mailbox that sends")
    mailboxes: Mailboxes = Field(
        (), description="instead of mailbox: a pool, each with its own budget, for bulk"
    )
    connections: Number = Field(2, ge=1, le=4, description="at once; Graph allows an application 4")
    per_minute: Number = Field(
        30, ge=1, description="messages in any 60 seconds; Microsoft allows a mailbox 30"
    )
    mime_limit: Size = Field(
        2_200_000,
        le=3_000_000,
        description="up to here in one call; larger mail as a draft with an upload session",
    )
    large: Literal["upload", "refuse"] = Field(
        "upload", description="larger mail: upload (needs Mail.ReadWrite), or leave it to another route"
    )

    @model_validator(mode="after")
    def _a_mailbox(self) -> GraphRoute:
        _one_of_mailboxes(self)
        return self

    def leads_to(self) -> str:
        """See Way."""
        return self.graph_endpoint


class HveRoute(Account):
    """[[route]] kind = "hve": High Volume Email, to internal recipients only."""

    kind: Literal["hve"] = Field(description="what kind of way out this is")
    mailbox: MailboxName = Field(
        description="the High Volume Email account; every message gets it as its sender"
    )
    password: SecretRef | None = Field(
        None, description="its password, until Microsoft takes that away (2028)"
    )
    domains: Domains = Field(
        min_length=1, description="the tenant's domains: nobody else can be reached this way"
    )
    endpoint: HostPort = Field("smtp.hve.mx.microsoft:587", description="host and port")
    recipients: Number = Field(50, ge=1, le=50, description="recipients of one transaction at most")
    max_message: Size | None = Field(10_000_000, description="largest message that it takes")
    connections: Number = Field(4, ge=1, le=50, description="at once")
    per_minute: Number | None = Field(None, ge=1, description="messages in any 60 seconds; default: no limit")


class AcsRoute(Account):
    """[[route]] kind = "acs": Azure Communication Services Email, which ends on 2028-09-30."""

    kind: Literal["acs"] = Field(description="what kind of way out this is")
    resource: str = Field("", description="name of the resource; its login is resource|client|tenant")
    user: str = Field("", description="instead of resource: the SMTP Username that was made for it")
    password: SecretRef | None = Field(
        None, description="the application's client secret, sent as a password"
    )
    endpoint: HostPort = Field("smtp.azurecomm.net:587", description="host and port")
    recipients: Number = Field(50, ge=1, le=50, description="recipients of one transaction at most")
    max_message: Size | None = Field(10_000_000, description="largest message that it takes")
    connections: Number = Field(4, ge=1, le=50, description="at once")
    per_minute: Number = Field(
        30, ge=1, description="messages in any 60 seconds; Microsoft allows 30 at first"
    )
    per_hour: Number = Field(100, ge=1, description="messages in any hour; Microsoft allows 100 at first")

    @model_validator(mode="after")
    def _a_login(self) -> AcsRoute:
        if bool(self.resource) == bool(self.user):
            raise ValueError("one of resource or user")
        if self.resource and not (self.client and self.tenant):
            raise ValueError("client and tenant with resource: the login is resource|client|tenant")
        return self


class ConnectorRoute(Account):
    """[[route]] kind = "connector": port 25 to the tenant's own MX host, known by address or by certificate."""

    kind: Literal["connector"] = Field(description="what kind of way out this is")
    host: HostPort | None = Field(
        None, description="the tenant's MX host and port 25; default: it is looked up"
    )
    domain: str = Field("", description="an accepted domain of the tenant, whose MX host is looked up")
    find: Literal["dns", "graph"] = Field(
        "dns",
        description="where: the domain's MX record, or Graph (serviceConfigurationRecords; needs a sign-in)",
    )
    name_server: HostPort | None = Field(
        None,
        description="for DNS: whom to ask, where the system's name server has another MX record; 203.0.113.53:53",
    )
    port: Number = Field(25, ge=1, le=65_535, description="port of the MX host that was looked up")
    certificate: SecretRef | None = Field(
        None,
        description="our certificate with its whole chain (PEM), where the connector goes by certificate",
    )
    key: SecretRef | None = Field(None, description="its private key (PEM)")
    app_certificate: SecretRef | None = Field(
        None, description="for Graph: the application's certificate (PEM)"
    )
    app_key: SecretRef | None = Field(None, description="for Graph: its private key (PEM)")
    source: SourceAddress = Field(
        "", description="our own IPv4 address to send from; default: the system's choice"
    )
    recipients: Number = Field(200, ge=1, le=200, description="recipients of one transaction at most")
    connections: Number = Field(
        10, ge=1, le=50, description="at once; fewer while Microsoft says that it is busy"
    )
    per_minute: Number | None = Field(None, ge=1, description="messages in any 60 seconds; default: no limit")

    @model_validator(mode="after")
    def _a_host(self) -> ConnectorRoute:
        if (self.host is None) == (not self.domain):
            raise ValueError("one of host or domain")
        if (self.app_certificate is None) != (self.app_key is None):
            raise ValueError("app_certificate and app_key together")
        if any(one is not None and one.env is not None for one in (self.certificate, self.key)):
            raise ValueError("certificate and key as { file = } or { credential = }: they may be renewed")
        return self

    def _credentials(self) -> tuple[object, ...]:
        """Those for Graph; `certificate` is the one that the connector knows us by."""
        application = (self.secret, self.app_certificate, self.pfx, self.login, self.workload_token)
        return (*application, self.managed_identity)

    def asks_entra(self) -> bool:
        """See Account."""
        return any(self._credentials()) and not self.managed_identity

    def _needs_sign_in(self) -> bool:
        return self.find == "graph"


class SmarthostRoute(Way):
    """[[route]] kind = "smarthost": any SMTP server as next hop."""

    kind: Literal["smarthost"] = Field(description="what kind of way out this is")
    host: HostPort = Field(description="host and port")
    tls: Literal["required", "opportunistic", "none", "implicit"] = Field(
        "required",
        description="required: STARTTLS, verified; opportunistic: where offered; none; implicit: TLS at once",
    )
    user: str = Field("", description="login name at the smart host")
    password: SecretRef | None = Field(None, description="its password")
    recipients: Number = Field(1000, ge=1, le=10_000, description="recipients of one transaction at most")
    connections: Number = Field(20, ge=1, le=200, description="at once")
    per_minute: Number | None = Field(None, ge=1, description="messages in any 60 seconds; default: no limit")

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> SmarthostRoute:
        if bool(self.user) != (self.password is not None):
            raise ValueError("user and password together")
        if self.password is not None and self.tls in ("none", "opportunistic"):
            raise ValueError('tls = "required" or "implicit": a password is never sent in clear')
        return self


def _one_of_mailboxes(route: SubmissionRoute | GraphRoute) -> None:
    if (route.mailbox is None) == (not route.mailboxes):
        raise ValueError("one of mailbox or mailboxes")


Route = Annotated[
    SubmissionRoute | GraphRoute | ConnectorRoute | HveRoute | AcsRoute | SmarthostRoute,
    Field(discriminator="kind"),
]
