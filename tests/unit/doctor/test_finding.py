"""Findings: how they are named, counted and summed up."""

from __future__ import annotations

import pytest

from relay365.doctor.finding import Finding, Result, State, bad, counts, good, unknown, verdict, warn

GOOD, WARN = good("it is"), warn("it is late", "the clock", "set it")
BAD, UNKNOWN = bad("it is not", "no way", "build one"), unknown("nobody knows", "no answer", "ask again")


def result(finding: Finding, name: str = "upstream.out.auth", behind: str = "") -> Result:
    return Result(name, finding, behind=behind)


def test_a_name_has_three_parts() -> None:
    """Area, subject and question; a subject may hold dots, and may be missing."""
    one, other = result(GOOD, "dns.mail.contoso.com.spf"), result(GOOD, "local.disk")

    assert ("dns", "mail.contoso.com", "spf") == (one.area, one.subject, one.question)
    assert ("local", "", "disk") == (other.area, other.subject, other.question)


def test_what_stands_behind_a_fault_is_counted_apart() -> None:
    """One fault is one: what it hides is neither bad nor unknown."""
    found = counts([result(GOOD), result(BAD), result(UNKNOWN, behind="upstream.out.port")])

    assert {"good": 1, "warn": 0, "bad": 1, "unknown": 0, "behind": 1} == found


@pytest.mark.parametrize(
    ("findings", "word"),
    [
        ([], "good"),
        ([GOOD], "good"),
        ([GOOD, WARN], "warn"),
        ([WARN, UNKNOWN], "unknown"),
        ([UNKNOWN, BAD, GOOD], "bad"),
    ],
)
def test_the_worst_decides(findings: list[Finding], word: str) -> None:
    """A fault outweighs what could not be asked, and that a warning."""
    assert word == verdict([result(one) for one in findings])


def test_every_state_has_its_word() -> None:
    """The four words are an interface."""
    assert ["good", "warn", "bad", "unknown"] == [state.value for state in State]
    assert [State.GOOD, State.WARN, State.BAD, State.UNKNOWN] == [
        one.state for one in (GOOD, WARN, BAD, UNKNOWN)
    ]
