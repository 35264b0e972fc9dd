"""Lookup tables, read from the text that they were made from: postmap sources, cidr, regexp, pcre, inline, static.

What only a running service knows (ldap, mysql, tcp, proxies to them) cannot be read, and says so.
(postmap(1), cidr_table(5), regexp_table(5), pcre_table(5), DATABASE_README)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from relay365.moving.postfix.files.expanding import ExpandError, enclosed
from relay365.moving.postfix.files.main_cf import logical_lines, words

_PLAIN = frozenset(("hash", "btree", "lmdb", "dbm", "cdb", "sdbm", "texthash"))
PATTERNS = frozenset(("regexp", "pcre"))
_ELSEWHERE = frozenset(
    ("ldap", "mysql", "pgsql", "sqlite", "memcache", "tcp", "socketmap", "nis", "nisplus", "unix")
)
_PATTERN = re.compile(
    r"(!?)(?P<quote>[^\w\s!])(?P<pattern>(?:\\.|(?!(?P=quote)).)*)(?P=quote)([A-Za-z]*)\s+(.*)", re.DOTALL
)


class TableError(Exception):
    """A table that cannot be read: its text says why, do what helps."""

    def __init__(self, why: str, do: str = "") -> None:
        self.do = do
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Row:
    """One entry. key: of a pattern the expression with its flags, "/^Received:/i"; where: "FILE:n"."""

    key: str
    value: str
    where: str
    kind: str = "hash"

    @property
    def is_pattern(self) -> bool:
        """Whether the key is an expression."""
        return self.kind in PATTERNS


@dataclass(frozen=True, slots=True)
class Files:
    """The files of the old machine: what main.cf calls `home` is here the folder that was given."""

    folder: Path
    home: str = "/etc/postfix"

    def find(self, name: str) -> Path:
        """The file of a name in main.cf; a copied folder keeps its own files."""
        path = Path(name.replace("\0", "?"))  # no file has NUL in its name, and asking for one is an error
        if name.startswith(f"{self.home}/"):
            inside = self.folder / str(path).removeprefix(f"{self.home}/")
            if inside.exists() or not path.exists():
                return inside
        return path if path.is_absolute() else self.folder / path

    def text(self, name: str) -> str:
        """Its text; raises TableError."""
        path = self.find(name)
        try:
            return path.read_text("utf-8", "replace")
        except OSError as error:
            do = f"copy {name} from the old machine to {path}"
            raise TableError(f"{name} cannot be read: {error.strerror or error}", do) from error

    def shown(self, name: str) -> str:
        """A file's name for people: short where it is in the folder."""
        path = self.find(name)
        return str(path.relative_to(self.folder)) if path.is_relative_to(self.folder) else str(path)


def rows_of(spec: str, files: Files, where: str, default_kind: str = "hash") -> list[Row]:
    """The rows of one TYPE:NAME; raises TableError. where: it is named, for rows that stand there themselves."""
    kind, _, name = spec.partition(":")
    if not name and spec.startswith("/"):
        kind, name = default_kind, spec
    while kind in ("proxy", "proxywrite") and ":" in name:
        kind, _, name = name.partition(":")
    if kind in ("inline", "static"):
        return (
            list(_inline(name, where)) if kind == "inline" else [Row("*", name.strip("{} "), where, "static")]
        )
    if kind in _ELSEWHERE:
        raise TableError(
            f"{kind}: tables live in a service that is not asked", "write what it answers into a hash: table"
        )
    if kind not in _PLAIN | PATTERNS | {"cidr"}:
        raise TableError(f"tables of the type {kind or spec} are not read here")
    text, shown = files.text(name), files.shown(name)
    return list(_patterns(text, shown, kind) if kind in PATTERNS else _pairs(text, shown, kind))


def _pairs(text: str, file: str, kind: str) -> Iterator[Row]:
    conditions = 0
    for line in logical_lines(text, file):
        key, value = [*line.text.split(None, 1), ""][:2]
        if kind == "cidr" and key.lower() in ("if", "endif"):
            conditions += 1
            continue
        if key.startswith('"') and '"' in line.text[1:]:
            end = line.text.index('"', 1)
            key, value = line.text[1:end], line.text[end + 1 :]
        yield Row(key if kind == "cidr" else key.lower(), value.strip(), line.where, kind)
    if conditions:
        raise TableError("it has if and endif, which are not followed", "write it without them")


def _patterns(text: str, file: str, kind: str) -> Iterator[Row]:
    for line in logical_lines(text, file):
        if line.text.lower().startswith(("if ", "if!", "if/")) or line.text.lower() == "endif":
            yield Row(line.text, "", line.where, kind)
            continue
        found = _PATTERN.fullmatch(line.text)
        if found is None:
            yield Row(line.text, "", line.where, kind)
            continue
        yield Row(f"{found[1]}/{found['pattern']}/{found[4]}", found[5].strip(), line.where, kind)


def _inline(name: str, where: str) -> Iterator[Row]:
    """inline:{ key=value, { key = text with spaces } }."""
    try:
        inside, _ = enclosed(name.strip(), 0)
    except (ExpandError, KeyError, IndexError) as error:
        raise TableError("an inline: table without braces that match") from error
    for word in words(inside):
        pair = word.strip("{}") if word.startswith("{") else word
        key, has_value, value = pair.partition("=")
        if not has_value:
            raise TableError("an inline: table with a word that is no key=value")
        yield Row(key.strip().lower(), value.strip(), where, "inline")
