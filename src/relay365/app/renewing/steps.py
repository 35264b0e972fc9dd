"""The steps of a renewal for one route: the next pair, whether Entra has it, adding it, and asking with it.

The order of the steps, and how long to wait between them, is the caller's: a command (cli.app_rotate) or the relay
itself (app.renewing.renewer). All of them block; what fails raises NotRotated, and the present pair serves as before.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from relay365.app.place import Site
from relay365.app.ways.identity import application_of, tokens_of
from relay365.config import Account, ConnectorRoute
from relay365.config.roads.clouds import GRAPH
from relay365.routes.identity.credential import Certificate, Reference
from relay365.routes.identity.entra import Entra
from relay365.routes.identity.transport import Transport, Way
from relay365.setup.keys import AppKey, make_key, read_key
from relay365.setup.resume import load
from relay365.setup.rotation import NotRotated, Registration, add_key, take_over
from relay365.setup.tries.answer import Answer
from relay365.setup.tries.signing import try_token

RIGHTS = "check the directory's rights: the relay's user writes there"


@dataclass(frozen=True, slots=True)
class Rotation:
    """One route and the pair that its application signs in with."""

    name: str
    table: Account
    site: Site

    @property
    def file(self) -> Path | None:
        """Where certificate and key stand together; None where they do not, and nothing can be renewed."""
        return key_file(self.table, self.site.base)

    def present(self) -> AppKey:
        """The pair in use."""
        file = self.file or Path()
        try:
            return read_key(file)
        except (OSError, ValueError) as error:
            raise NotRotated(
                f"{file} cannot be used", str(error), "put certificate and key (PEM) there, as they were"
            ) from error

    def following(self, present: AppKey, host: str, now: float) -> AppKey:
        """The next pair, beside the present one; one that was made by an interrupted renewal is used again."""
        file = present.file.with_name(present.file.name + ".next")
        try:
            if file.exists():
                kept = read_key(file)
                if not kept.is_due(now):
                    return kept
            return make_key(file, host, now)
        except (OSError, ValueError) as error:
            raise NotRotated(f"{file} cannot be written", str(error), RIGHTS) from error

    def ask_with(self, key: AppKey) -> Answer:
        """Whether a pair gets a token: of the next one, whether Entra has it already."""
        reference = Reference("the next certificate", key.file.read_bytes, key.file)
        directory = Entra(application_of(self.table, self.site), Certificate(reference, reference))
        return try_token(directory)[0]

    def registration(self) -> str:
        """The object id of the app registration: of the file, else what the wizard learnt; "" for neither."""
        if self.table.registration:
            return self.table.registration
        with contextlib.suppress(OSError, ValueError):
            progress = load(self.site.data)
            result = progress.result if progress is not None else None
            if result is not None and result.client == self.table.client.lower():
                return result.registration
        return ""

    def add(self, present: AppKey, fresh: AppKey, registration: str, now: float) -> None:
        """The application adds its next certificate itself, with a proof that it has the present one."""
        if not registration:
            raise NotRotated(
                "the object id of the app registration is not known", "init did not make this application",
                'set registration = "ID" in its [[route]] (portal: App registrations, Object ID), or: '
                "relay365 app rotate --script",
            )  # fmt: skip
        scope = f"{GRAPH[self.table.cloud]}/.default"
        site = replace(
            self.site, keyring=self.site.keyring.part()
        )  # nobody looks after tokens for one question
        answer, token = try_token(tokens_of(self.name, self.table, site, scope=scope).directory)
        if not token:
            raise NotRotated(f"no token for Graph: {answer.text}", answer.why, answer.do)
        where = Registration(self.table.graph_endpoint, self.table.client, registration)
        add_key(where, present.file, fresh, (token, self._post), now)

    def take_over(self, present: AppKey, fresh: AppKey) -> None:
        """Use the next pair from now on."""
        try:
            take_over(present.file, fresh.file)
        except OSError as error:
            raise NotRotated(
                f"{present.file} cannot be replaced", str(error), f"{RIGHTS}; then again"
            ) from error

    def _post(self, address: str, token: str, body: dict[str, Any]) -> tuple[int, str]:
        ca_file = str(self.site.base / self.table.ca_file) if self.table.ca_file else ""
        transport = Transport(Way(ca_file, self.table.proxy))
        try:
            answer = transport.post(address, json=body, headers={"Authorization": f"Bearer {token}"})
        finally:
            transport.close()
        return answer.status_code, answer.text


def key_file(table: Account, base: Path) -> Path | None:
    """The one file of certificate and key with which an application signs in; None where there is none such."""
    prefix = "app_" if isinstance(table, ConnectorRoute) else ""
    certificate, key = getattr(table, f"{prefix}certificate"), getattr(table, f"{prefix}key")
    if certificate is None or key is None or certificate.file is None or certificate.file != key.file:
        return None
    return base / str(certificate.file)
