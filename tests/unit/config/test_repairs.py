"""The tables about contents: sizes and times in the words of the file."""

from __future__ import annotations

import pytest

from relay365.config import ConfigErrors, parse

GOOD = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:25"
[[route]]
kind = "smarthost"
host = "127.0.0.1:26"
[repair]
date_off = "1d"
[oversize]
limit = "35M"
action = "notify"
[duplicates]
window = "10m"
"""


def test_the_words_of_the_file_are_read() -> None:
    """A day, 35 MiB, ten minutes; what is not said has its default."""
    config = parse(GOOD, "x.toml")

    assert (86_400.0, "replace") == (config.repair.date_off, config.repair.date)
    assert (36_700_160, "notify") == (config.oversize.limit, config.oversize.action)
    assert 600.0 == config.duplicates.window


def test_a_client_and_a_route_may_say_it_for_themselves() -> None:
    """Either key alone; an unknown one is an error with the nearest name."""
    own = GOOD.replace('host = "127.0.0.1:26"', 'host = "127.0.0.1:26"\noversize = { limit = "10M" }')
    config = parse(own + '[[allow]]\nnetwork = "10.0.0.0/8"\noversize = { action = "hold" }\n', "x.toml")

    assert (10 << 20, None) == (config.route[0].oversize.limit, config.route[0].oversize.action)
    assert (None, "hold") == (config.allow[0].oversize.limit, config.allow[0].oversize.action)
    with pytest.raises(ConfigErrors) as error:
        parse(own.replace("{ limit", "{ limits"), "x.toml")
    assert "did you mean limit?" == error.value.errors[0].hint
