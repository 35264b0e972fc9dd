"""A sign-in goes on by itself: refreshed from what is kept, its rotation on disk before it is used."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from fakes.identity import PERSON, TokenService, refusal
from relay365.routes.identity.entra import Application
from relay365.routes.identity.expiry import UNUSED_S
from relay365.routes.identity.person import PersonSignIn
from relay365.routes.identity.redirect import parameters_of
from relay365.routes.identity.sign_in import Begun, SignIn
from relay365.routes.identity.store import TokenStore


@pytest.fixture
def person(service: TokenService, application: Application, tmp_path: Path) -> PersonSignIn:
    """Who has just signed in; refresh-1 is kept."""
    store = TokenStore(tmp_path / "tokens" / "submission.bin")
    sign_in = SignIn(application, store)
    begun = sign_in.by_browser("http://localhost:5000", PERSON)
    assert isinstance(begun, Begun)
    sign_in.finish(begun, parameters_of(service.sign_in(begun.address)))
    service.asked.clear()
    return PersonSignIn(application, store, "submission")


def test_each_question_is_a_refresh(service: TokenService, person: PersonSignIn) -> None:
    """The cached access token is not offered again, and each rotated refresh token is the next that is used."""
    tokens = [person.ask()["access_token"] for _ in range(3)]

    assert ["person-2", "person-3", "person-4"] == tokens
    assert ["refresh-1", "refresh-2", "refresh-3"] == [form["refresh_token"] for form in service.asked]
    assert '"refresh-4"' in person.store.load()


def test_two_processes_never_lose_a_rotation(person: PersonSignIn) -> None:
    """Service and command take turns: each uses what the other was given last."""
    other = PersonSignIn(person.application, TokenStore(person.store.file), "submission")
    tokens = [one.ask().get("access_token") for one in (person, other, person)]

    assert ["person-2", "person-3", "person-4"] == tokens


def test_nobody_has_signed_in(service: TokenService, application: Application, tmp_path: Path) -> None:
    """The answer says what to type, and nobody is asked."""
    answer = PersonSignIn(application, TokenStore(tmp_path / "tokens" / "a.bin"), "scans").ask()

    assert "interaction_required" == answer["error"]
    assert answer["error_description"].endswith("relay365 token login scans")
    assert [] == service.asked


def test_a_dead_refresh_token_is_a_refusal_and_stays_kept(
    service: TokenService, person: PersonSignIn
) -> None:
    """AADSTS50173, a changed password: a person must sign in; a policy that is lifted heals what is kept."""
    service.refuse.append(refusal("invalid_grant", 50173))
    before = person.version()
    answer = person.ask()

    assert ("invalid_grant", [50173]) == (answer["error"], answer["error_codes"])
    assert before == person.version()
    assert "person-2" == person.ask()["access_token"]


def test_a_new_sign_in_is_another_version(person: PersonSignIn) -> None:
    """That ends the pause of a service that was refused."""
    before = person.version()
    with person.store.held():
        person.store.save(person.store.load())

    assert before != person.version()


def test_a_rotation_that_cannot_be_kept_is_said_and_the_token_used(
    person: PersonSignIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk is full: mail goes on with the token at hand, and the log says what is at stake."""

    def full(content: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(person.store, "save", full)
    with caplog.at_level(logging.ERROR, "relay365"):
        answer = person.ask()

    assert "person-2" == answer["access_token"]
    assert ["token.not-kept route=submission error=[Errno 28] No space left on device"] == caplog.messages


def test_a_file_that_others_can_read_is_not_used(service: TokenService, person: PersonSignIn) -> None:
    """A person must look at it first; nobody is asked with it."""
    person.store.file.chmod(0o644)
    answer = person.ask()

    assert ("credential_unreadable", True) == (answer["error"], "0644" in answer["error_description"])
    assert [] == service.asked


def test_a_damaged_file_is_said(person: PersonSignIn) -> None:
    """Our header and then no cache: the answer says so."""
    with person.store.held():
        person.store.save("no json")

    assert "credential_unreadable" == person.ask()["error"]


def test_what_is_kept_can_be_looked_at_without_asking(service: TokenService, person: PersonSignIn) -> None:
    """Who, since when, the last access token; and when it ends if nobody uses it."""
    kept = person.kept()
    ending = person.ending()

    assert (PERSON, "person-1") == (kept["who"], kept["access_token"])
    assert ending is not None
    assert (f"sign-in of {PERSON}", kept["refreshed_at"] + UNUSED_S) == (ending.what, ending.at)
    assert [] == service.asked


def test_of_nothing_kept_nothing_is_said(application: Application, tmp_path: Path) -> None:
    """No person, no end."""
    person = PersonSignIn(application, TokenStore(tmp_path / "tokens" / "a.bin"), "scans")

    assert ({}, None) == (person.kept(), person.ending())


def test_nothing_shows_a_refresh_token(person: PersonSignIn) -> None:
    """Not repr, and not the file's name."""
    assert "refresh-1" not in repr(person) + repr(person.store)
