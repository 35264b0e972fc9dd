"""Large scans through Graph: every octet arrives, and memory does not follow the size."""

from __future__ import annotations

import hashlib
import tracemalloc
from pathlib import Path

import pytest

from fakes.content import Made
from fakes.graph_draft import LINE, Session, scan, upload
from relay365.mail.outcome import Kind


@pytest.mark.parametrize("n_megabytes", [10, 40])
def test_a_large_scan_goes_up_in_chunks_with_memory_bounded(tmp_path: Path, n_megabytes: int) -> None:
    """Every octet arrives, and memory rises by less than 16 MB, whatever the size (the fake's own copy included)."""
    n_lines = n_megabytes * 1_000_000 // len(LINE)
    content, session = Made(scan(n_lines)), Session()
    upload(tmp_path, Session(), Made(scan(100)))  # what libraries load at first use is no mail
    tracemalloc.start()
    try:
        outcome = upload(tmp_path, session, content)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    expected = hashlib.sha256()
    for _ in range(n_lines):
        expected.update(bytes(range(57)))
    assert (Kind.DELIVERED, n_lines * 57) == (outcome.kind, session.n_octets)
    assert expected.hexdigest() == session.hash.hexdigest()
    assert ["POST messages", "POST createUploadSession"] == session.steps[:2]
    assert "POST send" == session.steps[-1]
    assert most < 16_000_000
