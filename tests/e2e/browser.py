"""A person with a browser, for stories of signing in."""

from __future__ import annotations

import html
import re
import ssl
import urllib.error
import urllib.request
from urllib.parse import urlencode

from e2e.microsoft import Microsoft


class Browser:
    """A person with a browser at the pages of the token service: chooses a user, accepts, and follows what comes."""

    def __init__(self, cloud: Microsoft) -> None:
        self._context = ssl.create_default_context(cafile=str(cloud.facts["ca_file"]))
        self._user = cloud.mailbox

    def accept(self, address: str) -> str:
        """Sign in at an address; gives the page that follows, or where the browser is sent."""
        fields = dict(self._hidden(self._open(address)))
        return self._open(address, {**fields, "user": self._user, "answer": "accept"})

    def go_on(self, page: str) -> None:
        """Press the button of a page that sends its form elsewhere."""
        (action,) = re.findall(r'action="([^"]+)"', page)
        where = html.unescape(action).replace("//localhost", "//127.0.0.1")
        self._open(where, dict(self._hidden(page)))

    def _open(self, address: str, form: dict[str, str] | None = None) -> str:
        handlers = [urllib.request.HTTPSHandler(context=self._context), _Stays()]
        octets = urlencode(form).encode() if form is not None else None
        try:
            with urllib.request.build_opener(*handlers).open(address, octets, timeout=20.0) as page:
                return page.read().decode()
        except urllib.error.HTTPError as sent:
            with sent:
                return str(sent.headers["Location"])

    def _hidden(self, page: str) -> list[tuple[str, str]]:
        found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)
        return [(html.unescape(name), html.unescape(value)) for name, value in found]


class _Stays(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer."""

    def redirect_request(self, *arguments: object) -> None:
        """Follow none."""
