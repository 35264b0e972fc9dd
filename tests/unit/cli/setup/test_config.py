"""`relay365 config`: what the golden dialogues in tests/golden/cli do not show."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from relay365.cli.main import main
from relay365.config import parse

SUBMISSION = """\
[[route]]
kind = "submission"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
secret = { file = "client.secret" }
mailbox = "scan@contoso.com"
"""


@pytest.mark.parametrize("kind", ["submission", "smarthost"])
def test_the_example_is_a_configuration(kind: str) -> None:
    """What is printed can be read back."""
    text = CliRunner().invoke(main, ["config", "example", kind]).stdout

    assert kind == parse(text, "f").route[0].kind


def test_what_is_shown_is_the_same_configuration(desk: Any) -> None:
    """Every key with its value is a file with the same meaning."""
    shown = desk.run("config", "show").stdout

    assert parse((desk.directory / "relay365.toml").read_text("utf-8"), "f") == parse(shown, "f")


def test_no_hash_is_shown(desk: Any) -> None:
    """A password hash is a secret, too, in both forms."""
    file = desk.directory / "relay365.toml"
    file.write_text(
        file.read_text("utf-8") + '[[user]]\nname = "a"\npassword_hash = "$argon2id$zzz"\n', "utf-8"
    )

    assert "zzz" not in desk.run("config", "show").stdout + desk.run("config", "show", "--json").stdout


def test_check_warns_of_what_is_allowed_and_unwise(desk: Any) -> None:
    """A secret that others can read, a password route, public addresses, nobody who may send."""
    (desk.directory / "client.secret").write_text("abc", "utf-8")
    (desk.directory / "client.secret").chmod(0o644)
    text = (desk.directory / "relay365.toml").read_text("utf-8")
    changed = text.replace('network = "127.0.0.0/8"', 'network = "8.8.4.0/24"') + SUBMISSION
    changed += SUBMISSION.replace("secret", "password", 1).replace('tenant = "contoso.com"\n', "")
    (desk.directory / "relay365.toml").write_text(changed, "utf-8")
    warnings = "\n".join(desk.objects("config", "check")[0]["warnings"])

    assert "can be read by others" in warnings
    assert "basic authentication" in warnings
    assert "[[allow]] 8.8.4.0/24" in warnings
    (desk.directory / "relay365.toml").write_text(
        text.replace('[[allow]]\nnetwork = "127.0.0.0/8"\n', ""), "utf-8"
    )
    assert "only logins" in desk.objects("config", "check")[0]["warnings"][0]


def test_check_reads_a_listeners_certificate(desk: Any) -> None:
    """A certificate that is no certificate is found before the service starts."""
    (desk.directory / "c.pem").write_text("nothing", "utf-8")
    file = desk.directory / "relay365.toml"
    pair = 'certificate = { file = "c.pem" }\nkey = { file = "c.pem" }\n[[allow]]'
    file.write_text(file.read_text("utf-8").replace("[[allow]]", pair), "utf-8")
    said = desk.run("config", "check")

    assert 1 == said.exit_code
    assert "certificate or key cannot be used" in said.stderr


def test_check_warns_of_alerts_that_nobody_would_take(desk: Any) -> None:
    """As whom they would go is a name of this machine; with a domain of ours it is well."""
    file = desk.directory / "relay365.toml"
    file.write_text(
        file.read_text("utf-8") + '[[alerts.channel]]\nkind = "mail"\nto = "it@fabrikam.com"\n', "utf-8"
    )
    (bare,) = desk.objects("config", "check")
    file.write_text(file.read_text("utf-8") + '[sender]\ndomains = ["contoso.com"]\n', "utf-8")
    (ours,) = desk.objects("config", "check")

    expected = (
        "alerts by mail may be refused by route smarthost: no sender is known for it; a next server that looks at "
        "senders does not know this machine's name; set [sender] domains, or rewrite_to"
    )
    assert [expected] == bare["warnings"]
    assert [] == ours["warnings"]
