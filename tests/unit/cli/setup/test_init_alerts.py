"""The channel of a new relay, where it cannot be; the good ways are in tests/e2e/test_init_alerts_story.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay365.cli.setup import init_alerts
from relay365.cli.setup.init_alerts import DO, try_channels
from relay365.config import Channel
from relay365.setup.tries.answer import Answer

HEAD = """\
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
host = "127.0.0.1:1"
tls = "none"
"""
WEBHOOK = '[[alerts.channel]]\nkind = "webhook"\nurl = { file = "hook.url" }\n'
MAIL = '[[alerts.channel]]\nkind = "mail"\nto = "it@fabrikam.com"\n'


def _tried(folder: Path, text: str) -> tuple[list[Answer], list[str]]:
    (folder / "r.toml").write_text(text, "utf-8")
    told: list[str] = []
    return try_channels(folder / "r.toml", lambda answer, _: told.append(answer.name), 5.0), told


def test_a_channel_that_is_not_there(tmp_path: Path) -> None:
    """Its own words are the reason, and what heals it is said."""
    (tmp_path / "hook.url").write_text("http://127.0.0.1:1/x")
    (found,), told = _tried(tmp_path, HEAD + WEBHOOK)

    assert (["alerts by webhook"], False, DO["webhook"]) == (told, found.good, found.do)
    assert found.text.startswith("127.0.0.1: Connect")


def test_a_mail_that_does_not_go(tmp_path: Path) -> None:
    """Queued is not enough: the next server must have it."""
    found, told = _tried(tmp_path, HEAD + MAIL)

    assert ["alerts by mail", "alerts delivered"] == told
    assert [True, False] == [one.good for one in found]


def test_a_relay_that_does_not_start(tmp_path: Path) -> None:
    """That is said first."""
    (tmp_path / "data").write_text("not a directory")
    (found,), told = _tried(tmp_path, HEAD + MAIL)

    assert (["relay"], "the relay did not start") == (told, found.text)


def test_a_relay_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever."""
    monkeypatch.setattr(init_alerts, "answers_of_test", lambda *_: None)
    (found,), _ = _tried(tmp_path, HEAD + MAIL)

    assert "the relay has not told the test" == found.text


def test_each_kind_has_its_cure() -> None:
    """As many as the configuration knows."""
    kinds = Channel.model_fields["kind"].annotation

    assert set(DO) == set(kinds.__args__)  # type: ignore[union-attr]
