"""The composition root: a configuration in, a running relay out. The only package that knows concrete adapters."""

from relay365.app.doors import host_name, limits_of, offers_of
from relay365.app.roads import build_routes
from relay365.app.service import Relay, run, serve
from relay365.app.vault import read_secret

__all__ = ["Relay", "build_routes", "host_name", "limits_of", "offers_of", "read_secret", "run", "serve"]
