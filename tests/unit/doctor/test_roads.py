"""The questions about roads: which stand behind which, and what is shared."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from relay365.cli.finding.doctor_patient import patient_of
from relay365.config import parse
from relay365.doctor.finding import State
from relay365.doctor.roads import Ways
from relay365.doctor.runner import Check, run

HEAD = """
[server]
name = "relay.test"
data = "data"
[[listener]]
address = "127.0.0.1:2525"
[[allow]]
network = "127.0.0.0/8"
"""
SUBMISSION = """
[[route]]
kind = "submission"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
secret = { file = "client.secret" }
mailbox = "scan@contoso.com"
authority = "https://127.0.0.1:9"
endpoint = "127.0.0.1:9"
[sender]
rewrite_to = "noreply@contoso.com"
"""
BY_GRAPH = """
[[route]]
kind = "connector"
domain = "contoso.com"
find = "graph"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
secret = { file = "client.secret" }
certificate = { file = "relay.pem" }
key = { file = "relay.key" }
"""


def checks_of(tmp_path: Path, text: str, what: str) -> list[Check]:
    """What one of the makers of Ways gives for the only road."""
    file = tmp_path / "relay365.toml"
    file.write_text(HEAD + text)
    one = patient_of(parse(file.read_text(), str(file)), file)

    async def made() -> list[Check]:
        ways = Ways(one)
        found = ways.upstream(one.roads[0]) if what == "upstream" else getattr(ways, what)()
        await ways.close()
        return list(found)

    return asyncio.run(made())


@pytest.fixture(autouse=True)
def secret(tmp_path: Path) -> None:
    (tmp_path / "client.secret").write_text("x")


def test_a_login_needs_the_token_and_the_encrypted_line(tmp_path: Path) -> None:
    """And a sender needs the login; also one that the file puts into messages."""
    needs = {one.name: one.needs for one in checks_of(tmp_path, SUBMISSION, "upstream")}
    at = "upstream.submission"

    assert (f"{at}.tls", f"{at}.token") == needs[f"{at}.auth"]
    assert (f"{at}.authority",) == needs[f"{at}.token"]
    assert (f"{at}.auth",) == needs[f"{at}.sender"] == needs[f"{at}/noreply@contoso.com.sender"]


def test_a_road_that_cannot_be_built_has_one_question(tmp_path: Path) -> None:
    """Its settings, and the answer names the key."""
    (tmp_path / "client.secret").unlink()
    checks = checks_of(tmp_path, SUBMISSION, "upstream")
    (result,) = asyncio.run(run(checks))

    assert ["upstream.submission.settings"] == [one.name for one in checks]
    assert State.BAD is result.finding.state
    assert "secret = { file" in result.finding.text


def test_a_certificate_is_judged_though_the_road_cannot_be_built(tmp_path: Path) -> None:
    """Its files are not there: that is said by both."""
    checks = checks_of(tmp_path, BY_GRAPH, "connectors")
    (result,) = asyncio.run(run(checks))

    assert "connector.connector.certificate" == result.name
    assert State.BAD is result.finding.state


def test_a_service_that_is_away_is_asked_once(tmp_path: Path) -> None:
    """Clock and authority share the answer, which is none here."""
    file = tmp_path / "relay365.toml"
    file.write_text(HEAD + SUBMISSION)
    one = patient_of(parse(file.read_text(), str(file)), file)

    async def asked() -> tuple[int, list[State]]:
        ways = Ways(one)
        page = ways.first_page()
        assert page is not None
        with pytest.raises(Exception, match="refused"):
            await page()
        checks = [
            check for check in ways.upstream(one.roads[0]) if check.name.endswith((".settings", ".authority"))
        ]
        results = await run(checks)
        n_pages = len(ways._pages)
        await ways.close()
        return n_pages, [result.finding.state for result in results]

    assert (1, [State.GOOD, State.BAD]) == asyncio.run(asked())
