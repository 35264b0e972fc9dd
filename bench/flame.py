"""`python -m bench.flame`: where the relay's time goes, sampled by py-spy while a load runs, as flame graphs.

py-spy is no dependency of ours: `pip install py-spy`, and let it read our process (root, or ptrace_scope 0). A box is a
function, its width the share of samples in it and in what it called; both threads stand beside each other.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.measure import at_least, send
from bench.peers import NOBODY, Peer, relay365
from bench.report import PLOTS
from relay365.trial.bench import Load, sink_process

LOAD = Load(4000, 2048, 20)
RATE_HZ = 500
_PLACE = re.compile(
    r"(?:/[^\s/():;<>\"]+)+/(?:src|site-packages|python3\.\d+)/"
)  # of this machine: of no interest
_TITLE = re.compile(r'(<text id="title"[^>]*>)[^<]*')
WAYS = {
    "accept": "accept, 2 KB, 20 sessions, the next hop away",
    "relay": "through to a sink, 2 KB, 20 sessions",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Sample each way; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.flame", description=__doc__)
    parser.add_argument("--seconds", type=int, default=15, help="how long each is sampled (default 15)")
    parser.add_argument("--py-spy", default=shutil.which("py-spy") or "py-spy", help="where py-spy is")
    given = parser.parse_args(arguments)
    for way, title in WAYS.items():
        with tempfile.TemporaryDirectory(prefix="relay365-flame-") as folder, sink_process() as sink:
            port = sink.port if way == "relay" else NOBODY
            with relay365(Path(folder) / "relay", port) as peer:
                n_sent, picture = _sampled(peer, given.py_spy, given.seconds, f"relay365: {title}")
                if way == "relay":
                    at_least(sink.n_messages, n_sent)
        file = PLOTS / f"flame-{way}.svg"
        file.write_text(picture, "utf-8")
        print(f"{title}: {n_sent:,} messages, {file}")  # noqa: T201
    return 0


def _sampled(peer: Peer, py_spy: str, seconds: int, title: str) -> tuple[int, str]:
    """Load a relay while it is sampled; how many messages it took, and the graph."""
    with tempfile.TemporaryDirectory(prefix="relay365-flame-") as folder:
        graph = Path(folder) / "graph.svg"
        command = [
            py_spy, "record", "--pid", str(peer.pid), "--duration", str(seconds), "--rate", str(RATE_HZ),
            "--gil", "--function", "--format", "flamegraph", "--output", str(graph),
        ]  # fmt: skip
        n_sent = 0
        with subprocess.Popen(command) as sampler:  # noqa: S603 - a fixed command
            while sampler.poll() is None:
                send(peer.port, LOAD)
                n_sent += LOAD.n_messages
        return n_sent, _for_the_page(graph.read_text("utf-8"), title)


def _for_the_page(graph: str, title: str) -> str:
    """With our title, and file names as the project and its packages name them."""
    return _TITLE.sub(rf"\g<1>{title}", _PLACE.sub("", graph))


if __name__ == "__main__":
    sys.exit(main())
