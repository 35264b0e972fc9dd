"""The smart host route: any SMTP server as next hop; a hybrid Exchange, a provider, a test sink."""

from __future__ import annotations

from relay365.routes.wire.route import WireRoute


class Smarthost(WireRoute):
    """One next hop."""

    kind = "smarthost"
