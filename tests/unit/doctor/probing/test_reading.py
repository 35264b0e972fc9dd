"""A probe in words."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from fakes.mailserver import Authority
from relay365.doctor.probing.probe import Seen, Target
from relay365.doctor.probing.reading import faults, remarks, summary
from relay365.doctor.probing.versions import Spoken
from relay365.doctor.wire.talk import Shown
from relay365.emulator.certificates import new_leaf, new_self_signed

TARGET = Target("mail.contoso.com", 587)
MODERN = [Spoken("1.3", "TLS_AES_256_GCM_SHA384"), Spoken("1.2", "ECDHE"), Spoken("1.1"), Spoken("1.0")]


def seen(authority: Authority, *names: str, days: int = 397, **changes: object) -> Seen:
    """A server that is right but for what is changed."""
    leaf = new_leaf(authority.pair, list(names) or ["mail.contoso.com"], authority.now, days=days)
    sent = tuple(one.certificate.public_bytes(Encoding.DER) for one in (leaf, authority.pair))
    features = {"SIZE": "1", "STARTTLS": ""}
    given = {
        "manner": "starttls", "shown": Shown("TLSv1.3", "x", sent), "spoken": MODERN, "features": features,
        "features_inside": features, "exchanges": ["ECDHE", "RSA"],
    } | changes  # fmt: skip
    return Seen(**given)


def test_a_right_server_has_nothing(authority: Authority) -> None:
    """No fault, no remark."""
    one = seen(authority)

    assert ([], []) == (faults(TARGET, one), remarks(TARGET, one, authority.now))


def test_what_the_relay_refuses(authority: Authority) -> None:
    """No TLS, old TLS, no TLS at all in common, and a certificate that is not trusted."""
    plain = faults(TARGET, seen(authority, manner="plain", shown=None, spoken=[]))
    old = faults(TARGET, seen(authority, spoken=[Spoken("1.1", "x"), Spoken("1.0", "x")]))
    none = faults(TARGET, seen(authority, spoken=[Spoken("1.3"), Spoken("1.2")]))
    distrusted = faults(TARGET, seen(authority, distrust="self-signed certificate"))

    assert "offers no TLS" in plain[0]
    assert "only TLS 1.0 and 1.1" in old[0]
    assert "no version of TLS that we have" in none[0]
    assert distrusted == ["the relay refuses its certificate: self-signed certificate"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"names": ("another.test",)}, "is for another.test, and not for mail.contoso.com"),
        ({"days": -1}, "its certificate ended"),
        ({"days": 5}, "its certificate ends in"),
        ({"spoken": [*MODERN[:2], Spoken("1.1", "x"), Spoken("1.0")]}, "still speaks TLS 1.1"),
        ({"exchanges": ["RSA"]}, "by RSA only"),
        ({"exchanges": ["ECDHE"]}, "printers of 2010"),
        ({"features": {"AUTH": "LOGIN"}}, "a login before STARTTLS"),
        ({"features_inside": {}}, "(SIZE)"),
        ({"shown": None}, "no handshake comes about"),
    ],
)
def test_what_is_remarked(changes: dict[str, object], words: str, authority: Authority) -> None:
    """Each thing that a person should know, in a sentence of its own."""
    names = changes.pop("names", ())
    found = remarks(TARGET, seen(authority, *names, **changes), authority.now)

    assert any(words in one for one in found), found


def test_an_old_certificate(authority: Authority) -> None:
    """Who vouches for itself; and one that came alone."""
    own = new_self_signed("mail.contoso.com", authority.now).certificate.public_bytes(Encoding.DER)
    leaf = new_leaf(authority.pair, ["mail.contoso.com"], authority.now).certificate
    alone = (leaf.public_bytes(Encoding.DER),)

    assert any(
        "vouches for itself" in one
        for one in remarks(TARGET, seen(authority, shown=Shown("", "", (own,))), authority.now)
    )
    assert any(
        "alone" in one for one in remarks(TARGET, seen(authority, shown=Shown("", "", alone)), authority.now)
    )


@pytest.mark.parametrize(
    ("greeting", "inside", "words"),
    [
        ("220 X Microsoft ESMTP MAIL Service ready", {"AUTH": "LOGIN XOAUTH2"}, "this is Exchange"),
        ("220 X Microsoft ESMTP MAIL Service ready", {}, "only a connector"),
        ("220 host ESMTP Postfix (Debian)", {}, "Postfix"),
        ("220 host ESMTP relay365", {}, "relay365"),
        ("220 host", {}, "does not say"),
    ],
)
def test_what_it_looks_like(greeting: str, inside: dict[str, str], words: str) -> None:
    """By what it says of itself, and by what it takes."""
    assert words in summary(Seen(greeting=greeting, features_inside=inside))
