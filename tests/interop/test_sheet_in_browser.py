"""A sheet in a real browser: one A4 page, however much there is to say, black on white."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from relay365.cli.devices.sheet import made_of
from relay365.cli.devices.sheet_facts import STARTTLS, Certificate, Facts, Sender, Way, Who
from relay365.cli.devices.sheet_page import page
from relay365.rules.client import Client

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAY = Way("192.168.100.105:25", "192.168.100.105", 25, STARTTLS, False, 25 * 1024**2, False)
PEOPLE = tuple(f"somebody.number.{n}@department.contoso.com" for n in range(9))
MOST = Facts(  # all that can be on one: every field, every text, every remark
    Who("copier-on-the-ground-floor-east", "ground floor, beside the stairs", "Kyocera ECOSYS M2540dn", login="copier"),
    "relay.contoso.com", "R11",
    Client("R11", recipients=frozenset(PEOPLE), senders=frozenset(PEOPLE), per_minute=30, login="required"),
    (WAY, WAY._replace(port=587), WAY._replace(port=465)), "required", Sender(PEOPLE[0], PEOPLE),
    Certificate(True, "/var/lib/relay365/data/tls/ca.pem", ":".join(["AB"] * 32), "2036-11-27"), True,
)  # fmt: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


def test_the_longest_sheet_is_one_page(tmp_path: Path) -> None:
    """As Chromium prints it, and with every field of the longest one on it."""
    sheet, paper = tmp_path / "sheet.html", tmp_path / "sheet.pdf"
    made = made_of(MOST, "k7wq2mzt9hbc4xfe")
    sheet.write_text(page(made), "utf-8")
    assert CHROMIUM is not None
    order = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    subprocess.run(
        [*order, f"--print-to-pdf={paper}", f"file://{sheet}"], capture_output=True, timeout=100, check=True
    )

    assert (10, 11) == (len(made.rows), len(made.meanings))
    assert 1 == len(re.findall(rb"/Type\s*/Page(?!s)", paper.read_bytes()))
