"""The tables about who comes in: what they take, and what they say about the rest."""

from __future__ import annotations

import pytest

from relay365.config import Config, ConfigErrors, parse
from relay365.mail.tolerance import TOLERANCES

GOOD = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:25"
[[route]]
kind = "smarthost"
host = "127.0.0.1:26"
"""


def _parse(more: str) -> Config:
    return parse(GOOD + more, "x.toml")


def test_a_device_has_a_name_and_something_to_be_known_by() -> None:
    """Its match is required, and an empty one is refused with what may stand there."""
    with pytest.raises(ConfigErrors, match="at least one of address, login and helo"):
        _parse('[[device]]\nname = "ups-2"\nmatch = {}\n')


def test_tolerances_are_keys_of_the_file() -> None:
    """Each word of the closed list is a key of [tolerate], with the list's default, and of a device's own table."""
    config = _parse(
        '[[device]]\nname = "a"\nmatch = { helo = "X" }\ntolerate = { bare_lf_ends_data = true }\n'
    )

    assert {one.name: one.is_on for one in TOLERANCES} == config.tolerate.model_dump()
    assert {"bare_lf_ends_data": True} == config.device[0].tolerate.model_dump(exclude_none=True)


def test_a_tolerance_that_nobody_knows_is_an_error() -> None:
    """With the nearest name."""
    with pytest.raises(ConfigErrors) as error:
        _parse("[tolerate]\nno_bracket = true\n")

    assert "did you mean no_brackets?" == error.value.errors[0].hint


def test_a_rewritten_sender_needs_a_target() -> None:
    """foreign = "rewrite" says nothing without an address."""
    with pytest.raises(ConfigErrors, match="rewrite_to"):
        _parse('[sender]\nforeign = "rewrite"\n')
