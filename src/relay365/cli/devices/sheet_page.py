"""A sheet as text for the terminal, and as one page to print: black on white, A4, without a script or a picture.

Apart from its words, which are the same in both.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from relay365.cli.devices.sheet_words import AVOID, Meaning, Row

_FIELD_WIDTH, _VALUE_WIDTH = 17, 26

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
@page {{ size: A4; margin: 11mm 13mm; }}
* {{ box-sizing: border-box; }}
body {{ background: #fff; color: #000; font: 10pt/1.22 sans-serif; margin: 0 auto; max-width: 182mm; padding: 4mm; }}
@media print {{ body {{ padding: 0; }} }}
h1 {{ border-bottom: 2pt solid #000; font-size: 16pt; margin: 0; padding-bottom: 1mm; }}
h2 {{ font-size: 11.5pt; margin: 3mm 0 1mm; }}
p, ul {{ margin: 1mm 0; }}
ul {{ padding-left: 5mm; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border: 0.5pt solid #000; overflow-wrap: anywhere; padding: 0.5mm 1.5mm; }}
th, td {{ text-align: left; vertical-align: top; }}
th {{ font-weight: normal; }}
.type td:nth-child(2) {{ font: bold 11pt monospace; width: 66mm; }}
.type th {{ white-space: nowrap; width: 27mm; }}
.type td:last-child, .said td {{ font-size: 9pt; }}
.said th:first-child {{ width: 66mm; }}
.remark {{ border: 1.5pt solid #000; padding: 1mm 2mm; }}
footer {{ font-size: 9pt; margin-top: 2mm; }}
</style>
</head>
<body>
<h1>Scan to mail: {title}</h1>
<p>{about}</p>
{remarks}
<h2>Type exactly this</h2>
<table class="type">
{rows}
</table>
{others}
<p>{avoid}</p>
<h2>Then</h2>
<ul>
{test}
</ul>
<h2>If the machine shows</h2>
<table class="said">
<tr><th>text or number</th><th>it means</th><th>do</th></tr>
{meanings}
</table>
<p>{mark}</p>
<footer>{foot}</footer>
</body>
</html>
"""


class Sheet(NamedTuple):
    """All the words of one sheet. about: where it stands and what it is; mark: what (R3) behind a text is."""

    title: str
    about: str
    remarks: list[str]
    rows: list[Row]
    others: list[str]
    test: list[str]
    meanings: list[Meaning]
    mark: str
    foot: str


def text(sheet: Sheet) -> list[str]:
    """For a terminal."""
    lines = [f"SCAN TO MAIL: {sheet.title}", *filter(None, (sheet.about,)), ""]
    lines += [f"! {one}" for one in sheet.remarks]
    lines.append("For the person at the machine. Type exactly this.")
    for row in sheet.rows:
        dots = f"  {row.field} ".ljust(_FIELD_WIDTH, ".")
        lines.append(f"{dots} {row.value.ljust(_VALUE_WIDTH if row.note else 0)} {row.note}".rstrip())
    lines += [f"  or {one}" for one in sheet.others]
    lines += ["", AVOID, "", *(f"Then: {one}" for one in sheet.test), "", "If the machine shows"]
    for one in sheet.meanings:
        lines += [f"  {one.said}", f"      {one.means}: {one.do}"]
    return [*lines, "", sheet.mark, sheet.foot]


def page(sheet: Sheet) -> str:
    """For a printer of paper."""
    return _PAGE.format(
        title=escape(sheet.title),
        about=escape(sheet.about) or "For the person at the machine.",
        remarks="\n".join(f'<p class="remark">{escape(one)}</p>' for one in sheet.remarks),
        rows=_table((f"<th>{escape(one.field)}</th>", one.value, one.note) for one in sheet.rows),
        others=f"<p>Or {escape(', or '.join(sheet.others))}.</p>" if sheet.others else "",
        avoid=escape(AVOID),
        test="\n".join(f"<li>{escape(one)}</li>" for one in sheet.test),
        meanings=_table(("", *one) for one in sheet.meanings),
        mark=escape(sheet.mark),
        foot=escape(sheet.foot),
    )


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    """Rows of cells; the first of each is markup of ours."""
    return "\n".join(
        f"<tr>{head}{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>" for head, *cells in rows
    )
