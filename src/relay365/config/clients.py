"""The tables about who comes in: networks, logins, devices, and what is forgiven to whom."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, StrictBool, create_model, model_validator

from relay365.config.repairs import OwnOversize
from relay365.config.roads.choice import Priority
from relay365.config.table import Table
from relay365.config.words import (
    Domains,
    Duration,
    Flag,
    Label,
    MailboxName,
    Network,
    Networks,
    Number,
    OwnSender,
    Recipients,
    Senders,
    Size,
)
from relay365.mail.tolerance import TOLERANCES

Login = Literal["never", "optional", "required"]


def _about(name: str, meaning: str, price: str) -> str:
    return f"{meaning}. Price: {price}" if price else meaning


_GLOBAL: dict[str, Any] = {
    one.name: (Flag, Field(one.is_on, description=_about(*one[:1], *one[2:]))) for one in TOLERANCES
}
_OWN: dict[str, Any] = {
    one.name: (Annotated[StrictBool | None, Field()], Field(None, description=one.meaning))
    for one in TOLERANCES
}
Tolerate = create_model(
    "Tolerate", __base__=Table, __doc__="[tolerate]: what is forgiven to everybody.", **_GLOBAL
)
OwnTolerate = create_model(
    "OwnTolerate",
    __base__=Table,
    __doc__="tolerate = { ... }: what is forgiven to one, instead of [tolerate].",
    **_OWN,
)


class Measure(Table):
    """How much a client may do."""

    max_message: Size | None = Field(None, description="largest message; default and most: that of [server]")
    oversize: OwnOversize = Field(
        default_factory=OwnOversize, description="exceptions from [oversize] for what it sends"
    )
    per_minute: Number | None = Field(
        None, ge=1, description="messages from one address in any 60 seconds; above: 450"
    )
    sessions: Number | None = Field(None, ge=1, description="sessions at once from one address")


class Grant(Measure):
    """What [[allow]] and [[device]] have in common: what whoever it matches may do."""

    login: Login = Field(
        "optional",
        description="never: none is offered; optional; required: nobody sends without one",
    )
    sender: OwnSender = Field(
        "", description="the envelope sender that every message gets, whatever the client says"
    )
    senders: Senders = Field((), description='addresses or "@domain" that may be the sender; default: any')
    recipients: Recipients = Field(
        (), description='addresses, "@domain", or "own-domains" ([sender] domains); default: any'
    )
    priority: Priority = Field(
        "normal", description="of all its messages, for [[rule]]; no header of a message changes it"
    )
    starttls: Flag = Field(True, description="false hides STARTTLS, for devices that fail at it")
    charset: str = Field(
        "windows-1252", description="what header octets are that are neither ASCII nor UTF-8"
    )
    bounces_to: OwnSender = Field(
        "", description="who is told when its mail could not go, beside its sender: a printer reads no mail"
    )
    tolerate: OwnTolerate = Field(default_factory=OwnTolerate, description="exceptions from [tolerate]")


class Allow(Grant):
    """[[allow]]: a network that may send; devices come first, then logins, then these from the top (senders.md)."""

    network: Network = Field(description='the network, such as "192.168.10.0/24"')
    listener: str = Field("", description="the only listener that it may use, by its address; default: any")

    @model_validator(mode="after")
    def _no_login_needed(self) -> Allow:
        return _checked(self, is_known_by_address=True)


class Match(Table):
    """match = { ... }: how a device is recognised; all that stands here must fit."""

    address: Networks = Field((), description="its addresses or networks")
    login: str = Field("", description="the login that it uses")
    helo: str = Field(
        "", description="the name that it gives itself; anybody can say it, so alone it lets nobody in"
    )

    @model_validator(mode="after")
    def _something(self) -> Match:
        if not (self.address or self.login or self.helo):
            raise ValueError("at least one of address, login and helo")
        return self


class Device(Grant):
    """[[device]]: one that is known by name; the first that matches decides, before logins and any [[allow]]."""

    name: Label = Field(description="its name in log, queue and lists")
    place: str = Field("", description="where it stands, for people")
    kind: str = Field("", description="maker and model, for people")
    match: Match = Field(description="how it is recognised")
    expects: Duration | None = Field(
        None, description='it sends at least once in so long, "8d"; silence is an alert'
    )
    listener: str = Field("", description="the only listener that it may use, by its address; default: any")
    accept_then_report: Flag = Field(
        False,
        description="what is refused for its sender, recipient, size or content is answered 250 and held for a person",
    )

    @model_validator(mode="after")
    def _known(self) -> Device:
        if self.accept_then_report and not (self.match.address or self.match.login):
            raise ValueError(
                "accept_then_report only with an address or a login: anybody can say a HELO name"
            )
        return _checked(self, is_known_by_address=bool(self.match.address) and not self.match.login)


_G = TypeVar("_G", bound=Grant)


def _checked(one: _G, *, is_known_by_address: bool) -> _G:
    """any_password opens nothing that is not open already; raises ValueError."""
    wants = one.tolerate.model_dump()["any_password"]
    if wants and not (is_known_by_address and one.login == "optional"):
        raise ValueError('any_password only with login = "optional", and without login in match')
    return one


class User(Table):
    """[[user]]: a login for devices, beside the users file."""

    name: str = Field(description="the login name; name@domain is taken, too")
    password_hash: str = Field(description="argon2id hash, as it stands in the users file", repr=False)


class Sender(Table):
    """[sender]: which From may go out; Microsoft refuses one that the mailbox may not use (5.2.252, 5.7.60)."""

    domains: Domains = Field((), description="our own; everything else is foreign")
    foreign: Literal["pass", "rewrite", "reject"] = Field(
        "pass", description="what becomes of a foreign From"
    )
    rewrite_to: MailboxName | None = Field(None, description="the From that a foreign one becomes")
    keep_as: Literal["reply-to", "display-name", "none"] = Field(
        "reply-to", description="where the old From goes"
    )
    null: Literal["pass", "rewrite", "reject"] = Field(
        "pass",
        description="MAIL FROM:<>; rewrite: to rewrite_to; pass: as it is, by client submission the mailbox",
    )

    @model_validator(mode="after")
    def _target(self) -> Sender:
        if "rewrite" in (self.foreign, self.null) and self.rewrite_to is None:
            raise ValueError("rewrite_to")
        return self
