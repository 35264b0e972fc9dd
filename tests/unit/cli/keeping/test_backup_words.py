"""What `relay365 backup` says to people: nothing that a tired administrator must know is left out."""

from __future__ import annotations

from typing import Any

from click.testing import CliRunner

from relay365.cli.main import main


def _run(*arguments: str) -> list[str]:
    result = CliRunner().invoke(main, ["backup", *arguments], prog_name="relay365")
    assert 0 == result.exit_code, result.stderr
    return result.stdout.splitlines()


def test_a_backup_says_what_is_in_it(full_desk: Any) -> None:
    """The queue by state, how many files, that secrets lie open in it, and how it is proved."""
    made = full_desk.run("backup", "create", "b.tar.gz").stdout.splitlines()
    verified = _run("verify", "b.tar.gz")
    queue = "4 messages, 2 of them wait; recipients: 1 queued, 1 held, 1 failed, 1 delivered"

    assert f"queue     {queue}" == made[0]
    assert made[1].startswith("files     ")
    assert made[-2].endswith("not encrypted: it has every secret in it")
    assert "next      relay365 backup verify b.tar.gz" == made[-1]
    assert "b.tar.gz is good" == verified[0]
    assert f"  queue     {queue}" in verified
    assert f"  of        {full_desk.directory}/relay365.toml, {full_desk.directory}/data" in verified
    assert "  schema    1: this relay365 can restore it" == verified[-1]


def test_a_restore_says_what_is_held_and_why(full_desk: Any) -> None:
    """How many wait, what would go twice, what was held before, where the configuration is, and what comes next."""
    full_desk.run("backup", "create", "b.tar.gz")
    held = _run("restore", "b.tar.gz", "--to", "new")
    due = _run("restore", "b.tar.gz", "--to", "due", "--release")

    assert held[0].startswith("restored  4 messages into new, as they were at 20")
    assert held[1].startswith("waiting   2 messages. What of them was delivered after 20")
    assert held[1].endswith("would be sent a second time.")
    assert "held      all of them (1 were held before): nothing goes out until you release it." in held
    assert "          relay365 queue list --state held, then relay365 queue release ID, or --all" in held
    assert f"config    new/restored/config/relay365.toml; it was {full_desk.directory}/relay365.toml" in held
    assert (
        f"note      [server] data in it means {full_desk.directory}/data: change it, or move new there"
        in held
    )
    assert f"next      relay365 config check --config {full_desk.directory}/relay365.toml" == held[-1]
    assert (
        "due       all that was not held: it goes out when the service starts, as a possible duplicate."
        in due
    )


def test_a_site_that_is_whole_again_needs_no_note(full_desk: Any) -> None:
    """Restored with its configuration beside it, as it stood: only the check is left to do."""
    full_desk.run("backup", "create", "b.tar.gz")
    said = _run("restore", "b.tar.gz", "--to", "etc/data", "--config-to", "etc")

    assert "next      relay365 config check --config etc/relay365.toml" == said[-1]
    assert not [line for line in said if line.startswith("note")]


def test_an_empty_queue_frightens_nobody(desk: Any) -> None:
    """Where nothing waited, nothing is said of duplicates."""

    async def nothing(_: Any) -> None:
        return

    desk.spool(nothing)
    desk.run("backup", "create", "b.tar.gz")
    said = _run("restore", "b.tar.gz", "--to", "new")

    assert "waiting   nothing waited." in said
    assert not [line for line in said if "second time" in line or line.startswith("held")]


def test_secrets_that_are_elsewhere_are_named_again(desk: Any) -> None:
    """What the backup could not have is said when it is made, proved and restored: three chances to remember."""
    file = desk.directory / "relay365.toml"
    file.write_text(file.read_text().replace("[server]", '[server]\ntoken_key = { env = "TOKEN_KEY" }'))

    async def nothing(_: Any) -> None:
        return

    desk.spool(nothing)
    words = 'server.token_key = { env = "TOKEN_KEY" }: it stands in the environment of the service: keep it elsewhere'

    assert f"left out  {words}" in desk.run("backup", "create", "b.tar.gz").stdout.splitlines()
    assert f"  left out  {words}" in _run("verify", "b.tar.gz")
    assert f"missing   {words}" in _run("restore", "b.tar.gz", "--to", "new")
