"""The rules of the house hold: for the product, for the tests, and each exemption has a reason and is needed."""

from __future__ import annotations

import pytest

from shape.rules import RULES, TEST_RULES
from shape.tree import SRC, TESTS, Module, exemptions, modules

ALL_RULES = {**RULES, **TEST_RULES, "unit-tests": None}
BROAD_EXCEPTS = 3  # the session's task, the attempt's task, the writer's thread

# For each rule: the smallest module that breaks it.
BAD = {
    "module-lines": '"""Long."""\n' + "\n" * 400,
    "function-lines": "def f():\n" + "    x = 1\n" * 51,
    "parameters": "def f(self, a, b, c, d, *, e, f, g): ...",
    "nesting": "def f():\n if a:\n  for b in c:\n   with d:\n    while e:\n     pass\n",
    "class-attributes": "class C:\n" + "".join(f"    a{n}: int\n" for n in range(13)),
    "module-docstring": "x = 1\n",
    "broad-except": "def f():\n try:\n  pass\n except (ValueError, Exception):\n  pass\n",
    "test-docstring": "def test_it():\n assert 1 == 2\n",
    "test-asserts": 'def test_it():\n """It works."""\n f()\n',
}


def _allowed(rule: str) -> set[str]:
    return {one.where for one in exemptions() if one.rule == rule}


@pytest.mark.parametrize("rule", sorted(RULES))
def test_the_product_keeps_the_rule(rule: str) -> None:
    """Nothing in src breaks it, but for what allowed.toml names; and that still breaks it."""
    assert _allowed(rule) == set(RULES[rule](modules(SRC)))


@pytest.mark.parametrize("rule", sorted(TEST_RULES))
def test_the_tests_keep_the_rule(rule: str) -> None:
    """Nothing in tests breaks it, but for what allowed.toml names; and that still breaks it."""
    assert _allowed(rule) == set(TEST_RULES[rule](modules(TESTS)))


@pytest.mark.parametrize("rule", sorted(BAD))
def test_the_rule_sees_a_breach(rule: str) -> None:
    """The smallest module that breaks a rule is found."""
    find = {**RULES, **TEST_RULES}[rule]

    assert 1 == len(list(find([Module.of("src/relay365/bad.py", BAD[rule])])))


def test_a_drawer_and_a_stolen_name_are_seen() -> None:
    """`utils` and a module named like the standard library are found, packages too."""
    paths = [
        "src/relay365/utils.py",
        "src/relay365/mail/email.py",
        "src/relay365/common/__init__.py",
        "src/relay365/x.py",
    ]

    assert paths[:3] == list(RULES["names"](Module.of(path, "") for path in paths))


def test_a_crowd_is_seen() -> None:
    """Eleven modules in one package are found, ten are not; `__init__` is not counted."""
    names = ["__init__", *(f"m{n}" for n in range(11))]
    crowd = [Module.of(f"src/relay365/crowd/{name}.py", "") for name in names]

    assert ["src/relay365/crowd"] == list(RULES["package-modules"](crowd))
    assert [] == list(RULES["package-modules"](crowd[:-1]))


def test_elif_and_case_go_no_deeper() -> None:
    """A long elif ladder and a match count as one block each."""
    ladder = (
        "def f():\n if a:\n  pass\n elif b:\n  pass\n elif c:\n  pass\n elif d:\n  pass\n elif e:\n  pass\n"
    )

    assert [] == list(RULES["nesting"]([Module.of("x.py", ladder)]))


def test_tidying_up_is_no_broad_except() -> None:
    """A handler that ends in a bare raise keeps nothing back."""
    tidy = "def f():\n try:\n  pass\n except BaseException:\n  g()\n  raise\n"

    assert [] == list(RULES["broad-except"]([Module.of("x.py", tidy)]))


def test_broad_excepts_are_counted() -> None:
    """There are at most three places that catch everything."""
    assert len(list(RULES["broad-except"](modules(SRC)))) <= BROAD_EXCEPTS


def test_every_exemption_has_a_rule_and_a_reason() -> None:
    """An exemption names a rule that exists and says why in a sentence; none stands twice."""
    entries = exemptions()

    assert [] == [one for one in entries if one.rule not in ALL_RULES or len(one.reason) < 20]
    assert len(entries) == len({(one.rule, one.where) for one in entries})
