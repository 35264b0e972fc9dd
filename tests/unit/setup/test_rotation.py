"""The proof, the request, and the swap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509

from relay365.setup.keys import make_key, read_key
from relay365.setup.rotation import AUDIENCE, NotRotated, Registration, add_key, proof, take_over

NOW = 1_796_000_000.0
WHERE = Registration("https://graph.microsoft.com/", "7a1e0c52", "1f2e3d4c")


def test_the_proof(tmp_path: Path) -> None:
    """Signed with the present key; audience, issuer and ten minutes as the page says."""
    key = make_key(tmp_path / "app.pem", "srv", NOW)
    public = x509.load_der_x509_certificate(key.der).public_key()
    token = proof(key.file, "1f2e3d4c", NOW)
    claims = jwt.decode(
        token, public, algorithms=["RS256"], audience=AUDIENCE,  # type: ignore[arg-type]
        options={"verify_exp": False, "verify_nbf": False},
    )  # fmt: skip

    assert {"aud": AUDIENCE, "iss": "1f2e3d4c", "nbf": int(NOW), "exp": int(NOW) + 600} == claims
    assert jwt.get_unverified_header(token)["x5t"]


def test_the_request(tmp_path: Path) -> None:
    """The public certificate and the proof go to addKey of this application; the key id comes back."""
    present, fresh = make_key(tmp_path / "app.pem", "srv", NOW), make_key(tmp_path / "next.pem", "srv", NOW)
    asked: list[tuple[str, str, dict[str, Any]]] = []

    def post(*request: Any) -> tuple[int, str]:
        asked.append(request)
        return 200, '{"keyId": "b1"}'

    assert "b1" == add_key(WHERE, present.file, fresh, ("token", post), NOW)
    ((address, token, body),) = asked
    assert "https://graph.microsoft.com/v1.0/applications(appId='7a1e0c52')/addKey" == address
    assert ("token", None) == (token, body["passwordCredential"])
    assert {"type": "AsymmetricX509Cert", "usage": "Verify"}.items() <= body["keyCredential"].items()
    assert "PRIVATE" not in str(body)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((403, '{"error": {"code": "Denied", "message": "no"}}'), "Denied: no"), ((500, "<html>away</html>"), "away"),
        ((401, ""), "no reason was given"),
    ],
)  # fmt: skip
def test_a_refusal(tmp_path: Path, answer: tuple[int, str], why: str) -> None:
    """Graph's own words, as far as there are any."""
    key = make_key(tmp_path / "app.pem", "srv", NOW)

    with pytest.raises(NotRotated, match=f"HTTP {answer[0]}.*{why}"):
        add_key(WHERE, key.file, key, ("token", lambda *_: answer), NOW)


def test_nobody_answers(tmp_path: Path) -> None:
    """That is said, and nothing else happens."""
    key = make_key(tmp_path / "app.pem", "srv", NOW)

    def away(*_: Any) -> tuple[int, str]:
        raise OSError("refused")

    with pytest.raises(NotRotated, match="cannot be reached"):
        add_key(WHERE, key.file, key, ("token", away), NOW)


def test_taking_over(tmp_path: Path) -> None:
    """The new pair is in the old one's place, the old one beside it; twice is no fault."""
    present = tmp_path / "app.pem"
    pairs = [make_key(tmp_path / f"{n}.pem", "srv", NOW) for n in range(3)]
    pairs[0].file.replace(present)
    take_over(present, pairs[1].file)
    kept = take_over(present, pairs[2].file)

    assert (pairs[2].der, pairs[1].der) == (read_key(present).der, read_key(kept).der)
