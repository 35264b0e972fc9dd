"""Secrets: read where the configuration says that they are, and never shown."""

from __future__ import annotations

import os
from pathlib import Path

from relay365.config import SecretRef
from relay365.errors import ConfigError


def read_secret(ref: SecretRef, base: Path) -> str:
    """The secret that a reference names, without its last line end; raises ConfigError and never shows a value."""
    if ref.env is not None:
        value = os.environ.get(ref.env, "")
        if not value:
            raise ConfigError(str(ref), "an environment variable with a value", "nothing")
        return value
    folder = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/run/credentials/relay365.service"))
    file = folder / ref.credential if ref.credential is not None else base / (ref.file or "")
    try:
        value = file.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise ConfigError(str(ref), "a readable file with the secret", f"{file}: {reason}") from error
    if not value:
        raise ConfigError(str(ref), "a secret", f"{file} is empty")
    return value


def secret_of(route: str, key: str, ref: SecretRef | None, base: Path) -> str:
    """A route's secret, or "" where none is named; the error says which key of which route."""
    try:
        return read_secret(ref, base) if ref is not None else ""
    except ConfigError as error:
        where = f"route {route}: {key} = {error.where}"
        raise ConfigError(where, error.expected, error.found, error.hint) from error
