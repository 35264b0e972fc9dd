"""Sends the order's file as it is with aiosmtplib."""

import asyncio
import os
from pathlib import Path

import aiosmtplib

ORDER = os.environ


async def main() -> None:
    tls, mechanism = ORDER["ORDER_TLS"], ORDER["ORDER_MECHANISM"]
    client = aiosmtplib.SMTP(
        hostname="127.0.0.1", port=int(ORDER["ORDER_PORT"]), local_hostname="device.test", timeout=20,
        use_tls=tls == "implicit", start_tls=tls == "starttls", cert_bundle=ORDER["ORDER_CA"] if tls else None,
    )  # fmt: skip
    async with client:
        await client.ehlo()
        if mechanism:
            method = client.auth_plain if mechanism == "PLAIN" else client.auth_login
            await method(ORDER["ORDER_USER"], ORDER["ORDER_PASSWORD"])
        content = Path(ORDER["ORDER_FILE"]).read_bytes()
        await client.sendmail(ORDER["ORDER_FROM"], [ORDER["ORDER_TO"]], content)


asyncio.run(main())
