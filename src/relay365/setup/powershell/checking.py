"""Whether a script may be given to an administrator: read as PowerShell reads it, judged by Microsoft's pages.

What is checked: that it can be read at all; that every cmdlet is a documented one, every parameter one of its own and
every needed one there, in one of its documented forms; that a switch has no value and a parameter has one; that every
request to Graph is a documented one; that every variable was set before it is read; and that every cmdlet that changes
something stands inside ShouldProcess, so that -WhatIf changes nothing.
(Microsoft: about_Functions_CmdletBindingAttribute, "Everything you wanted to know about ShouldProcess")
"""

from __future__ import annotations

import dataclasses
import difflib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from relay365.setup.powershell.cmdlets import Cmdlet, ParameterSet, cmdlets, common, graph_calls
from relay365.setup.powershell.grammar import parse
from relay365.setup.powershell.tokens import ScriptError
from relay365.setup.powershell.tree import (
    Assignment,
    Block,
    Call,
    Choice,
    Command,
    Expand,
    Literal,
    Loop,
    Node,
    Operation,
    Script,
    Variable,
)

AUTOMATIC = frozenset(("true", "false", "null", "_", "PSCmdlet", "ErrorActionPreference"))
CHANGING = frozenset(("Add", "New", "Remove", "Set", "Update", "Enable", "Disable"))
HARMLESS = frozenset(("Set-StrictMode",))
GRAPH = "Invoke-MgGraphRequest"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. line: of the script, from 1; page: Microsoft's, "" where none says it."""

    line: int
    reason: str
    page: str = ""

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}" + (f" ({self.page})" if self.page else "")


def faults_of(text: str) -> list[Fault]:
    """Everything that is wrong with a script, in the order of its lines; empty for a good one."""
    try:
        script = parse(text)
    except ScriptError as error:
        return [Fault(error.line, error.reason)]
    found = [fault for command in _commands(script) for fault in _faults_of(command)]
    found += [Fault(line, f"${name} is read before it is set") for line, name in _unset(script)]
    found += _unasked(script)
    return sorted(found, key=lambda fault: fault.line)


def _commands(script: Script) -> Iterator[Command]:
    for statement in script.body:
        yield from (node for node in walk(statement) if isinstance(node, Command))


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def children(node: Node) -> Iterator[Node]:
    """What stands directly below a node."""
    for field in dataclasses.fields(node):
        yield from _nodes(getattr(node, field.name))


def _nodes(value: object) -> Iterator[Node]:
    if isinstance(value, tuple):
        for one in value:
            yield from _nodes(one)
    elif isinstance(value, Node):
        yield value


# -- one command --------------------------------------------------------------------------------------------------


def _faults_of(command: Command) -> Iterator[Fault]:
    cmdlet = cmdlets().get(command.name.lower())
    if cmdlet is None:
        yield Fault(
            command.line, f"{command.name} is no cmdlet that we know{_nearest(command.name, list(cmdlets()))}"
        )
        return
    given = [name.lower() for name, _ in command.arguments if name]
    faults = [*_unknown(command, cmdlet), *_twice(command, given), *_values(command, cmdlet)]
    yield from (Fault(command.line, reason, cmdlet.page) for reason in faults)
    if not faults and not any(_fits(one, command) for one in cmdlet.sets):
        yield Fault(command.line, _missing(command, cmdlet), cmdlet.page)
    if cmdlet.name == GRAPH and not faults:
        yield from _graph_faults(command)


def _unknown(command: Command, cmdlet: Cmdlet) -> Iterator[str]:
    known = cmdlet.names
    for name, _ in command.arguments:
        if name and name.lower() not in known and name.lower() not in common().names:
            yield f"{cmdlet.name} has no parameter -{name}{_nearest(name, list(known.values()))}"


def _twice(command: Command, given: list[str]) -> Iterator[str]:
    for name in sorted({name for name in given if given.count(name) > 1}):
        yield f"-{name} stands twice at {command.name}"


def _values(command: Command, cmdlet: Cmdlet) -> Iterator[str]:
    """Switches have no value but $true and $false behind a colon; parameters have one; nothing goes by place."""
    switches = {name for one in (*cmdlet.sets, common()) for name in one.switches}
    for name, value in command.arguments:
        is_block = isinstance(value, Block) and cmdlet.name == "Where-Object"
        if not name and not is_block:
            yield f"{cmdlet.name} gets a value without the name of its parameter"
        elif name.lower() in switches and value is not None and not _is_truth(value):
            yield f"-{name} of {cmdlet.name} is a switch and takes no value"
        elif name and name.lower() not in switches and value is None and name.lower() in cmdlet.names:
            yield f"-{name} of {cmdlet.name} has no value"


def _is_truth(value: Node) -> bool:
    return isinstance(value, Variable) and value.name in ("true", "false")


def _fits(form: ParameterSet, command: Command) -> bool:
    given = _given(command)
    return form.needed <= given <= form.names | common().names


def _given(command: Command) -> set[str]:
    return {name.lower() or "filterscript" for name, _ in command.arguments}


def _missing(command: Command, cmdlet: Cmdlet) -> str:
    given = _given(command)
    nearest = min(cmdlet.sets, key=lambda form: (len(given - form.names), len(form.needed - given)))
    lacks = [f"-{cmdlet.names[name]}" for name in sorted(nearest.needed - given)]
    odd = [f"-{cmdlet.names.get(name, name)}" for name in sorted(given - nearest.names - common().names)]
    if lacks:
        return f"{cmdlet.name} needs {' and '.join(lacks)}"
    return f"{cmdlet.name} has no form with {' and '.join(odd)} beside the others"


def _graph_faults(command: Command) -> Iterator[Fault]:
    arguments = {name.lower(): value for name, value in command.arguments}
    method, uri = arguments.get("method"), _path_of(arguments.get("uri"))
    words = str(method.value) if isinstance(method, Literal) else "GET"
    if not any(call.matches(words, uri.partition("?")[0]) for call in graph_calls()):
        yield Fault(command.line, f"{words} {uri} is no request to Graph that we know")
    if words in ("POST", "PATCH") and "body" not in arguments:
        yield Fault(command.line, f"{words} {uri} has no -Body")


def _path_of(node: Node | None) -> str:
    """An address with {} for what is only known when the script runs."""
    if isinstance(node, Literal):
        return str(node.value)
    if isinstance(node, Expand):
        return "".join(str(one.value) if isinstance(one, Literal) else "{}" for one in node.parts)
    if isinstance(node, Operation) and node.name == "plus":
        return _path_of(node.left) + _path_of(node.right)
    inner = list(children(node)) if node is not None else []
    return _path_of(inner[0]) if len(inner) == 1 and type(node).__name__ == "Inner" else "{}"


# -- the whole ----------------------------------------------------------------------------------------------------


def _unset(script: Script) -> Iterator[tuple[int, str]]:
    """Variables that are read before any statement above has set them: (line of the last command before, name)."""
    known, line = set(AUTOMATIC), 1
    for statement in script.body:
        for node in _in_order(statement):
            if isinstance(node, Command):
                line = node.line
            elif isinstance(node, Assignment | Loop):
                known.add(node.name)
            elif isinstance(node, Variable) and node.name not in known:
                yield line, node.name


def _in_order(node: Node) -> Iterator[Node]:
    """As walk(), but what an assignment sets comes behind what it reads."""
    if not isinstance(node, Assignment):
        yield node
    for child in children(node):
        yield from _in_order(child)
    if isinstance(node, Assignment):
        if node.is_added:
            yield Variable(node.name)
        yield node


def _unasked(script: Script) -> Iterator[Fault]:
    """Cmdlets that change something and are not asked about."""
    if not script.asks:
        yield Fault(1, "the script does not begin with [CmdletBinding(SupportsShouldProcess)] and param()")
    for statement in script.body:
        yield from _unasked_in(statement)


def _unasked_in(node: Node) -> Iterator[Fault]:
    if isinstance(node, Choice):
        unasked = [body for condition, body in node.branches if condition is None or not _asks(condition)]
        for one in itertools.chain.from_iterable(unasked):
            yield from _unasked_in(one)
        return
    if isinstance(node, Command) and _changes(node):
        yield Fault(node.line, f"{node.name} changes something and stands outside of ShouldProcess")
    for child in children(node):
        yield from _unasked_in(child)


def _asks(condition: Node) -> bool:
    if not (isinstance(condition, Call) and isinstance(condition.target, Variable)):
        return False
    return (condition.target.name, condition.name) == ("PSCmdlet", "ShouldProcess")


def _changes(command: Command) -> bool:
    if command.name == GRAPH:
        methods = [value for name, value in command.arguments if name.lower() == "method"]
        return any(not isinstance(one, Literal) or one.value != "GET" for one in methods)
    return command.name.partition("-")[0] in CHANGING and command.name not in HARMLESS


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.lower(), [one.lower() for one in known], 1)
    spelled = {one.lower(): one for one in known}
    proper = cmdlets()[near[0]].name if near and near[0] in cmdlets() else spelled[near[0]] if near else ""
    return f"; did you mean {proper}?" if proper else ""
