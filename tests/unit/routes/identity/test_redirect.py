"""One request with the answer, whatever else a browser asks for; or what a person pastes."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request

import pytest

from relay365.routes.identity.redirect import parameters_of, redirect


def _visit(address: str) -> None:
    with urllib.request.urlopen(address, timeout=5.0) as page:
        page.read()


def test_the_answer_of_the_browser_is_heard() -> None:
    """A browser that asks for an icon first is told 404, and the wait goes on."""

    def browse(address: str) -> None:
        try:
            _visit(f"{address}/favicon.ico")
        except urllib.error.HTTPError as error:
            error.close()
        _visit(f"{address}/?code=c%20d&state=s")

    with redirect() as listener:
        browser = threading.Thread(target=browse, args=(listener.address.replace("localhost", "127.0.0.1"),))
        browser.start()
        found = listener.wait(time.monotonic() + 10.0)
        browser.join(5.0)

    assert {"code": "c d", "state": "s"} == found


def test_a_form_is_heard_as_well() -> None:
    """So Microsoft sends it where it is asked for a form: the code stands in no address."""

    def post(address: str) -> None:
        with urllib.request.urlopen(address, b"code=c&state=s", timeout=5.0) as page:
            page.read()

    with redirect() as listener:
        browser = threading.Thread(target=post, args=(listener.address.replace("localhost", "127.0.0.1"),))
        browser.start()
        found = listener.wait(time.monotonic() + 10.0)
        browser.join(5.0)

    assert {"code": "c", "state": "s"} == found


def test_nobody_comes() -> None:
    """The wait has an end."""
    with redirect() as listener:
        assert None is listener.wait(time.monotonic() + 0.05)


@pytest.mark.parametrize(
    "pasted",
    [
        "http://localhost:5000/?code=c&state=s",
        " http://localhost/#code=c&state=s\n",
        "?code=c&state=s",
        "code=c&state=s",
    ],
)
def test_what_is_pasted_is_understood(pasted: str) -> None:
    """The whole address, or what was copied of it."""
    assert {"code": "c", "state": "s"} == parameters_of(pasted)


@pytest.mark.parametrize("pasted", ["", "hello", "https://example.com/?q=1", "http://[bad"])
def test_what_has_no_answer_in_it(pasted: str) -> None:
    """Empty, and never an error."""
    assert {} == parameters_of(pasted)
