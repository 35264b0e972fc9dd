"""TLS contexts: the right one and the wrong ones."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from relay365.emulator.folder import Identity
from relay365.emulator.house.contexts import Contexts


@pytest.fixture
def contexts(identity: Identity, tmp_path: Path, clock: FakeClock) -> Contexts:
    return Contexts(identity, tmp_path, clock)


def test_a_context_is_made_once(contexts: Contexts) -> None:
    """Plain contexts are kept; those that ask are made for each handshake."""
    assert contexts.plain("")[0] is contexts.plain("")[0]
    assert contexts.asking("")[0] is not contexts.asking("")[0]


def test_who_asks(contexts: Contexts) -> None:
    """Only those of asking() ask a client for its certificate."""
    assert (ssl.CERT_NONE, ssl.CERT_OPTIONAL) == (
        contexts.plain("")[0].verify_mode, contexts.asking("name")[0].verify_mode,
    )  # fmt: skip
    assert () == contexts.trusted([])


def test_versions(contexts: Contexts) -> None:
    """The right context begins at TLS 1.2; "old" ends at TLS 1.0."""
    assert (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1) == (
        contexts.plain("")[0].minimum_version, contexts.plain("old")[0].maximum_version,
    )  # fmt: skip
