"""What is signed or encrypted is recognised by every sign that there is."""

from __future__ import annotations

import pytest

from relay365.mail.repair.signed import is_sealed, why_signed


@pytest.mark.parametrize(
    ("signatures", "kinds", "body", "why"),
    [
        ([b"v=1"], [], b"", "DKIM-Signature"),
        ([], [b"multipart/signed; protocol=x"], b"", "signed"),
        ([], [b"Application/PKCS7-mime"], b"", "S/MIME"),
        ([], [b"multipart/encrypted"], b"", "encrypted"),
        ([], [b"text/plain"], b"hi\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n", "PGP"),
        ([], [b"multipart/mixed"], b"hi", ""),
    ],
)
def test_the_reason_is_named(signatures: list[bytes], kinds: list[bytes], body: bytes, why: str) -> None:
    """DKIM, S/MIME, PGP/MIME and inline PGP; anything else is not sealed."""
    assert why == why_signed(signatures, kinds, body)


def test_a_signature_covers_the_fields_that_it_names() -> None:
    """Case and folds do not matter; a name within a name is another one."""
    signature = b"v=1; h = From : To:\r\n X-Date; bh=x"

    assert (True, True, False) == tuple(is_sealed([signature], one) for one in ("from", "x-date", "date"))
