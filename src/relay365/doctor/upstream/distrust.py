"""Why a remote is not believed: its name, its dates, its issuer, its version of TLS; and who usually is the reason.

Pure: what the verifier said and what was shown in, a finding out. (RFC 6125; RFC 8996)
"""

from __future__ import annotations

from relay365.doctor.finding import Finding, bad
from relay365.doctor.wire.shown import read
from relay365.doctor.wire.talk import Shown

_INSPECTS = "a firewall that looks inside TLS does that"


def distrusted(where: str, host: str, shown: Shown | None, said: str) -> Finding:
    """shown: what it showed to somebody who believes everything, None where no handshake came about at all."""
    one = read(shown.certificates) if shown is not None else None
    if shown is not None and shown.version not in ("TLSv1.2", "TLSv1.3"):
        why = "the relay takes nothing below TLS 1.2, and neither does Microsoft"
        do = "look for an old proxy or firewall in between"
        return bad(f"{where} speaks {shown.version} only", why, do, said)
    if one is None:
        why = "the remote breaks the handshake off"
        return bad(f"no TLS comes about with {where}", why, f"relay365 probe {where}", said)
    names = ", ".join(one.names[:3]) or one.subject
    if "mismatch" in said.lower():
        why = "the name in the route is not the server's own, or another server answers for it"
        return bad(
            f"the certificate of {where} is for {names}", why, "use the server's own name in the route", said
        )
    if "expired" in said or "not yet valid" in said:
        why = f"it holds from {one.begins:%Y-%m-%d} to {one.ends:%Y-%m-%d}; or our own clock is wrong"
        return bad(f"the certificate of {where} is out of date", why, "relay365 doctor local", said)
    also = "" if one.fits(host) else f"; it is for {names}, too, and not for {host}"
    why = f"it was issued by {one.issuer}, whom we do not know: {_INSPECTS}{also}"
    do = "exempt the way from TLS inspection, or name that root in the route: ca_file"
    return bad(f"the certificate of {where} is not trusted", why, do, said)
