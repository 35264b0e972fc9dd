"""docs/interop.md says what is tried, and what is tried is what it says."""

from __future__ import annotations

from clients.order import INTEROP
from clients.programs import MODES, PROGRAMS

KEEPS = {
    "octets": "octet for octet", "end": "behind its own fields", "message": "message", "text": "text",
}  # fmt: skip


def test_the_table_of_clients_is_true() -> None:
    """The page has one row for each client, in order, with its modes and with what it keeps."""
    wanted = [
        f"| {name} | {' | '.join('yes' if mode in client.modes else '' for mode in MODES)} | {KEEPS[client.keeps]} |"
        for name, client in PROGRAMS.items()
    ]
    page = (INTEROP.parents[1] / "docs" / "interop.md").read_text("utf-8")
    table = page.partition(f"| client | {' | '.join(MODES)} | keeps |\n")[2].partition("\n\n")[0]

    assert wanted == table.splitlines()[1:]


def test_there_are_clients_enough() -> None:
    """At least 22 clients deliver in clear, and as many behind STARTTLS with a login."""
    plain = [name for name, client in PROGRAMS.items() if "plain" in client.modes]
    signed_in = [
        name for name, client in PROGRAMS.items() if client.modes & {"starttls-login", "starttls-plain"}
    ]

    assert min(len(plain), len(signed_in)) >= 22, (len(plain), len(signed_in))
