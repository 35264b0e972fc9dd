"""Secrets: read where the configuration says that they are, and never shown."""

from __future__ import annotations

import os
from pathlib import Path

from relay365.config import SecretRef
from relay365.errors import ConfigError


def read_secret(ref: SecretRef, base: Path) -> str:
    """The secret that a reference names, without its last line end; raises ConfigError and never shows a value."""
    try:
        value = read_octets(ref, base).decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        where = f"{path_of(ref, base)}: not text"
        raise ConfigError(str(ref), "a readable file with the secret", where) from error
    if not value:
        raise ConfigError(str(ref), "a secret", f"{path_of(ref, base)} is empty")
    return value


def read_octets(ref: SecretRef, base: Path) -> bytes:
    """What a reference names, as it is; raises ConfigError and never shows a value."""
    file = path_of(ref, base)
    if file is None:
        value = os.environ.get(ref.env or "", "")
        if not value:
            raise ConfigError(str(ref), "an environment variable with a value", "nothing")
        return value.encode()
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(str(ref), "a readable file with the secret", f"{file}: {error.strerror}") from error


def path_of(ref: SecretRef, base: Path) -> Path | None:
    """The file that a reference leads to, or None for an environment variable."""
    if ref.env is not None:
        return None
    folder = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/run/credentials/relay365.service"))
    return folder / ref.credential if ref.credential is not None else base / (ref.file or "")


def secret_of(route: str, key: str, ref: SecretRef | None, base: Path) -> str:
    """A route's secret, or "" where none is named; the error says which key of which route."""
    try:
        return read_secret(ref, base) if ref is not None else ""
    except ConfigError as error:
        where = f"route {route}: {key} = {error.where}"
        raise ConfigError(where, error.expected, error.found, error.hint) from error
