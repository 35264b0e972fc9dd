"""Logical lines, parameters, lists, times."""

from __future__ import annotations

import pytest

from relay365.moving.postfix.files.main_cf import Line, MainCf, logical_lines, seconds, words


def test_a_line_goes_on_over_comments() -> None:
    """White space continues, comments and empty lines between count for nothing, the place is the first line."""
    text = "# head\na = 1\n\n  2\n# between\n\t3\nb =\n"

    assert [Line("a = 1 2 3", "f:2"), Line("b =", "f:7")] == list(logical_lines(text, "f"))


def test_the_last_setting_holds() -> None:
    """The one that it overrides is kept, to be told; what is no setting, too."""
    cf = MainCf.of("a = 1\nb = $a\na = 2\nno sign here\n")

    assert "2" == cf.value("b")
    assert ["a = 1"] == [str(one) for one in cf.lost]
    assert [Line("no sign here", "main.cf:4")] == cf.broken
    assert "main.cf:3" == cf.where("a")


def test_defaults_are_those_of_postfix() -> None:
    """mydomain comes from myhostname; mynetworks_style from the compatibility level."""
    cf = MainCf.of("myhostname = mail.contoso.com\n")
    new = MainCf.of("compatibility_level = 3.6\n")

    assert ("contoso.com", "mail.contoso.com") == (cf.value("mydomain"), cf.value("myorigin"))
    assert ("subnet", "host") == (cf.value("mynetworks_style"), new.value("mynetworks_style"))
    assert ("", "localdomain") == (
        cf.value("smtpd_no_such"),
        MainCf.of("myhostname = vm\n").value("mydomain"),
    )


def test_a_circle_of_names_ends() -> None:
    """myhostname by mydomain, and mydomain by nobody."""
    cf = MainCf.of("myhostname = mail.$mydomain\n")

    assert ("mail.localdomain", "localdomain") == (cf.value("myhostname"), cf.value("mydomain"))


def test_words_are_apart_by_commas_and_space() -> None:
    """What stands in braces stays one word."""
    assert ["a", "b", "inline:{ {k = v}, x=y }", "c"] == words("a, b\tinline:{ {k = v}, x=y }  c,")


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("30s", "s", 30),
        ("4h", "s", 14400),
        ("5", "d", 432_000),
        ("1w", "s", 604_800),
        ("0", "s", 0),
        ("x", "s", None),
    ],
)
def test_a_time_has_a_unit(text: str, unit: str, expected: int | None) -> None:
    """Where none is written the parameter's own holds."""
    assert expected == seconds(text, unit)
