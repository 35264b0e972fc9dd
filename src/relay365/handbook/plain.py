"""Markdown as text for a terminal: what is read in a server room, over a serial line, or by a screen reader.

Apart from rendering because nothing of it is shared but the parser: lines are folded, tables keep their columns where
they fit and become lists where they do not.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from markdown_it.tree import SyntaxTreeNode

from relay365.handbook.rendering import parser

_LEAST_COLUMN = 8
_EXTERNAL = ("https://", "http://")


def text_of(markdown: str, width: int) -> str:
    """A page as lines of at most so many columns; only code and single long words may be wider."""
    tree = SyntaxTreeNode(parser().parse(markdown))
    return "\n".join(_blocks(tree.children, width)).strip("\n") + "\n"


def _blocks(nodes: Sequence[SyntaxTreeNode], width: int) -> Iterator[str]:
    for node in nodes:
        yield from _block(node, width)
        yield ""


def _block(node: SyntaxTreeNode, width: int) -> Iterator[str]:
    if node.type == "heading":
        yield from _heading(node, width)
    elif node.type in ("fence", "code_block"):
        yield from (f"    {line}".rstrip() for line in node.content.splitlines())
    elif node.type in ("bullet_list", "ordered_list"):
        yield from _list(node, width)
    elif node.type == "table":
        yield from _table(node, width)
    elif node.type == "blockquote":
        yield from (f"  {line}".rstrip() for line in _trimmed(_blocks(node.children, width - 2)))
    elif node.type == "hr":
        yield "-" * min(width, 40)
    else:
        yield from _folded(_inline(node), width)


def _heading(node: SyntaxTreeNode, width: int) -> Iterator[str]:
    lines = _folded(_inline(node, mark=""), width)
    yield from lines
    if node.tag in ("h1", "h2"):
        yield ("=" if node.tag == "h1" else "-") * max((len(line) for line in lines), default=0)


def _list(node: SyntaxTreeNode, width: int) -> Iterator[str]:
    first = int(node.attrs.get("start", 1) or 1)
    for n, one in enumerate(node.children, first):
        sign = "- " if node.type == "bullet_list" else f"{n}. "
        lines = _trimmed(_blocks(one.children, width - len(sign)))
        yield from (f"{sign if at == 0 else ' ' * len(sign)}{line}".rstrip() for at, line in enumerate(lines))


def _trimmed(lines: Iterator[str]) -> list[str]:
    """Without the empty line at the end."""
    found = list(lines)
    while found and not found[-1]:
        found.pop()
    return found


def _table(node: SyntaxTreeNode, width: int) -> Iterator[str]:
    rows = [
        [_inline(cell, mark="") for cell in row.children] for part in node.children for row in part.children
    ]
    widest = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    room = width - 2 * (len(widest) - 1)
    widths = _shares(widest, room)
    if min(widths) < min(_LEAST_COLUMN, *widest) or any(
        len(word) > widths[n] for row in rows for n, cell in enumerate(row) for word in cell.split()
    ):
        yield from _records(rows, width)
        return
    for at, row in enumerate(rows):
        yield from _columns(row, widths)
        if at == 0:
            yield "  ".join("-" * one for one in widths)


def _shares(widest: Sequence[int], room: int) -> list[int]:
    """How wide each column is: as it needs, and the widest give way until all of them fit."""
    widths = list(widest)
    while sum(widths) > room and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths


def _columns(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    cells = [_folded(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
    for at in range(max(len(cell) for cell in cells)):
        parts = [cell[at] if at < len(cell) else "" for cell in cells]
        yield "  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()


def _records(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """A table that is too wide: one entry for each row, its first cell as the heading."""
    headings = rows[0]
    for row in rows[1:]:
        yield from _folded(row[0], width) or ["-"]
        for heading, cell in zip(headings[1:], row[1:], strict=True):
            if cell:
                said = f"{heading}: {cell}" if heading else cell
                yield from textwrap.wrap(
                    said, max(width, 20), initial_indent="    ", subsequent_indent="        ",
                    break_long_words=False, break_on_hyphens=False,
                )  # fmt: skip
        if row is not rows[-1]:
            yield ""


def _folded(words: str, width: int) -> list[str]:
    return [
        line
        for part in words.split("\n")
        for line in textwrap.wrap(part, max(width, 1), break_long_words=False, break_on_hyphens=False)
    ]


def _inline(node: SyntaxTreeNode, mark: str = "`") -> str:
    """The words of a block's lines. mark: what stands around code, so that a command in a sentence has an end."""
    if node.type == "text":
        return node.content
    if node.type == "code_inline":
        return f"{mark}{node.content}{mark}"
    if node.type in ("softbreak", "hardbreak"):
        return " " if node.type == "softbreak" else "\n"
    if node.type == "image":
        return f"[picture: {node.content}]"
    words = "".join(_inline(child, mark) for child in node.children)
    return _led(words, str(node.attrs.get("href", ""))) if node.type == "link" else words


def _led(words: str, href: str) -> str:
    """A link in words: the command for a page that is named by its file, the address of what is elsewhere."""
    if href.startswith(_EXTERNAL):
        return f"{words} <{href}>" if href != words else words
    return f"`relay365 docs {words.removesuffix('.md')}`" if words.endswith(".md") else words
