"""A script from a head with values and sections that never change: no value of a user stands anywhere but in the head.

Apart from what the scripts are for (application, connector). Every script is checked before it is given away, as an
administrator cannot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from relay365.errors import Relay365Error
from relay365.setup.powershell.checking import faults_of
from relay365.setup.powershell.grammar import BYTE_ORDER_MARK
from relay365.setup.powershell.literals import Value, comment, literal

GRAPH_CLOUDS = {"global": "Global", "gcc-high": "USGov", "dod": "USGovDoD", "china": "China"}
"""As Connect-MgGraph -Environment names them."""
EXCHANGE_CLOUDS = {
    "global": "O365Default", "gcc-high": "O365USGovGCCHigh", "dod": "O365USGovDoD", "china": "O365China",
}  # fmt: skip
"""As Connect-ExchangeOnline -ExchangeEnvironmentName names them."""


class ScriptFault(Relay365Error):
    """A script of ours breaks a rule: a fault of this program, and nothing is given away."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who made a script, for its first lines: the program with its version, the host, the day."""

    program: str
    host: str
    day: str


def compose(
    purpose: Sequence[str], origin: Origin, file: str, values: Mapping[str, Value], sections: Sequence[str]
) -> str:
    """A whole script. purpose: lines for whoever reads it; file: its name, for the examples; sections: by name.

    With letters beyond ASCII it begins with a byte order mark: without one Windows PowerShell 5.1 reads a file in the
    machine's code page, where a second octet of UTF-8 may be a quote. (Microsoft: about_Character_Encoding)
    Raises ScriptFault where the result is not good PowerShell, and ValueError where a value cannot stand in one.
    """
    made = f"{comment(origin.program)} on {comment(origin.host)}, {comment(origin.day)}"
    head = [
        *(f"# {comment(line)}" for line in purpose),
        "#",
        f"# Made by {made}. It may be run again at any time: what is right already is left alone.",
        f"#   .\\{file} -WhatIf            says what it would do, and changes nothing",
        f"#   .\\{file}                    asks before each change",
        f"#   .\\{file} -Confirm:$false    does not ask",
        "# Where scripts are not allowed: powershell -ExecutionPolicy Bypass -File .\\" + file,
        *_needs(sections),
        "[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]",
        "param()",
        "$ErrorActionPreference = 'Stop'",
        "",
        *(f"${name} = {literal(value)}" for name, value in values.items()),
    ]
    text = "\n".join(head) + "\n\n" + "\n".join(_section(name) for name in sections)
    faults = faults_of(text)
    if faults:
        raise ScriptFault(f"{file}: {faults[0]}")
    return text if text.isascii() else BYTE_ORDER_MARK + text


def _section(name: str) -> str:
    return files("relay365.setup.scripts").joinpath("sections", f"{name}.ps1").read_text("utf-8")


def _needs(sections: Sequence[str]) -> list[str]:
    modules = [
        module
        for section, module in (
            ("sign-in-entra", "Microsoft.Graph.Authentication"),
            ("sign-in-exchange", "ExchangeOnlineManagement"),
        )
        if section in sections
    ]
    wanted = ", ".join(modules)
    return [f"# Needs, once: Install-Module {wanted} -Scope CurrentUser", f"#requires -Modules {wanted}"]
