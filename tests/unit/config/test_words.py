"""The words that values are written in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from relay365.config.words import (
    BaseAddress,
    Duration,
    HostName,
    HostPort,
    Label,
    MailboxName,
    Network,
    Size,
    split_host_port,
)


@pytest.mark.parametrize(
    ("word", "text", "value"),
    [
        (Size, "25M", 26_214_400),
        (Size, "1K", 1024),
        (Size, "2G", 2_147_483_648),
        (Size, "512", 512),
        (Size, 512, 512),
        (Duration, "30s", 30.0),
        (Duration, "15m", 900.0),
        (Duration, "4h", 14_400.0),
        (Duration, "5d", 432_000.0),
        (Duration, 1.5, 1.5),
        (HostPort, "192.168.10.5:25", "192.168.10.5:25"),
        (HostPort, "[fd00::5]:25", "[fd00::5]:25"),
        (HostPort, "relay.contoso.com:587", "relay.contoso.com:587"),
        (MailboxName, "scan@contoso.com", "scan@contoso.com"),
        (HostName, "relay.contoso.com", "relay.contoso.com"),
        (HostName, "", ""),
        (Label, "office-1", "office-1"),
        (BaseAddress, "https://login.microsoftonline.us", "https://login.microsoftonline.us"),
        (BaseAddress, "https://127.0.0.1:8443/base", "https://127.0.0.1:8443/base"),
    ],
)
def test_a_word_has_its_value(word: object, text: object, value: object) -> None:
    """Sizes are powers of 1024, times are seconds, addresses stay as they are."""
    assert value == TypeAdapter(word).validate_python(text)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        (Size, "25MB"), (Size, "-1"), (Size, -1), (Size, True), (Size, "1.5M"), (Size, ""),
        (Duration, "5"), (Duration, 5), (Duration, "5 m"), (Duration, "1w"), (Duration, "1h30m"),
        (HostPort, "192.168.10.5"), (HostPort, "fd00::5:25"), (HostPort, ":25"), (HostPort, "x:65536"),
        (HostPort, "a b:25"),
        (Network, "office"), (Network, "192.168.10.5/24"), (Network, "192.168.10.0/33"), (Network, 5),
        (MailboxName, "scan"), (MailboxName, "a b@x"), (MailboxName, "a@x\r\nRCPT"), (MailboxName, ""),
        (HostName, "two words"), (HostName, "a\nb"), (HostName, "-x"),
        (Label, "a/b"), (Label, "x" * 41), (Label, "a b"),
        (BaseAddress, "http://login.microsoftonline.com"), (BaseAddress, "https://user@x"), (BaseAddress, "https://"),
        (BaseAddress, "login.microsoftonline.com"),
    ],
)  # fmt: skip
def test_what_is_no_word_is_refused_with_an_example(word: object, text: object) -> None:
    """The error says what is expected, for most words by an example."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(word).validate_python(text)

    assert "such as" in str(caught.value) or "1 to 40 letters" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [("192.168.10.5:25", ("192.168.10.5", 25)), ("[fd00::5]:25", ("fd00::5", 25)), ("x:0", ("x", 0))],
)
def test_host_and_port_are_two(text: str, parts: tuple[str, int]) -> None:
    """Brackets of IPv6 are not part of the host."""
    assert parts == split_host_port(text)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_what_passes_can_be_split(text: str) -> None:
    """Every accepted address and port has a host without blanks and a port that exists."""
    try:
        accepted = TypeAdapter(HostPort).validate_python(text)
    except ValidationError:
        return
    host, port = split_host_port(accepted)

    assert host
    assert not any(c.isspace() for c in host)
    assert 0 <= port < 65536
