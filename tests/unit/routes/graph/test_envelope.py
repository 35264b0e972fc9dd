"""The header names the recipients of the consignment and nobody else."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest

from relay365.routes.graph.envelope import Addressed, addressed

FROM = b"From: scan@contoso.com\r\nMessage-ID: <1@x>\r\n"


def names(found: Addressed) -> dict[str, list[str]]:
    """Who is named, by field, as Python's own parser reads it."""
    message = message_from_bytes(found.head + b"\r\n", policy=policy.SMTP)
    fields = ("To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc")
    return {key: [a.addr_spec for a in message[key].addresses] for key in fields if message[key] is not None}


@pytest.mark.parametrize(("head", "recipients", "named", "n_taken_out"), [
    (b"To: a@x.test, B <b@x.test>\r\n", ["A@x.test", "b@x.test"], {"To": ["a@x.test", "b@x.test"]}, 0),
    (b"To: a@x.test, B <b@x.test>\r\n", ["b@x.test"], {"To": ["b@x.test"]}, 1),
    (b"To: a@x.test\r\nCc: b@x.test\r\n", ["b@x.test"], {"Cc": ["b@x.test"]}, 1),
    (b"To: a@x.test\r\n", ["a@x.test", "c@x.test"], {"Bcc": ["c@x.test"], "To": ["a@x.test"]}, 0),
    (b"Bcc: a@x.test, d@x.test\r\n", ["a@x.test"], {"Bcc": ["a@x.test"]}, 1),
    (b"", ["a@x.test", "b@x.test"], {"Bcc": ["a@x.test", "b@x.test"]}, 0),
    (b"To: a@x.test\r\nResent-To: r@x.test\r\n", ["a@x.test"], {"To": ["a@x.test"]}, 1),
    (b"Resent-To: r@x.test\r\n", ["r@x.test"], {"Bcc": ["r@x.test"], "Resent-To": ["r@x.test"]}, 0),
    (b"To: undisclosed-recipients:;\r\n", ["a@x.test"], {"Bcc": ["a@x.test"], "To": []}, 0),
    (b"To: Team: a@x.test, b@x.test;\r\n", ["a@x.test"], {"To": ["a@x.test"]}, 1),
    (b"To: a@x.test b@x.test\r\n", ["a@x.test"], {"To": ["a@x.test"]}, 0),
    (b'To: "Doe, J" <j@x.test>,\r\n K <k@x.test>\r\n', ["k@x.test"], {"To": ["k@x.test"]}, 1),
    (b'To: "o d"@x.test\r\n', ['"o d"@x.test'], {"Bcc": ['"o d"@x.test']}, 1),
])  # fmt: skip
def test_the_header_names_the_recipients_and_nobody_else(
    head: bytes, recipients: list[str], named: dict[str, list[str]], n_taken_out: int
) -> None:
    """Envelope-only recipients get a Bcc, others that are named are taken out, in every field that names people."""
    found = addressed(FROM + head, b"", recipients)
    assert named == names(found)
    assert (n_taken_out, "") == (found.n_taken_out, found.seal)
    assert FROM in found.head


def test_a_header_that_is_right_keeps_its_octets() -> None:
    """Nothing is touched where nothing must be."""
    head = FROM + b"To:  a@x.test ,\r\n\tB <b@x.test>\r\nX-A: 1\r\n"
    assert head == addressed(head, b"", ["a@x.test", "b@x.test"]).head


@pytest.mark.parametrize(("mark", "body"), [
    (b"DKIM-Signature: v=1; h=from:to; b=x\r\n", b""),
    (b"Content-Type: multipart/signed; boundary=b\r\n", b""),
    (b"", b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n"),
])  # fmt: skip
def test_a_signed_message_is_not_split(mark: bytes, body: bytes) -> None:
    """Somebody would have to be taken out: the header stays, and the seal says why it cannot go."""
    head = FROM + mark + b"To: a@x.test, b@x.test\r\n"
    found = addressed(head, body, ["a@x.test"])
    assert (head, 1, True) == (found.head, found.n_taken_out, bool(found.seal))


def test_a_signed_message_may_get_a_bcc() -> None:
    """Exchange takes it away again: no signature sees it."""
    head = FROM + b"DKIM-Signature: v=1; h=from:to; b=x\r\nTo: a@x.test\r\n"
    found = addressed(head, b"", ["a@x.test", "c@x.test"])
    assert (b"Bcc: <c@x.test>\r\n" + head, "") == (found.head, found.seal)


def test_many_recipients_make_no_long_line() -> None:
    """Five hundred Bcc recipients stand one a line (RFC 5322 2.1.1)."""
    found = addressed(FROM, b"", [f"{'r' * 60}{n}@x.test" for n in range(500)])
    assert 500 == len(names(found)["Bcc"])
    assert max(map(len, found.head.split(b"\r\n"))) < 998
