"""`relay365 token`: honest about who signs in, what was answered, and what ends; never a token, never a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.desk import PERSON, SECRET, SigningDesk
from fakes.identity import TokenService, jwt_of, refusal
from relay365.clock import SystemClock
from relay365.routes.identity.entra import Application
from relay365.routes.identity.redirect import parameters_of
from relay365.routes.identity.sign_in import Begun, SignIn
from relay365.routes.identity.store import TokenStore
from relay365.routes.identity.transport import Way

CLAIMS = {"aud": "https://outlook.office365.com", "roles": ["SMTP.SendAsApp"]}


def _granting(service: TokenService) -> str:
    """The next answer is a real JWT; gives it."""
    token = jwt_of(CLAIMS)
    service.refuse.append((200, {"token_type": "Bearer", "expires_in": 3600, "access_token": token}, {}))
    return token


def _objects(said: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.stdout.splitlines()]


@pytest.fixture
def signed_in(signing_desk: SigningDesk, service: TokenService) -> SigningDesk:
    """A person has signed in for route `scans`."""
    signing_desk.write(scans=PERSON)
    client, scope = "7a1e0c52-0000-4000-8000-000000000000", "https://outlook.office.com/SMTP.Send"
    application = Application(service.authority, "contoso.com", client, (scope,), Way(service.ca_file))
    sign_in = SignIn(application, TokenStore(signing_desk.directory / "data" / "tokens" / "scans.bin"))
    begun = sign_in.by_browser("http://localhost:5000", "")
    assert isinstance(begun, Begun)
    sign_in.finish(begun, parameters_of(service.sign_in(begun.address)))
    service.asked.clear()
    return signing_desk


def test_a_good_route_shows_what_its_token_is_for(signing_desk: SigningDesk, service: TokenService) -> None:
    """Audience and roles come from the token; the token does not, and the command says that it asked by itself."""
    signing_desk.write(app=SECRET)
    token = _granting(service)
    said = signing_desk.run("status")

    assert 0 == said.exit_code
    assert (
        "app: GOOD  application 7a1e0c52-0000-4000-8000-000000000000 in contoso.com, client secret"
        in said.stdout
    )
    assert "aud outlook.office365.com   roles SMTP.SendAsApp" in said.stdout
    assert "what the running relay holds is its own" in said.stdout
    assert token not in said.output


def test_the_json_of_a_route(signing_desk: SigningDesk, service: TokenService) -> None:
    """One object per route; the keys are an interface."""
    signing_desk.write(app=SECRET)
    _granting(service)
    (found,) = _objects(signing_desk.run("status", "--json"))

    held = found.pop("token")
    assert 3590 < held.pop("valid_s") <= 3600
    assert {"audience": "outlook.office365.com", "roles": ["SMTP.SendAsApp"], "who": None} == held
    assert {
        "route": "app", "verdict": "good", "application": "7a1e0c52-0000-4000-8000-000000000000",
        "tenant": "contoso.com", "signs_in_by": "client secret", "ends": None, "renews_at": None, "asked": True,
        "refusal": None,
    } == found  # fmt: skip


def test_a_refusal_says_what_heals_it(signing_desk: SigningDesk, service: TokenService) -> None:
    """Microsoft's words, the row of the catalogue and one command; exit 1, and no secret anywhere."""
    signing_desk.write(app=SECRET)
    service.refuse += [refusal("invalid_client", 7000222, 401)] * 2
    said = signing_desk.run("status")
    (found,) = _objects(signing_desk.run("status", "--json"))

    assert (1, "refused", 7000222) == (said.exit_code, found["verdict"], found["refusal"]["number"])
    assert found["refusal"]["row"] is not None
    assert f"relay365 explain {found['refusal']['row']}" == found["refusal"]["heal"]
    assert "NO TOKEN AADSTS7000222: no." in said.stdout
    assert f"do       relay365 explain {found['refusal']['row']}" in said.stdout
    assert "Kanarie" not in said.output


def test_a_service_that_cannot_be_reached_is_no_fault_of_the_file(signing_desk: SigningDesk) -> None:
    """Exit 3: nobody knows yet whether the credential is good."""
    signing_desk.write(app=SECRET, authority="https://localhost:1")

    assert 3 == signing_desk.run("status").exit_code


def test_a_secret_that_ends_within_a_week_is_a_problem(
    signing_desk: SigningDesk, service: TokenService
) -> None:
    """It still works, and the exit code says that somebody must act."""
    at = SystemClock().now() + 3.5 * 86_400
    from relay365.cli.words.output import instant

    day = (instant(at) or "")[:10]
    signing_desk.write(app=f"{SECRET}\nsecret_expires = {day}")
    _granting(service)
    said = signing_desk.run("status")

    assert 1 == said.exit_code
    assert "app: ENDS SOON" in said.stdout
    assert f"client secret  valid to {day}, in " in said.stdout


def test_a_stored_sign_in_is_only_looked_at(signed_in: SigningDesk, service: TokenService) -> None:
    """Status asks nobody and rotates nothing; refresh does, and the rotated token is kept."""
    looked = signed_in.run("status")
    n_asked_by_status = len(service.asked)
    refreshed = signed_in.run("refresh")

    assert (0, 0, 0, 1) == (looked.exit_code, n_asked_by_status, refreshed.exit_code, len(service.asked))
    assert "stored, not asked for" in looked.stdout
    assert "sign-in of scan@contoso.com  valid to " in looked.stdout
    assert '"refresh-2"' in (signed_in.directory / "data" / "tokens" / "scans.bin").read_text()
    assert "refresh-" not in looked.output + refreshed.output


def test_a_dead_sign_in_is_healed_by_a_sign_in(signed_in: SigningDesk, service: TokenService) -> None:
    """AADSTS50173, and the command to type."""
    service.refuse.append(refusal("invalid_grant", 50173))
    said = signed_in.run("refresh")

    assert (1, True) == (said.exit_code, "do       relay365 token login scans" in said.stdout)


def test_nobody_has_signed_in(signing_desk: SigningDesk) -> None:
    """Exit 1, and what to type."""
    signing_desk.write(scans=PERSON)
    said = signing_desk.run("status")

    assert (1, True) == (said.exit_code, "do       relay365 token login scans" in said.stdout)


def test_a_file_that_others_can_read_is_said(signed_in: SigningDesk) -> None:
    """Not used and not hidden."""
    (signed_in.directory / "data" / "tokens" / "scans.bin").chmod(0o644)
    said = signed_in.run("status")

    assert (1, True) == (said.exit_code, "chmod 600" in said.stdout)


def test_forgetting(signed_in: SigningDesk) -> None:
    """The file is gone, what stays valid at Microsoft is said, and a second time there is nothing."""
    said, again = signed_in.run("forget"), signed_in.run("forget")

    assert (0, 1) == (said.exit_code, again.exit_code)
    assert "Revoke-MgUserSignInSession" in said.stdout
    assert not (signed_in.directory / "data" / "tokens" / "scans.bin").exists()


def test_a_secret_that_cannot_be_read_is_wrong_use(signing_desk: SigningDesk) -> None:
    """Exit 2, and the key of the route is named."""
    signing_desk.write(app='secret = { file = "nowhere" }')
    said = signing_desk.run("status")

    assert (2, True) == (said.exit_code, "route app: secret" in said.stderr)
