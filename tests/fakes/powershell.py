"""Runs the PowerShell that our scripts are written in, as PowerShell would: for tests of what a script does.

Only what about_Operators, about_Arrays and about_If say of the subset that relay365.setup.powershell reads. Cmdlets are
given by the test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from relay365.setup.powershell import tree
from relay365.setup.powershell.grammar import parse

Cmdlets = dict[str, Callable[..., list[Any]]]


class Thrown(Exception):
    """The script has thrown."""


class Shell:
    """One session. asks: answers ShouldProcess; output: what was written."""

    def __init__(self, cmdlets: Cmdlets, asks: Callable[[str, str], bool]) -> None:
        self.variables: dict[str, Any] = {"true": True, "false": False, "null": None}
        self.output: list[str] = []
        self.asked: list[str] = []
        self._cmdlets, self._asks = cmdlets, asks

    def run(self, text: str) -> list[str]:
        """Run a script; gives its output; raises Thrown."""
        for statement in parse(text).body:
            self._do(statement)
        return self.output

    def _do(self, node: tree.Node) -> None:
        if isinstance(node, tree.Assignment):
            value = _unrolled(self._stream(node.value)) if _is_stream(node.value) else self._value(node.value)
            self.variables[node.name] = value
        elif isinstance(node, tree.Choice):
            for condition, body in node.branches:
                if condition is None or _is_true(self._value(condition)):
                    self._all(body)
                    return
        elif isinstance(node, tree.Loop):
            for one in _listed(self._value(node.items)):
                self.variables[node.name] = one
                self._all(node.body)
        elif isinstance(node, tree.Throw):
            raise Thrown(str(self._value(node.text)))
        else:
            self.output += [str(one) for one in self._stream(node)]

    def _all(self, body: tuple[tree.Node, ...]) -> None:
        for one in body:
            self._do(one)

    def _stream(self, node: tree.Node) -> list[Any]:
        """What a pipeline gives, one by one."""
        if isinstance(node, tree.Command):
            return self._command(node, [])
        if not isinstance(node, tree.Pipeline):
            value = self._value(node)
            return value if isinstance(value, list) else [] if value is None else [value]
        found = self._stream(node.stages[0])
        for stage in node.stages[1:]:
            assert isinstance(stage, tree.Command)
            found = self._command(stage, found)
        return found

    def _command(self, node: tree.Command, given: list[Any]) -> list[Any]:
        if node.name == "Where-Object":
            (_, block), *_ = node.arguments
            assert isinstance(block, tree.Block)
            return [one for one in given if self._holds(block, one)]
        arguments = {name: True if value is None else self._value(value) for name, value in node.arguments}
        if node.name == "Write-Output":
            return [arguments["InputObject"]]
        return self._cmdlets[node.name](**arguments)

    def _holds(self, block: tree.Block, one: Any) -> bool:
        self.variables["_"] = one
        (condition,) = block.body
        return _is_true(self._value(condition))

    def _value(self, node: tree.Node) -> Any:
        kind = type(node).__name__.lower()
        return getattr(self, f"_value_of_{kind}")(node)

    def _value_of_literal(self, node: tree.Literal) -> Any:
        return node.value

    def _value_of_expand(self, node: tree.Expand) -> str:
        return "".join(str(self._value(one)) for one in node.parts)

    def _value_of_variable(self, node: tree.Variable) -> Any:
        return self.variables[node.name]

    def _value_of_member(self, node: tree.Member) -> Any:
        target = self._value(node.target)
        if isinstance(target, list):
            if node.name == "Count":
                return len(target)
            found = [_member(one, node.name) for one in target]
            return _unrolled([one for many in found for one in _listed(many)])
        return _member(target, node.name)

    def _value_of_index(self, node: tree.Index) -> Any:
        target, at = self._value(node.target), self._value(node.at)
        return target[at] if target is not None and at < len(target) else None

    def _value_of_table(self, node: tree.Table) -> dict[str, Any]:
        return {key: self._value(value) for key, value in node.pairs}

    def _value_of_items(self, node: tree.Items) -> list[Any]:
        if not node.is_array:
            return [self._value(one) for one in node.items]
        if len(node.items) == 1:
            return (
                _listed(self._value(node.items[0]))
                if not _is_stream(node.items[0])
                else self._stream(node.items[0])
            )
        return [self._value(one) for one in node.items]

    def _value_of_inner(self, node: tree.Inner) -> Any:
        return (
            _unrolled(self._stream(node.pipeline))
            if _is_stream(node.pipeline)
            else self._value(node.pipeline)
        )

    def _value_of_command(self, node: tree.Command) -> Any:
        return _unrolled(self._stream(node))

    def _value_of_pipeline(self, node: tree.Pipeline) -> Any:
        return _unrolled(self._stream(node))

    def _value_of_negation(self, node: tree.Negation) -> bool:
        return not _is_true(self._value(node.target))

    def _value_of_call(self, node: tree.Call) -> bool:
        assert node.name == "ShouldProcess"
        target, action = (str(self._value(one)) for one in node.arguments)
        self.asked.append(f"{target}: {action}")
        return self._asks(target, action)

    def _value_of_operation(self, node: tree.Operation) -> Any:
        left = self._value(node.left)
        if node.name in ("and", "or"):
            if _is_true(left) is (node.name == "or"):
                return node.name == "or"
            return _is_true(self._value(node.right))
        right = self._value(node.right)
        if node.name == "plus":
            return [*left, *_listed(right)] if isinstance(left, list) else str(left) + str(right)
        if node.name in ("contains", "notcontains"):
            return any(_equal(one, right) for one in _listed(left)) is (node.name == "contains")
        if node.name == "gt":
            return left > right
        return _equal(left, right) is (node.name == "eq")


def _is_stream(node: tree.Node) -> bool:
    return isinstance(node, tree.Command | tree.Pipeline)


def _member(target: Any, name: str) -> Any:
    if target is None:
        return None
    return next((value for key, value in target.items() if key.lower() == name.lower()), None)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _unrolled(found: list[Any]) -> Any:
    return None if not found else found[0] if len(found) == 1 else found


def _is_true(value: Any) -> bool:
    if isinstance(value, list):
        return _is_true(value[0]) if len(value) == 1 else bool(value)
    return isinstance(value, dict) or bool(value)  # any object is true


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    return bool(left == right)
