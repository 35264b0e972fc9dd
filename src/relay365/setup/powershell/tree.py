"""The parts of a script, as grammar reads them and checking judges them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: str | int | float


@dataclass(frozen=True, slots=True)
class Expand:
    """A double-quoted string: texts and variables."""

    parts: tuple[Literal | Variable, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """$name."""

    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """target.name."""

    target: Node
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """target[at]."""

    target: Node
    at: Node


@dataclass(frozen=True, slots=True)
class Table:
    """@{ key = value }."""

    pairs: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Items:
    """@( ... ), or a list with commas. is_array: with @( ), which makes an array of whatever it holds."""

    items: tuple[Node, ...]
    is_array: bool = True


@dataclass(frozen=True, slots=True)
class Operation:
    """left -eq right; name: eq, ne, gt, and, or, contains, notcontains, in, notin, like, plus."""

    name: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Negation:
    """-not, or !."""

    target: Node


@dataclass(frozen=True, slots=True)
class Inner:
    """( pipeline ) or $( pipeline )."""

    pipeline: Node


@dataclass(frozen=True, slots=True)
class Call:
    """target.name(arguments)."""

    target: Node
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """{ statements }, as a value."""

    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A cmdlet with its arguments: (parameter, value), value None for a switch, parameter "" for a bare value."""

    name: str
    arguments: tuple[tuple[str, Node | None], ...]
    line: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """first | next | ..."""

    stages: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """$name = value, or +=."""

    name: str
    value: Node
    is_added: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """if, elseif, else: (condition, body) in order; the last condition is None for else."""

    branches: tuple[tuple[Node | None, tuple[Node, ...]], ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """foreach ($name in items) { body }."""

    name: str
    items: Node
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Throw:
    """throw text."""

    text: Node


Node = (
    Literal | Expand | Variable | Member | Index | Table | Items | Operation | Negation | Inner | Call | Block
    | Command | Pipeline | Assignment | Choice | Loop | Throw
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Script:
    """A whole script. asks: whether it begins with [CmdletBinding(SupportsShouldProcess...)] and so has -WhatIf."""

    body: tuple[Node, ...]
    asks: bool
