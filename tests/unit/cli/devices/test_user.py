"""`relay365 user`: logins for devices."""

from __future__ import annotations

import re
from typing import Any

import argon2

from relay365.engine.accounts import read_users


def _stored(desk: Any, name: str) -> str:
    return read_users((desk.directory / "data" / "users").read_text("utf-8"))[name]


def test_a_password_is_made_and_shown_once(desk: Any) -> None:
    """Sixteen characters that a copier's panel can type; only their hash is kept."""
    (found,) = desk.objects("user", "add", "canon")

    assert re.fullmatch(r"[a-hjkmnp-z2-9]{16}", found["password"])
    assert argon2.PasswordHasher().verify(_stored(desk, "canon"), found["password"])
    assert found["password"] not in (desk.directory / "data" / "users").read_text("utf-8")


def test_a_given_password_is_not_shown(desk: Any) -> None:
    """It comes by standard input, so that it stands in no list of processes, and does not come out again."""
    said = desk.run("user", "add", "canon", "--password-stdin", stdin="s3cret words\n")

    assert (0, "login canon is ready\n") == (said.exit_code, said.stdout)
    assert argon2.PasswordHasher().verify(_stored(desk, "canon"), "s3cret words")


def test_names_and_passwords_that_cannot_be_are_refused(desk: Any) -> None:
    """A name that would break the file, and an empty password."""
    assert [2, 2, 2, 2] == [
        desk.run("user", "add", name).exit_code for name in ("a:b", "a b", "#x", "x" * 65)
    ]
    assert 2 == desk.run("user", "add", "canon", "--password-stdin", stdin="\n").exit_code
    assert not (desk.directory / "data" / "users").exists()


def test_the_list_has_both_sources(desk: Any) -> None:
    """Logins of the file and of the configuration, by name."""
    file = desk.directory / "relay365.toml"
    file.write_text(file.read_text("utf-8") + '[[user]]\nname = "kyocera"\npassword_hash = "x"\n', "utf-8")
    desk.run("user", "add", "canon", "--password-stdin", stdin="x\n")

    assert [("canon", "users file"), ("kyocera", "configuration")] == [
        (one["name"], one["source"]) for one in desk.objects("user", "list")
    ]
    assert "canon\nkyocera\n" == desk.run("user", "list").stdout


def test_a_login_gets_a_new_password(desk: Any) -> None:
    """The old one is void; a name that the users file does not have is a problem, not a new login."""
    (old,) = desk.objects("user", "add", "canon")
    (new,) = desk.objects("user", "password", "canon")
    hasher = argon2.PasswordHasher()

    assert old["password"] != new["password"]
    assert hasher.verify(_stored(desk, "canon"), new["password"])
    assert 1 == desk.run("user", "password", "nobody").exit_code
    assert ["canon"] == [one["name"] for one in desk.objects("user", "list")]


def test_a_login_is_removed(desk: Any) -> None:
    """It is gone from the list; removing it again, or one that stands in the configuration, says why it cannot be."""
    desk.run("user", "add", "canon", "--password-stdin", stdin="x\n")
    file = desk.directory / "relay365.toml"
    file.write_text(file.read_text("utf-8") + '[[user]]\nname = "kyocera"\npassword_hash = "x"\n', "utf-8")
    removed = desk.run("user", "remove", "canon")
    again, configured = desk.run("user", "remove", "canon"), desk.run("user", "remove", "kyocera")

    assert (0, "login canon is gone\n") == (removed.exit_code, removed.stdout)
    assert (1, 1) == (again.exit_code, configured.exit_code)
    assert "nobody has added it" in again.stderr
    assert "it stands in relay365.toml" in configured.stderr
    assert "kyocera\n" == desk.run("user", "list").stdout
