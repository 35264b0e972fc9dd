"""A relay with an imported configuration sends what the old one would have sent, and refuses what it refused."""

from __future__ import annotations

import smtplib
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

from e2e.house import Relay, Sink, eventually
from e2e.microsoft import microsoft
from fakes.moving import address_list, folder, sample

METABASE = """<configuration>
<IIsSmtpServer Location="/LM/SmtpSvc/1" ServerBindings="127.0.0.1:{port}:" SmartHost="127.0.0.1" SmartHostType="2"
RemoteSmtpPort="{hop}" RelayIpList="{granted}" MaxMessageSize="100000"></IIsSmtpServer></configuration>
"""
PROXY = """[SMTP-1587]
server_address = smtp.office365.com
[{mailbox}]
token_url = https://login.microsoftonline.com/common/oauth2/v2.0/token
client_id = 7a1e0c52-0000-4000-8000-000000000000
"""


def _import(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "relay365", "import", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _mail(sender: str = "scan@contoso.com") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "lena@fabrikam.com", "scan"
    message["Message-ID"] = "<1@device.test>"
    message.set_content("page")
    return message.as_bytes().replace(b"\n", b"\r\n")


def _started(directory: Path, text: str) -> Relay:
    """A relay with the imported text, on a free port and with a queue of the test's own."""
    own = text.replace('"/var/lib/relay365"', '"data"').replace('"0.0.0.0:25"', '"127.0.0.1:0"')
    return Relay(directory, own)


def test_printers_of_a_postfix_go_on(tmp_path: Path) -> None:
    """An imported relay takes a printer's mail and gives it to the relay host of before."""
    with Sink() as sink:
        directory = sample("smarthost", tmp_path)
        main = (directory / "main.cf").read_text("utf-8").replace("]:2626", f"]:{_port(sink)}")
        (directory / "main.cf").write_text(main, "utf-8")
        done = _import("postfix", str(directory))
        assert 0 == done.returncode, done.stderr
        with _started(tmp_path, done.stdout) as relay:
            relay.send(_mail())
            eventually(lambda: sink.delivered)

            assert ["lena@fabrikam.com"] == sink.delivered[0].recipients
            assert b"Subject: scan" in sink.delivered[0].content


def test_who_was_excluded_stays_out(tmp_path: Path) -> None:
    """`!127.0.0.1` in mynetworks: the address has to log in, while its neighbours need not."""
    main = "relayhost = [127.0.0.1]:9\nmynetworks = 127.0.0.0/8, !127.0.0.1\n"
    done = _import("postfix", str(folder(tmp_path / "pf", main)))
    with _started(tmp_path, done.stdout) as relay, smtplib.SMTP("127.0.0.1", relay.port) as client:
        client.ehlo()

        assert 530 == client.mail("scan@contoso.com")[0]


def test_a_server_of_iis_goes_on(tmp_path: Path) -> None:
    """The relay list lets the address in, the smart host gets the mail, and what was too large is refused."""
    with Sink() as sink:
        granted = address_list([["255.255.255.255", "127.0.0.1"]]).hex()
        file = tmp_path / "MetaBase.xml"
        file.write_text(METABASE.format(port=2525, hop=_port(sink), granted=granted))
        done = _import("iis", str(file))
        text = done.stdout.replace("127.0.0.1:2525", "127.0.0.1:0")
        with _started(tmp_path, text) as relay:
            relay.send(_mail())
            eventually(lambda: sink.delivered)

            assert ["lena@fabrikam.com"] == sink.delivered[0].recipients
            with smtplib.SMTP("127.0.0.1", relay.port) as client:
                client.ehlo()

                assert 552 == client.mail("scan@contoso.com", ["SIZE=200000"])[0]


def test_a_client_of_the_proxy_goes_on(tmp_path: Path) -> None:
    """It says its login and password without TLS as before, and its mail goes by the present road to Microsoft 365."""
    with microsoft(tmp_path) as office:
        file, proxy = tmp_path / "relay365.toml", tmp_path / "emailproxy.config"
        file.write_text(
            office.config().split("[[allow]]")[0] + "[[route]]" + office.config().split("[[route]]")[1]
        )
        proxy.write_text(PROXY.format(mailbox=office.mailbox))
        done = _import("oauth2proxy", str(proxy), "--config", str(file), "--apply")
        assert 0 == done.returncode, done.stderr
        text = file.read_text().replace("127.0.0.1:1587", "127.0.0.1:0")
        with Relay(tmp_path, text) as relay:
            relay.command("user", "add", office.mailbox, "--password-stdin", stdin="as before\n")
            with smtplib.SMTP("127.0.0.1", relay.ports[-1]) as client:
                client.login(office.mailbox, "as before")
                client.sendmail(office.mailbox, ["lena@fabrikam.com"], _mail(office.mailbox))
            (sent,) = eventually(office.control.messages)

            assert office.mailbox == sent["mailbox"]


def test_networks_join_a_relay_that_runs_already(tmp_path: Path) -> None:
    """After init the route is there: --apply adds the old networks, keeps every line; mail goes by Microsoft 365."""
    with microsoft(tmp_path) as office:
        file = tmp_path / "relay365.toml"
        before = office.config().replace('network = "127.0.0.0/8"', 'network = "192.0.2.0/24"')
        file.write_text("# mine\n" + before)
        main = "relayhost = [10.0.0.25]\nmynetworks = 127.0.0.0/8\ninet_interfaces = 127.0.0.1\n"
        directory = folder(tmp_path / "pf", main, "2999 inet n - y - - smtpd\n")
        done = _import("postfix", str(directory), "--config", str(file), "--apply")
        assert 0 == done.returncode, done.stderr
        assert set(before.splitlines()) < set(file.read_text().splitlines())
        with Relay(tmp_path, file.read_text().replace("127.0.0.1:2999", "127.0.0.1:0")) as relay:
            relay.send(_mail(office.mailbox), sender=office.mailbox)
            (sent,) = eventually(office.control.messages)

            assert office.mailbox == sent["mailbox"]


def _port(sink: Sink) -> int:
    return int(sink.address.rpartition(":")[2])
