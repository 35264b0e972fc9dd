"""Why a remote is not believed."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from fakes.mailserver import Authority
from relay365.doctor.upstream.distrust import distrusted
from relay365.doctor.wire.talk import Shown
from relay365.emulator.certificates import new_leaf


def shown(authority: Authority, version: str = "TLSv1.3") -> Shown:
    leaf = new_leaf(authority.pair, ["mail.contoso.com"], authority.now).certificate
    return Shown(version, "x", (leaf.public_bytes(Encoding.DER),))


@pytest.mark.parametrize(
    ("host", "said", "words", "do"),
    [
        ("smtp.test", "certificate not trusted: Hostname mismatch", "is for mail.contoso.com", "own name"),
        ("mail.contoso.com", "certificate has expired", "out of date", "doctor local"),
        ("mail.contoso.com", "self-signed certificate", "is not trusted", "ca_file"),
        ("smtp.test", "self-signed certificate", "is not trusted", "ca_file"),
    ],
)
def test_the_words_of_the_verifier_decide(
    host: str, said: str, words: str, do: str, authority: Authority
) -> None:
    """Name, dates or issuer; the verifier's own words stay."""
    finding = distrusted("smtp.test:587", host, shown(authority), said)

    assert words in finding.text and do in finding.do
    assert said == finding.said


def test_a_second_fault_is_not_forgotten(authority: Authority) -> None:
    """Unknown issuer and another name."""
    assert (
        "it is for mail.contoso.com, too" in distrusted("w", "smtp.test", shown(authority), "self-signed").why
    )


def test_old_and_none(authority: Authority) -> None:
    """A version that nobody takes; and no handshake at all."""
    assert "TLSv1 only" in distrusted("w", "h", shown(authority, "TLSv1"), "unsupported protocol").text
    assert "no TLS comes about" in distrusted("w", "h", None, "reset by peer").text
