"""An administrator for stories of setting up: runs our script in the emulator's tenant while the wizard waits."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

from e2e.microsoft import Microsoft
from fakes.administrator import FakeTenant

DEADLINE_S = 120.0


class Administrator(threading.Thread):
    """Runs the script as soon as it is there, in the emulator's tenant, and keeps its output in result.txt."""

    def __init__(self, cloud: Microsoft, folder: Path, script: str = "relay365-setup.ps1") -> None:
        super().__init__(daemon=True)
        self._cloud, self._folder, self._script = cloud, folder, script
        self.tenant = FakeTenant(
            client=str(cloud.facts["client_id"]), mailboxes=("scan@contoso.com", "ops@contoso.com")
        )
        self.tenant.changed = self._push

    def run(self) -> None:
        file = self._folder / self._script
        until = time.monotonic() + DEADLINE_S
        while not file.exists() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.2)  # it is written whole
        output = self.tenant.run(file.read_text("utf-8"))
        (self._folder / "result.txt").write_text("\n".join(output), "utf-8")

    def _push(self) -> None:
        """What the tenant has become, in the emulator."""
        control, tenant = self._cloud.control, self.tenant
        keys = [key["key"] for app in tenant.applications for key in app.get("keyCredentials", ())]
        pems = [ssl.DER_cert_to_PEM_cert(base64.b64decode(key)) for key in keys]
        roles = ["SMTP.SendAsApp"] * any(one["appRoleId"] == "role-send-as" for one in tenant.assignments)
        control.change("/application", certificates=pems, roles=roles, rbac=bool(tenant.roles))
        for address in ("scan@contoso.com", "ops@contoso.com"):
            switch = {True: False, False: True, None: None}[tenant.switches.get(address)]
            rights = address in tenant.can_send_from
            control.change(f"/mailboxes/{address}", rights=rights, smtp_auth=switch)


def relay365(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, without any configuration of ours."""
    environ = {key: value for key, value in os.environ.items() if key != "RELAY365_CONFIG"}
    return subprocess.run(
        [sys.executable, "-m", "relay365", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=DEADLINE_S, env=environ, stdin=subprocess.DEVNULL,
    )  # fmt: skip
