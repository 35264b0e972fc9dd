"""Whatever a device is refused with stands in relay365.mail.refusals, is short enough for a panel, and is explained.

The texts are not listed here: the source is read. A reply is made by `Reply` and `Reply.of`, by a `Refusal`, or written
as octets; each place outside that package where a negative one could be made is found.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from relay365.mail.refusals.closed import REFUSALS
from relay365.mail.refusals.refusal import MOST_WORDS, Refusal
from shape.tree import SRC, Module, modules

HOME = "src/relay365/mail/refusals/"
# What speaks for another server than ours, or reads what one has said.
OTHERS = ("src/relay365/emulator/", "src/relay365/smtp/client.py", "src/relay365/trial/sink.py")
FILLED = {
    "verb": "STARTTLS",
    "word": "SMTPUTF8",
    "form": "MAIL FROM:<address>",
    "flaw": "bad domain",
    "limit": "35 MB",
}
_NEGATIVE = re.compile(rb"[45]\d\d[ -]")
_MARK = re.compile(r"A[1-9]\d{0,2}")
FIRST_YES, FIRST_NO = 200, 400


def makers(module: Module) -> Iterator[str]:
    """The lines of a module that make a refusal of their own."""
    for node in ast.walk(module.tree):
        if (isinstance(node, ast.Call) and _makes_refusal(node)) or _is_one(node):
            yield f"{module.path}:{getattr(node, 'lineno', 0)}"


def _is_one(node: ast.AST) -> bool:
    """Octets that are a negative reply."""
    return (
        isinstance(node, ast.Constant) and isinstance(node.value, bytes) and bool(_NEGATIVE.match(node.value))
    )


def _makes_refusal(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    if name.rpartition(".")[2] == "Refusal":
        return True
    if name not in ("Reply", "Reply.of", "status.Reply", "status.Reply.of"):
        return False
    code = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "code"), None)
    return not (isinstance(code, ast.Constant) and FIRST_YES <= code.value < FIRST_NO)


def declared(module: Module) -> set[str]:
    """The names that a module of the package gives to refusals."""
    return {
        target.id
        for node in module.tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name) and ast.unparse(node.value.func).endswith(("Refusal", "._replace"))
    }


def listed(module: Module) -> list[str]:
    """The names that stand in its tuple REFUSALS."""
    tuples = [
        node.value
        for node in module.tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "REFUSALS"
    ]
    return [ast.unparse(one) for found in tuples if isinstance(found, ast.Tuple) for one in found.elts]


def heard(refusal: Refusal) -> str:
    """A refusal as a device hears it, its gaps filled with the longest words that there are."""
    gaps = re.findall(r"\{(\w+)\}", refusal.words)
    return refusal.said("" if refusal.mark else "R999", **{gap: FILLED[gap] for gap in gaps}).lines[0]


def test_no_refusal_is_made_elsewhere() -> None:
    """Whoever needs another refusal writes it into the list; Reply and octets make positive replies only."""
    ours = [module for module in modules(SRC) if not module.path.startswith((HOME, *OTHERS))]

    assert len(ours) > 300
    assert [] == [place for module in ours for place in makers(module)]


@pytest.mark.parametrize(
    "line",
    [
        'x = Reply.of(550, "5.7.1", "no")',
        'x = Reply(550, None, ("no",))',
        'x = Reply.of(code, "5.7.1", "no")',
        'x = Reply.of(code=450, status="4.7.1", text="no")',
        'x = Refusal("A99", 550, "5.7.1", "no", "", "")',
        'stream.write(b"421 4.3.2 gone\\r\\n")',
        'stream.write(b"550-no\\r\\n")',
    ],
)
def test_a_refusal_that_is_made_elsewhere_is_seen(line: str) -> None:
    """Each way to make one; a yes is none."""
    assert 1 == len(list(makers(Module.of("src/relay365/engine/bad.py", line))))
    assert [] == list(makers(Module.of("src/relay365/engine/good.py", 'x = Reply.of(250, "2.0.0", "OK")')))


def test_every_refusal_of_the_package_is_in_the_list() -> None:
    """What a module declares stands in its REFUSALS, once, and all of these are in the closed list."""
    lists = [m for m in modules(SRC) if m.path.startswith(HOME) and declared(m)]

    assert 3 == len(lists)
    assert [] == [m.path for m in lists if sorted(declared(m)) != sorted(listed(m))]
    assert sum(len(listed(m)) for m in lists) == len(REFUSALS) == len(set(REFUSALS))


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: f"{one.mark}-{one.words}".replace(" ", "-"))
def test_a_panel_can_show_it(refusal: Refusal) -> None:
    """An enhanced code of its own class, at most six words, a mark; why and what to do are sentences for people."""
    said, words = str(refusal.said("" if refusal.mark else "R12", **FILLED)), heard(refusal)

    assert len(words.split()) <= MOST_WORDS, words
    assert words.isascii() and "{" not in words
    assert refusal.status.startswith(f"{refusal.code // 100}.")
    assert re.fullmatch(r"[45]\d\d [45]\.\d\.\d{1,2} .+ \((A|R)\d{1,3}\)", said), said
    assert len(refusal.why.split()) > 3 and len(refusal.cure().split()) > 3
    assert "{" not in refusal.why.replace("tolerate = {", "") and "{place}" not in refusal.cure()


def test_marks_stay_and_are_nobody_elses() -> None:
    """A mark is A and a number, given once; a refusal without one of its own always has that of a rule."""
    marks = [one.mark for one in REFUSALS if one.mark]

    assert len(marks) == len(set(marks))
    assert [] == [mark for mark in marks if not _MARK.fullmatch(mark)]
    assert {"5.7.1", "5.7.0", "4.7.1"} == {one.status for one in REFUSALS if not one.mark}
