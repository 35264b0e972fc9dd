"""The names in a certificate."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay365.emulator.certificates import new_authority, new_leaf
from relay365.setup.certificates import names_of
from relay365.setup.keys import make_key

NOW = 1_796_000_000.0


def test_names() -> None:
    """Host names of the first certificate, small, each once; addresses are none."""
    authority = new_authority("ca", NOW)
    leaf = new_leaf(authority, ["Relay.contoso.com", "relay.contoso.com", "*.contoso.com", "127.0.0.1"], NOW)

    assert ("relay.contoso.com", "*.contoso.com") == names_of(leaf.pem()[0] + authority.pem()[0])


def test_a_common_name_where_there_is_nothing_else(tmp_path: Path) -> None:
    """As Exchange reads old certificates."""
    assert ("relay365 srv 2026-11",) == names_of(make_key(tmp_path / "a.pem", "srv", NOW).file.read_bytes())


def test_no_certificate() -> None:
    """Anything else is an error."""
    with pytest.raises(ValueError, match=r"."):
        names_of(b"nothing")
