"""What a probe means, in plain words: what the relay would refuse, what a device may stumble over, and how it looks.

Pure: what was seen in, sentences out. A fault is what makes the relay's own client refuse the server; everything else
is a remark. (RFC 8996 for old versions; Microsoft: "TLS 1.0 and 1.1 are not supported", 421 4.7.66)
"""

from __future__ import annotations

from relay365.doctor.probing.probe import Seen, Target
from relay365.doctor.wire.shown import SOON_DAYS, Certificate, read

MODERN = ("1.2", "1.3")
_EXCHANGE = "microsoft esmtp mail service"


def faults(target: Target, seen: Seen) -> list[str]:
    """Why the relay would not send through it, the first one first; none where it would."""
    if seen.manner == "plain":
        return [
            'it offers no TLS: the relay sends nothing through it, unless the route has tls = "none" or "opportunistic"'
        ]
    spoken = [one.version for one in seen.spoken if one.is_spoken]
    if not set(spoken) & set(MODERN):
        said = f"only TLS {' and '.join(reversed(spoken))}" if spoken else "no version of TLS that we have"
        return [f"it speaks {said}, and the relay takes nothing below TLS 1.2"]
    return [f"the relay refuses its certificate: {seen.distrust}"] if seen.distrust else []


def remarks(target: Target, seen: Seen, now: float) -> list[str]:
    """What a person should know besides. now: Unix seconds."""
    found = _of_certificate(target, seen, now)
    spoken = {one.version for one in seen.spoken if one.is_spoken}
    old = sorted(spoken - set(MODERN))
    if old:
        found.append(f"it still speaks TLS {' and '.join(old)}, which RFC 8996 withdrew; old devices need it")
    if seen.exchanges == ["RSA"]:
        found.append("up to TLS 1.2 it exchanges keys by RSA only: many present clients offer none of that")
    elif seen.exchanges and "RSA" not in seen.exchanges and _EXCHANGE not in seen.greeting.lower():
        found.append("no key exchange by RSA: printers of 2010 to 2018 may find no cipher in common")
    found += _of_offers(seen)
    return found


def summary(seen: Seen) -> str:
    """What it looks like, in a sentence."""
    text = seen.greeting.lower()
    if _EXCHANGE in text:
        inside = seen.features_inside.get("AUTH", "")
        return (
            "this is Exchange"
            if inside
            else "this is Exchange as an MX host: it takes no login, only a connector"
        )
    for word, name in (
        ("postfix", "Postfix"),
        ("exim", "Exim"),
        ("relay365", "relay365"),
        ("sendmail", "Sendmail"),
    ):
        if word in text:
            return f"this looks like {name}"
    return "a mail server that does not say what it is"


def _of_certificate(target: Target, seen: Seen, now: float) -> list[str]:
    certificate = read(seen.shown.certificates) if seen.shown is not None else None
    if certificate is None:
        return []
    found = []
    if not certificate.fits(target.called):
        names = ", ".join(certificate.names[:4]) or "nobody"
        found.append(f"its certificate is for {names}, and not for {target.called}")
    found += _of_dates(certificate, now)
    if certificate.is_self_signed:
        found.append("its certificate vouches for itself: a client must be given it, or trust nobody")
    elif certificate.n_sent == 1:
        found.append(
            "it sends its own certificate alone: a client that does not know the issuer cannot check it"
        )
    if certificate.is_weak:
        found.append(f"its certificate is weak: {certificate.key}, signed with {certificate.signed_with}")
    return found


def _of_dates(certificate: Certificate, now: float) -> list[str]:
    left = certificate.days_left(now)
    if not certificate.holds(now):
        word = "ended" if left < 0 else "does not begin before"
        day = certificate.ends if left < 0 else certificate.begins
        return [f"its certificate {word} {day:%Y-%m-%d}"]
    return [f"its certificate ends in {left} days"] if left < SOON_DAYS else []


def _of_offers(seen: Seen) -> list[str]:
    found = []
    if seen.manner == "starttls" and "AUTH" in seen.features:
        found.append("it takes a login before STARTTLS: a password can go in clear")
    if "SIZE" not in seen.features_inside:
        found.append("it does not say how large a message may be (SIZE)")
    if seen.manner == "starttls" and seen.shown is None:
        found.append("it offers STARTTLS, and no handshake comes about")
    return found
