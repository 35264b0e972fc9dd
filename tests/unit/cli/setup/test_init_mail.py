"""The first mail, where it cannot be: the good way is in tests/e2e/test_init_story.py."""

from __future__ import annotations

from pathlib import Path

from relay365.cli.setup.init_mail import send_first
from relay365.setup.tries.answer import Answer

HEAD = '[server]\ndata = "./data"\n[[allow]]\nnetwork = "127.0.0.0/8"\n[[route]]\nkind = "smarthost"\ntls = "none"\n'
NOBODY = 'host = "127.0.0.1:1"\n'
PLAIN = '[[listener]]\naddress = "127.0.0.1:0"\n'


def _sent(folder: Path, text: str, wait_s: float = 5.0) -> tuple[list[Answer], list[str]]:
    """(the answers, what was told)."""
    (folder / "r.toml").write_text(text, "utf-8")
    told: list[str] = []
    addresses = ("scan@contoso.com", "ops@contoso.com")
    return send_first(folder / "r.toml", addresses, lambda answer, _: told.append(answer.name), wait_s), told


def test_a_relay_that_does_not_start(tmp_path: Path) -> None:
    """Its last words are the reason, and its log stays."""
    (tmp_path / "data").write_text("not a directory", "utf-8")
    found, told = _sent(tmp_path, HEAD + NOBODY + PLAIN)

    assert ["relay"] == told
    assert "the relay did not start" == found[0].text
    assert found[0].why
    assert (tmp_path / "r.first-run.log").exists()


def test_every_listener_asks_for_a_login(tmp_path: Path) -> None:
    """That is said, with what to do."""
    found, _ = _sent(tmp_path, HEAD + NOBODY + PLAIN + "require_auth = true\n")

    assert "every listener asks for a login" == found[0].text
    assert not (tmp_path / "r.first-run.log").exists()


def test_a_next_hop_that_is_away(tmp_path: Path) -> None:
    """The mail is taken and waits; the wizard says what came back, once, and gives up waiting in time."""
    found, told = _sent(tmp_path, HEAD + NOBODY + PLAIN)

    assert ["first mail", "delivered to Microsoft"] == told
    assert [True, False] == [answer.good for answer in found]


def test_a_network_that_may_not_send(tmp_path: Path) -> None:
    """The relay's own refusal is shown."""
    text = (HEAD + NOBODY + PLAIN).replace("127.0.0.0/8", "10.0.0.0/8")
    found, _ = _sent(tmp_path, text)

    assert not found[-1].good
    assert found[-1].text.startswith("5")
