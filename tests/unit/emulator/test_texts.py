"""The table of replies: its trailers, its banner, and that every row can be said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relay365.emulator.texts import TEXTS, as_written, banner, reply

MANUAL = Path(__file__).parents[3] / "docs" / "emulator.md"
FACTS = {
    "message_id": "<1@x>", "mailbox": "a@x", "sender": "b@x", "ip": "192.0.2.7", "internal_id": "1", "host": "h",
    "size": "1", "seconds": "0.1", "rate": "1.0",
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_every_row_is_one_line_of_a_reply(name: str) -> None:
    """A row gives one printable line, with its code in front, that fits the 4,096 octets clients read."""
    octets = reply(name, "0123456789ABCDEF", 1_000_000.0, **FACTS).encode()

    assert re.fullmatch(rf"{TEXTS[name].code} [\x20-\x7e]+\r\n", octets.decode("ascii"))
    assert len(octets) < 4096
    assert "{" not in octets.decode("ascii")


@pytest.mark.parametrize("name", [name for name, row in TEXTS.items() if row.status])
def test_the_enhanced_status_fits_the_code(name: str) -> None:
    """The class of the enhanced status is that of the code (RFC 2034 4), but for one that is published so."""
    differs = str(TEXTS[name].code)[0] != TEXTS[name].status[0]

    assert (name == "no-subscription") == differs


def test_the_session_trailer() -> None:
    """Front end, time in UTC with milliseconds, and session stand in brackets behind the text."""
    said = reply("auth-failed", "08DCE853B9232A86", 1_728_592_283.429).text

    assert (
        "5.7.3 Authentication unsuccessful [EM1PR00CA0001.emuprd00.prod.outlook.com 2024-10-10T20:31:23.429Z "
        "08DCE853B9232A86]"
    ) == said


def test_the_accepted_reply() -> None:
    """The 250 names the Message-ID and the mailbox server."""
    said = str(reply("accepted", "", 0.0, message_id="<7@x>"))

    assert "250 2.0.0 OK <7@x> [Hostname=EM1PR00MB0001.EMUPRD00.PROD.OUTLOOK.COM]" == said


def test_the_banner_has_no_leading_zero() -> None:
    """The day of the banner is written as Exchange writes it."""
    assert banner(1_667_988_581.0).endswith("ready at Wed, 9 Nov 2022 10:09:41 +0000")


def test_a_reply_as_written() -> None:
    """A whole reply is read with and without an enhanced status; anything else is refused."""
    assert "451 4.7.500 Server busy" == str(as_written("451 4.7.500 Server busy"))
    assert "421 go away" == str(as_written("421 go away"))
    for wrong in ("", "451", "650 2.0.0 x", "451 4.7.0 a\nb"):
        with pytest.raises(ValueError, match="expected a row"):
            as_written(wrong)


def test_the_manual_has_every_reply() -> None:
    """docs/emulator.md lists every row with its code, and marks the words that nobody has published."""
    manual = MANUAL.read_text("utf-8")

    for name, row in TEXTS.items():
        mark = "" if row.sure else " (words unsure)"
        assert f"| `{name}` | {row.code} {row.status}".rstrip() + f"{mark} |" in manual
