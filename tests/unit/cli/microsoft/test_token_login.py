"""`relay365 token login`: three lines, a wait, and what was stored; by browser, by pasting, by device code."""

from __future__ import annotations

import json
import re
import threading
import urllib.request
from urllib.parse import parse_qsl, urlencode, urlsplit

import click
import pytest

from fakes.desk import PERSON, SECRET, SigningDesk
from fakes.identity import TokenService, refusal
from relay365.cli.microsoft import token_login

KEY = 'token_key = { file = "token.key" }'


def _stored(desk: SigningDesk) -> bytes:
    file = desk.directory / "data" / "tokens" / "scans.bin"
    return file.read_bytes() if file.exists() else b""


class Browser:
    """Stands behind click.echo: follows the address of the first line, as a person's browser would."""

    def __init__(self, service: TokenService, *, says: str = "yes") -> None:
        self._service, self._says = service, says
        self.lines: list[str] = []
        self.threads: list[threading.Thread] = []

    def hear(self, line: str = "", **keywords: object) -> None:
        self.lines.append(str(line))
        if str(line).startswith("1. open"):
            thread = threading.Thread(target=self._browse, args=(str(line).split()[-1],))
            self.threads.append(thread)
            thread.start()

    def _browse(self, address: str) -> None:
        where = urlsplit(self._service.sign_in(address))
        form = dict(parse_qsl(where.query))
        if self._says == "no":
            form = {"error": "access_denied", "error_description": "AADSTS65004: no.", "state": form["state"]}
        with urllib.request.urlopen(
            f"http://127.0.0.1:{where.port}/", urlencode(form).encode(), timeout=5.0
        ) as page:
            page.read()


@pytest.mark.parametrize(("says", "code"), [("yes", 0), ("no", 1)])
def test_by_a_browser_on_this_machine(
    signing_desk: SigningDesk, service: TokenService, monkeypatch: pytest.MonkeyPatch, says: str, code: int
) -> None:
    """The browser posts the answer to our loopback port: stored and said, or refused with the row that explains it."""
    signing_desk.write(scans=PERSON)
    browser = Browser(service, says=says)
    monkeypatch.setattr(click, "echo", browser.hear)
    done = signing_desk.run("login")
    for thread in browser.threads:
        thread.join(5.0)

    assert code == done.exit_code
    assert ["1.", "2.", "3."] == [line[:2] for line in browser.lines[:3]]
    assert (says == "yes") == (b"refresh-1" in _stored(signing_desk))
    assert ("scans: signed in as scan@contoso.com" if says == "yes" else "AADSTS65004") in "\n".join(
        browser.lines
    )


class Terminal:
    """Standard input of a person who opens the address in some other browser and pastes where that ends."""

    def __init__(self, service: TokenService, *, pastes: str = "") -> None:
        self._service, self._pastes = service, pastes
        self.lines: list[str] = []

    def hear(self, line: str = "", **keywords: object) -> None:
        self.lines.append(str(line))

    def readline(self) -> str:
        return (self._pastes or self._service.sign_in(self.lines[0].split()[-1])) + "\n"


@pytest.mark.parametrize(("pastes", "code"), [("", 0), ("hello", 1), ("http://localhost/?code=x&state=y", 1)])
def test_by_pasting(
    signing_desk: SigningDesk, service: TokenService, monkeypatch: pytest.MonkeyPatch, pastes: str, code: int
) -> None:
    """The whole address; what has no code in it, or another's, is refused and nothing is stored."""
    signing_desk.write(scans=PERSON)
    terminal = Terminal(service, pastes=pastes)
    monkeypatch.setattr(click, "echo", terminal.hear)
    monkeypatch.setattr("relay365.cli.microsoft.token_login.sys.stdin", terminal)
    from relay365.cli.microsoft.token_login import login

    with pytest.raises(SystemExit) as left:
        login.main(["--config", str(signing_desk.directory / "relay365.toml"), "--paste"])

    assert code == left.value.code
    assert (code == 0) == (b"refresh-1" in _stored(signing_desk))


def test_by_device_code_and_sealed(signing_desk: SigningDesk, service: TokenService) -> None:
    """The code is shown; with server.token_key the file shows nothing; --json says what was stored, on its own."""
    (signing_desk.directory / "token.key").write_text("k" * 44)
    signing_desk.write(server=KEY, scans=PERSON)
    service.typed = True
    done = signing_desk.run("login", "--device-code", "--json")

    assert (0, True) == (done.exit_code, "type the code  F7GH-2K" in done.stderr)
    found = json.loads(done.stdout)
    assert {"route": "scans", "who": "scan@contoso.com", "sealed": True} == {
        key: value for key, value in found.items() if key != "file"
    }
    assert (True, False) == (bool(_stored(signing_desk)), b"refresh" in _stored(signing_desk))


def test_a_device_code_that_the_tenant_blocks(signing_desk: SigningDesk, service: TokenService) -> None:
    """Three lines, exit 1, nothing stored."""
    signing_desk.write(scans=PERSON)
    service.refuse.append(refusal("access_denied", 53003))
    done = signing_desk.run("login", "--device-code")

    assert (1, b"") == (done.exit_code, _stored(signing_desk))
    assert re.search(
        r"^what: no sign-in for scans: AADSTS53003.*\nwhy:  .+\ndo:   .+$", done.stderr, re.MULTILINE
    )


def test_a_shared_mailbox_needs_rights(signing_desk: SigningDesk, service: TokenService) -> None:
    """Who signed in is not who sends: said at once, and not first by Exchange."""
    signing_desk.write(scans=PERSON, mailbox="shared@contoso.com")
    service.typed = True
    done = signing_desk.run("login", "--device-code")

    assert "the route sends as shared@contoso.com: scan@contoso.com needs Send As" in done.stdout


@pytest.mark.parametrize(("credential", "arguments"), [(SECRET, ()), (PERSON, ("--paste", "--device-code"))])
def test_wrong_use(signing_desk: SigningDesk, credential: str, arguments: tuple[str, ...]) -> None:
    """An application has nobody to sign in; two ways at once are none."""
    signing_desk.write(scans=credential)

    assert 2 == signing_desk.run("login", *arguments).exit_code


def test_nobody_comes(signing_desk: SigningDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait has an end, and an earlier sign-in would stay."""
    from relay365.routes.identity.redirect import Redirect

    monkeypatch.setattr(Redirect, "wait", lambda self, deadline_mono: None)
    signing_desk.write(scans=PERSON)
    done = signing_desk.run("login")

    assert (1, True) == (done.exit_code, "nobody came back" in done.stderr)


@pytest.mark.parametrize(
    ("platform", "environ", "is_here"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}, False),
        ("win32", {}, True),
        ("darwin", {}, True),
        ("win32", {"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}, False),
    ],
)
def test_where_a_browser_can_probably_be_opened(
    monkeypatch: pytest.MonkeyPatch, platform: str, environ: dict[str, str], is_here: bool
) -> None:
    """What the wizard proposes; a screen that SSH brings along is not on this machine."""
    monkeypatch.setattr(token_login.sys, "platform", platform)
    monkeypatch.setattr(token_login.os, "environ", environ)

    assert is_here == token_login.has_desktop()
