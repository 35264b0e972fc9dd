"""Client submission, tried against the emulator: reached, signed in, senders; and nobody there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.microsoft import Microsoft, microsoft
from relay365.config import split_host_port
from relay365.net.tls import client_context
from relay365.routes.identity.credential import ClientSecret, Reference
from relay365.routes.identity.entra import Application, Entra
from relay365.routes.identity.transport import Way
from relay365.setup.tries.signing import try_token
from relay365.setup.tries.submission import Desk, try_submission

SCAN = "scan@contoso.com"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Microsoft]:
    """A tenant that refuses senders at MAIL (550 5.7.60)."""
    with microsoft(tmp_path_factory.mktemp("cloud"), '[tenant]\nsend_as_reply = "5.7.60"\n') as found:
        yield found


@pytest.fixture(scope="module")
def desk(cloud: Microsoft) -> Desk:
    """Its submission host."""
    return Desk(
        *split_host_port(str(cloud.facts["submission"])),
        "relay.test",
        client_context(str(cloud.facts["ca_file"])),
    )


@pytest.fixture(scope="module")
def token(cloud: Microsoft) -> str:
    """A token of the application."""
    facts = cloud.facts
    secret = Reference("secret", lambda: str(facts["client_secret"]).encode())
    application = Application(
        str(facts["authority"]), str(facts["tenant"]), str(facts["client_id"]), ("https://outlook.office365.com/.default",),
        Way(str(facts["ca_file"])),
    )  # fmt: skip
    return try_token(Entra(application, ClientSecret(secret)))[1]


def test_all_good(desk: Desk, token: str) -> None:
    """Reached, signed in, and each sender that it may use; nothing is sent."""
    found = try_submission(desk, SCAN, token, (SCAN, "alerts@contoso.com"))

    assert [True] * 4 == [answer.good for answer in found]
    assert ["SMTP and TLS", "sign-in by SMTP", f"sender {SCAN}", "sender alerts@contoso.com"] == [
        a.name for a in found
    ]
    assert "235 2.7.0" in found[1].text


def test_a_sender_that_it_may_not_use(desk: Desk, token: str, cloud: Microsoft) -> None:
    """Its own refusal, and the next one is tried all the same."""
    found = try_submission(desk, SCAN, token, ("boss@contoso.com", SCAN))

    assert [True, True, False, True] == [answer.good for answer in found]
    assert "5.7.60" in found[2].text
    assert found[2].row
    assert [] == cloud.control.messages()


def test_a_token_that_is_refused(desk: Desk) -> None:
    """It was reached, and the sign-in has its row."""
    found = try_submission(desk, SCAN, "nonsense", (SCAN,))

    assert [True, False] == [answer.good for answer in found]
    assert "535 5.7.3" in found[1].text
    assert found[1].row


def test_nobody_there(desk: Desk) -> None:
    """Neither yes nor no, with the port to open."""
    (answer,) = try_submission(Desk("127.0.0.1", 1, "relay.test", desk.context), SCAN, "t", ())

    assert (False, False) == (answer.good, answer.is_known)
    assert "open port 1 to 127.0.0.1" in answer.do


def test_a_certificate_that_is_not_trusted(desk: Desk) -> None:
    """Before any credential is said."""
    (answer,) = try_submission(Desk(desk.host, desk.port, "relay.test", client_context()), SCAN, "t", ())

    assert "CERTIFICATE_VERIFY_FAILED" in answer.text
    assert not answer.is_known
