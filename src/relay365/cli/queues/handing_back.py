"""Mail that was taken out of a queue handed in again at a listener, as any client would: nothing else may accept mail.

Apart from the commands that need it, `queue import` and `queue redirect`. The envelope goes as it came, with its wishes
for reports (RFC 3461 4, 5). (RFC 5321 3.3; RFC 3207)
"""

from __future__ import annotations

import re
import smtplib
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relay365.cli.words.output import UNREACHABLE, WRONG_USE, fail, printable, with_spool
from relay365.cli.words.past import with_history
from relay365.mail.envelope import SpoolId

if TYPE_CHECKING:
    from relay365.config import Config, Listener
    from relay365.spool.sqlite import SqliteSpool
    from relay365.spool.sqlite.rows import MessageRow

CLOCK_S = 1.0  # what the clocks of two processes may differ by
PATIENCE_S = 300.0  # RFC 5321 4.5.3.2: five minutes for most replies
_QUEUED = re.compile(r"queued as ([0-9A-Z]{6,13})\b")


@dataclass(frozen=True, slots=True)
class Letter:
    """One message. content: CRLF lines with its trace; recipients: (address, NOTIFY, ORCPT); ret and envid as sent."""

    content: bytes
    reverse_path: str
    recipients: tuple[tuple[str, str, str], ...]
    body: str = "7BIT"
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""


@dataclass(slots=True)
class Door:
    """A listener that can be used from this machine. login: name and password, or None."""

    host: str
    port: int
    table: Listener
    login: tuple[str, str] | None = field(default=None, repr=False)


class Refused(Exception):
    """The listener said no; its text is the reply."""


def door_of(config: Config, file: Path, listener: str, login: tuple[str, str] | None) -> Door:
    """The listener that is named, or the first that this machine can use; leaves with 2 where there is none."""
    from relay365.doctor.lan.listeners import Gate

    gates = [Gate(one, file) for one in config.listener if not listener or one.address == listener]
    open_ = [gate for gate in gates if not gate.is_behind_proxy and not gate.keeps_us_out and gate.place[1]]
    if not open_:
        fail(
            WRONG_USE,
            "no listener can be used from this machine",
            "each has no fixed port, waits for a proxy, or lets other hosts in",
            f'add one to {file}: [[listener]] address = "127.0.0.1:2525", and an [[allow]] for 127.0.0.1',
        )
    host, port = open_[0].place
    return Door(host, port, open_[0].table, login)


def hand_back(door: Door, letter: Letter) -> str:
    """Hand it in; gives its new id. Raises Refused, and leaves with 3 where nobody listens.

    A recipient that is refused refuses the whole message: half of it would be lost from sight.
    """
    try:
        with _connected(door) as client:
            return _transaction(client, letter)
    except smtplib.SMTPResponseException as error:
        raise Refused(f"{error.smtp_code} {_text(error.smtp_error)}") from error
    except smtplib.SMTPException as error:
        raise Refused(str(error)) from error
    except OSError as error:
        fail(
            UNREACHABLE,
            f"{door.table.address} does not answer",
            printable(str(error)),
            "relay365 status; what was handed in before stays handed in",
        )


def stored(config_file: Path | None, spool_id: str, recipients: tuple[tuple[str, str, str], ...]) -> Letter:
    """A message of the queue for some recipients; raises Refused where its content is gone or damaged."""
    from relay365.errors import SpoolCorrupt

    row: MessageRow | None = with_history(config_file, lambda past: past.row(spool_id))

    async def read(spool: SqliteSpool) -> bytes | str:
        try:
            content = await spool.content(SpoolId(spool_id))
            if content is None:
                return "its content is not there any more"
            whole = content.octets()
            return whole if whole is not None else b"".join([block async for block in content.blocks()])
        except SpoolCorrupt as damage:
            return str(damage)

    octets = with_spool(config_file, read) if row is not None else "it is gone"
    if row is None or isinstance(octets, str):
        raise Refused(octets)
    return Letter(
        row.trace + octets, row.reverse_path, recipients, row.body, bool(row.smtputf8), row.ret, row.envid
    )


def fresh(config_file: Path | None, spool_id: str, since_at: float) -> str:
    """The same id, where it is a message that was accepted since an instant.

    Raises Refused where [duplicates] took it for one that the relay has had: nothing new waits then.
    """
    view = with_spool(config_file, lambda spool: spool.show(spool_id))
    if view is None or view.accepted_at >= since_at - CLOCK_S:
        return spool_id
    raise Refused(f"it was taken for a second copy of {spool_id}: try again when [duplicates] window is over")


def _connected(door: Door) -> smtplib.SMTP:
    context = ssl.create_default_context()  # our own certificate, on this machine: nobody is in between
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client: smtplib.SMTP
    if door.table.tls == "implicit":
        client = smtplib.SMTP_SSL(door.host, door.port, timeout=PATIENCE_S, context=context)
    else:
        client = smtplib.SMTP(door.host, door.port, timeout=PATIENCE_S)
    client.ehlo("localhost")
    if door.table.tls in ("optional", "required"):
        client.starttls(context=context)
        client.ehlo("localhost")
    if door.login is not None:
        client.login(*door.login)
    return client


def _transaction(client: smtplib.SMTP, letter: Letter) -> str:
    has_dsn = client.has_extn("dsn")
    options = [f"BODY={letter.body}", *(["SMTPUTF8"] if letter.smtputf8 else [])]
    if has_dsn:
        options += [
            f"{key}={value}" for key, value in (("RET", letter.ret), ("ENVID", letter.envid)) if value
        ]
    _must(client.mail(letter.reverse_path, options))
    for address, notify, orcpt in letter.recipients:
        wishes = [
            f"{key}={value}" for key, value in (("NOTIFY", notify), ("ORCPT", orcpt)) if value and has_dsn
        ]
        _must(client.rcpt(address, wishes))
    reply = _must(client.data(letter.content))
    found = _QUEUED.search(reply)
    if found is None:
        raise Refused(f"taken, but not by this relay: {reply}")
    return found[1]


def _must(reply: tuple[int, Any]) -> str:
    code, text = reply
    words = f"{code} {_text(text)}"
    if not 200 <= code < 300:
        raise Refused(words)
    return words


def _text(text: Any) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return printable(" ".join(words.split()))
