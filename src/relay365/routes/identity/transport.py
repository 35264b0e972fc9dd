"""The HTTP client that MSAL is given: our roots, our proxy, a deadline on each call, and what was answered last.

Apart from the directories, because all of them ask through it. trust_env is off: no environment variable can change
whom we trust or where we ask. MSAL raises on a status of 500 and above and keeps the body to itself; therefore the last
answer is remembered here. (RFC 9110 10.2.3, Retry-After)
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REQUEST_S = 30.0
MOST_RETRY_AFTER_S = 3600.0


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
        self._status, self._text, self._retry_after = 0, "", ""

    def post(self, url: str, **keywords: Any) -> Any:
        """See requests.Session.post."""
        return self._noted(self._session.post(url, **self._with_deadline(keywords)))

    def get(self, url: str, **keywords: Any) -> Any:
        """See requests.Session.get."""
        return self._noted(self._session.get(url, **self._with_deadline(keywords)))

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

    def retry_after_s(self) -> float:
        """How long the last answer asked us to wait; 0.0 where it did not say."""
        return min(float(self._retry_after), MOST_RETRY_AFTER_S) if self._retry_after.isdecimal() else 0.0

    def _with_deadline(self, keywords: dict[str, Any]) -> dict[str, Any]:
        return {"timeout": REQUEST_S, **keywords}

    def _noted(self, answer: Any) -> Any:
        self._status, self._text = answer.status_code, answer.text
        self._retry_after = answer.headers.get("Retry-After", "")
        return answer


def system_roots() -> str:
    """The system's own roots, which hold those that an administrator added; "" where there is no such file."""
    paths = ssl.get_default_verify_paths()
    candidates = (paths.cafile, paths.capath, "/etc/ssl/certs/ca-certificates.crt")
    return next((path for path in candidates if path and Path(path).exists()), "")
