"""The sheets of a support bundle: what is asked of each part of the relay, with what of it is never taken along.

Apart from the command, which shows and writes them; a part that cannot be asked becomes a sheet that says why.
"""

from __future__ import annotations

import asyncio
import platform
import re
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relay365.cli.words.output import data_directory, instant
from relay365.errors import Relay365Error

if TYPE_CHECKING:
    from relay365.config import Config
    from relay365.keeping.bundle.masking import Mask
    from relay365.keeping.bundle.paper import Sheet
    from relay365.spool.api import MessageView

MOST_LOG_OCTETS = 4 * 1024 * 1024
MOST_COUNTED, MOST_SHOWN = 20_000, 1_000
METRICS_S = 3.0
_FAULTS = (Relay365Error, OSError, ValueError, LookupError, TypeError)
NOTES = {
    "config/set.json": "secrets are references, hashes hidden",
    "config/effective.json": "secrets are references, hashes hidden",
    "messages.jsonl": "no contents",
    "sessions.jsonl": "no contents, no sign-ins",
    "files.json": "names and sizes only",
}
"""What is not in a sheet from the beginning; what was cut besides is counted."""
_PARTS = (
    "apsw", "argon2-cffi", "asyncpg", "click", "cryptography", "dnspython", "httpx2", "msal", "prometheus-client",
    "pydantic", "uvloop",
)  # fmt: skip


def sheets_of(
    config: Config, file: Path, span: tuple[float, float], *, hides_people: bool, log: str
) -> tuple[Sheet, ...]:
    """All sheets. span: epoch seconds, since when and now; log: lines of the service's log, or ""."""
    from relay365.keeping.bundle.masking import Mask
    from relay365.keeping.bundle.paper import Paper

    known = list(known_secrets(config, file))
    mask = Mask(secrets.token_bytes(32), known, hides_people=hides_people, routes=config.route_names())
    paper = Paper(mask, known)
    data = data_directory(config, file)
    asked: dict[str, Callable[[], Any]] = {
        "about.json": lambda: _about(config, file, span),
        "config/set.json": lambda: _config(config, exclude_unset=True),
        "config/effective.json": lambda: _config(config, exclude_unset=False),
        "doctor.json": lambda: {"findings": _doctor(config, file)},
        "queue.json": lambda: _queue(data),
        "answers.json": lambda: _answers(_messages(data, span[0], MOST_COUNTED)),
        "messages.jsonl": lambda: _histories(_messages(data, span[0], MOST_SHOWN), span[1], mask),
        "unknown-replies.json": lambda: {"replies": _unknown(data)},
        "sessions.jsonl": lambda: _sessions(data, span[0]),
        "alerts.json": lambda: _alerts(data, span[1]),
        "ends.json": lambda: {"ends": _ends(config, file)},
        "metrics.txt": lambda: _metrics(config),
        "files.json": lambda: {"files": _files(config, file, data)},
    }
    for name, ask in asked.items():
        try:
            paper.add(name, ask(), NOTES.get(name, ""))
        except _FAULTS as error:
            paper.add(name, f"not there: {type(error).__name__}: {error}\n")
    if log:
        paper.add("log.txt", log)
    return paper.sheets()


def known_secrets(config: Config, file: Path) -> Iterator[str]:
    """Every secret that can be read here, so that it can be looked for: values, keys by line, hashes, sign-ins."""
    from relay365.app.vault import read_octets
    from relay365.config import SecretRef
    from relay365.keeping.estate import references

    data = data_directory(config, file)
    for key, ref in references(config):
        if isinstance(ref, SecretRef) and not key.endswith("certificate"):
            try:
                yield from _pieces(read_octets(ref, file.resolve().parent))
            except _FAULTS:
                continue
    yield from (user.password_hash for user in config.user)
    for path in (
        data / config.server.users,
        *data.glob("tls/*.key"),
        *data.glob("*.key"),
        *data.glob("tokens/*.bin"),
    ):
        try:
            yield from _pieces(path.read_bytes())
        except OSError:
            continue


def _pieces(octets: bytes) -> Iterator[str]:
    """A secret as a whole, or what is secret in a file: lines of a key, hashes of logins, tokens of a sign-in."""
    text = octets.decode("utf-8", "surrogateescape").strip()
    if "\n" not in text:
        yield text
    yield from re.findall(r"^(?=.{16,}$)[A-Za-z0-9+/=]+$", text, re.MULTILINE)
    yield from re.findall(r"\$argon2\S+", text)
    yield from re.findall(r'"(?:secret|refresh_token|access_token|client_assertion)": ?"([^"]+)"', text)


def _about(config: Config, file: Path, span: tuple[float, float]) -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    import apsw

    from relay365 import __version__
    from relay365.app.doors import host_name
    from relay365.spool.lock import DirectoryLock

    def of(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    data = data_directory(config, file)
    return {
        "program": __version__, "python": sys.version, "platform": platform.platform(), "machine": platform.machine(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME") if sys.platform == "linux" else sys.platform,
        "sqlite": apsw.sqlite_lib_version(), "packages": {name: of(name) for name in _PARTS},
        "host": host_name(config), "config_file": str(file.resolve()), "data": str(data),
        "running_as_process": DirectoryLock(data).holder(), "from": instant(span[0]), "until": instant(span[1]),
    }  # fmt: skip


def _config(config: Config, *, exclude_unset: bool) -> dict[str, Any]:
    """As `config show`: secrets are references already, hashes are hidden."""
    values: dict[str, Any] = config.model_dump(mode="json", exclude_none=True, exclude_unset=exclude_unset)
    for user in values.get("user", []):
        user["password_hash"] = "(hidden)"  # noqa: S105  # the word that stands for a hash
    return values


def _doctor(config: Config, file: Path) -> list[dict[str, Any]]:
    """What can be asked without leaving this machine."""
    from relay365.cli.finding.doctor import as_object
    from relay365.cli.finding.doctor_patient import patient_of
    from relay365.doctor.plan import plan_of
    from relay365.doctor.runner import run

    async def asked() -> list[dict[str, Any]]:
        plan = plan_of(patient_of(config, file), ("local",))
        try:
            return [as_object(one) for one in await run(plan.checks)]
        finally:
            await plan.ways.close()

    return asyncio.run(asked())


def _with_spool(data: Path, work: Callable[[Any], Any]) -> Any:
    from relay365.clock import SystemClock
    from relay365.errors import SpoolUnavailable
    from relay365.spool.sqlite import SqliteSpool

    async def opened() -> Any:
        if not (data / "spool.db").exists():
            raise SpoolUnavailable("no relay has run with this configuration")
        spool = await SqliteSpool.open(data, clock=SystemClock(), exclusive=False)
        try:
            return await work(spool)
        finally:
            await spool.close()

    return asyncio.run(opened())


def _queue(data: Path) -> dict[str, Any]:
    async def asked(spool: Any) -> dict[str, Any]:
        lanes = [
            {
                "lane": note.lane, "held": note.held, "class": note.klass, "row": note.row,
                "since": instant(note.since_at), "gate_until": instant(note.gate_until_at),
                "last_success": instant(note.last_success_at), "budgets": note.budgets,
            }
            for note in await spool.lanes()
        ]  # fmt: skip
        depths = [{**one._asdict(), "oldest_at": instant(one.oldest_at)} for one in await spool.depths()]
        counts = {state.value: n for state, n in (await spool.counts()).items()}
        return {"recipients": counts, "depths": depths, "lanes": lanes}

    found: dict[str, Any] = _with_spool(data, asked)
    return found


def _messages(data: Path, since_at: float, most: int) -> list[MessageView]:
    from relay365.spool.later import Search

    found: list[MessageView] = _with_spool(
        data, lambda spool: spool.search(Search(since_at=since_at, limit=most))
    )
    return found


def _answers(views: list[MessageView]) -> dict[str, Any]:
    """How often each row of the catalogue was the last answer, with one text of it."""
    counts: Counter[tuple[str, str, str]] = Counter()
    texts: dict[tuple[str, str, str], str] = {}
    for one in (recipient for view in views for recipient in view.recipients):
        key = one.row, one.klass, one.state.value
        counts[key] += 1
        texts.setdefault(key, one.last_reply)
    rows = [
        {
            "row": row or None,
            "class": klass or None,
            "state": state,
            "recipients": n,
            "text": texts[row, klass, state],
        }
        for (row, klass, state), n in counts.most_common()
    ]
    return {"messages": len(views), "at_most": MOST_COUNTED, "answers": rows}


def _histories(views: list[MessageView], at: float, mask: Mask) -> list[dict[str, Any]]:
    from relay365.cli.queues.queue import as_object

    return [
        as_object(view, at)
        | {"header_from": _whole_path(view.header_from, mask), "peer_address": view.submitter.peer_address}
        | {"reverse_path": _whole_path(view.reverse_path, mask)}
        | {
            "events": [
                {"at": instant(e.at), "n": e.n, "name": e.name, "detail": mask.field_lines(e.detail)}
                for e in view.events
            ]
        }
        for view in views
    ]


def _whole_path(path: str, mask: Mask) -> str:
    """An address without a domain names a person as well."""
    return mask.name(path) if path and "@" not in path and mask.hides_people else path


def _unknown(data: Path) -> list[dict[str, Any]]:
    from dataclasses import asdict

    from relay365.engine.reports.unknown import load

    return [asdict(one) for one in load(data)]


def _sessions(data: Path, since_at: float) -> list[dict[str, Any]]:
    """The transcripts of some days; of a content not even the head that [log] content_head lets the box keep."""
    from relay365.engine.blackbox.archive import Archive

    archive = Archive(data)
    return [
        {"client": key, **_without_heads(session)}
        for key in sorted(archive.stamps())
        for session in archive.read(key).get("sessions", ())
        if session.get("began_at", 0.0) >= since_at
    ]


def _without_heads(value: Any) -> Any:
    """A transcript's lines without those that show a content."""
    if isinstance(value, dict):
        return {key: _without_heads(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_heads(one) for one in value]
    return "| [content]" if isinstance(value, str) and value.startswith("| ") else value


def _alerts(data: Path, at: float) -> dict[str, Any]:
    from relay365.engine.alerts.ledger import FILE, mutes_in, read_object

    return {**read_object(data / FILE), "mutes": mutes_in(data, at)}


def _ends(config: Config, file: Path) -> list[dict[str, Any]]:
    from relay365.cli.words.signing import calendar

    return calendar(config, file)


def _metrics(config: Config) -> str:
    import httpx2

    address = config.metrics.address
    if not address:
        return "not there: [metrics] address is not set\n"
    try:
        with httpx2.Client(trust_env=False, timeout=METRICS_S) as client:
            return client.get(f"http://{address}/metrics").text
    except httpx2.HTTPError as error:
        return f"not there: {type(error).__name__}: {error}\n"


def _files(config: Config, file: Path, data: Path) -> list[dict[str, Any]]:
    """Names, sizes and rights of what the relay is made of; nothing of its content."""
    from relay365.keeping.estate import Estate

    named, left_out = Estate(config, file, data).files()
    queue = [*data.glob("spool.db*"), *data.glob("segments/*")]
    rows = []
    for path in (*(one.path for one in named), *queue):
        facts = path.stat()
        rows.append({"path": str(path), "octets": facts.st_size, "mode": f"{facts.st_mode & 0o7777:04o}"})
    return [*rows, *({"path": one.what, "why": one.why} for one in left_out)]
