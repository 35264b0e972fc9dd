"""Azure Communication Services Email by SMTP: smtp.azurecomm.net:587, a small rate, any recipient.

The login is `resource|client|tenant`, or an SMTP Username that was made for it; the password is the secret of the
application, or a token stands in its place. It ends on 2028-09-30.
(Microsoft: "Create credentials for Simple Mail Transfer Protocol (SMTP) authentication", "Azure Communication Services
retirements and breaking changes", read 2026-11)
"""

from __future__ import annotations

from relay365.routes.api import LaneLimits
from relay365.routes.wire.route import Wire, WireRoute


class Acs(WireRoute):
    """One resource. nobody: a MailFrom address for the null reverse-path, which is none; "" where none is known."""

    kind = "acs"

    def __init__(self, name: str, wire: Wire, limits: LaneLimits, nobody: str = "") -> None:
        super().__init__(name, wire, limits, nobody=nobody)


def user_name(resource: str, client: str, tenant: str) -> str:
    """The login where no SMTP Username was made."""
    return f"{resource}|{client}|{tenant}"
