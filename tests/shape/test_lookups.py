"""A session never waits for DNS: nothing on the way of a device asks for the name of an address, or for any other."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "relay365"
REVERSE = {"getnameinfo", "gethostbyaddr"}
ASKS = {*REVERSE, "getaddrinfo", "gethostbyname", "gethostbyname_ex", "getfqdn", "Resolver"}
SESSION = ("smtp", "mail", "rules", "engine/doors", "engine/contents", "engine/blackbox")
SESSION_FILES = (
    "engine/listener.py",
    "engine/session.py",
    "engine/taking.py",
    "engine/reception.py",
    "net/door.py",
)


def _asked(files: list[Path], names: set[str]) -> list[str]:
    """Every place of these files where one of the names is used."""
    return [
        f"{file.relative_to(SOURCE)}:{node.lineno}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute | ast.Name)
        and (node.attr if isinstance(node, ast.Attribute) else node.id) in names
    ]


def test_nobody_looks_an_address_up_backwards() -> None:
    """But the doctor, who is asked to; its own tests see that it does."""
    files = [file for file in SOURCE.rglob("*.py") if "doctor" not in file.relative_to(SOURCE).parts]

    assert [] == _asked(files, REVERSE)


def test_a_session_looks_nothing_up() -> None:
    """What a device's session consists of knows no name service, forwards or backwards."""
    files = [file for folder in SESSION for file in (SOURCE / folder).rglob("*.py")]
    files += [SOURCE / name for name in SESSION_FILES]

    assert len(files) > 60
    assert [] == _asked(files, ASKS)
