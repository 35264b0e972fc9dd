"""A desk whose relay listens where a test wants it, and whose queue is as damaged as it wants."""

from __future__ import annotations

from typing import Any


def listen_at(desk: Any, address: str) -> None:
    """The desk's listener is somewhere else from now on."""
    file = desk.directory / "relay365.toml"
    text = file.read_text("utf-8").replace(
        'address = "127.0.0.1:2525"', f'address = "{address}"\ntls = "none"'
    )
    file.write_text(text, "utf-8")


async def damage(spool: Any, spool_id: str) -> None:
    """The inline content of a message is shorter than it was."""
    from relay365.spool.ids import seq_of

    statement = "UPDATE content SET octets = x'00' WHERE seq = ?"
    await spool._writer.do(lambda c: c.execute(statement, (seq_of(spool_id),)))
