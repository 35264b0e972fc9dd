"""What docs/apps.md says of products that are not here, as far as the libraries that they send by are; and its sources.

WordPress sends by PHPMailer, Uptime Kuma by nodemailer, Nextcloud by Symfony Mailer. What the page says about TLS is
what these do in front of a relay whose certificate is its own.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from clients.order import missing
from e2e.house import SMARTHOST, Relay, Sink, eventually
from relay365.handbook import pages
from shape import command_lines

INTEROP = Path(__file__).parent
RUN = frozenset(
    (
        "Python",
        "Java",
        "A shell, with curl",
        "WordPress",
        "Nagios, Icinga, and everything else that calls `mail`",
    )
)
"""The headings whose blocks are run: here, or in test_apps_page.py."""
WORDPRESS = """<?php
spl_autoload_register(function ($name) {
    require '/usr/share/php/libphp-phpmailer/src/' . basename(str_replace('\\\\', '/', $name)) . '.php';
});
$actions = []; $filters = [];
function add_action($name, $do) { global $actions; $actions[$name] = $do; }
function add_filter($name, $do) { global $filters; $filters[$name] = $do; }
?>%s
$mail = new PHPMailer\\PHPMailer\\PHPMailer(true);
$mail->setFrom($filters['wp_mail_from']('wordpress@localhost'));
$mail->addAddress('ops@contoso.com');
$mail->Subject = 'Report';
$mail->Body = 'Done.';
$actions['phpmailer_init']($mail);
$mail->send();
"""
NODEMAILER = """
const [port, ignore] = process.argv.slice(1);
require("nodemailer").createTransport({
  host: "127.0.0.1", port: Number(port), secure: false, tls: { rejectUnauthorized: ignore !== "ignore" },
}).sendMail({ from: "kuma@contoso.com", to: "ops@contoso.com", subject: "Report", text: "Done." })
  .catch((error) => { console.error(error.message); process.exitCode = 1; });
"""
SYMFONY = """
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
$transport = new Symfony\\Component\\Mailer\\Transport\\Smtp\\EsmtpTransport('127.0.0.1', (int) $argv[1], false);
$mail = (new Symfony\\Component\\Mime\\Email())
    ->from('nextcloud@contoso.com')->to('ops@contoso.com')->subject('Report')->text('Done.');
(new Symfony\\Component\\Mailer\\Mailer($transport))->send($mail);
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sink, Relay]]:
    """A relay with STARTTLS by a certificate of its own, and a listener that has no TLS."""
    with Sink() as sink:
        plain = '[[listener]]\naddress = "127.0.0.1:0"\ntls = "none"\n'
        config = SMARTHOST.format(host=sink.address).replace("[[allow]]", f"{plain}[[allow]]")
        with Relay(tmp_path_factory.mktemp("products"), config) as relay:
            yield sink, relay


def _run(order: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        order,
        cwd=INTEROP,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environ},
        check=False,
    )


def _way(house: tuple[Sink, Relay], sender: str) -> str:
    """How the mail of a sender came in, from our trace: ESMTP, or ESMTPS behind STARTTLS. It is forgotten then."""
    sink, _ = house
    found = eventually(lambda: [one for one in sink.delivered if one.reverse_path == sender])
    sink.delivered.clear()
    trace = message_from_bytes(found[0].content)["Received"]
    return re.findall(r" with (\w+) id ", " ".join(trace.split()))[0]


@pytest.mark.skipif(
    missing("php") or missing("/usr/share/php/libphp-phpmailer"), reason="PHPMailer is not here"
)
def test_the_wordpress_block_sends(house: tuple[Sink, Relay], tmp_path: Path) -> None:
    """By the real PHPMailer, without TLS as the block says, from the address that it sets."""
    page = next(one.text for one in pages.written() if one.name == "apps")
    block = next(text for language, text in command_lines.blocks(page) if language == "php")
    block = block.replace("relay.contoso.com", "127.0.0.1").replace("Port = 25", f"Port = {house[1].port}")
    (tmp_path / "mail.php").write_text(WORDPRESS % block, "utf-8")
    done = _run(["php", str(tmp_path / "mail.php")])

    assert (0, "") == (done.returncode, done.stdout + done.stderr)
    assert "ESMTP" == _way(house, "web@contoso.com")


@pytest.mark.skipif(missing("node") or missing("node_modules/nodemailer"), reason="nodemailer is not here")
def test_uptime_kuma_must_trust_the_relay(house: tuple[Sink, Relay]) -> None:
    """As its source calls nodemailer: STARTTLS is taken because it is offered; with trust, or not asked for it."""
    order = ["node", "-e", NODEMAILER, str(house[1].port)]
    refused = _run(order)
    trusted = _run(order, NODE_EXTRA_CA_CERTS=str(house[1].ca_file))

    assert 1 == refused.returncode
    assert "certificate" in refused.stderr
    assert (0, "") == (trusted.returncode, trusted.stderr)
    assert "ESMTPS" == _way(house, "kuma@contoso.com")
    assert 0 == _run([*order, "ignore"]).returncode
    assert "ESMTPS" == _way(house, "kuma@contoso.com")


@pytest.mark.skipif(
    missing("php") or missing("/usr/share/php/Symfony/Component/Mailer"), reason="Symfony Mailer is not here"
)
def test_nextcloud_must_trust_the_relay(house: tuple[Sink, Relay]) -> None:
    """By Symfony Mailer: STARTTLS is taken because it is offered; with openssl.cafile, or a listener without TLS."""
    relay = house[1]
    refused = _run(["php", "-r", SYMFONY, str(relay.port)])
    trusted = _run(["php", "-d", f"openssl.cafile={relay.ca_file}", "-r", SYMFONY, str(relay.port)])

    assert 0 != refused.returncode
    assert "certificate verify failed" in refused.stdout + refused.stderr
    assert 0 == trusted.returncode, trusted.stdout + trusted.stderr
    assert "ESMTPS" == _way(house, "nextcloud@contoso.com")
    assert 0 == _run(["php", "-r", SYMFONY, str(relay.ports[1])]).returncode
    assert "ESMTP" == _way(house, "nextcloud@contoso.com")


def test_every_block_says_what_is_behind_it() -> None:
    """Each application is run by our tests, or names its source as a link, or says that it was not checked."""
    page = next(one.text for one in pages.written() if one.name == "apps")
    blocks = re.split(r"^## When ", page, flags=re.MULTILINE)[0]
    sections = dict(part.split("\n", 1) for part in re.split(r"^### ", blocks, flags=re.MULTILINE)[1:])
    run = _those_with(r"^Run by our tests[.,]", sections)
    told = _those_with(r"^From: .*\]\(https://", sections)
    not_checked = _those_with(r"^Not checked\.$", sections)

    assert RUN == run
    assert set(sections) == run | told | not_checked
    assert len(sections) == len(run) + len(told) + len(not_checked)
    assert {"PRTG"} == not_checked


def _those_with(line: str, sections: dict[str, str]) -> set[str]:
    return {name for name, text in sections.items() if re.search(line, text, re.MULTILINE)}
