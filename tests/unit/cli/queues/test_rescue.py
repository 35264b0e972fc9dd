"""`relay365 queue export` and `import`: what is in the file, and what is said when it cannot be made or read."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from fakes.listening import damage, listen_at
from fakes.mailserver import MailServer


def contents_of(file: Path) -> dict[str, bytes]:
    """The parts of an export by name."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_an_export_has_content_and_envelope(full_desk: Any) -> None:
    """What would be sent, and all that its envelope says; readable by this user only; the queue stays."""
    waiting, target = full_desk.ids["waiting"], full_desk.directory / "out.zip"
    said = full_desk.run("queue", "export", waiting.lower(), "--to", "out.zip")
    parts = contents_of(target)
    about = json.loads(parts[f"{waiting}.json"])

    assert (0, "exported: 1 message in out.zip; 0 had no content\n") == (said.exit_code, said.stdout)
    assert {f"{waiting}.eml", f"{waiting}.json"} == set(parts)
    assert b"Subject: x\r\n\r\nhello\r\n" == parts[f"{waiting}.eml"]
    assert hashlib.sha256(parts[f"{waiting}.eml"]).hexdigest() == about["sha256"]
    assert ("scan@contoso.com", "7BIT", "queued", "192.168.10.31") == (
        about["reverse_path"], about["body"], about["recipients"][0]["state"], about["submitter"]["peer_address"],
    )  # fmt: skip
    assert 0o600 == target.stat().st_mode & 0o777
    assert 2 == len(full_desk.objects("queue", "list"))


def test_all_is_what_waits_and_a_filter_may_name_failed_mail(full_desk: Any) -> None:
    """Delivered mail has no content, and is none of it."""
    ids = full_desk.ids
    (all_,) = full_desk.objects("queue", "export", "--all", "--to", "all.zip")
    (failed,) = full_desk.objects("queue", "export", "--where", "state:failed", "--to", "failed.zip")

    assert {ids["waiting"], ids["held"]} == set(all_["exported"])
    assert ([ids["failed"]], 0) == (failed["exported"], failed["missing"])


def test_what_has_no_content_is_counted_and_leaves_no_file(full_desk: Any) -> None:
    """Exit 1; a delivered message, and one that never was."""
    said = full_desk.run("queue", "export", full_desk.ids["delivered"], "ZZZZZZ", "--to", "out.zip")

    assert (1, "exported: 0 messages; 2 had no content\n") == (said.exit_code, said.stdout)
    assert not list(full_desk.directory.glob("out.zip*"))


def test_a_damaged_content_is_said_and_the_others_go(full_desk: Any) -> None:
    """Exit 1: somebody must know."""
    (full_desk.directory / "data" / "segments").mkdir(exist_ok=True)
    full_desk.spool(lambda spool: damage(spool, full_desk.ids["held"]))
    said = full_desk.run("queue", "export", "--all", "--to", "out.zip")

    assert 1 == said.exit_code
    assert f"{full_desk.ids['held']} is damaged: " in said.stderr
    assert "exported: 1 message in out.zip; 1 had no content" in said.stdout


@pytest.mark.parametrize(("words", "what"), [
    (("--all", "--to", "there.zip"), "what: there.zip exists"),
    (("--all", "--to", "no/such/x.zip"), "cannot be written"),
    (("--to", "x.zip"), "name messages"), (("--all", "--where", "x", "--to", "x.zip"), "name messages"),
])  # fmt: skip
def test_a_file_that_cannot_be_made(full_desk: Any, words: tuple[str, ...], what: str) -> None:
    """Exit 2; nothing is overwritten."""
    (full_desk.directory / "there.zip").write_text("mine", "utf-8")
    said = full_desk.run("queue", "export", *words)

    assert 2 == said.exit_code
    assert what in said.stderr
    assert "mine" == (full_desk.directory / "there.zip").read_text("utf-8")


def test_an_import_hands_in_what_is_open_and_remembers_it(full_desk: Any) -> None:
    """Exit 1 for what is refused; the same import again tries only that."""
    full_desk.run("queue", "export", "--all", "--to", "out.zip")
    server = MailServer(replies={"dot": "250 2.6.0 queued as ZZZZZZ", "RCPT": "550 5.7.1 not here (R3)"})
    with server.running() as address:
        listen_at(full_desk, address)
        refused = full_desk.run("queue", "import", "out.zip")
        del server.replies["RCPT"]
        taken = full_desk.run("queue", "import", "out.zip", "--json")
        again = full_desk.run("queue", "import", "out.zip")

    assert 1 == refused.exit_code
    assert f"{full_desk.ids['held']} was refused: 550 5.7.1 not here (R3)" in refused.stdout
    assert "taken: 0, refused: 2, done before: 0\nwhy: relay365 explain --as 127.0.0.1" in refused.stdout
    assert [("ZZZZZZ", None)] * 2 == [
        (one["new_id"], one["refused"]) for one in map(json.loads, taken.stdout.splitlines())
    ]
    assert (0, "taken: 0, refused: 0, done before: 2\n") == (again.exit_code, again.stdout)
    assert 2 == len(server.contents)


@pytest.mark.parametrize(("about", "eml", "why"), [
    ({"format": 2}, b"x", "its format is 2"), ({"sha256": "00"}, b"x", "the checksum is wrong"),
    ({"recipients": 5}, b"x", "not as an export writes it"),
])  # fmt: skip
def test_a_message_that_is_not_what_was_exported_is_refused(
    full_desk: Any, about: dict[str, Any], eml: bytes, why: str
) -> None:
    """It is never sent; exit 1."""
    whole = {
        "format": 1, "sha256": hashlib.sha256(eml).hexdigest(), "reverse_path": "a@x", "recipients": [],
        "body": "7BIT", "smtputf8": False, "ret": "", "envid": "",
    } | about  # fmt: skip
    with zipfile.ZipFile(full_desk.directory / "in.zip", "w") as archive:
        archive.writestr("A.eml", eml)
        archive.writestr("A.json", json.dumps(whole))
    said = full_desk.run("queue", "import", "in.zip")

    assert 1 == said.exit_code
    assert said.stdout.startswith("A was refused: ") and why in said.stdout


def test_a_file_that_is_no_export(full_desk: Any) -> None:
    """Exit 2 and three lines."""
    (full_desk.directory / "in.zip").write_bytes(b"no zip")
    said = full_desk.run("queue", "import", "in.zip")

    assert (2, True) == (said.exit_code, said.stderr.startswith("what: in.zip cannot be read\nwhy:  "))
