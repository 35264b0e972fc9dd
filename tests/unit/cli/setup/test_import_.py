"""`relay365 import` of every source: wrong use, and what each makes of its sample."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fakes.moving import SAMPLES, sample
from relay365.cli.words.output import now
from relay365.config import parse
from relay365.setup.keys import make_key


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("iis", str(SAMPLES / "iis/office.xml")), 1),
        (("oauth2proxy", str(SAMPLES / "oauth2proxy/emailproxy.config")), 1),
        (("postfix", str(SAMPLES / "postfix/smarthost")), 0),
        (("postfix", str(SAMPLES / "postfix/gateway")), 1),
        (("postfix", str(SAMPLES / "postfix/debian"), "--mailbox", "scan@contoso.com"), 0),
    ],
)
def test_a_source_becomes_a_configuration(desk: Any, arguments: tuple[str, ...], code: int) -> None:
    """Standard output is a file that our reader takes, the report is on standard error; 1: not understood."""
    done = desk.run("import", *arguments)

    assert code == done.exit_code
    assert parse(done.stdout, "import").route
    assert (" 0 NOT UNDERSTOOD" in done.stderr) == (code == 0)


@pytest.mark.parametrize(
    "arguments",
    [
        *(("postfix", str(one)) for one in sorted((SAMPLES / "postfix").iterdir())),
        ("iis", str(SAMPLES / "iis/office.xml")),
        ("oauth2proxy", str(SAMPLES / "oauth2proxy/emailproxy.config")),
    ],
)
def test_config_check_finds_every_sample_good(desk: Any, arguments: tuple[str, str]) -> None:
    """Once the files are there that the report asks for: the key, a client secret, a password, a certificate."""
    desk.run("import", *arguments, "--out", "new.toml")
    text = (desk.directory / "new.toml").read_text()
    for away in ("/etc/relay365/", "/etc/proxy/", "/var/lib/"):
        text = text.replace(f'"{away}', '"')
    (desk.directory / "relay365.toml").write_text(text)
    key = make_key(desk.directory / "keys" / "app.pem", "relay", now()).file.read_bytes()
    for name in re.findall(r'(?m)^\w.*file = "([^"]+)"', text):
        assert not Path(name).is_absolute()
        (desk.directory / name).write_bytes(b"secret" if name.endswith(("secret", "password")) else key)
        (desk.directory / name).chmod(0o600)
    done = desk.run("config", "check")

    assert (0, "") == (done.exit_code, done.stderr)


def test_json_is_one_object(desk: Any) -> None:
    """With every finding, the counts and the configuration."""
    (found,) = desk.objects("import", "postfix", str(SAMPLES / "postfix/office365"))

    assert {"ok": 42, "warn": 5, "not_understood": 2} == found["counts"]
    assert {"state", "where", "old", "new", "why"} == set(found["findings"][0])
    assert parse(found["toml"], "import").route
    assert "Kanarienvogel" not in json.dumps(found)


def test_what_needs_nothing_is_shown_when_asked(desk: Any) -> None:
    """By default only its number."""
    short = desk.run("import", "postfix", str(SAMPLES / "postfix/debian"))
    long = desk.run("import", "postfix", str(SAMPLES / "postfix/debian"), "--all")

    assert ("biff = no" in short.stderr, "biff = no" in long.stderr) == (False, True)
    assert "44 of the OK need nothing here and are not shown: --all shows them" in short.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("postfix", "nowhere"), "main.cf cannot be read"),
        (("iis", "nowhere.xml"), "nowhere.xml cannot be read"),
        (("iis", "relay365.toml"), "is no XML"),
        (("oauth2proxy", "relay365.toml"), "no emailproxy.config"),
        (("csv", "relay365.toml"), "is no list of devices"),
        (("postfix", ".", "--diff", "--apply"), "--diff and --apply at once"),
        (("postfix", ".", "--mailbox", "scan"), "scan is no mailbox"),
    ],
)
def test_wrong_use_has_three_lines(desk: Any, arguments: tuple[str, ...], word: str) -> None:
    """What, why and what to do; exit 2, and nothing on standard output."""
    done = desk.run("import", *arguments)

    assert (2, "") == (done.exit_code, done.stdout)
    assert ["what", "why", "do"] == [line.partition(":")[0] for line in done.stderr.splitlines()]
    assert word in done.stderr


def test_a_list_of_devices_is_only_tables(desk: Any) -> None:
    """To be appended to a file, or applied; a second time changes nothing."""
    (desk.directory / "d.csv").write_text("name,ip\nups,10.1.0.9\n")
    shown = desk.run("import", "csv", "d.csv")
    first = desk.run("import", "csv", "d.csv", "--apply")
    text = (desk.directory / "relay365.toml").read_text()
    second = desk.run("import", "csv", "d.csv", "--apply")

    assert (0, '[[device]]\nname = "ups"\nmatch = { address = ["10.1.0.9"] }\n') == (
        shown.exit_code,
        shown.stdout,
    )
    assert ("ups",) == tuple(one.name for one in parse(text, "x").device)
    assert ("written: relay365.toml; the old one is" in first.stdout, "was not touched" in second.stdout) == (
        True,
        True,
    )
    assert text == (desk.directory / "relay365.toml").read_text()


def test_a_copied_folder_is_enough(desk: Any) -> None:
    """Tables that main.cf names by /etc/postfix are found in the folder that was given."""
    done = desk.run("import", "postfix", str(sample("office365", desk.directory)))

    assert "login scan@contoso.com" in done.stderr
