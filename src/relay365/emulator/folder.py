"""What the emulator keeps in its directory: keys, secrets and names that outlive a restart, and the files for others.

emulator.json and relay365.toml are written at every start, because ports may change; everything else is made once.
"""

from __future__ import annotations

import json
import os
import secrets
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from relay365.emulator.certificates import (
    Pair,
    common_name,
    is_due,
    keep,
    new_authority,
    new_leaf,
    new_self_signed,
    write_private,
)
from relay365.emulator.scenario import HveAccount, Mailbox
from relay365.errors import DataInUseError
from relay365.toml import as_toml

if os.name == "nt":
    import msvcrt
else:
    import fcntl

SERVICES = ("submission", "mx", "hve", "acs", "authority", "graph", "upload", "control")
"""Whatever has a port; the keys of emulator.json."""

LEAF_NAMES = ["localhost", "127.0.0.1", "::1"]


AnyAccount = TypeVar("AnyAccount", Mailbox, HveAccount)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the pretended tenant and its application are. The secret never appears in repr."""

    tenant_id: str
    client_id: str
    object_id: str
    secret: str = field(repr=False)
    authority: Pair = field(repr=False)
    leaf: Pair = field(repr=False)
    application: Pair = field(repr=False)
    signing: Pair = field(repr=False)
    public_root: Pair = field(repr=False)


class Folder:
    """One directory of one emulator."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock = -1

    def take(self) -> None:
        """Make the directory and lock it; raises OSError, and DataInUseError when another emulator has it."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.path / "delivered").mkdir(exist_ok=True)
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.name == "nt":
                msvcrt.locking(self._lock, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            else:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release()
            raise DataInUseError(f"another emulator is running on {self.path}") from None

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def identity(self, at: float) -> Identity:
        """Names, secret and certificates; made where they are missing, certificates also where they are about to
        end.
        """
        names = self._names()
        secret_file = self.path / "client.secret"
        if not secret_file.exists():
            write_private(secret_file, (secrets.token_urlsafe(30) + "\n").encode("ascii"))
        authority = self._pair("ca", at) or self._keep("ca", new_authority("relay365 emulator authority", at))
        leaf = self._pair("server", at) or self._keep("server", new_leaf(authority, LEAF_NAMES, at))
        application = self._pair("app", at) or self._keep("app", new_self_signed("relay365 emulator app", at))
        signing = self._pair("signing", at) or self._keep("signing", new_self_signed("token signing", at))
        root = self._pair("public-root", at) or self._keep(
            "public-root", new_authority("public root", at, depth=1)
        )
        return Identity(
            names["tenant_id"], names["client_id"], names["object_id"], secret_file.read_text("ascii").strip(),
            authority, leaf, application, signing, root,
        )  # fmt: skip

    def connector_files(self, identity: Identity, domain: str, at: float) -> None:
        """A certificate that a connector may ask for, as a public authority issues it: relay.<domain>, below an
        intermediate; connector.pem with the intermediate, connector-leaf.pem without it. Made once for a domain.
        """
        name, chain = f"relay.{domain}", self.path / "connector.pem"
        pair = self._pair("connector-leaf", at)
        if pair is not None and chain.exists() and common_name(pair) == name:
            return
        middle = new_authority("public intermediate", at, issuer=identity.public_root)
        pair = self._keep("connector-leaf", new_leaf(middle, [name], at))
        write_private(chain, pair.pem()[0] + middle.pem()[0])

    def with_passwords(self, accounts: tuple[AnyAccount, ...]) -> tuple[AnyAccount, ...]:
        """Mailboxes or accounts, each with its password: the scenario's, or one that was made once and is kept."""
        file = self.path / "passwords.json"
        kept: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
        for mailbox in accounts:
            kept.setdefault(mailbox.address.lower(), secrets.token_urlsafe(12))
        write_private(file, json.dumps(kept, indent=1).encode("utf-8"))
        return tuple(
            one if one.password else one.model_copy(update={"password": kept[one.address.lower()]})
            for one in accounts
        )

    def last_ports(self) -> dict[str, int]:
        """The ports of the last run, so that configurations that were made for it stay right; {} where unknown."""
        try:
            facts = json.loads((self.path / "emulator.json").read_text("utf-8"))
            return {key: int(str(facts[key]).rpartition(":")[2]) for key in SERVICES if facts.get(key)}
        except (OSError, ValueError, AttributeError):
            return {}

    def publish(self, facts: dict[str, Any]) -> None:
        """Write emulator.json and relay365.toml."""
        write_private(self.path / "emulator.json", (json.dumps(facts, indent=2) + "\n").encode("utf-8"))
        write_private(self.path / "relay365.toml", self._relay_configuration(facts).encode("utf-8"))

    def keep_workload_token(self, token: str) -> Path:
        """Write the token of the pretended cluster's workload, as a cluster mounts it; gives the file."""
        file = self.path / "workload.token"
        write_private(file, token.encode("ascii"))
        return file

    def facts(self) -> dict[str, str]:
        """The files that others need, as absolute paths."""
        names = {
            "ca_file": "ca.pem", "secret_file": "client.secret", "certificate_file": "app.pem", "key_file": "app.key",
            "connector_certificate_file": "connector.pem", "connector_leaf_file": "connector-leaf.pem",
            "connector_key_file": "connector-leaf.key", "public_root_file": "public-root.pem",
        }  # fmt: skip
        return {key: str(self.path / name) for key, name in names.items()}

    def _names(self) -> dict[str, str]:
        file = self.path / "identity.json"
        if not file.exists():
            names = {key: str(uuid.uuid4()) for key in ("tenant_id", "client_id", "object_id")}
            write_private(file, json.dumps(names, indent=1).encode("ascii"))
        found: dict[str, str] = json.loads(file.read_text("ascii"))
        return found

    def _pair(self, name: str, at: float) -> Pair | None:
        pair = keep(self.path / f"{name}.pem", self.path / f"{name}.key")
        return None if pair is None or is_due(pair, at) else pair

    def _keep(self, name: str, pair: Pair) -> Pair:
        keep(self.path / f"{name}.pem", self.path / f"{name}.key", pair)
        return pair

    def _relay_configuration(self, facts: dict[str, Any]) -> str:
        return f"""\
# A relay that delivers to the emulator in this directory; written anew at every start of the emulator.
[server]
data = {as_toml(str(self.path / "relay-data"))}

[[listener]]
address = "127.0.0.1:0"

[[allow]]
network = "127.0.0.0/8"

[[route]]
kind = "submission"
tenant = {as_toml(facts["tenant"])}
client = {as_toml(facts["client_id"])}
secret = {{ file = {as_toml(facts["secret_file"])} }}
mailbox = {as_toml(facts["mailboxes"][0]["address"])}
endpoint = {as_toml(facts["submission"])}
authority = {as_toml(facts["authority"])}
graph_endpoint = {as_toml(facts["graph"])}
ca_file = {as_toml(facts["ca_file"])}
"""
