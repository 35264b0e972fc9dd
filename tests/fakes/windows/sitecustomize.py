"""Windows, as far as Linux can play it: for every Python process that has this folder in its PYTHONPATH.

The modules of relay365 see another os, sys, signal, socket and asyncio: without what CPython for Windows lacks
(lacks.toml), with what it has instead. The standard library and the packages stay with Linux. Files are as on Windows
for all: an open one keeps its name (Microsoft, CreateFile, FILE_SHARE_DELETE), what is locked can be read by nobody
else (LockFileEx), rename takes no other's place (os.rename), some signs stand in no name (Naming Files, Paths, and
Namespaces). An address that is used again is shared (SO_REUSEADDR), SIGTERM is a kill (os.kill), what is written to
a file or a pipe is in a code page, and whoever names no encoding would get that: an error.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import tomllib
import types
import warnings
from asyncio import unix_events
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import asyncio  # isort: skip  # after the part of it that is changed below

LACKS: dict[str, list[str]] = tomllib.loads(Path(__file__).with_name("lacks.toml").read_text("utf-8"))
GONE = {
    "fcntl",
    "grp",
    "posix",
    "pty",
    "pwd",
    "readline",
    "resource",
    "spwd",
    "syslog",
    "termios",
    "tty",
    "uvloop",
}
REFUSED_NAME = re.compile(r'[<>:"|?*\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)
FLOCK = struct.Struct("@hhqqi4x")  # struct flock: type, whence, start, length, pid
TAKEN_BY_SIGNAL = {
    "SIGABRT",
    "SIGFPE",
    "SIGILL",
    "SIGINT",
    "SIGSEGV",
    "SIGTERM",
    "SIGQUIT",
}  # the last is SIGBREAK
_real_import, _real_open, _real_rename = builtins.__import__, os.open, os.rename
_looking = threading.local()


class Seen(types.ModuleType):
    """A module as Windows has it."""

    def __init__(self, real: types.ModuleType, instead: Mapping[str, Any]) -> None:
        super().__init__(real.__name__)
        self.__dict__.update(instead)
        self.__dict__["_real"], self.__dict__["_lacks"] = real, frozenset(LACKS.get(real.__name__, ()))

    def __getattr__(self, name: str) -> Any:
        if name in self._lacks:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} on Windows")
        return getattr(self._real, name)


def refused(
    file: Any, why: str = "The process cannot access the file: it is being used by another process"
) -> OSError:
    """As Windows says it."""
    return PermissionError(errno.EACCES, why, os.fspath(file) if not isinstance(file, int) else None)


def open_plain(file: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
    """os.open: no directories."""
    if Path(file).is_dir():
        raise refused(file, "Permission denied")
    return _real_open(file, flags & ~BINARY, mode, **more)


def fsync_written(handle: int) -> None:
    """os.fsync: only of what was opened for writing."""
    if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise PermissionError(errno.EACCES, "Permission denied")
    os.fsync(handle)


def _is_locked(handle: int, kind: int, n_octets: int) -> bool:
    try:
        here = os.lseek(handle, 0, os.SEEK_CUR)
        asked = FLOCK.pack(kind, os.SEEK_SET, here, n_octets, 0)
        return bool(FLOCK.unpack(fcntl.fcntl(handle, fcntl.F_OFD_GETLK, asked))[0] != fcntl.F_UNLCK)
    except OSError:  # a pipe
        return False


def read_unlocked(handle: int, n_octets: int) -> bytes:
    """os.read: nothing that somebody else has locked."""
    if _is_locked(handle, fcntl.F_RDLCK, n_octets):
        raise refused(handle)
    return os.read(handle, n_octets)


def locking(handle: int, mode: int, n_octets: int) -> None:
    """msvcrt.locking, without waiting."""
    kind = fcntl.F_UNLCK if mode == 0 else fcntl.F_WRLCK
    wanted = FLOCK.pack(kind, os.SEEK_SET, os.lseek(handle, 0, os.SEEK_CUR), n_octets, 0)
    try:
        fcntl.fcntl(handle, fcntl.F_OFD_SETLK, wanted)
    except BlockingIOError:
        raise refused(handle, "Permission denied") from None


def take_signal(number: int, handler: Any) -> Any:
    """signal.signal: the few that Windows has."""
    if signal.Signals(number).name not in TAKEN_BY_SIGNAL:
        raise ValueError("signal number out of range")
    return signal.signal(number, handler)


def not_there(*_: Any, **__: Any) -> None:
    """What the loops of Windows do not have (asyncio, Platform Support)."""
    raise NotImplementedError


BINARY = 1 << 30
MSVCRT = types.ModuleType("msvcrt")
MSVCRT.__dict__.update(locking=locking, LK_UNLCK=0, LK_LOCK=1, LK_NBLCK=2, LK_RLCK=3, LK_NBRLCK=4)
SEEN: dict[str, types.ModuleType] = {
    "os": Seen(
        os,
        {"name": "nt", "O_BINARY": BINARY, "open": open_plain, "fsync": fsync_written, "read": read_unlocked},
    ),
    "sys": Seen(sys, {"platform": "win32"}),
    "signal": Seen(signal, {"SIGBREAK": signal.SIGQUIT, "CTRL_BREAK_EVENT": 1, "signal": take_signal}),
    "socket": Seen(socket, {"SO_EXCLUSIVEADDRUSE": -5}),
    "asyncio": Seen(asyncio, {}),
    "msvcrt": MSVCRT,
    **{name: Seen(_real_import(name), {}) for name in ("time", "select")},
}


def imported(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002
    """What an import in one of our modules gives; in all others, what it gave before."""
    asks = str((globals or {}).get("__name__", "")).partition(".")[0]
    if level == 0 and asks == "relay365":
        if name.partition(".")[0] in GONE:
            raise ModuleNotFoundError(f"No module named {name!r} on Windows", name=name)
        if name in SEEN:
            return SEEN[name]
    return _real_import(name, globals, locals, fromlist, level)


def _holders(place: Path) -> list[Path]:
    """The handles, of any process, of a file or of one below a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            handles = list((process / "fd").iterdir())
        except OSError:  # it has ended
            continue
        for handle in handles:
            with contextlib.suppress(OSError):
                target = str(handle.readlink())
                is_it = target == str(place) or target.startswith(f"{place}/")
                if is_it and not handle.is_dir():  # shutil.rmtree has folders open
                    found.append(handle)
    return found


def _whole(file: Any, folder: Any) -> Path:
    is_below = isinstance(folder, int) and folder >= 0
    base = Path(f"/proc/self/fd/{folder}").readlink() if is_below else Path.cwd()
    named = base / os.fsdecode(file)
    return named.parent.resolve() / named.name


def _require_free(file: Any, folder: Any) -> None:
    if _holders(_whole(file, folder)):
        raise refused(file)


def _require_name(file: Any) -> None:
    if isinstance(file, str | bytes | os.PathLike):
        name = Path(os.fsdecode(file)).name
        if REFUSED_NAME.search(name) and not os.fsdecode(file).startswith(("/proc/", "/dev/")):
            raise OSError(
                errno.EINVAL, "The filename, directory name, or volume label syntax is incorrect", name
            )


def watch(event: str, values: tuple[Any, ...]) -> None:
    """Every use of a file (CPython, Audit events table)."""
    if getattr(_looking, "is_on", False) or event not in ("os.remove", "os.rename", "open", "os.mkdir"):
        return
    _looking.is_on = True
    try:
        if event == "os.remove":
            _require_free(values[0], values[1])
        elif event == "os.rename":
            _require_free(values[0], values[2])
            _require_free(values[1], values[3])
            _require_name(values[1])
        elif event == "os.mkdir" or (isinstance(values[2], int) and values[2] & os.O_CREAT):
            _require_name(values[0])
    finally:
        _looking.is_on = False


def rename(old: Any, new: Any, **more: Any) -> None:
    """os.rename: takes nobody's place."""
    if os.path.lexists(new):
        raise FileExistsError(
            errno.EEXIST, "Cannot create a file when that file already exists", os.fspath(new)
        )
    _real_rename(old, new, **more)


def _end_at_once(send: Callable[..., None]) -> Callable[..., None]:
    def sent(process: subprocess.Popen[Any], number: int) -> None:
        send(process, signal.SIGKILL if number == signal.SIGTERM else number)

    return sent


def _share(at: Callable[..., None]) -> Callable[..., None]:
    def setsockopt(one: socket.socket, level: int, option: int, *value: Any) -> None:
        at(one, level, option, *value)
        if (level, option) == (socket.SOL_SOCKET, socket.SO_REUSEADDR):
            at(one, level, socket.SO_REUSEPORT, *value)

    return setsockopt


def play() -> None:
    """From now on, in this process."""
    for name in (
        "add_signal_handler",
        "remove_signal_handler",
        "create_unix_server",
        "create_unix_connection",
    ):
        setattr(unix_events._UnixSelectorEventLoop, name, not_there)
    subprocess.Popen.send_signal = _end_at_once(subprocess.Popen.send_signal)  # type: ignore[method-assign]
    socket.socket.setsockopt = _share(socket.socket.setsockopt)  # type: ignore[method-assign]
    os.rename = rename
    builtins.__import__ = imported
    sys.stdin.reconfigure(encoding="cp1252")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="cp1252")  # type: ignore[union-attr]
    sys.stderr.reconfigure(encoding="cp1252", errors="backslashreplace")  # type: ignore[union-attr]
    warnings.filterwarnings("error", category=EncodingWarning, module=r"relay365(\.|$)")
    sys.addaudithook(watch)


play()
