"""The tables about contents: sizes and times in the words of the file."""

from __future__ import annotations

from relay365.config import parse

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
