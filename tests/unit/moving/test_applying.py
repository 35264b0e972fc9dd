"""A file is replaced whole, with a copy of the old one; strangers are seen."""

from __future__ import annotations

from pathlib import Path

from relay365.config import Config, parse
from relay365.moving.applying import replace, strangers

HEAD = '[server]\ndata = "d"\n[[listener]]\naddress = "127.0.0.1:25"\n[[route]]\nkind = "smarthost"\nhost = "a:25"\n'


def _config(*networks: str, more: str = "") -> Config:
    return parse(HEAD + "".join(f'[[allow]]\nnetwork = "{one}"\n' for one in networks) + more, "x")


def test_a_file_is_replaced_and_kept(tmp_path: Path) -> None:
    """The copy has the old text, the new one the old mode; nothing else is left behind."""
    file = tmp_path / "relay365.toml"
    file.write_text("old")
    file.chmod(0o604)
    backup = replace(file, "new", "20261130T081500")

    assert tmp_path / "relay365.toml.20261130T081500" == backup
    assert ("new", "old") == (file.read_text(), backup.read_text())
    assert (0o604, 2) == (file.stat().st_mode & 0o777, len(list(tmp_path.iterdir())))


def test_a_new_file_is_not_for_everybody(tmp_path: Path) -> None:
    """There is nothing to copy, and others cannot read it."""
    file = tmp_path / "relay365.toml"

    assert (None, 0o640) == (replace(file, "new", "x"), file.stat().st_mode & 0o777)


def test_a_link_is_followed(tmp_path: Path) -> None:
    """What a link names is replaced, the link stays."""
    target, link = tmp_path / "real.toml", tmp_path / "relay365.toml"
    target.write_text("old")
    link.symlink_to(target)
    replace(link, "new", "x")

    assert (True, "new", "old") == (
        link.is_symlink(),
        target.read_text(),
        (tmp_path / "real.toml.x").read_text(),
    )


def test_strangers_are_those_that_are_new() -> None:
    """Public networks and devices without a login; what was allowed before, private or asks for a login is no news."""
    before = _config("20.1.0.0/24")
    more = (
        '[[allow]]\nnetwork = "20.3.0.0/24"\nlogin = "required"\n'
        '[[device]]\nname = "a"\nmatch = { address = "20.4.0.1" }\n'
        '[[device]]\nname = "b"\nmatch = { address = "20.5.0.1", login = "b" }\n'
    )
    after = _config("20.1.0.0/24", "10.1.0.0/24", "20.2.0.0/24", more=more)

    assert ["[[allow]] 20.2.0.0/24", "[[device]] a"] == strangers(before, after)
    assert 3 == len(strangers(None, after))
