"""A script's text as a tree."""

from __future__ import annotations

import pytest

from relay365.setup.powershell.grammar import parse
from relay365.setup.powershell.tokens import ScriptError
from relay365.setup.powershell.tree import (
    Assignment,
    Call,
    Choice,
    Command,
    Inner,
    Items,
    Literal,
    Loop,
    Member,
    Negation,
    Node,
    Operation,
    Pipeline,
    Throw,
    Variable,
)


def _one(text: str) -> Node:
    (statement,) = parse(text).body
    return statement


def test_a_command() -> None:
    """Named parameters with values, a switch, a switch with its value behind a colon, a list."""
    assert Command(
        "Get-Mailbox",
        (("Identity", Variable("box")), ("Shared", None), ("Confirm", Variable("false")),
         ("A", Items((Literal("a"), Literal("b")), is_array=False))),
        1,
    ) == _one("Get-Mailbox -Identity $box -Shared -Confirm:$false -A 'a', 'b'")  # fmt: skip


def test_the_order_of_operators() -> None:
    """-and binds less than -eq, which binds less than +."""
    a, b = Variable("a"), Variable("b")

    assert Assignment(
        "x", Operation("and", Operation("eq", a, Operation("plus", b, Literal("c"))), Negation(b))
    ) == _one("$x = $a -eq $b + 'c' -and -not $b")


def test_a_pipeline_with_a_block() -> None:
    """Where-Object gets its block; the pipeline may be assigned."""
    found = _one("$x = Get-AcceptedDomain | Where-Object { $_.Name -eq 'a' }")

    assert isinstance(found, Assignment)
    assert isinstance(found.value, Pipeline)
    assert ["Get-AcceptedDomain", "Where-Object"] == [
        one.name for one in found.value.stages if isinstance(one, Command)
    ]


def test_choices_loops_and_throws() -> None:
    """if, elseif and else on the same or the next line; foreach; throw."""
    found = _one(
        "if ($a) {\n $b = 1\n} elseif ($c) { throw 'no' }\nelse {\n foreach ($x in $y) { $b = $x }\n}"
    )
    assert isinstance(found, Choice)
    (_, first), (_, second), (condition, third) = found.branches

    assert (Assignment("b", Literal(1)),) == first
    assert (Throw(Literal("no")),) == second
    assert condition is None
    assert (Loop("x", Variable("y"), (Assignment("b", Variable("x")),)),) == third


def test_members_calls_and_indexes() -> None:
    """A call is tight to its parenthesis; a command inside parentheses is a value."""
    call = _one("if ($PSCmdlet.ShouldProcess($a, 'x')) { }")
    assert isinstance(call, Choice)
    assert Call(Variable("PSCmdlet"), "ShouldProcess", (Variable("a"), Literal("x"))) == call.branches[0][0]

    inner = _one("$x = (Get-CASMailbox -Identity $m).SmtpClientAuthenticationDisabled")
    assert isinstance(inner, Assignment)
    assert isinstance(inner.value, Member)
    assert isinstance(inner.value.target, Inner)


def test_the_head() -> None:
    """A script that begins with the binding asks before changes; lines are counted with it."""
    head = "# about\n[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]\nparam()\n"

    assert parse(head + "$a = 1\n").asks
    assert not parse("$a = 1\n").asks
    with pytest.raises(ScriptError, match="line 4"):
        parse(head + "$a = \n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$a =", "is missing"), ("if ($a) { $b = 1", "} is missing"), ("(1", r"\) is missing"),
        ("Get-Mailbox -Identity $a + 'b'", "where a value is expected"), ("dir", "no cmdlet"),
        ("$a $b", "behind a statement"),
        ("Get-Mailbox -Confirm:", "has no value"), ("foreach ($a of $b) { }", "no `in`"), ("@{ 1 = 2 }", "a key"),
        ("Get-Mailbox -Identity New-Mailbox", "stands in quotes"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(text: str, reason: str) -> None:
    """Each with its line and the reason."""
    with pytest.raises(ScriptError, match=reason):
        parse(text)
