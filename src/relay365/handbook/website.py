"""The documents as a site: plain files that need no server, no script and nothing from elsewhere.

A link that leads nowhere is an error, and nothing is written then. The search alone has a script, over an index in a
file of its own, so that it works where a browser opens the files from a disk.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from relay365.errors import Relay365Error
from relay365.handbook import pages, plain
from relay365.handbook.pages import Page, Section
from relay365.handbook.rendering import Place, Rendered, render

MARK = ".relay365-docs"
_EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
_UNDERLINE = re.compile(r"(?m)^[-= ]+$")
_MANY_PARTS = 5
_TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="{root}style.css">{head}
</head>
<body>
<a class="skip" href="#page">Skip to the page</a>
<header>
<a class="home" href="{root}index.html">relay365</a>
<form action="{root}search.html" role="search"><label class="unseen" for="q">Words to search for</label>
<input id="q" name="q" type="search" autocomplete="off"><button>Search</button></form>
<a class="menu" href="#pages">All pages</a>
</header>
<main id="page">
{body}
</main>
<nav id="pages" aria-label="All pages">
{nav}
</nav>
<footer>relay365 {version}. These pages are in the program, too: <code>relay365 docs</code></footer>
</body>
</html>
"""
_SEARCH = """\
<h1>Search</h1>
<p id="said" role="status">The search needs JavaScript. Without it: <code>relay365 docs --search WORDS</code>, or your
browser's own search in <a href="errors/index.html">all error texts</a>.</p>
<ul id="found"></ul>
"""


class BrokenLinksError(Relay365Error):
    """Some links lead nowhere; links has them as (page, link)."""

    def __init__(self, links: Sequence[tuple[str, str]]) -> None:
        self.links = tuple(links)
        super().__init__("; ".join(f"{page}: {link}" for page, link in links))


class NotOursError(Relay365Error):
    """The directory has files in it, and no site of ours."""


def build(directory: Path, all_pages: Sequence[Page], version: str) -> int:
    """Write the site and say how many pages it has. BrokenLinksError, NotOursError: nothing was written."""
    if directory.is_dir() and any(directory.iterdir()) and not (directory / MARK).is_file():
        raise NotOursError(str(directory))
    made = contents(all_pages, version, dict(pages.assets()))
    _remove(directory, set(_earlier(directory)) - set(made))
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MARK).write_text("\n".join([f"relay365 {version}", *sorted(made)]) + "\n", "utf-8")
    for name, content in made.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            file.write_bytes(content.read_bytes())
        else:
            file.write_text(content, "utf-8")
    return sum(name.endswith(".html") for name in made)


def _earlier(directory: Path) -> list[str]:
    """The files of the site that stands there, as it was written down; none where there is none."""
    mark = directory / MARK
    return mark.read_text("utf-8").splitlines()[1:] if mark.is_file() else []


def _remove(directory: Path, names: Collection[str]) -> None:
    """Take pages away that there are no longer; a name that leads out of the site is not followed."""
    for name in names:
        file = directory / name
        if file.is_file() and file.resolve().is_relative_to(directory.resolve()):
            file.unlink()


def contents(all_pages: Sequence[Page], version: str, assets: Mapping[str, Path]) -> dict[str, str | Path]:
    """Every file of the site by its name: text, or the file that is copied. BrokenLinksError: some lead nowhere."""
    sections = pages.sections(all_pages)
    titles = {page.name: page.title for page in all_pages}
    rendered = {page.name: render(page.text, _Places(page.name, titles)) for page in all_pages}
    broken = [
        (name, link)
        for name, one in rendered.items()
        for link in one.links
        if _is_broken(name, link, rendered, assets)
    ]
    if broken:
        raise BrokenLinksError(broken)
    made: dict[str, str | Path] = dict(assets)
    for page in all_pages:
        body = _with_parts(rendered[page.name])
        made[f"{page.name}.html"] = _document(page.name, page.title, body, sections, version)
    made["search.html"] = _document("search", "Search", _SEARCH, sections, version)
    made["search-index.js"] = "const INDEX = " + json.dumps([_entry(page) for page in all_pages]) + ";\n"
    for name in ("style.css", "search.js"):
        made[name] = files("relay365.handbook").joinpath(name).read_text("utf-8")
    return made


def _entry(page: Page) -> dict[str, str]:
    """A page for the search: u, where it is; t, its title; x, its words."""
    words = " ".join(_UNDERLINE.sub("", plain.text_of(page.text, 10_000)).split())
    return {"u": f"{page.name}.html", "t": page.title, "x": words}


class _Places:
    """Where the links of one page lead. titles: of all pages, by name."""

    def __init__(self, page: str, titles: Mapping[str, str]) -> None:
        self._page, self._titles = page, titles

    def __call__(self, link: str) -> Place:
        """External addresses and places in the page as they are; nothing for what is outside of the pages."""
        if _EXTERNAL.match(link) or link.startswith("#"):
            return Place(link)
        path, _, anchor = link.partition("#")
        target = _target(self._page, path)
        if target.startswith("../"):
            return Place("")
        address = path.removesuffix(".md") + ".html" * path.endswith(".md")
        return Place(
            address + (f"#{anchor}" if anchor else ""), self._titles.get(target.removesuffix(".md"), "")
        )


def _target(page: str, path: str) -> str:
    """A relative link as a name below the root of the pages; `../` in front leads out of them."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), path))


def _is_broken(page: str, link: str, rendered: Mapping[str, Rendered], assets: Collection[str]) -> bool:
    if _EXTERNAL.match(link):
        return False
    path, _, place = link.partition("#")
    target = _target(page, path) if path else f"{page}.md"
    if target.startswith("../") or target in assets:
        return False
    one = rendered.get(target.removesuffix(".md")) if target.endswith(".md") else None
    return one is None or (bool(place) and place not in one.anchors)


def _document(name: str, title: str, body: str, sections: Sequence[Section], version: str) -> str:
    root = "../" * name.count("/")
    scripts = '\n<script src="search-index.js" defer></script>\n<script src="search.js" defer></script>'
    whole = title if name == "index" else f"{title} - relay365"
    return _TEMPLATE.format(
        title=escape(whole),
        root=root,
        head=scripts if name == "search" else "",
        body=body,
        nav="\n".join(_navigation(section, name, root) for section in sections),
        version=escape(version),
    )


def _with_parts(page: Rendered) -> str:
    """The page, with a list of its parts below the title where there are many; closed, so that it stands in no way."""
    head, end, rest = page.html.partition("</h1>")
    if len(page.parts) < _MANY_PARTS or not end:
        return page.html
    links = "".join(
        f'<li class="{tag}"><a href="#{anchor}">{escape(words)}</a></li>' for anchor, words, tag in page.parts
    )
    return (
        f'{head}{end}\n<details class="parts"><summary>On this page</summary><ul>{links}</ul></details>{rest}'
    )


def _navigation(section: Section, here: str, root: str) -> str:
    links = []
    for page in section.listed():
        current = ' aria-current="page"' if page.name == here else ""
        links.append(f'<li><a href="{root}{page.name}.html"{current}>{escape(page.title)}</a></li>')
    return f"<h2>{escape(section.title)}</h2>\n<ul>{''.join(links)}</ul>"
