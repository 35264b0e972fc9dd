"""A script is checked before it is given away."""

from __future__ import annotations

import pytest

from relay365.setup.powershell.checking import faults_of
from relay365.setup.scripts.composing import Origin, ScriptFault, compose

ORIGIN = Origin("relay365 1.0", "srv-relay", "2026-11-30")


def test_a_fault_of_ours_is_not_given_away() -> None:
    """A section that reads what the head does not set is a fault of this program."""
    with pytest.raises(ScriptFault, match=r"\$exchangeCloud is read before it is set"):
        compose(["about"], ORIGIN, "x.ps1", {}, ["sign-in-exchange"])


def test_the_byte_order_mark() -> None:
    """Only where there are letters beyond ASCII: U+00D2 ends in the octet of a quote in Windows-1252."""
    plain = compose(["a"], ORIGIN, "x.ps1", {"exchangeCloud": "O"}, ["sign-in-exchange"])
    other = compose(["a"], ORIGIN, "x.ps1", {"exchangeCloud": "\u00d2"}, ["sign-in-exchange"])

    assert plain.isascii()
    assert other.encode("utf-8").startswith(b"\xef\xbb\xbf# a")
    assert [] == faults_of(other)


def test_the_head() -> None:
    """It says what it is for, how to run it, and which modules it needs; values stand in it as literals."""
    text = compose(["about\nit"], ORIGIN, "x.ps1", {"exchangeCloud": "O'365"}, ["sign-in-exchange"])
    lines = text.splitlines()

    assert "# about it" == lines[0]
    assert r"#   .\x.ps1 -WhatIf            says what it would do, and changes nothing" in lines
    assert "#requires -Modules ExchangeOnlineManagement" in lines
    assert "$exchangeCloud = 'O''365'" in lines
    assert text.index("[CmdletBinding") < text.index("$exchangeCloud")
