"""The rules of the house as functions: modules in, places that break the rule out."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from shape.tree import Function, Module

MODULE_LINES = 400
FUNCTION_LINES = 50
PARAMETERS = 6
NESTING = 3
CLASS_ATTRIBUTES = 12
PACKAGE_MODULES = 10
FORBIDDEN_NAMES = frozenset(
    ("utils", "util", "helpers", "common", "core", "base", "misc", "types", "manager")
)

_BLOCKS = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match,
)  # fmt: skip
_BROAD = frozenset(("Exception", "BaseException"))
_SUBJECTLESS = frozenset(("__init__", "__main__"))

Rule = Callable[[Iterable[Module]], Iterator[str]]


def long_modules(modules: Iterable[Module]) -> Iterator[str]:
    """A module has at most 400 lines."""
    return (m.path for m in modules if len(m.text.splitlines()) > MODULE_LINES)


def long_functions(modules: Iterable[Module]) -> Iterator[str]:
    """A function has at most 50 lines without its docstring."""
    for module in modules:
        for name, function in module.functions():
            if _length(function) > FUNCTION_LINES:
                yield f"{module.path}:{name}"


def _length(function: Function) -> int:
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def many_parameters(modules: Iterable[Module]) -> Iterator[str]:
    """A function has at most 6 parameters, self and cls not counted."""
    for module in modules:
        for name, function in module.functions():
            arguments = function.args
            names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
            n_extra = (arguments.vararg is not None) + (arguments.kwarg is not None)
            if len([n for n in names if n not in ("self", "cls")]) + n_extra > PARAMETERS:
                yield f"{module.path}:{name}"


def deep_nesting(modules: Iterable[Module]) -> Iterator[str]:
    """Blocks stand at most 3 deep in a function; elif and case go no deeper than their if and match."""
    for module in modules:
        for name, function in module.functions():
            if _depth(function.body) > NESTING:
                yield f"{module.path}:{name}"


def _depth(statements: Iterable[ast.AST]) -> int:
    return max((_depth_of(statement) for statement in statements), default=0)


def _depth_of(node: ast.AST) -> int:
    if isinstance(node, Function | ast.ClassDef | ast.expr):
        return 0
    if not isinstance(node, _BLOCKS):
        return _depth(ast.iter_child_nodes(node))
    if isinstance(node, ast.If) and len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        return max(1 + _depth(node.body), _depth_of(node.orelse[0]))
    return 1 + _depth(ast.iter_child_nodes(node))


def many_attributes(modules: Iterable[Module]) -> Iterator[str]:
    """A class has at most 12 attributes, whether declared in its body or set on self."""
    for module in modules:
        for node in module.classes():
            if len(_attributes(node)) > CLASS_ATTRIBUTES:
                yield f"{module.path}:{node.name}"


def _attributes(node: ast.ClassDef) -> set[str]:
    found = {
        s.target.id for s in node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)
    }
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and _is_self(part.value):
            found.add(part.attr)
    return found


def _is_self(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id == "self"


def silent_modules(modules: Iterable[Module]) -> Iterator[str]:
    """Every module says in a docstring what it is."""
    return (m.path for m in modules if not ast.get_docstring(m.tree))


def crowded_packages(modules: Iterable[Module]) -> Iterator[str]:
    """A package has at most ten modules."""
    counts = Counter(str(PurePosixPath(m.path).parent) for m in modules if not m.path.endswith("__init__.py"))
    return (folder for folder, n in counts.items() if n > PACKAGE_MODULES)


def forbidden_names(modules: Iterable[Module]) -> Iterator[str]:
    """No module or package is a drawer for anything, and none is named like the standard library."""
    for module in modules:
        path = PurePosixPath(module.path)
        name = path.parent.name if path.stem == "__init__" else path.stem
        if name in FORBIDDEN_NAMES or (name in sys.stdlib_module_names and name not in _SUBJECTLESS):
            yield module.path


def broad_excepts(modules: Iterable[Module]) -> Iterator[str]:
    """`except Exception` stands where a task must survive anything; what tidies up and raises again is none."""
    for module in modules:
        for name, function in module.functions():
            for node in _own_nodes(function):
                if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _raises_again(node):
                    yield f"{module.path}:{name}"


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions inside it."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function):
            waiting.extend(ast.iter_child_nodes(node))


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _is_broad(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(kind, ast.Name) and kind.id in _BROAD for kind in kinds)


def silent_tests(modules: Iterable[Module]) -> Iterator[str]:
    """Every test states its claim in a docstring."""
    for module in modules:
        for name, function in module.functions():
            if function.name.startswith("test_") and not ast.get_docstring(function):
                yield f"{module.path}:{name}"


def empty_tests(modules: Iterable[Module]) -> Iterator[str]:
    """Every test can fail: it asserts, expects an exception, or hands over to something that checks."""
    for module in modules:
        for name, function in module.functions():
            if function.name.startswith("test_") and not any(_checks(node) for node in ast.walk(function)):
                yield f"{module.path}:{name}"


def _checks(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return True
    words = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    return re.search(r"raises|eventually|check|assert_|run_state_machine|play|suite", words) is not None


RULES: dict[str, Rule] = {
    "module-lines": long_modules,
    "function-lines": long_functions,
    "parameters": many_parameters,
    "nesting": deep_nesting,
    "class-attributes": many_attributes,
    "module-docstring": silent_modules,
    "package-modules": crowded_packages,
    "names": forbidden_names,
    "broad-except": broad_excepts,
}
TEST_RULES: dict[str, Rule] = {"test-docstring": silent_tests, "test-asserts": empty_tests}
