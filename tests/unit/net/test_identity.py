"""A certificate that is watched: read anew, renewed, kept when its successor is no use, complained about."""

from __future__ import annotations

import logging
import shutil
from functools import partial
from pathlib import Path

import pytest

from relay365.net.identity import DAY_S, WARN_DAYS, Identity
from relay365.net.tls import CA_DAYS, LEAF_DAYS, RENEW_DAYS, own_certificate

NOW = 1_795_000_000.0


@pytest.fixture
def pairs(tmp_path: Path) -> dict[str, tuple[Path, Path]]:
    """Two chains with their keys, made elsewhere."""
    return {name: own_certificate(tmp_path / name, ["relay.test"], NOW) for name in ("old", "new")}


def put(pair: tuple[Path, Path], folder: Path, *, which: slice = slice(None)) -> tuple[Path, Path]:
    """Copy chain, key or both to where the administrator keeps them."""
    folder.mkdir(exist_ok=True)
    targets = folder / "chain.pem", folder / "chain.key"
    for source, target in list(zip(pair, targets, strict=True))[which]:
        fresh = target.with_suffix(".new")
        shutil.copy(source, fresh)
        fresh.replace(target)
    return targets


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage().split()[0] for record in caplog.records]
    caplog.clear()
    return found


@pytest.fixture(autouse=True)
def _listening(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "relay365")


def test_files_that_stay_are_not_read_again(
    tmp_path: Path, pairs: dict[str, tuple[Path, Path]], caplog: pytest.LogCaptureFixture
) -> None:
    """The same files give the same context and no word."""
    identity = Identity(*put(pairs["old"], tmp_path / "admin"), "office")
    first = identity.context

    assert [None, None] == [identity.look(NOW), identity.look(NOW + 30)]
    assert first is identity.context
    assert [] == said(caplog)


def test_changed_files_give_a_new_context(
    tmp_path: Path, pairs: dict[str, tuple[Path, Path]], caplog: pytest.LogCaptureFixture
) -> None:
    """Once, with one line in the log."""
    identity = Identity(*put(pairs["old"], tmp_path / "admin"), "office")
    first = identity.context
    put(pairs["new"], tmp_path / "admin")
    fresh = identity.look(NOW)

    assert fresh is identity.context
    assert fresh is not first
    assert identity.look(NOW + 30) is None
    assert ["certificate.reloaded"] == said(caplog)


def test_chain_first_and_key_later_is_no_alarm(
    tmp_path: Path, pairs: dict[str, tuple[Path, Path]], caplog: pytest.LogCaptureFixture
) -> None:
    """Between the two the old one stays, without a word; when both are there the new one comes."""
    identity = Identity(*put(pairs["old"], tmp_path / "admin"), "office")
    put(pairs["new"], tmp_path / "admin", which=slice(0, 1))
    assert identity.look(NOW) is None
    put(pairs["new"], tmp_path / "admin", which=slice(1, 2))

    assert identity.look(NOW + 30) is not None
    assert ["certificate.reloaded"] == said(caplog)


@pytest.mark.parametrize("fault", ["key of another", "rubbish", "gone"])
def test_a_bad_successor_keeps_the_old_one(
    tmp_path: Path, pairs: dict[str, tuple[Path, Path]], caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    """Whatever is wrong: the old context stays, one error is logged, and a good file heals it."""
    chain, key = put(pairs["old"], tmp_path / "admin")
    identity = Identity(chain, key, "office")
    first = identity.context
    if fault == "key of another":
        put(pairs["new"], tmp_path / "admin", which=slice(1, 2))
    elif fault == "rubbish":
        chain.write_text("-----BEGIN NONSENSE-----\n")
    else:
        chain.unlink()

    assert [None] * 4 == [identity.look(NOW + n * 30) for n in range(4)]
    assert first is identity.context
    assert ["certificate.unusable"] == said(caplog)
    put(pairs["new"], tmp_path / "admin")
    assert identity.look(NOW + 200) is not None
    assert ["certificate.reloaded"] == said(caplog)


def test_our_own_is_renewed_before_its_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A service that runs for years: a look 29 days before the end makes a new leaf and shows it."""
    renew = partial(own_certificate, tmp_path, ["relay.test"])
    identity = Identity(*renew(NOW), "office", renew)
    due = NOW + (LEAF_DAYS - RENEW_DAYS) * DAY_S

    assert identity.look(due - DAY_S) is None
    assert identity.look(due + DAY_S) is not None
    assert ["certificate.reloaded"] == said(caplog)


def test_our_own_authority_is_renewed_before_a_leaf_outlives_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten years on: a new authority, and a warning that devices need it."""
    renew = partial(own_certificate, tmp_path, ["relay.test"])
    identity = Identity(*renew(NOW), "office", renew)
    before = (tmp_path / "ca.pem").read_bytes()

    assert identity.look(NOW + (CA_DAYS - LEAF_DAYS + 1) * DAY_S) is not None
    assert before != (tmp_path / "ca.pem").read_bytes()
    assert ["certificate.authority-renewed", "certificate.reloaded"] == said(caplog)


def test_an_end_that_is_near_is_said_once_a_day(
    tmp_path: Path, pairs: dict[str, tuple[Path, Path]], caplog: pytest.LogCaptureFixture
) -> None:
    """Three weeks before the end of the administrator's certificate somebody should know."""
    identity = Identity(*put(pairs["old"], tmp_path / "admin"), "office")
    near = NOW + (LEAF_DAYS - WARN_DAYS) * DAY_S
    identity.look(near - DAY_S)
    assert [] == said(caplog)
    for hours in range(1, 48):
        identity.look(near + hours * 3600)

    assert ["certificate.ends-soon"] * 2 == said(caplog)


def test_a_damaged_authority_of_ours_is_an_error_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Renewal is due and ca.key is rubbish: the certificate that is shown stays."""
    renew = partial(own_certificate, tmp_path, ["relay.test"])
    identity = Identity(*renew(NOW), "office", renew)
    (tmp_path / "ca.key").write_text("rubbish")
    due = NOW + (LEAF_DAYS - RENEW_DAYS + 1) * DAY_S

    assert [None, None, None] == [identity.look(due + n) for n in range(3)]
    assert ["certificate.unusable"] == said(caplog)


def test_files_that_cannot_be_used_are_an_error_at_the_beginning(tmp_path: Path) -> None:
    """There is no old certificate to keep: whoever starts the service must know."""
    with pytest.raises(OSError, match="No such file"):
        Identity(tmp_path / "chain.pem", tmp_path / "chain.key", "office")
