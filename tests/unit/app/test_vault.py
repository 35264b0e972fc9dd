"""Secrets are read by reference; one that cannot be read is named and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay365.app.vault import read_secret
from relay365.config import SecretRef
from relay365.errors import ConfigError


def test_a_secret_comes_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    """Relative to the configuration; blanks inside are part of it."""
    (tmp_path / "s").write_text("a secret \r\n")

    assert "a secret " == read_secret(SecretRef(file="s"), tmp_path)


def test_a_secret_comes_from_the_environment_or_from_systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """{ env = } and { credential = }."""
    (tmp_path / "client").write_text("from systemd\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("RELAY_SECRET", "from the environment")

    assert "from the environment" == read_secret(SecretRef(env="RELAY_SECRET"), tmp_path)
    assert "from systemd" == read_secret(SecretRef(credential="client"), tmp_path)


@pytest.mark.parametrize("content", [None, "", "\n", b"\xff\xfe"])
def test_a_secret_that_cannot_be_read_is_named_and_not_shown(
    content: str | bytes | None, tmp_path: Path
) -> None:
    """Missing, empty or binary: the error names the reference and the file."""
    file = tmp_path / "s"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError) as error:
        read_secret(SecretRef(file="s"), tmp_path)

    assert str(file) in error.value.found
    assert '{ file = "s" }' == error.value.where
