"""The unit as it ships, under a real systemd: what docs/service.md says of it is tried on a machine that boots.

One guest for all of them (e2e.guest), with the wheel of this tree in it, a Microsoft 365 of our own beside it, and the
secret as a credential that only root can read. The tests stand in the order of a service's life.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.guest import Guest, build_wheel, lacks
from e2e.house import eventually

PACKAGING = Path(__file__).parents[2] / "packaging"
FILE = "/etc/relay365/relay365.toml"
UNIT = "/etc/systemd/system/relay365.service"
QUICK = "[Service]\nRestartSec=1\nWatchdogSec=3\n"  # the unit has ten seconds and a minute
CREDENTIAL = "[Service]\nLoadCredential=client.secret:/etc/relay365/client.secret\n"
DEVICE = """
import smtplib, sys
client = smtplib.SMTP("127.0.0.1", 25, timeout=20)
if sys.argv[3:]:
    client.login("printer", sys.argv[3])
for n in range(int(sys.argv[2])):
    name = f"{sys.argv[1]}-{n}"
    client.sendmail("scan@contoso.com", ["lena@fabrikam.com"],
        f"From: scan@contoso.com\\r\\nSubject: {name}\\r\\nMessage-ID: <{name}@device.test>\\r\\n\\r\\nx\\r\\n")
client.quit()
"""
LACKS = lacks()
pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(bool(LACKS) and "CI" not in os.environ, reason=LACKS),
]


class Machine:
    """The guest, as an administrator and a device see it."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest

    def systemctl(self, *order: str, good: int | None = 0) -> str:
        done = self.guest.run("systemctl", *order, good=good)
        return done.stdout + done.stderr

    def shown(self, name: str) -> str:
        """A property of the unit."""
        return self.systemctl("show", "-P", name, "relay365").strip()

    def said(self) -> str:
        """What the journal has of the unit's last life."""
        return self.guest.run("journalctl", "-u", "relay365", "-o", "cat", "-n", "40").stdout

    def relay365(self, *order: str, good: int | None = 0, stdin: str = "") -> str:
        done = self.guest.run("relay365", *order, good=good, stdin=stdin)
        return done.stdout + done.stderr

    def send(self, name: str, n: int = 1, password: str = "") -> None:
        """Mail of a device; it fails unless the relay has answered 250 to each."""
        self.guest.run("python3", "/srv/device.py", name, str(n), *([password] if password else []))

    def arrived(self, name: str) -> list[str]:
        """The messages of that name that Microsoft has, once for each time that it came."""
        look = "import json, sys, urllib.request as u; print(u.urlopen(sys.argv[1] + '/messages').read().decode())"
        found = json.loads(self.guest.run("python3", "-c", look, self.facts["control"]).stdout)
        ids = [str(one["message_id"]) for one in found]
        return sorted(one for one in ids if one.startswith(f"<{name}-"))

    def waiting(self) -> int:
        return len(self.relay365("queue", "list", "--json", good=None).splitlines())

    @property
    def facts(self) -> dict[str, str]:
        return dict(json.loads((self.guest.root / "srv/m365/emulator.json").read_text("utf-8")))

    def start_microsoft(self) -> None:
        """Returns when it can be talked to."""
        self.guest.run("systemd-run", "--unit=m365", "relay365", "emulator", "--dir", "/srv/m365")
        said = "the emulator is ready"
        eventually(
            lambda: said in self.guest.run("journalctl", "-u", "m365", "-o", "cat").stdout or self._is_gone()
        )

    def _is_gone(self) -> bool:
        """False while the emulator lives; else its last words."""
        state = self.systemctl("show", "-P", "ActiveState", "m365").strip()
        assert "failed" != state, self.guest.run("journalctl", "-u", "m365", "-o", "cat", "-n", "5").stdout
        return False

    def microsoft(self, signal: str) -> None:
        """STOP: nobody answers there any more. CONT: it goes on."""
        self.systemctl("kill", "--signal", signal, "m365")

    def configure(self, more: str = "") -> None:
        """The configuration that works, and more of it."""
        text = (self.guest.root / "srv/m365/relay365.toml").read_text("utf-8")
        for key, value in (
            ("data", '"/var/lib/relay365"'), ("address", '"127.0.0.1:25"'),
            ("secret", '{ credential = "client.secret" }'), ("ca_file", '"/etc/relay365/m365.pem"'),
        ):  # fmt: skip
            text = re.sub(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        self.guest.write(FILE, f"{text}\n{more}")


def _names(name: str, n: int) -> list[str]:
    return [f"<{name}-{k}@device.test>" for k in range(n)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Installed and configured as the page says, not yet started."""
    assert "" == LACKS
    folder = tmp_path_factory.mktemp("guest")
    with Guest(folder) as guest:
        guest.install(build_wheel(folder))
        guest.write("/srv/device.py", DEVICE)
        made = Machine(guest)
        made.start_microsoft()
        guest.write("/etc/relay365/client.secret", made.facts["client_secret"], 0o600)
        guest.write("/etc/relay365/m365.pem", (guest.root / "srv/m365/ca.pem").read_text("utf-8"))
        made.configure()
        guest.write(UNIT, (PACKAGING / "relay365.service").read_text("utf-8"))
        guest.write(f"{UNIT}.d/secret.conf", CREDENTIAL)
        made.systemctl("daemon-reload")
        yield made


def test_it_starts_with_little_and_delivers(machine: Machine) -> None:
    """Enabled and started: ready on port 25, as a user of its own, with one right; mail arrives by the credential."""
    machine.systemctl("enable", "--now", "relay365")
    status = machine.guest.run("cat", f"/proc/{machine.shown('MainPID')}/status").stdout
    uid = re.search(r"(?m)^Uid:\t(\d+)\t(\d+)", status)
    machine.send("first", 2)

    assert uid is not None and 61_184 <= int(uid[1]) <= 65_519  # systemd's range for DynamicUser
    assert "CapEff:\t0000000000000400\n" in status  # CAP_NET_BIND_SERVICE
    assert 'Status: "ready on 127.0.0.1:25"' in machine.systemctl("status", "relay365")
    assert "0700" == f"{(machine.guest.root / 'var/lib/private/relay365').stat().st_mode & 0o7777:04o}"
    assert eventually(lambda: machine.arrived("first") == _names("first", 2))


def test_a_reload_takes_the_file_up_or_says_why_not(machine: Machine) -> None:
    """A listener more is there at once; a bad file fails with its reason in the journal; the process stays the same."""
    pid = machine.shown("MainPID")
    machine.configure('[[listener]]\naddress = "127.0.0.1:587"\n')
    machine.systemctl("reload", "relay365")
    assert "ready on 127.0.0.1:25, 127.0.0.1:587" == machine.shown("StatusText")

    machine.configure("[sever]\n")
    machine.systemctl("reload", "relay365", good=1)
    assert "did you mean server?" in machine.said()
    assert "ready on 127.0.0.1:25, 127.0.0.1:587" == machine.shown("StatusText")

    machine.configure()
    machine.systemctl("reload", "relay365")
    assert ("ready on 127.0.0.1:25", pid) == (machine.shown("StatusText"), machine.shown("MainPID"))


def test_what_root_orders_is_obeyed(machine: Machine) -> None:
    """Root writes into a directory that is not its own: the login counts, and a frozen queue is frozen."""
    machine.relay365("user", "add", "printer", "--password-stdin", stdin="a long password\n")
    machine.send("login", password="a long password")
    eventually(lambda: machine.arrived("login"))
    machine.relay365("queue", "freeze")
    eventually(lambda: "service.frozen" in machine.said())
    machine.send("frozen")
    machine.guest.run("sleep", "2")
    assert [] == machine.arrived("frozen")

    machine.relay365("queue", "thaw")
    eventually(lambda: machine.arrived("frozen"))
    folder = machine.guest.root / "var/lib/private/relay365"
    assert {folder.stat().st_uid} == {one.lstat().st_uid for one in folder.rglob("*")}


def test_a_service_that_hangs_is_killed_and_comes_back(machine: Machine) -> None:
    """The watchdog does it; what had been answered 250 is delivered, once."""
    machine.guest.write(f"{UNIT}.d/quick.conf", QUICK)
    machine.systemctl("daemon-reload")
    machine.systemctl("restart", "relay365")
    machine.microsoft("STOP")
    machine.send("hung", 3)
    pid = machine.shown("MainPID")
    machine.systemctl("kill", "--signal", "STOP", "relay365")
    eventually(lambda: machine.shown("NRestarts") == "1" and machine.shown("ActiveState") == "active")
    machine.microsoft("CONT")

    assert pid != machine.shown("MainPID")
    assert "Watchdog timeout" in machine.said()
    assert eventually(lambda: machine.arrived("hung") == _names("hung", 3))


def test_mail_that_waits_survives_stop_and_reboot(machine: Machine) -> None:
    """An enabled service is back after the machine was switched off and on, with its queue."""
    machine.microsoft("STOP")
    machine.send("kept", 3)
    machine.systemctl("stop", "relay365")
    assert ("inactive", "success", 3) == (
        machine.shown("ActiveState"),
        machine.shown("Result"),
        machine.waiting(),
    )

    machine.guest.off()
    machine.guest.boot()
    assert ("active", 3) == (machine.shown("ActiveState"), machine.waiting())
    machine.start_microsoft()
    machine.relay365("queue", "retry", "--all", "--yes")
    assert eventually(lambda: machine.waiting() == 0)
    assert machine.arrived("kept") == _names("kept", 3)


def test_a_restart_with_a_bad_file_leaves_no_service(machine: Machine) -> None:
    """systemd stops the old one first: the page warns of it. It comes by itself as soon as the file is good."""
    machine.configure("[sever]\n")
    machine.systemctl("restart", "relay365", good=1)
    assert "did you mean server?" in machine.said()
    assert "0" == machine.shown("MainPID")

    machine.configure()
    assert eventually(lambda: machine.shown("ActiveState") == "active")


def test_drained_it_stays_stopped(machine: Machine) -> None:
    """`relay365 drain --stop` ends it in order, and Restart= does not take it for a fault."""
    machine.send("drained", 2)
    said = machine.relay365("drain", "--stop")
    eventually(lambda: machine.shown("ActiveState") == "inactive")
    machine.guest.run("sleep", "2")  # RestartSec is one

    assert "the service has ended" in said
    assert ("inactive", "success") == (machine.shown("ActiveState"), machine.shown("Result"))
    assert machine.arrived("drained") == _names("drained", 2)


def test_it_goes_without_a_trace(machine: Machine) -> None:
    """What docs/upgrade.md lists is all that there was."""
    machine.systemctl("disable", "--now", "relay365")
    machine.guest.run(
        "rm", "-r", UNIT, f"{UNIT}.d", "/etc/relay365", "/var/lib/private/relay365", "/var/lib/relay365"
    )
    machine.systemctl("daemon-reload")
    left = machine.guest.run(
        "find", "/etc", "/run", "/var", "-name", "*relay365*", "-not", "-path", "/var/cache/*"
    )

    assert "could not be found" in machine.systemctl("status", "relay365", good=4)
    assert "" == left.stdout
