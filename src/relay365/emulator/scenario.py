"""What can be set about the pretended tenant: the models behind scenario file and control API, and the file's reader.

The defaults are a healthy tenant with Microsoft's documented limits. Unknown keys are errors.
"""

from __future__ import annotations

import tomllib
from ipaddress import IPv4Network
from typing import Any, Literal, TypeVar

from cryptography import x509
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from relay365.errors import ConfigError

Address = str
SMALLEST_PREFIX = 24  # New-InboundConnector -SenderIPAddresses takes /24 to /32


class Table(BaseModel):
    """A table of the scenario: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(Table):
    """Limits of one mailbox (Microsoft: "Improvements in SMTP AUTH client submission")."""

    parallel: int = Field(3, ge=1, description="senders at once; one more gets 432 at its final dot")
    per_minute: int = Field(30, ge=1, description="messages in a minute")
    minute: Literal["sliding", "fixed", "bucket", "unforgiving"] = Field(
        "sliding", description="how the minute is counted; unforgiving: sliding, and refused ones count, too"
    )
    surplus: Literal["delay", "refuse"] = Field("refuse", description="what becomes of more")
    recipients_per_day: int = Field(10_000, ge=1, description="recipients in any 24 hours")
    recipients_per_message: int = Field(500, ge=1, le=1000, description="recipients of one message")
    send_octets: int = Field(36_700_160, ge=1, description="largest message, in octets (35 MB)")


class Mailbox(Table):
    """One mailbox of the tenant."""

    address: Address = Field(
        description="primary address; also the user name", pattern=r"^[^@\s<>]+@[^@\s<>]+$"
    )
    password: str = Field("", description="for AUTH LOGIN; made and kept where there is none")
    aliases: tuple[Address, ...] = Field((), description="further addresses of its own")
    send_as: tuple[Address, ...] = Field((), description="other addresses that it may send as")
    smtp_auth: bool | None = Field(None, description="SMTP AUTH switch; null follows the tenant's")
    basic_auth: bool = Field(False, description="whether passwords are taken")
    rights: bool = Field(True, description="whether the application has FullAccess on it already")
    full: bool = Field(False, description="whether it is full")
    rest: bool = Field(True, description="whether Graph reaches it; false: MailboxNotEnabledForRESTAPI")
    members: tuple[Address, ...] = Field(
        (), description="users with FullAccess and SendAs on it: it is a shared mailbox of theirs"
    )
    limits: Limits = Field(default_factory=Limits, description="its limits")


class Tenant(Table):
    """What holds for every mailbox."""

    domain: str = Field("contoso.com", description="its domain, also a name of the tenant")
    smtp_auth: bool = Field(True, description="SMTP AUTH switch (Microsoft's default is false since 2020)")
    send_as_reply: Literal["5.2.252", "5.7.60"] = Field(
        "5.2.252", description="5.2.252 at the final dot, or 5.7.60 already at MAIL"
    )
    accepted_domains: tuple[str, ...] = Field((), description="further accepted domains of its own")
    recipients: tuple[str, ...] = Field(
        (), description="addresses, or domains as @domain, that the MX host knows besides the mailboxes"
    )
    reject_direct_send: bool = Field(False, description="Set-OrganizationConfig -RejectDirectSend")
    licences: int = Field(25, ge=0, description="licences, which make the limit of external recipients")
    trial: bool = Field(False, description="a trial tenant: 5,000 external recipients in 24 hours")
    external_per_day: int | None = Field(
        None, ge=0, description="external recipients in 24 hours; null: by licences or trial"
    )
    moera_per_day: int = Field(
        100, ge=0, description="external recipients in 24 hours of senders at onmicrosoft.com"
    )
    delivery_s: float = Field(1.0, ge=0, description="how long an accepted message is pending")
    unknown_recipients: tuple[str, ...] = Field(
        (), description="addresses or domains that do not exist, inside or outside"
    )
    unknown_reply: Literal["rcpt", "ndr"] = Field(
        "rcpt", description="they get 550 5.1.10 at RCPT, or are accepted and reported later"
    )
    penalty_after: int = Field(20, ge=1, description="equal errors that shut a mailbox")
    penalty_within_s: float = Field(3600.0, gt=0, description="within this time")
    penalty_s: float = Field(3600.0, ge=0, description="for this time")


class Application(Table):
    """The registered application."""

    roles: tuple[str, ...] = Field(
        ("SMTP.SendAsApp", "Mail.Send"),
        description="application permissions in its tokens for Exchange; Mail.Send is High Volume Email's",
    )
    rbac: bool = Field(False, description="Exchange RBAC instead: tokens need no role")
    enabled: bool = Field(True, description="false: AADSTS7000112")
    secret_expired: bool = Field(False, description="true: AADSTS7000222")
    certificates: tuple[str, ...] = Field(
        (), description="further certificates (PEM) that were uploaded for it, beside the emulator's own"
    )
    single_use_assertions: bool = Field(
        False, description="refuse a client assertion that was used before; MSAL uses one for nine minutes"
    )
    token_life_s: tuple[float, float] = Field(
        (3600.0, 5400.0), description="life of a token: shortest, longest"
    )
    requests_per_minute: int = Field(120, ge=1, description="token requests; more get 429 and AADSTS50196")
    graph_roles: tuple[str, ...] = Field(
        (
            "Mail.Send", "Mail.ReadWrite", "Mail.Read", "ExchangeMessageTrace.Read.All", "Domain.Read.All",
            "Application.Read.All",
        ),
        description="application permissions in its tokens for Graph; they hold for every mailbox",
    )  # fmt: skip
    graph_rbac: tuple[str, ...] = Field(
        (), description="Exchange RBAC instead: permissions that hold for the mailboxes of graph_scope only"
    )
    graph_scope: tuple[Address, ...] = Field((), description="the mailboxes of graph_rbac")
    delegated: tuple[str, ...] = Field(
        ("SMTP.Send", "Mail.Send", "Mail.ReadWrite", "User.Read"),
        description="delegated permissions that were consented to",
    )
    public_client: bool = Field(True, description="whether device code and refresh work without a credential")
    redirects: tuple[str, ...] = Field(
        ("http://localhost", "https://login.microsoftonline.com/common/oauth2/nativeclient"),
        description="registered redirect addresses; http://localhost matches any port",
    )
    redirect_platform: Literal["desktop", "web"] = Field(
        "desktop", description="desktop: a code is redeemed without credential; web: only with one"
    )
    instant_sign_in: bool = Field(
        False, description="with login_hint /authorize redirects at once instead of showing its form"
    )
    device_life_s: float = Field(900.0, gt=0, description="life of a device code")
    device_interval_s: int = Field(5, ge=0, description="pause between polls that a device code asks for")
    refresh_idle_s: float = Field(
        90 * 86_400.0, gt=0, description="a refresh token not used for so long ends"
    )
    refresh_once: bool = Field(
        False, description="a refresh token works once; Entra lets the older ones live"
    )

    @field_validator("certificates")
    @classmethod
    def _pem(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            try:
                x509.load_pem_x509_certificate(value.encode())
            except ValueError:
                raise ValueError("certificates in PEM") from None
        return values


class Graph(Table):
    """Microsoft Graph's limits, and which of its documented forms it takes where documents differ."""

    parallel: int = Field(4, ge=1, description="requests at once; one more gets 429 MailboxConcurrency")
    parallel_per: Literal["application", "mailbox"] = Field(
        "application", description="whether `parallel` holds over all mailboxes or for each"
    )
    requests_per_10_min: int = Field(10_000, ge=1, description="requests for one mailbox")
    upload_octets_per_5_min: int = Field(157_286_400, ge=1, description="octets sent to one mailbox (150 MB)")
    retry_after_s: int = Field(10, ge=0, description="Retry-After of a throttled request; 0: none")
    request_octets: int = Field(4_194_304, ge=1, description="largest request (4 MB)")
    too_large: Literal["413", "400", "size"] = Field(
        "413",
        description="what a larger one gets: RequestEntityTooLarge, BadRequest, or ErrorMessageSizeExceeded",
    )
    lost_above_octets: int = Field(
        0,
        ge=0,
        description="MIME above this gets 200 and is not sent, as was reported for 2,240 kB; 0: never",
    )
    session_s: float = Field(3600.0, gt=0, description="life of an upload session")
    trace_requests_per_5_min: int = Field(100, ge=1, description="message trace requests of the tenant")
    trace_principal: bool = Field(
        True, description="whether the service principal of message trace exists; false: 401"
    )
    mx_form: Literal["protection", "mx.microsoft"] = Field(
        "protection", description="form of the MX names in serviceConfigurationRecords"
    )
    mx_host: str = Field("", description="MX name given instead of either form")


class Connector(Table):
    """One inbound connector (New-InboundConnector)."""

    name: str = Field("relay", description="its name")
    type: Literal["OnPremises", "Partner"] = Field(
        "OnPremises", description="only OnPremises may relay to the internet"
    )
    enabled: bool = Field(True, description="whether it counts")
    sender_ips: tuple[str, ...] = Field(
        (), description="IPv4 addresses, or networks /24 to /32; the emulator sees loopback addresses"
    )
    certificate: str = Field("", description="TlsSenderCertificateName: a host name, or *.domain")
    sender_domains: tuple[str, ...] = Field(
        ("*",), description="of a Partner: whose mail it is for; domains, *.domain or *"
    )
    restrict: Literal["none", "ip", "certificate"] = Field(
        "none", description="of a Partner: RestrictDomainsToIPAddresses or RestrictDomainsToCertificate"
    )

    @field_validator("sender_ips")
    @classmethod
    def _small_networks(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if IPv4Network(value, strict=False).prefixlen < SMALLEST_PREFIX:
                raise ValueError("a network /24 to /32")
        return values


class HveAccount(Table):
    """One High Volume Email account (New-MailUser -HVEAccount)."""

    address: Address = Field(description="its address", pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    password: str = Field("", description="for AUTH LOGIN; made and kept where there is none")
    basic_auth: bool = Field(True, description="whether passwords are taken (AllowBasicAuthSmtp)")
    allowed_app: bool = Field(True, description="whether the application is among its Allowed Apps")


class Hve(Table):
    """What holds for every High Volume Email account."""

    fresh_s: float = Field(600.0, ge=0, description="a token that ends sooner is refused")
    stale_reply: Literal["5.5.127", "5.7.142"] = Field(
        "5.7.142", description="how: 501 5.5.127 (preview) or 535 5.7.142"
    )
    recipients_per_message: int = Field(50, ge=1, description="recipients of one message")
    message_octets: int = Field(10_485_760, ge=1, description="largest message (10 MB)")


class Acs(Table):
    """The Azure Communication Services resource."""

    resource: str = Field("contoso-acs", description="name of the resource, first part of a user name")
    usernames: tuple[str, ...] = Field((), description="SMTP Username objects of the resource")
    senders: tuple[Address, ...] = Field(
        (), description="MailFrom addresses; empty: any of an accepted domain"
    )
    per_minute: int = Field(30, ge=1, description="messages in a minute")
    per_hour: int = Field(100, ge=1, description="messages in an hour")
    recipients_per_message: int = Field(50, ge=1, description="recipients of one message")
    message_octets: int = Field(10_485_760, ge=1, description="largest message (10 MB)")


class Scenario(Table):
    """A whole scenario file."""

    tenant: Tenant = Field(default_factory=Tenant)
    application: Application = Field(default_factory=Application)
    graph: Graph = Field(default_factory=Graph)
    mailbox: tuple[Mailbox, ...] = ()
    connector: tuple[Connector, ...] | None = None
    hve_account: tuple[HveAccount, ...] | None = None
    hve: Hve = Field(default_factory=Hve)
    acs: Acs = Field(default_factory=Acs)
    mood: tuple[dict[str, Any], ...] = ()

    def mailboxes(self) -> tuple[Mailbox, ...]:
        """The mailboxes, or a healthy handful where the file names none."""
        if self.mailbox:
            return self.mailbox
        domain = self.tenant.domain
        return (
            Mailbox(
                address=f"scan@{domain}", basic_auth=True, aliases=(f"scanner@{domain}",),
                send_as=(f"alerts@{domain}", f"noreply@{domain}"),
            ),
            Mailbox(address=f"alerts@{domain}", basic_auth=True),
            Mailbox(address=f"erp@{domain}"),
        )  # fmt: skip

    def connectors(self) -> tuple[Connector, ...]:
        """The connectors, or one for the certificate that the emulator makes where the file names none."""
        if self.connector is not None:
            return self.connector
        return (Connector(certificate=f"relay.{self.tenant.domain}"),)

    def hve_accounts(self) -> tuple[HveAccount, ...]:
        """The High Volume Email accounts, or one where the file names none."""
        if self.hve_account is not None:
            return self.hve_account
        return (HveAccount(address=f"hve@{self.tenant.domain}"),)


AnyTable = TypeVar("AnyTable", bound=Table)


def read_scenario(text: str, where: str) -> Scenario:
    """Read a scenario file; raises ConfigError for the first thing that is wrong. Moods are checked when they are
    set.
    """
    try:
        scenario = Scenario.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(where, "TOML", str(error)) from error
    except ValidationError as error:
        raise ConfigError(*_first(error, where)) from error
    addresses = [mailbox.address.lower() for mailbox in scenario.mailboxes()]
    for address in addresses:
        if addresses.count(address) > 1:
            raise ConfigError(f"{where}: mailbox", "every address once", f"{address} twice")
    return scenario


def changed(table: AnyTable, changes: dict[str, Any]) -> AnyTable:
    """A table with some keys changed, tables inside merged; raises ValueError with the reason."""
    present = table.model_dump()
    for key, value in changes.items():
        inner = present.get(key)
        present[key] = {**inner, **value} if isinstance(inner, dict) and isinstance(value, dict) else value
    try:
        return type(table).model_validate(present)
    except ValidationError as error:
        key, expected, found = _first(error, "")
        raise ValueError(f"{key.lstrip(': ')}: expected {expected}, found {found}") from error


def _first(error: ValidationError, where: str) -> tuple[str, str, str]:
    one = error.errors()[0]
    key = ".".join(str(part) for part in one["loc"])
    if one["type"] == "extra_forbidden":
        return f"{where}: {key}", "a known key", repr(one["loc"][-1])
    return f"{where}: {key}", one["msg"].removeprefix("Input should be "), repr(one.get("input"))[:60]
