"""The question about the certificate that a connector knows us by: its chain, its dates, and whose name it is.

Since 2023 the name must be in an accepted domain of the tenant, or a connector may stop without notice (message centre
MC1226222); we know those that the file names.
(Microsoft: "Updated requirements for SMTP relay through Exchange Online")
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from cryptography import x509

from relay365.config import ConnectorRoute, SecretRef
from relay365.doctor.finding import Finding, bad, good, warn
from relay365.doctor.patient import Patient
from relay365.doctor.wire.shown import SOON_DAYS, described
from relay365.net.chain import check_chain

_REFUSED = "a connector by certificate then refuses us with 550 5.7.64, which does not name the reason"


async def chain(table: ConnectorRoute, patient: Patient) -> Finding:
    """The file that the route shows to Microsoft."""
    file = _file_of(table.certificate, patient.base)
    if file is None:
        return bad(
            "the certificate's place is not known",
            "it is neither file nor credential",
            "relay365 config check",
        )
    try:
        octets = await asyncio.to_thread(file.read_bytes)
    except OSError as error:
        return bad(
            f"{file}: {error.strerror}",
            "the route shows it to Microsoft",
            "put it there, readable by the relay",
        )
    return judged(octets, str(file), patient.domains(), patient.clock.now())


def judged(octets: bytes, file: str, domains: tuple[str, ...], now: float) -> Finding:
    """A chain in PEM. domains: those that we know to be accepted ones; () where we know none."""
    try:
        check_chain(octets)
        leaves = x509.load_pem_x509_certificates(octets)
    except ValueError as error:
        do = f"put the certificates of the issuers behind your own into {file}, as the authority gave them"
        return bad(str(error), _REFUSED, do)
    one = described(leaves[0], len(leaves))
    if not one.holds(now):
        return bad(
            f"{file} ended {one.ends:%Y-%m-%d}", _REFUSED, "renew it; the relay reads the new file by itself"
        )
    names = [name.lower().removeprefix("*.") for name in one.names]
    fits = [name for name in names if any(name == own or name.endswith(f".{own}") for own in domains)]
    if domains and not fits:
        why = "its name must be in an accepted domain of the tenant (MC1226222), or it stops without notice"
        do = f"take one for a name in {', '.join(domains[:3])}, or add its domain to the tenant and to [sender] domains"
        return warn(f"the certificate is for {', '.join(one.names[:3])}", why, do)
    if one.days_left(now) < SOON_DAYS:
        return warn(
            f"{file} ends in {one.days_left(now)} days",
            _REFUSED,
            "renew it; the relay reads the new file by itself",
        )
    return good(
        f"{', '.join(one.names[:3])}, with {_several(one.n_sent - 1)}, {one.days_left(now)} days left"
    )


def _file_of(ref: SecretRef | None, base: Path) -> Path | None:
    if ref is None or ref.env is not None:
        return None
    if ref.credential is not None:
        return (
            Path(os.environ.get("CREDENTIALS_DIRECTORY", "/run/credentials/relay365.service"))
            / ref.credential
        )
    return base / (ref.file or "")


def _several(n_issuers: int) -> str:
    return "its issuer" if n_issuers == 1 else f"{n_issuers} issuers"
