"""The exception tree."""

from __future__ import annotations

import inspect

from relay365 import errors
from relay365.errors import (
    ConfigError,
    Relay365Error,
    RemoteProtocolError,
    TokenRefused,
    TransportError,
)


def test_everything_that_we_raise_has_one_parent() -> None:
    """Whoever wants to catch all of ours can, and nothing of ours is a bare Exception."""
    kinds = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__
    ]

    assert [] == [kind.__name__ for kind in kinds if not issubclass(kind, Relay365Error)]


def test_a_configuration_error_says_where_and_what() -> None:
    """Place, expectation, finding and advice in one line."""
    error = ConfigError("relay365.toml: [server] data", "a value", "nothing", "add it")

    assert "relay365.toml: [server] data: expected a value, found nothing; add it" == str(error)


def test_what_a_remote_sent_is_kept_short() -> None:
    """A remote cannot fill the journal: 200 octets of it are kept."""
    error = RemoteProtocolError("no reply", b"x" * 1000)

    assert b"x" * 200 == error.octets
    assert len(str(error)) < 250
    assert "no reply" == str(RemoteProtocolError("no reply"))


def test_a_broken_way_names_its_phase() -> None:
    """Resolve, connect, tls, greet, auth, send or await stands in front."""
    assert "connect: refused" == str(TransportError("connect", "refused"))


def test_a_refused_token_keeps_the_directorys_own_words() -> None:
    """Name, number and text are there for the catalogue and for people."""
    error = TokenRefused("invalid_client", 7000222, "AADSTS7000222: expired", temporary=False)

    assert ("invalid_client", 7000222, False) == (error.error, error.number, error.temporary)
    assert "invalid_client: AADSTS7000222: expired" == str(error)
