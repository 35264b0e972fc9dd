"""Estate: the files that a relay is made of beside its queue: configuration, secrets, keys, logins, sign-ins, memory.

Apart from the backup, which only carries them: this knows where they are and what cannot be taken along.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from relay365.config import Config, SecretRef

STAGE = "backup"  # in the data directory: where a backup is made
_QUEUE = frozenset(("spool.db", "spool.db-wal", "spool.db-shm", "segments", "lock", STAGE))
_SPOKEN = frozenset(
    ("control", "alerts-test.json", "alerts-tested.json")
)  # asked of a service that is gone by then
_PASSING = (".new", ".part", ".lock")  # files on their way to their name, and locks


@dataclass(frozen=True, slots=True)
class Named:
    """One file of a site. name: in the archive; path: on the disk."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a site needs and the backup has not got. is_fault: it should have been there."""

    what: str
    why: str
    is_fault: bool


@dataclass(frozen=True, slots=True)
class Estate:
    """A configuration and where its things are. base: what relative paths in the file are relative to."""

    config: Config
    config_file: Path
    data: Path

    @property
    def base(self) -> Path:
        """The folder of the configuration file."""
        return self.config_file.resolve().parent

    def files(self) -> tuple[list[Named], list[LeftOut]]:
        """All files but the queue's, and what is left out."""
        named = {one.name: one for one in (self._named(self.config_file.resolve()), *self._kept())}
        left_out: list[LeftOut] = []
        for key, path, why in self._referenced():
            if path is None:
                left_out.append(LeftOut(key, why, is_fault=False))
            elif not os.access(path, os.R_OK) or not path.is_file():
                fault = "it cannot be read" if path.exists() else "there is no such file"
                left_out.append(LeftOut(f"{key} = {path}", fault, is_fault=True))
            elif not path.resolve().is_relative_to(self.data.resolve()):
                one = self._named(path)
                named.setdefault(one.name, one)
        left_out += [
            LeftOut(f"{path.name}/", "what an earlier queue left is not part of this one", is_fault=False)
            for path in sorted(self.data.glob("lost-*"))
        ]
        return list(named.values()), left_out

    def _kept(self) -> Iterator[Named]:
        """What lies in the data directory beside the queue."""
        for folder, folders, names in os.walk(self.data):
            here = Path(folder)
            if here == self.data:
                folders[:] = [
                    one for one in folders if not (one in _QUEUE | _SPOKEN or one.startswith("lost-"))
                ]
            for name in sorted(names):
                path = here / name
                if here == self.data and name in _QUEUE | _SPOKEN:
                    continue
                if path.is_file() and not name.startswith(".") and path.suffix not in _PASSING:
                    yield Named(f"data/{path.relative_to(self.data).as_posix()}", path)

    def _referenced(self) -> Iterator[tuple[str, Path | None, str]]:
        """(key, file, "") of everything that the configuration names; (key, None, why) where it is no file."""
        users = self.data / self.config.server.users
        if users.exists():
            yield "server.users", users, ""
        for key, value in references(self.config):
            if isinstance(value, str):
                yield key, self.base / value, ""
            elif value.file is not None:
                yield key, self.base / value.file, ""
            elif value.env is not None:
                yield (
                    f"{key} = {value}",
                    None,
                    "it stands in the environment of the service: keep it elsewhere",
                )
            else:
                yield (
                    f"{key} = {value}",
                    None,
                    "systemd gives it to the service alone: keep its file elsewhere",
                )

    def _named(self, path: Path) -> Named:
        whole = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link to another name
        if whole.is_relative_to(self.base):
            return Named(f"config/{whole.relative_to(self.base).as_posix()}", path)
        return Named(f"elsewhere/{whole.as_posix().replace(':', '').lstrip('/')}", path)


def references(table: BaseModel, where: str = "") -> Iterator[tuple[str, SecretRef | str]]:
    """(dotted key, reference or path) of every secret and every other file that a configuration names."""
    for key in type(table).model_fields:
        value = getattr(table, key)
        dotted = f"{where}.{key}" if where else key
        yield from _of(value, dotted, is_path=key.endswith("_file"))


def _of(value: Any, dotted: str, *, is_path: bool) -> Iterator[tuple[str, SecretRef | str]]:
    if isinstance(value, SecretRef):
        yield dotted, value
    elif isinstance(value, BaseModel):
        yield from references(value, dotted)
    elif isinstance(value, tuple):
        for n, one in enumerate(value, 1):
            yield from _of(one, f"{dotted} {n}" if len(value) > 1 else dotted, is_path=False)
    elif is_path and isinstance(value, str) and value:
        yield dotted, value
