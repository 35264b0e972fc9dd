"""Transcripts of the tests: where they are read from and how replies are compared (format: trial.zoo.script)."""

from __future__ import annotations

from pathlib import Path

from relay365.trial.zoo.script import WHOLE, Block, End, Script, is_reply, pairs_of, parse, raw

__all__ = [
    "WHOLE",
    "Block",
    "End",
    "Script",
    "check_replies",
    "is_reply",
    "pairs_of",
    "parse",
    "raw",
    "read",
    "scripts",
]


def scripts(folder: Path) -> list[Script]:
    """All transcripts of a folder, in the order of their names."""
    return [read(file) for file in sorted(folder.glob("*.smtp"))]


def read(file: Path) -> Script:
    """Parse one file; the folder's name says which side is played."""
    writer = "C" if file.parent.name == "server" else "S"
    return parse(file.stem, file.read_text("utf-8"), writer)


def check_replies(script: Script, expected: list[tuple[str, bytes]], said: bytes) -> None:
    """The reply lines are the expected ones, no more and no less, and each ends as a line must."""
    assert said == b"" or said.endswith(b"\r\n"), f"{script.name}: half a line: {said!r}"
    lines = said.split(b"\r\n")[:-1]
    assert not any(b"\r" in line or b"\n" in line for line in lines), (
        f"{script.name}: bare CR or LF: {said!r}"
    )
    shown = []
    for mark, octets in expected:
        wanted = octets.removesuffix(b"\r\n")
        actual = _whole_reply(lines) if mark in WHOLE else b"".join(lines[:1])
        del lines[: 1 if mark == ":" else actual.count(b"\r\n") + 1]
        shown.append(wanted if mark in WHOLE and is_reply(mark, wanted, actual) else actual)
    assert [octets.removesuffix(b"\r\n") for _, octets in expected] == shown + lines, script.name


def _whole_reply(lines: list[bytes]) -> bytes:
    for n, line in enumerate(lines, 1):
        if line[3:4] != b"-":
            return b"\r\n".join(lines[:n])
    return b"\r\n".join(lines)
