"""The sheets of a bundle: each says what a helper asks first, and one that cannot be made stops no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from relay365.cli.keeping import support_sheets
from relay365.cli.keeping.support_sheets import known_secrets, sheets_of
from relay365.cli.words.output import load_config, now
from relay365.engine.blackbox.archive import Archive


def _sheets(*, days: float = 2.0, log: str = "") -> dict[str, str]:
    config, file = load_config(Path("relay365.toml"))
    at = now()
    sheets = sheets_of(config, file, (at - days * 86_400, at), hides_people=True, log=log)
    return {one.name: one.octets.decode() for one in sheets}


def test_a_relay_that_never_ran_has_a_bundle(desk: Any) -> None:
    """No data directory at all: what there is is told, what there is not says why."""
    sheets = _sheets()

    assert "not there: SpoolUnavailable: no relay has run with this configuration\n" == sheets["queue.json"]
    assert '"program"' in sheets["about.json"]
    assert "smarthost" in sheets["config/set.json"]
    assert "relay365.toml" in sheets["files.json"]


def test_the_queue_is_told(full_desk: Any) -> None:
    """Counts by state, depth by lane, the lane's trouble; each answer with its number; the stories with events."""
    sheets = _sheets()
    queue, answers = json.loads(sheets["queue.json"]), json.loads(sheets["answers.json"])
    stories = [json.loads(line) for line in sheets["messages.jsonl"].splitlines()]

    assert {"queued": 1, "held": 1, "failed": 1, "delivered": 1} == queue["recipients"]
    assert ("smarthost", "rate-limit") == (queue["lanes"][0]["lane"], queue["lanes"][0]["class"])
    assert {"smarthost"} == {one["lane"] for one in queue["depths"]}
    rows = {one["row"]: (one["recipients"], one["class"], one["text"]) for one in answers["answers"]}
    assert (1, "rate-limit", "432 4.3.2 Concurrent connections limit exceeded") == rows[
        "too-many-connections"
    ]
    assert 4 == answers["messages"] == len(stories)
    assert {"message.accepted", "recipient.failed"} <= {e["name"] for one in stories for e in one["events"]}


def test_only_the_days_that_were_asked_for(full_desk: Any) -> None:
    """Mail and sessions before that stay at home."""
    archive = Archive(full_desk.directory / "data")
    session = {
        "session": "s",
        "began_at": now() - 3 * 86_400,
        "ended": True,
        "lines": [[0, "client", "QUIT"]],
    }
    archive.write("address-192.0.2.7", {"sessions": [session]})

    assert "" == _sheets()["sessions.jsonl"]
    assert "QUIT" in _sheets(days=4)["sessions.jsonl"]
    assert "" == _sheets(days=-1)["messages.jsonl"]


def test_of_a_content_nothing_is_taken(full_desk: Any) -> None:
    """Where the black box was told to keep the head of contents, the bundle leaves it out."""
    lines = [
        [0, "client", "| Subject: Lena's salary"],
        [0, "client", "| 42,000"],
        [0, "relay", "250 2.6.0 ok"],
    ]
    session = {"session": "s", "began_at": now(), "ended": True, "lines": lines}
    Archive(full_desk.directory / "data").write("device-a", {"sessions": [session]})
    text = _sheets()["sessions.jsonl"]

    assert "salary" not in text
    assert "42,000" not in text
    assert [[0, "client", "| [content]"]] * 2 + [[0, "relay", "250 2.6.0 ok"]] == json.loads(text)["lines"]


def test_a_part_that_fails_stops_no_other(full_desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A doctor who falls ill is one sheet with the reason."""

    def failing(*_: object) -> None:
        raise OSError("the doctor is ill")

    monkeypatch.setattr(support_sheets, "_doctor", failing)
    sheets = _sheets()

    assert "not there: OSError: the doctor is ill\n" == sheets["doctor.json"]
    assert "smarthost" in sheets["queue.json"]


def test_every_secret_that_can_be_read_is_known(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By file and environment, keys line by line, hashes of logins, and what stands in a stored sign-in."""
    data = desk.directory / "data"
    for folder in ("tokens", "tls"):
        (data / folder).mkdir(parents=True)
    (data / "users").write_text("scan:$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA\n")
    key_line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
    (data / "tls" / "relay.key").write_text(
        f"-----BEGIN PRIVATE KEY-----\n{key_line}\n-----END PRIVATE KEY-----\n"
    )
    (data / "tokens" / "a.bin").write_text(
        'relay365 token 1 plain\n{"RefreshToken": {"x": {"secret": "0.AXoKanarie"}}}'
    )
    Path("hook").write_text("https://hooks.example/secret-path\n")
    monkeypatch.setenv("PASSWORD", "from-the-environment")
    text = Path("relay365.toml").read_text()
    Path("relay365.toml").write_text(
        text.replace('tls = "none"', 'tls = "required"\nuser = "u"\npassword = { env = "PASSWORD" }')
        + '[[alerts.channel]]\nkind = "webhook"\nurl = { file = "hook" }\n'
        + '[[alerts.channel]]\nkind = "webhook"\nurl = { file = "nowhere" }\n'
    )
    config, file = load_config(Path("relay365.toml"))

    assert {
        "from-the-environment",
        "https://hooks.example/secret-path",
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA",
        key_line,
        "0.AXoKanarie",
    } <= set(known_secrets(config, file))
