"""Certificates that clients trust, and those that they must not."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from relay365.emulator.certificates import (
    Pair,
    context_of,
    is_due,
    keep,
    new_leaf,
    write_private,
)
from relay365.emulator.folder import Identity
from unit.emulator.conftest import AT


def _verify(leaf: Pair, authority: Pair, name: str, at: float = AT) -> None:
    store = Store([authority.certificate])
    verifier = PolicyBuilder().store(store).time(datetime.fromtimestamp(at, UTC))
    verifier.build_server_verifier(x509.DNSName(name)).verify(leaf.certificate, [])


def test_the_leaf_is_trusted_for_its_names_only(identity: Identity) -> None:
    """The server's certificate verifies for its name under its authority, and for no other name."""
    _verify(identity.leaf, identity.authority, "localhost")
    with pytest.raises(VerificationError):
        _verify(identity.leaf, identity.authority, "another.example")


def test_an_expired_leaf(identity: Identity) -> None:
    """With negative days the certificate has ended already, and was valid before."""
    leaf = new_leaf(identity.authority, ["localhost"], AT, days=-1)

    with pytest.raises(VerificationError):
        _verify(leaf, identity.authority, "localhost")
    _verify(leaf, identity.authority, "localhost", AT - 1.5 * 86400)


def test_pairs_are_kept(identity: Identity, tmp_path: Path) -> None:
    """A pair is read back as it was written, readable by its owner only."""
    files = (tmp_path / "a.pem", tmp_path / "a.key")
    assert keep(*files) is None
    keep(*files, identity.application)

    found = keep(*files)

    assert found is not None
    assert identity.application.certificate == found.certificate
    assert 0o600 == stat.S_IMODE(files[1].stat().st_mode)


def test_renewal_is_due_in_the_last_thirty_days(identity: Identity) -> None:
    """A leaf of 397 days is due from day 367 on."""
    assert [False, True] == [is_due(identity.leaf, AT + days * 86400) for days in (366.9, 367.1)]


def test_a_context_leaves_no_files(identity: Identity, tmp_path: Path) -> None:
    """The chain that OpenSSL reads is taken away again."""
    assert context_of(identity.leaf, identity.authority, tmp_path) is not None
    assert [] == list(tmp_path.iterdir())


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    """Writing again replaces the file and leaves no half one."""
    write_private(tmp_path / "x", b"one")
    write_private(tmp_path / "x", b"two")

    assert [("x", b"two")] == [(one.name, one.read_bytes()) for one in tmp_path.iterdir()]
