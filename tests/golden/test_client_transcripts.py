"""Every client transcript holds: our line says what is written, and makes the written outcome of what it hears."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from relay365.clock import SystemClock
from relay365.net.tls import own_certificate, server_context
from relay365.routes.wire import line
from relay365.smtp.client import DEADLINE_S, Step
from transcript.live import Tls
from transcript.remote import play
from transcript.script import Script, scripts

SCRIPTS = scripts(Path(__file__).parent / "client")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    folder = tmp_path_factory.mktemp("tls")
    files = own_certificate(folder, ["localhost"], SystemClock().now())
    return Tls(server_context(*files), ssl.create_default_context(cafile=str(folder / "ca.pem")))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
@pytest.mark.parametrize("octet_by_octet", [False, True], ids=["whole", "octets"])
def test_our_line_speaks_as_written(
    script: Script, octet_by_octet: bool, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says and every outcome are the written ones, also when the remote dribbles single octets."""
    for word in script.words("deadline"):
        step, _, seconds = word.partition("=")
        monkeypatch.setitem(DEADLINE_S, Step(step), float(seconds))
    for name, octets in zip(("CHUNKED_OCTETS", "CHUNK_OCTETS"), script.words("chunks"), strict=False):
        monkeypatch.setattr(line, name, int(octets))
    play(script, tls, octet_by_octet=octet_by_octet)


def test_there_are_enough_and_each_names_its_source() -> None:
    """At least 20 dialogues, each with a source that can be looked up."""
    assert len(SCRIPTS) >= 20
    assert [] == [script.name for script in SCRIPTS if "RFC" not in script.source]
