"""What can be set about the pretended tenant: the models behind scenario file and control API, and the file's reader.

The defaults are a healthy tenant with Microsoft's documented limits. Unknown keys are errors.
"""

from __future__ import annotations

import tomllib
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from relay365.errors import ConfigError

Address = str


class Table(BaseModel):
    """A table of the scenario: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(Table):
    """Limits of one mailbox (Microsoft: "Improvements in SMTP AUTH client submission")."""

    parallel: int = Field(3, ge=1, description="senders at once; one more gets 432 at its final dot")
    per_minute: int = Field(30, ge=1, description="messages in a minute")
    minute: Literal["sliding", "fixed", "bucket"] = Field("sliding", description="how the minute is counted")
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
    limits: Limits = Field(default_factory=Limits, description="its limits")


class Tenant(Table):
    """What holds for every mailbox."""

    domain: str = Field("contoso.com", description="its domain, also a name of the tenant")
    smtp_auth: bool = Field(True, description="SMTP AUTH switch (Microsoft's default is false since 2020)")
    send_as_reply: Literal["5.2.252", "5.7.60"] = Field(
        "5.2.252", description="5.2.252 at the final dot, or 5.7.60 already at MAIL"
    )
    unknown_recipients: tuple[str, ...] = Field(
        (), description="addresses or domains that get 550 5.1.10 at RCPT"
    )
    penalty_after: int = Field(20, ge=1, description="equal errors that shut a mailbox")
    penalty_within_s: float = Field(3600.0, gt=0, description="within this time")
    penalty_s: float = Field(3600.0, ge=0, description="for this time")


class Application(Table):
    """The registered application."""

    roles: tuple[str, ...] = Field(("SMTP.SendAsApp",), description="application permissions in its tokens")
    rbac: bool = Field(False, description="Exchange RBAC instead: tokens need no role")
    enabled: bool = Field(True, description="false: AADSTS7000112")
    secret_expired: bool = Field(False, description="true: AADSTS7000222")
    single_use_assertions: bool = Field(
        False, description="refuse a client assertion that was used before; MSAL uses one for nine minutes"
    )
    token_life_s: tuple[float, float] = Field(
        (3600.0, 5400.0), description="life of a token: shortest, longest"
    )
    requests_per_minute: int = Field(120, ge=1, description="token requests; more get 429 and AADSTS50196")


class Scenario(Table):
    """A whole scenario file."""

    tenant: Tenant = Field(default_factory=Tenant)
    application: Application = Field(default_factory=Application)
    mailbox: tuple[Mailbox, ...] = ()
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
