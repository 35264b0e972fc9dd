"""The HTTP client that MSAL is given: our roots, our proxy, a deadline on each call, and what was answered last.

Apart from the directories, because all of them ask through it. trust_env is off: no environment variable can change
whom we trust or where we ask. MSAL raises on a status of 500 and above, and on whatever it cannot parse, and keeps the
body to itself; therefore the last answer is remembered here, and said in words for people where it is none.
(RFC 6749 5; RFC 9110 10.2.3, Retry-After)
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

REQUEST_S = 30.0
MOST_RETRY_AFTER_S = 3600.0
MALFORMED = "malformed_answer"
_NO_ANSWER = ", which is no answer of a token service"  # by these words the catalogue knows it


@dataclass(frozen=True, slots=True)
class Way:
    """How HTTPS gets out. ca_file: roots instead of the system's; proxy: an http:// address, or "" for none."""

    ca_file: str = ""
    proxy: str = ""


class Transport:
    """The calls that MSAL makes. One is made for each question, in the thread that asks."""

    def __init__(self, way: Way) -> None:
        import requests  # here, because it takes 0.2 s to import and only OAuth routes need it

        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = way.ca_file or system_roots() or True
        if way.proxy:
            self._session.proxies = {"http": way.proxy, "https": way.proxy}
        self._host = ""
        self._status, self._text, self._retry_after = 0, "", ""

    def post(self, url: str, **keywords: Any) -> Any:
        """See requests.Session.post."""
        return self._noted(self._session.post(self._asking(url), **self._with_deadline(keywords)))

    def get(self, url: str, **keywords: Any) -> Any:
        """See requests.Session.get."""
        return self._noted(self._session.get(self._asking(url), **self._with_deadline(keywords)))

    def close(self) -> None:
        """See requests.Session.close."""
        self._session.close()

    def refusal(self) -> dict[str, Any] | None:
        """The last answer as an OAuth error, where it was one or a status of 500 and above; None for all else."""
        if self._status < 400:
            return None
        try:
            body = json.loads(self._text)
        except ValueError:
            body = None
        if isinstance(body, dict) and isinstance(body.get("error"), str):
            return {**body, "status": self._status}
        words = f"HTTP {self._status} from the token service"
        unwell = {"error": "server_error", "error_description": words, "status": self._status}
        return unwell if self._status >= 500 else None

    def malformed(self) -> dict[str, Any] | None:
        """The last answer as an error, where it is neither a refusal nor anything that a token service says."""
        found = _strangeness(self._text) if self._status else ""
        if not found:
            return None
        words = f"{self._host} answered with {found} (HTTP {self._status}){_NO_ANSWER}"
        return {"error": MALFORMED, "error_description": words}

    def silence(self, error: Exception) -> dict[str, Any]:
        """Why there is no answer, as an error; error: what the library for HTTP raised, or MSAL without it."""
        from requests import exceptions

        host, reason = self._host or "the token service", _reason(error)
        because = f": {reason}" if reason else ""
        match error:
            case exceptions.ChunkedEncodingError():
                return {
                    "error": MALFORMED,
                    "error_description": f"the answer of {host} broke off{_NO_ANSWER}",
                }
            case exceptions.ConnectTimeout():
                name, words = "timeout", f"{host} cannot be reached within {REQUEST_S:.0f} s"
            case exceptions.Timeout():
                name, words = "timeout", f"{host} gave no answer within {REQUEST_S:.0f} s"
            case exceptions.ProxyError():
                name, words = "unreachable", f"the proxy of the route does not lead to {host}{because}"
            case exceptions.SSLError():
                name, words = (
                    "unreachable",
                    f"the certificate of {host} is not trusted, or TLS fails{because}",
                )
            case exceptions.RequestException():
                name, words = "unreachable", f"{host} cannot be reached{because}"
            case _:
                name, words = "unreachable", f"no token could be asked for: {first_line(error)}"
        return {"error": name, "error_description": words}

    def retry_after_s(self) -> float:
        """How long the last answer asked us to wait; 0.0 where it did not say."""
        return min(float(self._retry_after), MOST_RETRY_AFTER_S) if self._retry_after.isdecimal() else 0.0

    def _with_deadline(self, keywords: dict[str, Any]) -> dict[str, Any]:
        return {"timeout": REQUEST_S, **keywords}

    def _asking(self, url: str) -> str:
        """The address of the next question; what was answered before belongs to another one."""
        self._host = urlsplit(url).hostname or ""
        self._status, self._text, self._retry_after = 0, "", ""
        return url

    def _noted(self, answer: Any) -> Any:
        self._status, self._text = answer.status_code, answer.text
        self._retry_after = answer.headers.get("Retry-After", "")
        return answer


def first_line(words: object) -> str:
    """The first line of what a service said, at most 500 letters."""
    lines = str(words).splitlines()
    return lines[0][:500] if lines else ""


def _strangeness(text: str) -> str:
    """What a body is that is no answer of a token service, in words; "" for one that may be one."""
    start = text.lstrip()[:1]
    try:
        body = json.loads(text)
    except ValueError:
        kinds = {"": "nothing", "<": "a web page", "{": "JSON that breaks off"}
        return kinds.get(start, "text that is no JSON")
    if not isinstance(body, dict):
        return "JSON that holds no answer"
    if "access_token" not in body:
        return "" if {"error", "token_endpoint"} & set(body) else "JSON that holds no answer"
    life = str(body.get("expires_in", "0"))
    return "" if life.removeprefix("-").isdecimal() else "a token whose time is no number"


def _reason(error: BaseException) -> str:
    """What the system or TLS said, at the bottom of what libraries made of it; "" where it said nothing."""
    found = ""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            found = seen.verify_message
        elif isinstance(seen, ssl.SSLError):
            found = (seen.reason or "").replace("_", " ").lower()
        elif isinstance(seen, OSError) and seen.errno is not None:
            found = seen.strerror or found
        seen = seen.__cause__ or seen.__context__
    return found


def system_roots() -> str:
    """The system's own roots, which hold those that an administrator added; "" where there is no such file."""
    paths = ssl.get_default_verify_paths()
    candidates = (paths.cafile, paths.capath, "/etc/ssl/certs/ca-certificates.crt")
    return next((path for path in candidates if path and Path(path).exists()), "")
