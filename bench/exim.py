"""Exim as a peer: durable, with a queue of its own. Apart from the other peers for its configuration.

Each message costs it a process: it syncs header and data file before the 250, and a delivery process follows.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers import NOBODY, Peer, PeerFailed, free_port, wait_for

CONFIG = """\
primary_hostname = exim.bench.example
exim_path = {program}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
log_selector = -all
no_write_rejectlog
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
disable_ipv6
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 1200
smtp_accept_max_per_connection = 100000
smtp_accept_queue_per_connection = 0
smtp_enforce_sync = false
message_size_limit = 150M
acl_smtp_rcpt = acl_rcpt
{queue_only}
begin acl
acl_rcpt:
  accept hosts = 127.0.0.1
begin routers
next_hop:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = remote
begin transports
remote:
  driver = smtp
  port = {sink_port}
  allow_localhost
  hosts_avoid_tls = *
begin retry
* * F,1h,1m
"""


@contextmanager
def exim(folder: Path, sink_port: int = NOBODY) -> Iterator[Peer]:
    """Exim with a configuration and a spool of its own; it needs root. Without a sink it only queues."""
    program = shutil.which("exim4") or shutil.which("exim")
    if os.geteuid() != 0 or program is None:
        raise PeerFailed("exim is not installed, or we are not root")
    try:
        owner = pwd.getpwnam("Debian-exim")
    except KeyError as error:
        raise PeerFailed("user Debian-exim is not there") from error
    for part in (folder, folder / "spool", folder / "log"):
        part.mkdir(parents=True, exist_ok=True)
        os.chown(part, owner.pw_uid, owner.pw_gid)
    for part in (folder, folder.parent):
        part.chmod(0o755)
    port, config = free_port(), folder / "exim.conf"
    queue_only = "queue_only" if sink_port == NOBODY else "remote_max_parallel = 20"
    config.write_text(
        CONFIG.format(folder=folder, program=program, port=port, sink_port=sink_port, queue_only=queue_only),
        "utf-8",
    )
    with subprocess.Popen([program, "-C", str(config), "-bdf"]) as process:  # noqa: S603 - a fixed command
        try:
            wait_for(port)
            yield Peer("exim", port, process.pid)
        finally:
            process.terminate()


def n_queued(folder: Path) -> int:
    """Messages in its spool, by their header files."""
    return sum(1 for _ in (folder / "spool" / "input").rglob("*-H"))
