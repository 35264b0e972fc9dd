"""SASL exchanges, both sides."""

from __future__ import annotations

import pytest

from relay365.smtp.sasl import (
    Base64Error,
    Credentials,
    SaslError,
    ServerExchange,
    decode,
    encode,
    plain_response,
    xoauth2_response,
)


@pytest.mark.parametrize(
    ("response", "text"),
    [(b"=", ""), (b"", ""), (b" YQ== ", "a"), (b"YQ", "a"), (b"5A==", "\u00e4"), (b"w6Q=", "\u00e4")],
)
def test_base64_is_read_as_devices_write_it(response: bytes, text: str) -> None:
    """With or without padding, blanks around, UTF-8 or an old code page; `=` is the empty response."""
    assert text == decode(response)


@pytest.mark.parametrize("response", [b"!", b"Y", b"=YQ=", b"YQ==YQ==", b"\xff"])
def test_what_is_no_base64_is_told(response: bytes) -> None:
    """Base64Error, never another exception."""
    with pytest.raises(Base64Error):
        decode(response)


def test_the_client_is_understood_by_the_server() -> None:
    """PLAIN and XOAUTH2 responses come out as they went in."""
    plain, token = ServerExchange("PLAIN"), ServerExchange("XOAUTH2")

    assert Credentials("PLAIN", "user", "pass") == plain.step(plain_response("user", "pass"))
    assert Credentials("XOAUTH2", "a@b.test", "tok.en") == token.step(xoauth2_response("a@b.test", "tok.en"))


def test_login_prompts_are_the_ones_that_printers_know() -> None:
    """`Username:` and `Password:` in base64, not an octet more."""
    exchange = ServerExchange("LOGIN")

    assert ("VXNlcm5hbWU6", "UGFzc3dvcmQ6") == (exchange.begin(), exchange.step(encode("u")))
    assert Credentials("LOGIN", "u", "p") == exchange.step(encode("p"))


@pytest.mark.parametrize(
    ("mechanism", "text"),
    [
        ("PLAIN", "user"), ("PLAIN", "a\0b"), ("PLAIN", "\0\0secret"), ("PLAIN", "boss\0user\0pass"),
        ("PLAIN", "a\0b\0c\0d"), ("XOAUTH2", "user=x\x01auth=Bearer \x01\x01"),
        ("XOAUTH2", "user=x\x01auth=Basic y\x01\x01"), ("XOAUTH2", ""),
    ],
)  # fmt: skip
def test_a_response_of_another_form_is_refused(mechanism: str, text: str) -> None:
    """Nobody acts for another, and nothing is guessed."""
    with pytest.raises(SaslError):
        ServerExchange(mechanism).step(encode(text))


def test_the_secret_is_in_no_repr() -> None:
    """Logs show reprs."""
    assert "hunter2" not in repr(Credentials("PLAIN", "user", "hunter2"))
