"""A container engine for tests: podman with a store and a mount table of its own, which leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
BASE = "docker.io/library/python:3.11-slim-bookworm"
TOOLS = ("podman", "crun", "mmdebstrap", "nsenter")
# What a build inside of a sandbox may ask for: limits that are not above its own.
LIMITS = '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n'
# crun knows the groups of today and those of before, not both at once: then it is shown only the latter.
ONE_KIND = "umount /sys/fs/cgroup/unified 2>/dev/null; exec sleep infinity"


def lacks() -> str:
    """What is missing to build and run images here; "" for nothing."""
    if os.name == "nt" or os.geteuid() != 0:
        return "only root makes a file system for an image"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


class Engine:
    """Use as a context; all containers are gone behind it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places = [
            "--root",
            str(folder / "store"),
            "--runroot",
            str(folder / "run"),
            "--cgroup-manager=cgroupfs",
        ]
        self._mounts: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        (self._folder / "containers.conf").write_text(LIMITS, "utf-8")
        self._mounts = subprocess.Popen(["unshare", "--mount", "sh", "-c", ONE_KIND])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.run("system", "reset", "--force", good=None)
        assert self._mounts is not None
        self._mounts.kill()
        self._mounts.wait()

    def run(self, *order: str, good: int | None = 0) -> subprocess.CompletedProcess[str]:
        """podman; good: the exit code that it must have, None for any."""
        assert self._mounts is not None
        enter = [
            "nsenter",
            "--mount",
            f"--wd={ROOT}",
            "--target",
            str(self._mounts.pid),
            "--",
            "podman",
            *self._places,
        ]
        environ = {**os.environ, "CONTAINERS_CONF": str(self._folder / "containers.conf")}
        done = subprocess.run(
            [*enter, *order], env=environ, capture_output=True, text=True, timeout=300, check=False
        )
        assert good is None or good == done.returncode, (
            f"{order}: {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done

    def make_base(self) -> None:
        """An image with the name that the Containerfile asks for: Debian 12, its Python, and `python`, as that has it.

        From Debian's packages: no registry of images is asked.
        """
        tar = self._folder / "base.tar"
        link = 'mkdir -p "$1/usr/local/bin" && ln -s /usr/bin/python3 "$1/usr/local/bin/python"'
        unpacked = ["--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*"]
        order = [
            "mmdebstrap",
            "--quiet",
            "--variant=essential",
            "--include=ca-certificates,passwd,python3-venv",
        ]
        done = subprocess.run(
            [*order, *unpacked, f"--customize-hook={link}", "bookworm", str(tar)],
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert 0 == done.returncode, done.stderr
        path = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        self.run("import", "--change", f"ENV {path}", str(tar), BASE)
        tar.unlink()
