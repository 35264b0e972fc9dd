"""The patient of `relay365 doctor`, built from a configuration: its roads as the service builds them, one by one.

Apart from the command because building takes the composition root: a road whose secret cannot be read is a finding
there, and here only a fault that is kept beside the road.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from relay365.cli.words.output import data_directory

if TYPE_CHECKING:
    from relay365.app.keyring import Keyring
    from relay365.app.place import Site
    from relay365.config import Config, SecretRef
    from relay365.doctor.patient import Patient, Road
    from relay365.routes.wire.ear import Ears


def patient_of(
    config: Config, file: Path, *, resolver: str = "", address: str = "", ears: Ears | None = None
) -> Patient:
    """All that the questions need. resolver: "host:port" to ask instead of the system's name servers.

    ears: who listens to what is sent by its roads, default nobody.
    """
    from dataclasses import replace

    from relay365.app.doors import host_name
    from relay365.app.keyring import Keyring
    from relay365.app.roads import site_of
    from relay365.clock import SystemClock
    from relay365.config import split_host_port
    from relay365.doctor.names.asking import Names
    from relay365.doctor.patient import Patient
    from relay365.engine.blackbox.archive import Archive
    from relay365.engine.blackbox.gateway import gateway_in
    from relay365.net.resolve import NameServer

    keyring = Keyring()
    base = file.resolve().parent
    site = site_of(config, base, keyring)
    site = replace(site, ears=ears) if ears is not None else site
    roads = [
        _road(name, table, site, keyring)
        for name, table in zip(config.route_names(), config.route, strict=True)
    ]
    server = NameServer(*split_host_port(resolver)) if resolver else NameServer()
    data = data_directory(config, file)
    gateway = gateway_in(Archive(data))
    return Patient(
        config, file, data, SystemClock(), Names(server), host_name(config), tuple(roads), address,
        tuple(_secret_files(config, base)), gateway.words if gateway is not None else None,
    )  # fmt: skip


def _road(name: str, table: Any, site: Site, keyring: Keyring) -> Road:
    from relay365.app.roads import BUILDERS
    from relay365.doctor.patient import Road
    from relay365.errors import ConfigError

    try:
        routes = BUILDERS[table.kind](name, table, site)
    except ConfigError as fault:
        return Road(name, table, fault=fault)
    key = next((one for one in keyring.keys if one.source.label == name), None)
    if key is None:
        return Road(name, table, tuple(routes))
    return Road(name, table, tuple(routes), key.source, key.ending)


def _secret_files(config: Config, base: Path) -> list[tuple[str, Path]]:
    """Every file that holds a secret, with a word for what it is; certificates are none."""
    from relay365.app.vault import path_of

    named: list[tuple[str, SecretRef | None]] = []
    for name, table in zip(config.route_names(), config.route, strict=True):
        secrets = table.secrets().items()
        named += [(f"{name}/{key}", ref) for key, ref in secrets if not key.endswith("certificate")]
    named.append(("server/token_key", config.server.token_key))
    named += [(f"{one.address}/key", one.key) for one in config.listener]
    files = [(word, path_of(ref, base)) for word, ref in named if ref is not None]
    users = base / config.server.data / config.server.users
    return [
        *((word, file) for word, file in files if file is not None),
        *([("server/users", users)] if users.exists() else []),
    ]
