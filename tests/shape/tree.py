"""The tree as the shape tests see it: where things are, and every module with its syntax tree."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "relay365"
TESTS = ROOT / "tests"
DOCS = ROOT / "docs"
ALLOWED = TESTS / "shape" / "allowed.toml"

FOREIGN = {"__pycache__", ".venv", "node_modules"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One Python file; path is relative to the repository, with slashes."""

    path: str
    text: str
    tree: ast.Module

    @classmethod
    def of(cls, path: str, text: str) -> Module:
        """Read a text as the module that stands at a path."""
        return cls(path, text, ast.parse(text))

    def functions(self) -> Iterator[tuple[str, Function]]:
        """(qualified name, function) of every function, methods and nested ones too."""
        yield from _functions(self.tree, "")

    def classes(self) -> Iterator[ast.ClassDef]:
        """Every class."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield prefix + child.name, child
        inner = f"{prefix}{child.name}." if isinstance(child, Function | ast.ClassDef) else prefix
        yield from _functions(child, inner)


def modules(folder: Path) -> list[Module]:
    """All Python files below a folder, in order."""
    files = sorted(file for file in folder.rglob("*.py") if not FOREIGN & set(file.parts))
    return [Module.of(file.relative_to(ROOT).as_posix(), file.read_text("utf-8")) for file in files]


@dataclass(frozen=True)
class Exemption:
    """One entry of allowed.toml: which rule is broken where, and why. proof: the test that stands in for a unit's."""

    rule: str
    where: str
    reason: str
    proof: str = ""


def exemptions() -> list[Exemption]:
    """All of allowed.toml."""
    return [Exemption(**entry) for entry in tomllib.loads(ALLOWED.read_text("utf-8")).get("allowed", [])]
