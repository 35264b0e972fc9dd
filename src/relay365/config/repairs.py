"""The tables about contents: what is put right on the way, what is too large, what comes twice."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from relay365.config.table import Table
from relay365.config.words import Duration, Flag, Size


class Repair(Table):
    """[repair]: what is put right in a message; every change is recorded with it."""

    date: Literal["none", "add", "replace"] = Field(
        "replace", description="add: where it is missing; replace: also where it is off by more than date_off"
    )
    date_off: Duration = Field(172_800.0, description="how far off a Date may be")
    message_id: Flag = Field(True, description="a missing Message-ID is added")
    sender: Flag = Field(True, description="a missing From is added: the envelope sender")
    recipient: Flag = Field(True, description="a missing To is added: undisclosed-recipients")
    raw_headers: Flag = Field(
        True, description="raw 8-bit headers and file names are encoded (RFC 2047, 2231)"
    )
    syntax: Flag = Field(
        True,
        description="addresses and header lines that Exchange cannot read are formed anew, and only those",
    )
    parts: Flag = Field(
        True, description="a part with NUL or lines over 998 octets is encoded anew, and only that part"
    )
    received: Literal["full", "short", "none"] = Field(
        "full", description="our trace field; short: without the device's address and name; none"
    )


class Oversize(Table):
    """[oversize]: a message that is larger than its way out takes."""

    limit: Size = Field(0, description="the largest that goes out; 0: no limit of ours")
    action: Literal["reject", "hold", "notify"] = Field(
        "reject",
        description="reject: 552 to the device; hold: for a person; notify: a notice to the recipients goes instead",
    )


class OwnOversize(Table):
    """oversize = { ... }: what is too large from one client or for one route, instead of [oversize]."""

    limit: Size | None = Field(
        None, description="the largest that goes out; 0: no limit; default: the next table's"
    )
    action: Literal["reject", "hold", "notify"] | None = Field(
        None, description="reject, hold or notify, as in [oversize]; default: the next table's"
    )


class Duplicates(Table):
    """[duplicates]: a device that heard no answer in time sends the same message again."""

    window: Duration = Field(
        0.0,
        description="how long the same content, envelope and client are sent once; 0: never",
    )
