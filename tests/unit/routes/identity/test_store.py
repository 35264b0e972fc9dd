"""A stored sign-in is whole or old, ours alone, and closed where a key is named."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

import relay365.routes.identity.store as module
from relay365.errors import ConfigError
from relay365.routes.identity.credential import Reference
from relay365.routes.identity.store import StoreBusy, TokenStore

REFRESH = '{"refresh": "Ref/resh+Kanarie"}'


def _key(letters: str) -> Reference:
    return Reference("server: token_key", letters.encode)


def _saved(store: TokenStore, content: str = REFRESH) -> TokenStore:
    with store.held():
        store.save(content)
    return store


@pytest.mark.parametrize("key", [None, _key("k" * 44)])
def test_what_was_saved_is_loaded(tmp_path: Path, key: Reference | None) -> None:
    """By another process, too: nothing of it is in memory."""
    _saved(TokenStore(tmp_path / "tokens" / "a.bin", key))

    assert REFRESH == TokenStore(tmp_path / "tokens" / "a.bin", key).load()


def test_nothing_saved_is_empty(tmp_path: Path) -> None:
    """Before the first sign-in and after forget(), which says whether there was anything."""
    store = TokenStore(tmp_path / "tokens" / "a.bin")
    before = store.load()
    _saved(store)

    assert ("", True, "", False) == (before, store.forget(), store.load(), store.forget())


def test_only_we_can_read_it(tmp_path: Path) -> None:
    """0600 for the files and 0700 for the directory, whatever the umask is."""
    before = os.umask(0)
    try:
        _saved(TokenStore(tmp_path / "tokens" / "a.bin"))
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "tokens").iterdir()}

    assert {"a.bin": 0o600, "a.lock": 0o600} == modes
    assert 0o700 == stat.S_IMODE((tmp_path / "tokens").stat().st_mode)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    """The error says which rights were found and how to put them right."""
    store = _saved(TokenStore(tmp_path / "a.bin"))
    store.file.chmod(mode)
    with pytest.raises(ConfigError) as error:
        store.load()

    assert (f"{mode:04o}", True) == (error.value.found, "chmod 600" in error.value.hint)


def test_a_sealed_file_shows_nothing(tmp_path: Path) -> None:
    """Neither content nor key."""
    octets = _saved(TokenStore(tmp_path / "a.bin", _key("k" * 44))).file.read_bytes()

    assert (False, False) == (b"Kanarie" in octets, b"kkkk" in octets)


@pytest.mark.parametrize(
    ("key", "found"), [(None, "none"), (_key("x" * 44), "another one"), (_key("short"), "5")]
)
def test_a_sealed_file_needs_its_key(tmp_path: Path, key: Reference | None, found: str) -> None:
    """Without it, with another one and with one that can be guessed: refused in words."""
    _saved(TokenStore(tmp_path / "a.bin", _key("k" * 44)))
    with pytest.raises(ConfigError) as error:
        TokenStore(tmp_path / "a.bin", key).load()

    assert found == error.value.found


def test_a_file_of_somebody_else_is_not_read(tmp_path: Path) -> None:
    """What we did not write is no sign-in."""
    file = tmp_path / "a.bin"
    file.write_text("{}")
    file.chmod(0o600)
    with pytest.raises(ConfigError) as error:
        TokenStore(file).load()

    assert "something else" == error.value.found


def test_a_save_that_fails_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk in the middle of a rotation: what Microsoft gave before is still there."""
    store = _saved(TokenStore(tmp_path / "a.bin"))

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"), store.held():
        store.save("new")

    assert REFRESH == store.load()


def test_two_take_turns(tmp_path: Path) -> None:
    """Whoever holds it keeps the other out until it is done: the second sees what the first saved."""
    store, other = TokenStore(tmp_path / "a.bin"), TokenStore(tmp_path / "a.bin")
    seen: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.set()
        with other.held():
            seen.append(other.load())

    with store.held():
        thread = threading.Thread(target=second)
        thread.start()
        inside.wait(5.0)
        store.save(REFRESH)
    thread.join(5.0)

    assert [REFRESH] == seen


def test_waiting_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that hangs with the lock is not waited for longer than the patience."""
    monkeypatch.setattr(module, "LOCK_S", 0.1)
    store, other = TokenStore(tmp_path / "a.bin"), TokenStore(tmp_path / "a.bin")
    with store.held(), pytest.raises(StoreBusy), other.held():
        raise AssertionError("both have it")


def test_each_save_is_another_version(tmp_path: Path) -> None:
    """That is how the service learns of a sign-in at the terminal."""
    store = TokenStore(tmp_path / "a.bin")
    versions = {store.version(), _saved(store).version(), _saved(store).version()}

    assert 3 == len(versions)
