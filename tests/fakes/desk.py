"""A configuration whose routes sign in at a token service of the test's own, and the command line in front of it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from fakes.identity import TokenService
from relay365.cli.main import main

HEAD = """\
[server]
data = "data"
{server}
[[listener]]
address = "127.0.0.1:2525"
[[allow]]
network = "127.0.0.0/8"
"""
ROUTE = """\
[[route]]
name = "{name}"
kind = "submission"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
mailbox = "{mailbox}"
authority = "{authority}"
ca_file = "{ca_file}"
{credential}
"""
SECRET = 'secret = { file = "client.secret" }'
PERSON = 'login = "mailbox"'


class SigningDesk:
    """Routes by name and credential; run() runs a command with them."""

    def __init__(self, directory: Path, service: TokenService) -> None:
        self.directory, self._service = directory, service
        (directory / "client.secret").write_text("Sec/ret+Kanarie")
        (directory / "client.secret").chmod(0o600)

    def write(
        self, *, server: str = "", mailbox: str = "scan@contoso.com", authority: str = "", **credentials: str
    ) -> None:
        """One route for each keyword."""
        facts = {"authority": authority or self._service.authority, "ca_file": self._service.ca_file}
        routes = [
            ROUTE.format(name=name, mailbox=mailbox, credential=credential, **facts)
            for name, credential in credentials.items()
        ]
        (self.directory / "relay365.toml").write_text(HEAD.format(server=server) + "".join(routes))

    def run(self, *arguments: str, stdin: str = "") -> Result:
        config = ["--config", str(self.directory / "relay365.toml")]
        return CliRunner().invoke(main, ["token", *arguments, *config], input=stdin, prog_name="relay365")
