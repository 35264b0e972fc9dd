"""Devices of a trial: real SMTP clients (the standard library's), several at once, one of them with TLS and a login."""

from __future__ import annotations

import smtplib
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from relay365.errors import Relay365Error
from relay365.trial.mail import Sample

TIMEOUT_S = 60.0


class DeviceRefused(Relay365Error):
    """A device's message was not taken; the text is what the relay said."""


@dataclass(frozen=True, slots=True)
class Login:
    """How a device signs in: STARTTLS verified against ca_file, then AUTH."""

    name: str
    password: str
    ca_file: Path


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message that the relay answered 250: its spool id, and the seconds from the final dot to the answer."""

    sample: Sample
    spool_id: str
    answer_s: float


def send_all(
    samples: list[Sample], address: tuple[str, int], *, n_devices: int, login: Login | None = None
) -> list[Accepted]:
    """Send samples from n devices at once, each with its share over one connection; the first one signs in.

    Raises DeviceRefused, OSError.
    """
    shares = [samples[n::n_devices] for n in range(n_devices)]
    logins = [login if n == 0 else None for n in range(n_devices)]
    with ThreadPoolExecutor(n_devices) as pool:
        results = list(pool.map(lambda share, one: _device(share, address, one), shares, logins))
    return [accepted for result in results for accepted in result]


def _device(samples: list[Sample], address: tuple[str, int], login: Login | None) -> list[Accepted]:
    try:
        with smtplib.SMTP(*address, timeout=TIMEOUT_S) as client:
            client.ehlo("device.example")
            if login is not None:
                client.starttls(context=ssl.create_default_context(cafile=str(login.ca_file)))
                client.login(login.name, login.password)
            return [_send(client, sample) for sample in samples]
    except smtplib.SMTPException as error:
        raise DeviceRefused(str(error)) from error


def _send(client: smtplib.SMTP, sample: Sample) -> Accepted:
    """One transaction, step by step, so that the contents are ours to the octet."""
    _expect(client.mail(sample.reverse_path, [f"BODY={sample.body}"]))
    for path in sample.forward_paths:
        _expect(client.rcpt(path))
    began = time.perf_counter()
    text = _expect(client.data(sample.content))
    return Accepted(sample, text.rpartition(" ")[2], time.perf_counter() - began)


def _expect(reply: tuple[int, bytes]) -> str:
    code, text = reply
    if code != 250:
        raise DeviceRefused(f"{code} {text.decode('utf-8', 'replace')}")
    return text.decode("utf-8", "replace")
