"""Secret files and the ends of credentials."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fakes.mailserver import Authority
from relay365.doctor.finding import State
from relay365.doctor.house import rights
from relay365.emulator.certificates import new_leaf
from relay365.errors import ConfigError
from relay365.routes.identity.expiry import DAY_S, Ending


def test_a_secret_is_ours_alone(tmp_path: Path) -> None:
    """0600 is good, 0640 is not and can be mended; a missing one is a fault."""
    file = tmp_path / "client.secret"
    missing = asyncio.run(rights.private("out/secret", file, tmp_path))
    file.write_text("x")
    file.chmod(0o600)
    good = asyncio.run(rights.private("out/secret", file, tmp_path))
    file.chmod(0o640)
    open_ = asyncio.run(rights.private("out/secret", file, tmp_path))

    assert [State.BAD, State.GOOD, State.WARN] == [missing.state, good.state, open_.state]
    assert open_.mend is not None and (file, 0o600) == (open_.mend.file, open_.mend.mode)
    assert "0640" in open_.text


def test_a_secret_that_we_cannot_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It belongs to somebody else."""
    (tmp_path / "s").write_text("x")
    monkeypatch.setattr("os.access", lambda *_: False)

    assert State.BAD is asyncio.run(rights.private("out/secret", tmp_path / "s", tmp_path)).state


def test_a_secret_that_only_root_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor of root sees it well; the service's user, to whom the data belong, does not."""
    (tmp_path / "s").write_text("x")
    monkeypatch.setattr(rights, "may_owner_read", lambda file, of: (file.name, of) != ("s", tmp_path))
    found = asyncio.run(rights.private("out/secret", tmp_path / "s", tmp_path))

    assert (State.BAD, True) == (found.state, "cannot be read by the service" in found.text)
    assert '{ credential = "s" }' in found.do


@pytest.mark.parametrize(("days", "state"), [(400, State.GOOD), (20, State.WARN), (-2, State.BAD)])
def test_credentials_end(days: int, state: State) -> None:
    """A month before, it is said; afterwards it is a fault."""
    ending = Ending("client secret", 1_000_000.0 + days * DAY_S + 60)

    assert state is asyncio.run(rights.lasts("out", lambda: ending, 1_000_000.0, is_secret=True)).state


def test_what_is_not_known_to_end() -> None:
    """A secret does not say when; one that cannot be read is a fault."""

    def unreadable() -> Ending | None:
        raise ConfigError("route out: certificate", "a certificate in PEM", "something else")

    assert "secret_expires" in asyncio.run(rights.lasts("out", lambda: None, 0.0, is_secret=True)).text
    assert "secret_expires" not in asyncio.run(rights.lasts("out", lambda: None, 0.0, is_secret=False)).text
    assert State.BAD is asyncio.run(rights.lasts("out", unreadable, 0.0, is_secret=False)).state


def test_a_listeners_certificate_in_its_file(tmp_path: Path, authority: Authority) -> None:
    """Also while nothing runs: good, soon, ended, none, missing."""

    def state(octets: bytes | None) -> State:
        file = tmp_path / "lan.pem"
        file.unlink(missing_ok=True)
        if octets is not None:
            file.write_bytes(octets)
        return asyncio.run(rights.certificate("127.0.0.1:25", file, authority.now)).state

    made = [new_leaf(authority.pair, ["a.test"], authority.now, days=days).pem()[0] for days in (300, 7, -1)]

    assert [State.GOOD, State.WARN, State.BAD] == [state(one) for one in made]
    assert [State.BAD, State.BAD] == [state(b"nothing"), state(None)]
