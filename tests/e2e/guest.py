"""A Debian with a systemd of its own: this machine's files below a layer that is thrown away, booted by systemd-nspawn.

What it writes stays in the layer, its network is a loopback of its own, and of the services of this machine none is
enabled in it. So the unit is tried as it ships, with the kernel and the systemd of the machine that runs the tests.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
UV = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
PYTHON = "/usr/bin/python3"  # Debian's: one below /root would be hidden from the service
HOME = "/opt/relay365"
ENVIRON = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}
DEADLINE_S = 60.0
EMPTIED = ("etc/systemd/system", "etc/init.d", "etc/relay365", "var/lib/private")
"""Of these folders the guest sees nothing that this machine has in them."""
HIERARCHIES = ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified")
"""Where a systemd keeps its groups of processes: one of them on a machine of today, two on a hybrid one."""
INTO_GROUPS = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done; shift; exec "$@"'


def lacks() -> str:
    """What is missing to boot one here; "" for nothing."""
    if os.name == "nt" or os.geteuid() != 0:
        return "only root boots a machine"
    missing = [tool for tool in ("systemd-nspawn", "nsenter", "systemctl") if shutil.which(tool) is None]
    return f"not installed: {', '.join(missing)} (Debian: systemd-container)" if missing else ""


class Guest:
    """One machine; use as a context, in which it runs. folder: where its layer is."""

    def __init__(self, folder: Path) -> None:
        self._upper, self._work, self.root = folder / "upper", folder / "work", folder / "root"
        self._console = folder / "console"
        homes = [Path(name) for name in HIERARCHIES if (Path(name) / "cgroup.procs").exists()]
        self._groups = [
            home / f"guest-{os.getpid()}" for home in homes
        ]  # two guests in one would kill each other
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def __enter__(self) -> Self:
        for place in (self._upper, self._work, self.root):
            place.mkdir(parents=True)
        for name in EMPTIED:
            (self._upper / name).mkdir(parents=True)
            os.setxattr(self._upper / name, "trusted.overlay.opaque", b"y")
        layers = f"lowerdir=/,upperdir={self._upper},workdir={self._work}"
        _run(["mount", "-t", "overlay", "overlay", "-o", layers, str(self.root)])
        try:
            self.boot()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.off()
        _run(["umount", str(self.root)])

    def boot(self) -> None:
        """Switch it on; returns when its systemd has started all that it should."""
        order = [
            "systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network",
            "--console=read-only", f"--machine=guest-{os.getpid()}", "--directory", str(self.root),
        ]  # fmt: skip
        for group in self._groups:
            group.mkdir(exist_ok=True)
        enter = ["sh", "-c", INTO_GROUPS, "sh", *map(str, self._groups), "--"]
        with self._console.open("ab") as console:
            self._nspawn = subprocess.Popen(
                [*enter, *order],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        until = time.monotonic() + DEADLINE_S
        while not self._found_leader():
            assert time.monotonic() < until and self._nspawn.poll() is None, self._console.read_text(
                "utf-8", "replace"
            )
            time.sleep(0.05)
        while (state := self.run("systemctl", "is-system-running", good=None).stdout.strip()) not in (
            "running", "degraded",
        ):  # fmt: skip
            assert time.monotonic() < until, f"{state}: {self._console.read_text('utf-8', 'replace')}"
            time.sleep(0.1)

    def _found_leader(self) -> bool:
        """Its process 1, as this machine numbers it."""
        assert self._nspawn is not None
        pid = self._nspawn.pid
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split():
                if Path(f"/proc/{child}/comm").read_text("ascii").strip() == "systemd":
                    self._leader = int(child)
                    return True
        return False

    def off(self) -> None:
        """Switch it off in order, as a person does with the button; what it has on the disk stays until the end."""
        if self._nspawn is None:
            return
        self._nspawn.send_signal(signal.SIGTERM)
        try:
            self._nspawn.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait(DEADLINE_S)
            raise
        finally:
            self._nspawn = None
            for group in self._groups:
                for folder in [*sorted(group.rglob("*/"), reverse=True), group]:
                    folder.rmdir()

    def run(self, *order: str, good: int | None = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A command as root in the guest; good: the exit code that it must have, None for any."""
        enter = ["nsenter", "--all", "--target", str(self._leader), "--wd", "--"]
        done = subprocess.run(
            [*enter, *order],
            env=ENVIRON,
            capture_output=True,
            text=True,
            input=stdin,
            timeout=DEADLINE_S,
            check=False,
        )
        assert good is None or good == done.returncode, (
            f"{order}: {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """A file of the guest, root's own."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        file.chmod(mode)

    def install(self, wheel: Path) -> None:
        """An environment as `python3 -m venv` makes it and pip fills it, and a link where the unit looks for it.

        The versions are those that we have pinned, from the cache of packages where they are there.
        """
        venv = self.root / HOME.lstrip("/")
        _run([UV, "venv", "-q", "--relocatable", "--python", PYTHON, str(venv)])
        order = [UV, "pip", "install", "-q", "--python", str(venv / "bin" / "python"), "--link-mode", "copy",
                 "-c", str(ROOT / "requirements" / "run.txt"), str(wheel)]  # fmt: skip
        if subprocess.run([*order, "--offline"], capture_output=True, check=False).returncode != 0:
            _run(order)
        self.run("ln", "-sf", f"{HOME}/bin/relay365", "/usr/local/bin/relay365")


def build_wheel(folder: Path) -> Path:
    """The wheel of the tree, as a release is made, outside of it."""
    _run([str(Path(sys.executable).with_name("hatchling")), "build", "-t", "wheel", "-d", str(folder)])
    (one,) = folder.glob("*.whl")
    return one


def _run(order: list[str]) -> None:
    done = subprocess.run(order, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert 0 == done.returncode, f"{order}\n{done.stdout}{done.stderr}"
