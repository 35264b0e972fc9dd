"""Azure Communication Services Email by SMTP: smtp.azurecomm.net:587, a small rate, any recipient.

The login is `resource|client|tenant`, or an SMTP Username that was made for it; the password is the secret of the
application, or a token stands in its place. It ends on 2028-09-30.
(Microsoft: "Create credentials for Simple Mail Transfer Protocol (SMTP) authentication", "Azure Communication Services
retirements and breaking changes", read 2026-11)
"""

from __future__ import annotations

from relay365.routes.wire.route import WireRoute


class Acs(WireRoute):
    """One resource."""

    kind = "acs"


def user_name(resource: str, client: str, tenant: str) -> str:
    """The login where no SMTP Username was made."""
    return f"{resource}|{client}|{tenant}"
