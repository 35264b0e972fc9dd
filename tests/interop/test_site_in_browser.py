"""The site in a real browser, opened from a disk as somebody without a web server does."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from relay365.cli.main import main
from relay365.handbook import commandline, errors, pages, website

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE = 360
MEASURE = """<body><pre id="said">none</pre><script>
const names = %s, wide = [];
(async () => {
  for (const name of names) {
    const frame = document.createElement("iframe");
    frame.style = "width: %dpx; height: 640px; border: 0";
    frame.src = name;
    document.body.append(frame);
    await new Promise((resolve) => { frame.onload = resolve; });
    if (frame.contentDocument.documentElement.scrollWidth > %d) wide.push(name);
    frame.remove();
  }
  document.getElementById("said").textContent = JSON.stringify([names.length, wide]);
})();
</script></body>"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site."""
    root = commandline.describe(main, "relay365")
    folder = tmp_path_factory.mktemp("site") / "site"
    website.build(folder, (*pages.written(), *errors.pages(), *commandline.pages(root)), "1.0")
    return folder


def _dom(address: str) -> str:
    """What the page has become when its scripts are through."""
    assert CHROMIUM is not None
    order = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    order += ["--virtual-time-budget=60000", "--dump-dom", address]
    return subprocess.run(order, capture_output=True, text=True, timeout=100).stdout


def test_the_search_works_from_a_disk(folder: Path) -> None:
    """The page for an expired secret is found first by two words of it, and its link leads to a file."""
    dom = _dom(f"file://{folder}/search.html?q=secret%20expired")
    first = re.search(r'<ul id="found"><li><a href="([^"]+)">([^<]+)</a>', dom)

    assert first is not None, dom[:2000]
    assert html.unescape(first[2]).startswith("AADSTS7000222")
    assert (folder / first[1]).is_file()
    assert 'pages for "secret expired"' in dom


def test_what_is_searched_for_is_text(folder: Path) -> None:
    """Markup in the address is shown and not run."""
    dom = _dom(f"file://{folder}/search.html?q=%3Cimg%20src%3Dx%20onerror%3Ddocument.title%3D1%3E")

    assert "0 pages for" in dom
    assert "<img" not in dom
    assert "<title>Search - relay365</title>" in dom


def test_no_page_is_wider_than_a_phone(folder: Path) -> None:
    """At 360 px only tables and code have a scroll bar, each its own; the page has none."""
    names = [file.relative_to(folder).as_posix() for file in sorted(folder.rglob("*.html"))]
    names = [name for name in names if not name.startswith("errors/")] + ["errors/index.html"]
    (folder / "measure.html").write_text(MEASURE % (json.dumps(names), PHONE, PHONE), "utf-8")
    said = re.search(r'<pre id="said">(.*?)</pre>', _dom(f"file://{folder}/measure.html"))

    assert said is not None
    assert [len(names), []] == json.loads(html.unescape(said[1]))
