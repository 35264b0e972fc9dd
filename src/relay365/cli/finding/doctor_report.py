"""The examination as a page: one HTML file with nothing outside it, for a ticket, a mail or a printer.

State is a word and a sign, never only a colour. Apart from the command because it is a document.
"""

from __future__ import annotations

from html import escape
from typing import Any

from relay365.cli.words.output import instant

_SIGNS = {"good": "✓", "warn": "!", "bad": "✗", "unknown": "?", "behind": "·"}
_WORDS = {
    "good": "well",
    "warn": "warning",
    "bad": "fault",
    "unknown": "could not be asked",
    "behind": "not asked",
}
_TITLES = {
    "local": "This machine",
    "lan": "The listeners, as devices meet them",
    "upstream": "The routes, up to Microsoft",
    "dns": "What DNS says of our domains",
    "connector": "What Microsoft sees of us",
}
_STYLE = """
body { font: 16px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b;
       background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .4rem .6rem; border-top: 1px solid #ccc; }
th[scope=row] { white-space: nowrap; font-weight: 600; }
.bad { background: #fdecea; } .warn { background: #fff6db; } .unknown { background: #f3ecfb; } .behind { color: #555; }
dl { margin: .3rem 0 0; } dt { float: left; clear: left; width: 3.2rem; color: #555; } dd { margin-left: 3.4rem; }
code { font-size: .9em; overflow-wrap: anywhere; }
@media print { body { margin: 0; } tr { break-inside: avoid; } }
@media (prefers-color-scheme: dark) { body { background: #1b1b1b; color: #eee; } td, th { border-color: #555; }
  .bad { background: #4a2320; } .warn { background: #463a12; } .unknown { background: #352a45; }
  dt, .behind { color: #bbb; } }
"""


def _counted(n: int, state: str) -> str:
    """A number of findings in words: faults and warnings are things, the other words are not."""
    return f"{n} {_WORDS[state]}{'s' * (state in ('bad', 'warn') and n != 1)}"


def page(found: dict[str, Any], file: str, at: float) -> str:
    """found: the documented JSON of an examination; file: the configuration; at: Unix seconds."""
    n = found["counts"]
    summary = ", ".join(_counted(n[key], key) for key in _WORDS if n[key]) or "nothing was asked"
    areas = dict.fromkeys(one["area"] for one in found["findings"])
    parts = [_area(area, [one for one in found["findings"] if one["area"] == area]) for area in areas]
    left_out = "".join(f"<li>{escape(words)}</li>" for words in found["left_out"])
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>relay365 doctor</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>\n'
        f"<h1>relay365 doctor: {escape(summary)}</h1>\n"
        f"<p>{escape(file)}, {escape(str(instant(at)))}</p>\n{''.join(parts)}"
        + (f"<h2>Left out</h2><ul>{left_out}</ul>\n" if left_out else "")
        + "</body></html>\n"
    )


def _area(area: str, findings: list[dict[str, Any]]) -> str:
    rows = "".join(_row(one) for one in findings)
    return f"<h2>{escape(_TITLES.get(area, area))}</h2>\n<table>{rows}</table>\n"


def _row(one: dict[str, Any]) -> str:
    state = "behind" if one["behind"] else one["state"]
    text = f"stands behind {one['behind']}" if one["behind"] else one["text"]
    pairs = [("text", one["said"]), ("why", one["why"]), ("do", one["do"])]
    more = "".join(
        f"<dt>{label}</dt><dd>{_coded(label, words)}</dd>"
        for label, words in pairs
        if words and state in ("bad", "warn", "unknown")
    )
    return (
        f'<tr class="{state}"><th scope="row">{_SIGNS[state]} {_WORDS[state]}</th>'
        f"<td><code>{escape(one['check'])}</code></td>"
        f"<td>{escape(text)}{f'<dl>{more}</dl>' if more else ''}</td></tr>\n"
    )


def _coded(label: str, words: str) -> str:
    return escape(words) if label == "why" else f"<code>{escape(words)}</code>"
