"""Which versions of TLS a mail server speaks, how it exchanges keys, and which cipher suites it takes in which order.

Each answer costs a connection: a handshake is offered one thing only, and either comes about or does not. Trust plays
no part here, and our own library decides what can be offered at all. (RFC 5246, RFC 8446; RFC 8996 for the old ones)
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from relay365.doctor.wire.talk import Shown
from relay365.errors import RemoteProtocolError, TransportError

VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
MOST_SUITES = 60
_LEGACY_SERVER = ssl.Options(0x4)  # SSL_OP_LEGACY_SERVER_CONNECT, which Python names from 3.12 on

_EVERYTHING = "ALL:COMPLEMENTOFALL:!PSK:!SRP:@SECLEVEL=0"
_EXCHANGES = {"ECDHE": "kECDHE:@SECLEVEL=0", "DHE": "kDHE:@SECLEVEL=0", "RSA": "kRSA:@SECLEVEL=0"}

Shake = Callable[[ssl.SSLContext], Awaitable[Shown]]
"""One connection with this context; raises TransportError where no handshake comes about."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One version. cipher: what the server chose of all that we have; "" where it does not speak the version.

    why_not: the words of the library for a handshake that failed.
    """

    version: str
    cipher: str = ""
    why_not: str = ""

    @property
    def is_spoken(self) -> bool:
        """Whether the server took it."""
        return bool(self.cipher)


def open_context(
    least: ssl.TLSVersion | None = None, most: ssl.TLSVersion | None = None, ciphers: str = _EVERYTHING
) -> ssl.SSLContext:
    """A context that believes everything, for looking at; nothing that must be kept is ever said through it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 is what is asked about
        context.minimum_version = least or ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = most or ssl.TLSVersion.MAXIMUM_SUPPORTED
    context.set_ciphers(ciphers)
    context.options |= _LEGACY_SERVER
    return context


async def versions(shake: Shake, least: str = "1.0") -> list[Spoken]:
    """Every version from least on, the newest first."""
    found = []
    for name, version in reversed(VERSIONS.items()):
        if name >= least:
            found.append(await _spoken(name, shake, open_context(version, version)))
    return found


async def exchanges(shake: Shake, version: str) -> list[str]:
    """How keys are exchanged at a version before 1.3: of ECDHE, DHE and RSA those that the server takes."""
    number = VERSIONS[version]
    tries = [
        (name, await _spoken(version, shake, open_context(number, number, words)))
        for name, words in _EXCHANGES.items()
    ]
    return [name for name, spoken in tries if spoken.is_spoken]


async def suites(shake: Shake, version: str) -> list[str]:
    """The cipher suites of a version before 1.3, in the order in which the server chooses: best first."""
    number = VERSIONS[version]
    found: list[str] = []
    while len(found) < MOST_SUITES:
        left = "".join(f":!{name}" for name in found)
        try:
            context = open_context(number, number, f"ALL:COMPLEMENTOFALL:!PSK:!SRP{left}:@SECLEVEL=0")
        except ssl.SSLError:  # nothing is left to offer
            return found
        spoken = await _spoken(version, shake, context)
        if not spoken.is_spoken or spoken.cipher in found:
            return found
        found.append(spoken.cipher)
    return found


async def _spoken(name: str, shake: Shake, context: ssl.SSLContext) -> Spoken:
    try:
        shown = await shake(context)
    except (TransportError, RemoteProtocolError) as error:
        return Spoken(name, why_not=str(error).removeprefix("tls: "))
    return Spoken(name, shown.cipher)
