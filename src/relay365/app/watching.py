"""Watching: what counts and shows how the running relay is, built from the configuration and wound into the parts."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from relay365.app.alerting import Posts, alarm_of, channels_of
from relay365.app.keyring import Keyring
from relay365.app.vault import path_of
from relay365.clock import SystemClock
from relay365.config import Config, ConnectorRoute, split_host_port
from relay365.engine.alerts.alarm import Alarm
from relay365.engine.alerts.channels.letter import PostOffice
from relay365.engine.alerts.synthetic import LaneOf
from relay365.engine.doors.porter import Lodge
from relay365.engine.lane import Lane
from relay365.engine.listener import SessionCount
from relay365.engine.watch.endpoint import TEXT, Answer, Endpoint, Page
from relay365.engine.watch.scene import End, Numbers, Scene, Store
from relay365.engine.watch.tally import EventTally, Tally
from relay365.engine.watch.timed import Timed
from relay365.errors import ConfigError
from relay365.routes.api import Route

Bound = tuple[Endpoint, str]
"""An endpoint that answers, and its address with the real port."""

OWN_CERTIFICATE = Path("tls") / "relay.pem"


@dataclass(slots=True)
class Watching:
    """One per relay. posts: what channels post with (app.alerting). address: where the endpoint answers, or None.

    The flags are set by the service. troubles: by route, why its certificate does not renew itself.
    """

    posts: Posts = ()
    tally: Tally = field(default_factory=Tally)
    events: EventTally = field(default_factory=EventTally)
    lodge: Lodge = field(default_factory=lambda: Lodge(SystemClock()))
    address: str | None = None
    is_listening: bool = False
    is_stopping: bool = False
    troubles: dict[str, str] = field(default_factory=dict)
    numbers: Numbers = tuple
    _endpoint: Endpoint | None = None
    _wanted: str | None = None

    def timed(self, routes: Sequence[Route]) -> list[Route]:
        """The same routes, with a stopwatch each."""
        return [Timed(route, self.tally, self.lodge.clock) for route in routes]

    async def open(self, config: Config, scene: Scene) -> None:
        """Answer where the file says, and count the journal for it. Raises OSError when the address is taken."""
        wanted = config.metrics
        if wanted.address is None:
            return
        logging.getLogger("relay365").addHandler(self.events)
        self._endpoint = Endpoint(self._pages(scene), wanted.allow)
        self.address, self._wanted = (
            await self._endpoint.open(*split_host_port(wanted.address)),
            wanted.address,
        )

    async def bind(self, config: Config, scene: Scene) -> Bound | None:
        """Another endpoint where a changed file has one at another address; raises ConfigError, and has none then."""
        wanted = config.metrics.address
        if wanted is None or wanted == self._wanted:
            return None
        endpoint = Endpoint(self._pages(scene), config.metrics.allow)
        try:
            return endpoint, await endpoint.open(*split_host_port(wanted))
        except OSError as error:
            found = error.strerror or str(error)
            raise ConfigError("[metrics] address", "an address to answer on", f"{wanted}: {found}") from error

    async def follow(self, config: Config, scene: Scene, bound: Bound | None) -> None:
        """Answer as the file says from now on. bound: the endpoint at another address."""
        before, wanted = self._endpoint, config.metrics.address
        journal = logging.getLogger("relay365")
        if wanted is None or bound is not None:
            self._endpoint, self.address = bound or (None, None)
            if before is not None:
                await before.close()
        if self._endpoint is None:
            journal.removeHandler(self.events)
        else:
            self._endpoint.follow(self._pages(scene), config.metrics.allow)
            if self.events not in journal.handlers:
                journal.addHandler(self.events)
        self._wanted = wanted

    def alarm(self, config: Config, scene: Scene, office: PostOffice, lane_of: LaneOf) -> Alarm:
        """Who calls people; what it finds is on /metrics."""
        channels = channels_of(config, self.posts, office)
        alarm = alarm_of(config, scene, channels, office, self.tally.devices, lane_of)
        self.numbers = alarm.numbers
        return alarm

    async def close(self) -> None:
        """Answer nobody any more."""
        logging.getLogger("relay365").removeHandler(self.events)
        if self._endpoint is not None:
            await self._endpoint.close()

    def scene_of(
        self, config: Config, place: tuple[Path, Path], parts: tuple[Mapping[str, Lane], SessionCount, Store],
        keyring: Keyring,
    ) -> Scene:  # fmt: skip
        """What is looked at. place: the configuration's folder and the data directory."""
        base, data = place
        return Scene(
            *parts, self.lodge.clock, data, config.queue.disk_floor,
            endings=lambda: ends_of(config, base, data, keyring, self.troubles),
            is_listening=lambda: self.is_listening, is_stopping=lambda: self.is_stopping,
            devices=tuple(device.name for device in config.device),
        )  # fmt: skip

    def _more(self) -> Iterable[tuple[str, Iterable[tuple[tuple[str, ...], float]]]]:
        """What the alarm shows, which is made after the page."""
        return self.numbers()

    def _pages(self, scene: Scene) -> dict[str, Page]:
        from relay365.engine.watch.exposition import (
            CONTENT_TYPE,
            Exposition,
        )  # 0.1 s, only where it is wanted

        counts = self.tally, self.events, self.lodge.refusals.items
        exposition = Exposition(scene, *counts, self._more)

        async def metrics() -> Answer:
            return Answer(200, await exposition.text(), CONTENT_TYPE)

        async def health() -> Answer:
            return Answer(200, b"alive\n")

        async def readiness() -> Answer:
            troubles = await scene.troubles()
            words = "\n".join(troubles) or "ready"
            return Answer(503 if troubles else 200, f"{words}\n".encode(), TEXT)

        return {"/metrics": metrics, "/healthz": health, "/readyz": readiness}


def ends_of(
    config: Config, base: Path, data: Path, keyring: Keyring, troubles: Mapping[str, str] | None = None
) -> list[End]:
    """What ends some day: what routes sign in with, and the certificates of routes and listeners. Reads files.

    troubles: by route, why its certificate does not renew itself.
    """
    notes = troubles or {}
    found = [End(route, ending.what, ending.at, notes.get(route, "")) for route, ending in keyring.endings()]
    for name, route in zip(config.route_names(), config.route, strict=True):
        if isinstance(route, ConnectorRoute) and route.certificate is not None:
            found += _end_of(name, path_of(route.certificate, base))
    for listener in config.listener:
        if listener.tls != "none":
            own = data / OWN_CERTIFICATE
            shown = path_of(listener.certificate, base) if listener.certificate is not None else own
            found += _end_of(f"listener {listener.address}", shown)
    return sorted(found, key=lambda one: one.at)


def _end_of(name: str, file: Path | None) -> list[End]:
    """Of the first certificate in a file; what cannot be read is told when it is used."""
    try:
        leaf = x509.load_pem_x509_certificate(file.read_bytes()) if file is not None else None
    except (OSError, ValueError):
        return []
    if leaf is None:
        return []
    return [End(name, f"certificate {leaf.subject.rfc4514_string()}", leaf.not_valid_after_utc.timestamp())]
