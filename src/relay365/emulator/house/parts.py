"""What the services of one emulator share, as one value that each of them is given.

It stands below all services so that app.py can build it before any of them, and a service need not know app.py.

The HTTP services that are not Entra's and not the control API are built from it by two functions of
`relay365.emulator.graph.entrance`, which app.py calls once and serves over TLS with the emulator's certificate:

    def graph_app(parts: Parts, drafts: Drafts) -> Starlette      # GET/POST {graph}/v1.0/...
    def upload_app(parts: Parts, drafts: Drafts) -> Starlette     # PUT {upload}/..., another host, no Authorization

where drafts is one graph.drafts.Drafts(clock) for both. They are called before the sockets have answered anything, and
after `parts.addresses` is complete. A message that Graph accepts is written to `parts.office.begin()` and given to
`parts.office.take(draft, Posting("graph", ...))`.
"""

from __future__ import annotations

from dataclasses import dataclass

from relay365.clock import Clock
from relay365.emulator.directory import Directory
from relay365.emulator.entra.tokens import Tokens
from relay365.emulator.moods import Moods
from relay365.emulator.record import Record
from relay365.emulator.tenant.office import PostOffice


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the services listen: base addresses for HTTP (`https://127.0.0.1:4711`), host:port for SMTP."""

    authority: str
    graph: str
    upload: str
    control: str
    submission: str
    mx: str
    hve: str
    acs: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The shared parts. office takes what was accepted; office.traces and office.postbox are there to be listed."""

    directory: Directory
    tokens: Tokens
    moods: Moods
    record: Record
    office: PostOffice
    clock: Clock
    addresses: Addresses
