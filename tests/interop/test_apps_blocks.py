"""The blocks of docs/apps.md whose programs are not here, read by a reader of their language: that they can be read.

It is no proof of the program: names of keys are held against those of its own documents, as they stood in November
2026. What no reader is here for is named on the page.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from relay365.handbook import pages
from shape import command_lines

RELAY = "relay.contoso.com"
RUN = {"python", "java", "php"}  # test_apps_page.py, test_apps_products.py
BY_OTHERS = {"toml", "powershell"}  # tests/shape, tests/interop/powershell
UNREAD = {"SQL Server Database Mail": "sql", ".NET": "csharp"}
RUN_IN_A_SHELL = {"A shell, with curl", "Nagios, Icinga, and everything else that calls `mail`"}
READ = {
    ("Proxmox VE", ""), ("Grafana", "ini"), ("Grafana", ""), ("Prometheus Alertmanager", "yaml"),
    ("GitLab (Omnibus)", "ruby"), ("Jenkins", "yaml"), ("Nextcloud", ""), ("cron", ""),
}  # fmt: skip


def _names(text: str) -> set[str]:
    return set(text.split())


GRAFANA = _names(
    "enabled host user password cert_file key_file skip_verify from_address from_name ehlo_identity startTLS_policy "
    "enable_tracing"
)
ALERTMANAGER = _names(
    "smtp_from smtp_smarthost smtp_hello smtp_auth_username smtp_auth_password smtp_auth_password_file "
    "smtp_auth_identity smtp_auth_secret smtp_require_tls smtp_tls_config"
)
TLS_CONFIG = _names("ca ca_file cert cert_file key key_file server_name insecure_skip_verify min_version")
GITLAB = _names(
    "smtp_enable smtp_address smtp_port smtp_user_name smtp_password smtp_domain smtp_authentication "
    "smtp_enable_starttls_auto smtp_tls smtp_openssl_verify_mode smtp_ca_file smtp_ca_path gitlab_email_from"
)
NEXTCLOUD = _names(
    "mail_smtpmode mail_smtphost mail_smtpport mail_smtpsecure mail_smtpauth mail_smtpname mail_smtppassword "
    "mail_from_address mail_domain mail_smtptimeout mail_smtpstreamoptions"
)
NEEDS_RUBY = pytest.mark.skipif(shutil.which("ruby") is None, reason="Ruby is not installed")
IN_YAML = 'require "yaml"; require "json"; print JSON.dump(YAML.safe_load(STDIN.read))'
IN_RUBY = 'require "json"; gitlab_rails = {}; eval(STDIN.read); print JSON.dump(gitlab_rails)'


def _sections() -> dict[str, str]:
    page = next(one.text for one in pages.written() if one.name == "apps")
    return dict(part.split("\n", 1) for part in re.split(r"^### ", page, flags=re.MULTILINE)[1:])


def _block(heading: str, language: str = "") -> str:
    return next(text for found, text in command_lines.blocks(_sections()[heading]) if found == language)


def _by_ruby(program: str, text: str) -> Any:
    done = subprocess.run(
        ["ruby", "-e", program], input=text, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(done.stdout)


def _called(command: str, text: str, folder: Path) -> list[list[str]]:
    """The words of each call of a command in a shell block, which a shell has read."""
    (folder / command).write_text('#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done; echo\n', "utf-8")
    (folder / command).chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-e"], input=text, capture_output=True, text=True, env=environment, timeout=60, check=True
    )
    return [line.split("\0")[:-1] for line in done.stdout.splitlines()]


def test_every_block_is_run_or_read_or_said_not_to_be() -> None:
    """A new one needs a reader, or the words on the page that it has none."""
    found = {
        (name, language) for name, text in _sections().items() for language, _ in command_lines.blocks(text)
    }
    known = {one for one in found if one[1] in RUN | BY_OTHERS or one[0] in RUN_IN_A_SHELL}
    unread = {one for one in found if one[1] == UNREAD.get(one[0])}

    assert found == known | unread | READ
    assert set(UNREAD) == {name for name, text in _sections().items() if "Not read by our tests" in text}


def test_grafana_is_the_same_twice() -> None:
    """The file and the environment: known keys, and of those in both the same value."""
    read = configparser.ConfigParser(interpolation=None)
    read.optionxform = str  # type: ignore[assignment, method-assign]
    read.read_string(_block("Grafana", "ini"))
    smtp = dict(read["smtp"])
    environment = dict(line.split("=", 1) for line in _block("Grafana").splitlines())

    assert ["smtp"] == read.sections()
    assert set() == set(smtp) - GRAFANA
    assert {f"GF_SMTP_{key.upper()}": smtp[key] for key in ("enabled", "host", "from_address")} == environment
    assert f"{RELAY}:25" == smtp["host"]


@NEEDS_RUBY
def test_alertmanager_is_yaml_of_known_keys() -> None:
    """And its TLS is required, as the text says."""
    (head, table), *others = _by_ruby(IN_YAML, _block("Prometheus Alertmanager", "yaml")).items()

    assert ("global", []) == (head, others)
    assert set() == set(table) - ALERTMANAGER | set(table["smtp_tls_config"]) - TLS_CONFIG
    assert (f"{RELAY}:25", True) == (table["smtp_smarthost"], table["smtp_require_tls"])


@NEEDS_RUBY
def test_jenkins_is_yaml_of_the_demo() -> None:
    """The mailer's host and port, and the sender where Jenkins has it."""
    assert {
        "unclassified": {
            "location": {"adminAddress": "jenkins@contoso.com"}, "mailer": {"smtpHost": RELAY, "smtpPort": 25},
        }
    } == _by_ruby(IN_YAML, _block("Jenkins", "yaml"))  # fmt: skip


@NEEDS_RUBY
def test_gitlab_is_ruby() -> None:
    """Run as GitLab reads it: known settings, no login, and the authority's file."""
    found = _by_ruby(IN_RUBY, _block("GitLab (Omnibus)", "ruby"))

    assert set() == set(found) - GITLAB
    assert (RELAY, 25, True) == (
        found["smtp_address"],
        found["smtp_port"],
        found["smtp_enable_starttls_auto"],
    )
    assert found["smtp_ca_file"].startswith("/etc/gitlab/")


def test_proxmox_is_one_command(tmp_path: Path) -> None:
    """The endpoint's path, then options, each with its value; the mode is one that the schema has."""
    (words,) = _called("pvesh", _block("Proxmox VE"), tmp_path)

    assert ["create", "/cluster/notifications/endpoints/smtp"] == words[:2]
    assert {
        "--name": "relay365", "--server": RELAY, "--port": "25", "--mode": "starttls",
        "--from-address": "pve@contoso.com", "--mailto": "ops@contoso.com",
    } == dict(zip(words[2::2], words[3::2], strict=True))  # fmt: skip


def test_nextcloud_sets_known_keys(tmp_path: Path) -> None:
    """Each line one key of config.php, as the web server's user; the sender is put together of two."""
    calls = _called("sudo", _block("Nextcloud"), tmp_path)
    found = {words[5]: words[6].removeprefix("--value=") for words in calls}

    assert {("-u", "www-data", "php", "occ", "config:system:set")} == {tuple(words[:5]) for words in calls}
    assert set() == set(found) - NEXTCLOUD
    assert ("smtp", RELAY, "25") == (found["mail_smtpmode"], found["mail_smtphost"], found["mail_smtpport"])
    assert "nextcloud@contoso.com" == f"{found['mail_from_address']}@{found['mail_domain']}"


def test_a_crontab_has_variables_and_a_line_of_five_fields() -> None:
    """Each variable is an address; the fields are in their ranges, and a command follows. (crontab(5))"""
    *variables, job = _block("cron").splitlines()
    *fields, command = job.split(maxsplit=5)
    ranges = zip(fields, (59, 23, 31, 12, 7), strict=True)

    assert ["MAILTO", "MAILFROM"] == [line.partition("=")[0] for line in variables]
    assert all(re.fullmatch(r"\w+=\w+@contoso\.com", line) for line in variables)
    assert all(field == "*" or int(field) <= most for field, most in ranges)
    assert command.startswith("/")
