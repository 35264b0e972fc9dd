"""What a command does that asks the running service for something: find it, ask, wait; or three lines why not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from relay365.cli.words.output import PROBLEM, UNREACHABLE, data_directory, fail, load_config, printable


def asked(config_file: Path | None, kind: str, body: Mapping[str, Any], within_s: float) -> dict[str, Any]:
    """The service's answer; leaves with 3 where no service runs or answers, with 2 where the file is bad."""
    from relay365.engine.control.requests import ServiceGone

    try:
        return answered(config_file, kind, body, within_s)
    except ServiceGone:
        fail(
            UNREACHABLE, "the service has ended before it answered", "it was stopped or killed meanwhile",
            "relay365 status; start it again, and ask again",
        )  # fmt: skip


def answered(config_file: Path | None, kind: str, body: Mapping[str, Any], within_s: float) -> dict[str, Any]:
    """As asked(), for a command that has its own words for a service that ends meanwhile: raises ServiceGone."""
    from relay365.engine.control.requests import NotAnswered, ServiceGone, ask
    from relay365.spool.lock import DirectoryLock

    config, file = load_config(config_file)
    data = data_directory(config, file)
    if not data.is_dir() or DirectoryLock(data).holder() is None:
        fail(
            UNREACHABLE, "no relay runs with this configuration", f"nobody works on {data}",
            f"relay365 run --config {file}; where [server] data was changed while it runs: restart it",
        )  # fmt: skip
    try:
        answer = ask(data, kind, body, within_s)
    except ServiceGone:
        raise
    except NotAnswered:
        fail(
            UNREACHABLE, "the service has not answered", f"nothing came within {within_s:.0f} s: it is busy or stuck",
            "relay365 status, and the last lines of its log",
        )  # fmt: skip
    except OSError as error:
        why = f"{error.filename or data}: {error.strerror}"
        fail(PROBLEM, "the service cannot be asked", why, "run this as root, or as the relay's own user")
    return checked(answer)


def checked(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer that is one; leaves with 1 where the service could not obey."""
    if "unknown" in answer:
        fail(
            PROBLEM, f"the service does not know {printable(str(answer['unknown']))}",
            "it was started from an older version", "restart the service",
        )  # fmt: skip
    if "failed" in answer:
        fail(
            PROBLEM, "the service could not do it", printable(str(answer["failed"])),
            "report it, with the lines of its log; the relay goes on as before",
        )  # fmt: skip
    return answer
