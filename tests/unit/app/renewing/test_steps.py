"""Which pair a route signs in with, the next one beside it, and what keeps it from being added."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay365.app.place import Site
from relay365.app.renewing.steps import Rotation, key_file
from relay365.config import Account, parse
from relay365.setup.keys import LIFE_DAYS, make_key
from relay365.setup.resume import Progress, Result, save
from relay365.setup.rotation import NotRotated

NOW = 1_796_000_000.0
CLIENT = "7a1e0c52-0000-4000-8000-000000000000"
HEAD = '[server]\ndata = "d"\n[[listener]]\naddress = "127.0.0.1:25"\n'
ROUTE = f'[[route]]\nkind = "{{kind}}"\ntenant = "contoso.com"\nclient = "{CLIENT}"\n{{keys}}\n'
ONE_FILE = (
    'mailbox = "scan@contoso.com"\ncertificate = { file = "app.pem" }\nkey = { file = "app.pem" }\n'
    'authority = "https://127.0.0.1:1"\ngraph_endpoint = "https://127.0.0.1:1"\n'
)


def _table(keys: str, kind: str = "submission") -> Account:
    (table,) = parse(HEAD + ROUTE.format(kind=kind, keys=keys), "x.toml").route
    assert isinstance(table, Account)
    return table


def _rotation(folder: Path, keys: str = ONE_FILE) -> Rotation:
    return Rotation("submission", _table(keys), Site("relay.test", folder, folder / "data"))


@pytest.mark.parametrize(
    ("kind", "keys", "file"),
    [
        ("submission", ONE_FILE, "app.pem"),
        ("submission", 'mailbox = "a@b.c"\ncertificate = { file = "a" }\nkey = { file = "b" }', None),
        ("submission", 'mailbox = "a@b.c"\ncertificate = { credential = "a" }\nkey = { credential = "a" }', None),
        ("submission", 'mailbox = "a@b.c"\nsecret = { file = "a" }', None),
        ("connector", 'domain = "b.c"\nfind = "graph"\napp_certificate = {file = "a"}\napp_key = {file = "a"}', "a"),
        ("connector", 'domain = "b.c"\ncertificate = { file = "a" }\nkey = { file = "a" }', None),
    ],
)  # fmt: skip
def test_the_file_of_certificate_and_key(tmp_path: Path, kind: str, keys: str, file: str | None) -> None:
    """One file for both, so that both are replaced at one instant; what a connector shows is no application's."""
    assert (tmp_path / file if file else None) == key_file(_table(keys, kind), tmp_path)


def test_the_next_pair_is_made_once(tmp_path: Path) -> None:
    """What an interrupted renewal left is used again, unless it has grown old itself."""
    rotation = _rotation(tmp_path)
    present = make_key(tmp_path / "app.pem", "srv", NOW)
    first = rotation.following(present, "srv", NOW)
    again = rotation.following(present, "srv", NOW + 1000)
    late = rotation.following(present, "srv", NOW + LIFE_DAYS * 86_400)

    assert tmp_path / "app.pem.next" == first.file
    assert first.der == again.der != late.der


def test_what_cannot_be_used(tmp_path: Path) -> None:
    """In three words: what, why, and what to do."""
    rotation = _rotation(tmp_path)
    (tmp_path / "app.pem").write_text("nothing")
    with pytest.raises(NotRotated, match="cannot be used") as error:
        rotation.present()

    assert error.value.do


def test_the_registration_is_of_the_file_or_of_the_wizard(tmp_path: Path) -> None:
    """The file goes before; what the wizard learnt of another application does not count."""
    assert "" == _rotation(tmp_path).registration()
    (tmp_path / "data").mkdir()
    result = Result("t", CLIENT, "p", "learnt", "scan@contoso.com")
    save(tmp_path / "data", Progress({}, result=result))
    assert "learnt" == _rotation(tmp_path).registration()
    assert "told" == _rotation(tmp_path, ONE_FILE + 'registration = "told"\n').registration()
    save(tmp_path / "data", Progress({}, result=Result("t", "other", "p", "learnt", "m")))
    assert "" == _rotation(tmp_path).registration()


def test_without_a_registration_nothing_is_asked(tmp_path: Path) -> None:
    """What to set, and the way by hand, are said."""
    present = make_key(tmp_path / "app.pem", "srv", NOW)
    with pytest.raises(NotRotated, match="object id") as error:
        _rotation(tmp_path).add(present, present, "", NOW)

    assert "registration =" in error.value.do


def test_nobody_answers(tmp_path: Path) -> None:
    """No token for Graph; and no key is put on the keyring for one question."""
    present = make_key(tmp_path / "app.pem", "srv", NOW)
    rotation = _rotation(tmp_path)
    with pytest.raises(NotRotated, match="no token for Graph"):
        rotation.add(present, present, "id", NOW)

    assert [] == rotation.site.keyring.keys
    assert not rotation.ask_with(present).good


def test_the_swap(tmp_path: Path) -> None:
    """The old pair stays beside the new one; a directory that is gone is said."""
    rotation = _rotation(tmp_path)
    present = make_key(tmp_path / "app.pem", "srv", NOW)
    fresh = rotation.following(present, "srv", NOW)
    rotation.take_over(present, fresh)

    assert fresh.der == rotation.present().der
    with pytest.raises(NotRotated, match="cannot be replaced"):
        rotation.take_over(present, fresh)
