"""The words that a value may be written in: sizes, times, addresses, networks. Each validator says what it expects."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import BeforeValidator, Field, StrictBool

from relay365.mail.address import check_path

_SIZE_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_TIME_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_AT_DOMAIN = re.compile(r"@[^\x00-\x20\x7f()<>\[\]:;@\\,\"%!.]+(\.[^\x00-\x20\x7f()<>\[\]:;@\\,\"%!.]+)*")
_HOST_PORT = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:\[\]]+)):(\d{1,5})")


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
    found = _HOST_PORT.fullmatch(value) if isinstance(value, str) else None
    if found and int(found[3]) < 65536:
        return value
    raise ValueError('an address and port such as "192.168.10.5:25" or "[fd00::5]:25"')


def _network(value: object) -> object:
    expected = 'a network such as "192.168.10.0/24"'
    if not isinstance(value, str):
        raise ValueError(expected)  # noqa: TRY004  # pydantic turns ValueError into an error of the key
    try:
        return ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError(expected) from error


def _mailbox(value: object) -> object:
    if isinstance(value, str) and "@" in value and not check_path(value):
        return value
    raise ValueError('a mail address such as "scan@contoso.com"')


def _mailbox_or_none(value: object) -> object:
    return value if value == "" else _mailbox(value)


def several(value: object) -> object:
    """One value may stand without the brackets of a list."""
    return (value,) if isinstance(value, str) else value


def _pattern(value: object) -> object:
    if isinstance(value, str) and (_AT_DOMAIN.fullmatch(value) or ("@" in value and not check_path(value))):
        return value
    raise ValueError('a mail address, or a whole domain such as "@contoso.com"')


def target(value: object) -> object:
    """One recipient of a rule; raises ValueError."""
    if value == "own-domains":
        return value
    try:
        return _pattern(value)
    except ValueError as error:
        raise ValueError(f'{error}, or "own-domains"') from error


def _domain(value: object) -> object:
    if isinstance(value, str) and _AT_DOMAIN.fullmatch(f"@{value}"):
        return value
    raise ValueError('a mail domain such as "contoso.com"')


def _host_name(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9.\-]{0,253})?", value):
        return value
    raise ValueError('a full host name such as "relay.contoso.com"')


def _base_address(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"https://[^\s/?#@]+(/[^\s?#]*)?", value):
        return value
    raise ValueError('an https address such as "https://login.microsoftonline.com": credentials go there')


def _label(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9._\-]{0,39})?", value):
        return value
    raise ValueError("1 to 40 letters, digits, dots, - or _")


Size = Annotated[int, BeforeValidator(_size)]
Duration = Annotated[float, BeforeValidator(_duration)]
HostPort = Annotated[str, BeforeValidator(_host_port)]
Network = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, BeforeValidator(_network)]
MailboxName = Annotated[str, BeforeValidator(_mailbox)]
OwnSender = Annotated[str, BeforeValidator(_mailbox_or_none)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(several)]
Senders = Annotated[tuple[Annotated[str, BeforeValidator(_pattern)], ...], BeforeValidator(several)]
Recipients = Annotated[tuple[Annotated[str, BeforeValidator(target)], ...], BeforeValidator(several)]
Domains = Annotated[tuple[Annotated[str, BeforeValidator(_domain)], ...], BeforeValidator(several)]
HostName = Annotated[str, BeforeValidator(_host_name)]
BaseAddress = Annotated[str, BeforeValidator(_base_address)]
Label = Annotated[str, BeforeValidator(_label)]
Number = Annotated[int, Field(strict=True)]
Flag = StrictBool


def split_host_port(value: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` in two."""
    host, _, port = value.rpartition(":")
    return host.strip("[]"), int(port)
