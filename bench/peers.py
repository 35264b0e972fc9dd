"""The servers that are measured, each as a context: started in a folder of its own, stopped at the end.

A peer says where it listens and how much CPU time it has used. None of them logs, each of them syncs before its 250.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from relay365.trial.process import Service, relay

START_S = 20.0
NOBODY = 9  # the discard port: nothing listens there


class PeerFailed(Exception):
    """A peer could not be started; the text says why."""


@dataclass(frozen=True)
class Peer:
    """One running server. pid is the top of its tree of processes."""

    name: str
    port: int
    pid: int

    def cpu_s(self) -> float:
        """User and system seconds of all its processes, those that have ended included."""
        tick = os.sysconf("SC_CLK_TCK")
        total = 0
        for pid in self.pids():
            fields = _stat(pid)
            total += fields[11] + fields[12]
            if pid == self.pid:
                total += fields[13] + fields[14]
        return total / tick

    def pids(self) -> list[int]:
        """The process and all below it."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and (fields := _stat(int(entry.name))):
                children.setdefault(fields[1], []).append(int(entry.name))
        found = [self.pid]
        for pid in found:
            found.extend(children.get(pid, ()))
        return found

    def memory_mb(self) -> Memory:
        """Memory of all its processes now (proc(5), smaps_rollup)."""
        pss_kb = rss_kb = 0
        for pid in self.pids():
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
            except OSError:
                continue
            sizes_kb = {line.partition(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
            pss_kb, rss_kb = pss_kb + sizes_kb["Pss"], rss_kb + sizes_kb["Rss"]
        return Memory(pss_kb / 1024, rss_kb / 1024)

    def peak_mb(self) -> float:
        """The most that any one of its processes ever had resident (proc(5), VmHWM)."""
        return max(_peak_mb(pid) for pid in self.pids())


class Memory(NamedTuple):
    """In MB. pss: shared pages divided among those who share them; rss: counted for each."""

    pss: float
    rss: float


def _peak_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return 0.0
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024 if "VmHWM:" in text else 0.0


def _stat(pid: int) -> list[int]:
    """Fields of /proc/PID/stat from the state on, numbers only; the state itself is 0. [] when it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return []
    return [0, *map(int, text[1:])]


RELAY365 = """\
[server]
data = "./data"
max_sessions = 5000
max_sessions_per_address = 5000
command_timeout = "30m"
[[listener]]
address = "127.0.0.1:0"
tls = "{tls}"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
host = "127.0.0.1:{port}"
tls = "none"
[log]
level = "error"
{log}
"""


@contextmanager
def relay365(
    folder: Path,
    sink_port: int = NOBODY,
    tls: str = "none",
    *,
    fresh: bool = True,
    log: str = "",
    service_of: Callable[[Path], Service] = relay,
) -> Iterator[Peer]:
    """relay365 as it is shipped; sink_port is its next hop.

    fresh: False goes on with what lies in the folder. log: more keys of [log]. service_of: what runs a configuration.
    """
    folder.mkdir(parents=True, exist_ok=not fresh)
    config = folder / "relay365.toml"
    config.write_text(RELAY365.format(port=sink_port, tls=tls, log=log), "utf-8")
    with service_of(config) as service:
        yield _of_service(service)


def _of_service(service: Service) -> Peer:
    return Peer("relay365", int(service.ready["listeners"][0].rpartition(":")[2]), service.pid)


MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.bench.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_peername_lookup = no
{tls}
smtp_tls_security_level = none
smtp_dns_support_level = disabled
smtp_connection_cache_on_demand = yes
smtp_connection_cache_destinations = static:all
smtp_destination_concurrency_limit = 20
initial_destination_concurrency = 20
relayhost = [127.0.0.1]:{sink_port}
in_flow_delay = 0
default_process_limit = 1200
message_size_limit = 157286400
{hold}
"""
MASTER_CF = """\
127.0.0.1:{port} inet n - n - 1200 smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
"""
NO_TLS = "smtpd_tls_security_level = none"
TLS = """\
smtpd_tls_security_level = may
smtpd_tls_cert_file = {pair[0]}
smtpd_tls_key_file = {pair[1]}"""
HOLD = "smtpd_end_of_data_restrictions = check_client_access static:HOLD"


@contextmanager
def postfix(folder: Path, sink_port: int = NOBODY, pair: tuple[Path, Path] | None = None) -> Iterator[Peer]:
    """Postfix with a configuration and queue of its own; it needs root. Without a sink every message goes on hold.

    pair: certificate and key, for STARTTLS.
    HOLD is the cheapest thing that Postfix can do with an accepted message; relay365 tries and defers instead.
    """
    if os.geteuid() != 0 or shutil.which("postfix") is None:
        raise PeerFailed("postfix is not installed, or we are not root")
    config = folder / "etc"
    for part in (config, folder / "queue", folder / "data"):
        part.mkdir(parents=True)
    for part in (folder, folder.parent):
        part.chmod(0o755)  # its processes are several users
    port = free_port()
    hold = HOLD if sink_port == NOBODY else ""
    tls = TLS.format(pair=pair) if pair is not None else NO_TLS
    (config / "main.cf").write_text(MAIN_CF.format(folder=folder, sink_port=sink_port, hold=hold, tls=tls))
    (config / "master.cf").write_text(MASTER_CF.format(port=port))
    shutil.chown(folder / "data", "postfix")
    postfix_do(folder, "start")
    try:
        wait_for(port)
        pid = int((folder / "queue" / "pid" / "master.pid").read_text())
        yield Peer("postfix", port, pid)
    finally:
        postfix_do(folder, "abort")


def postfix_do(folder: Path, command: str) -> None:
    """Tell the Postfix of a folder to start, flush or abort; raises PeerFailed when it does not start."""
    result = subprocess.run(  # noqa: S603 - a fixed command
        [shutil.which("postfix") or "postfix", "-c", str(folder / "etc"), command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if command == "start" and result.returncode:
        raise PeerFailed(f"postfix {command}: {result.stderr[-500:]}")


@contextmanager
def aiosmtpd(folder: Path, sink_port: int = NOBODY) -> Iterator[Peer]:
    """aiosmtpd with a file per message, synced with its name before the 250: what a script would do."""
    if sink_port != NOBODY:
        raise PeerFailed("it only takes mail")
    folder.mkdir(parents=True)
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name("file_per_message.py")), str(folder), str(port)]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own command
        try:
            wait_for(port)
            yield Peer("aiosmtpd", port, process.pid)
        finally:
            process.terminate()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Until something listens there; raises PeerFailed."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise PeerFailed(f"nothing listens on {port} after {START_S:.0f} s")
