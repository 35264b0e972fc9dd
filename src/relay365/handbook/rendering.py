"""Markdown to HTML: headings that can be linked to, links that lead to the files of the site, tables that scroll.

Apart from the site, which decides where pages are; here is one page. What a page links to comes back with it, so that
whoever builds the site can check it. (CommonMark 0.31; tables and anchors as GitHub has them)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

_NO_WORD = re.compile(r"[^\w\- ]")
_OPENS_TABLE = '<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>'


@dataclass(frozen=True, slots=True)
class Place:
    """Where a link leads: its address in the site, "" for what is outside of it; and the title of the page there."""

    address: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page as HTML. anchors: the ids of its headings; links: what it links to or shows, as it is written.

    parts: (id, words, tag) of the headings below the title, h2 and h3, in order.
    """

    html: str
    anchors: tuple[str, ...]
    links: tuple[str, ...]
    parts: tuple[tuple[str, str, str], ...]


def parser() -> MarkdownIt:
    """The dialect of the pages: CommonMark with tables; HTML is shown, never passed on."""
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def render(text: str, place: Callable[[str], Place]) -> Rendered:
    """place: where a link leads. Of a link to the outside the words stay; one named by a file gets its page's title."""
    markdown = parser()
    tokens = markdown.parse(text)
    anchors = tuple(_set_anchors(tokens))
    links = tuple(_set_links(tokens, place))
    html = str(markdown.renderer.render(tokens, markdown.options, {}))
    html = html.replace("<table>", _OPENS_TABLE).replace("</table>", "</table></div>")
    parts = tuple(
        (str(token.attrGet("id")), plain(inline), token.tag)
        for token, inline in pairwise(tokens)
        if token.type == "heading_open" and token.tag in ("h2", "h3")
    )
    return Rendered(html.replace("<pre>", '<pre tabindex="0">'), anchors, links, parts)


def plain(inline: Token) -> str:
    """The words of a line without their marks."""
    return "".join(t.content for t in inline.children or () if t.type in ("text", "code_inline"))


def _set_anchors(tokens: Sequence[Token]) -> Iterator[str]:
    """Give each heading its id, as GitHub makes it: words with hyphens, a number where it is taken."""
    taken: dict[str, int] = {}
    for token, inline in pairwise(tokens):
        if token.type != "heading_open":
            continue
        slug = _NO_WORD.sub("", plain(inline).lower()).replace(" ", "-")
        taken[slug] = taken.get(slug, -1) + 1
        anchor = f"{slug}-{taken[slug]}" if taken[slug] else slug
        token.attrSet("id", anchor)
        yield anchor


def _set_links(tokens: Sequence[Token], place: Callable[[str], Place]) -> Iterator[str]:
    """Turn links and pictures to where they lead, and give back each as it was written."""
    for inline in tokens:
        is_outside = False
        for token, label in pairwise((*(inline.children or ()), inline)):
            name = {"link_open": "href", "image": "src"}.get(token.type, "")
            if name:
                href = str(token.attrGet(name))
                yield href
                found = place(href)
                is_outside = not found.address
                token.attrSet(name, found.address)
                _set_label(label, href, found.title)
            if is_outside and token.type in ("link_open", "link_close"):
                token.tag, token.attrs = "span", {}


def _set_label(label: Token, href: str, title: str) -> None:
    """`[senders.md](senders.md)` is for those who read the files."""
    if title and label.type == "text" and label.content in (href, href.rpartition("/")[2]):
        label.content = title
