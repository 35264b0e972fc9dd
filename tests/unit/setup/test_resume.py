"""How far a wizard has come, and the last line of a script."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay365.setup.resume import (
    STATE_FILE,
    Progress,
    Result,
    load,
    mark_of,
    read_connector,
    read_result,
    save,
)

IDS = [f"{n}a1e0c52-0000-4000-8000-00000000000{n}" for n in range(1, 5)]
LINE = f"R365:{':'.join(IDS)}:scan@contoso.com"


def test_kept_and_read_again(tmp_path: Path) -> None:
    """Everything comes back, in a file for its owner only."""
    progress = Progress(
        {"mailbox": "a@contoso.com", "networks": ["10.0.0.0/8"]},
        (),
        IDS[0],
        Result(*IDS, "a@contoso.com"),
        "c",
    )
    progress = progress.with_step("key").with_step("script").with_step("key")
    save(tmp_path, progress)

    assert progress == load(tmp_path)
    assert ("key", "script") == progress.steps
    assert 0o600 == (tmp_path / STATE_FILE).stat().st_mode & 0o777


def test_what_an_older_version_kept_is_read(tmp_path: Path) -> None:
    """It did not write down what it had written."""
    text = '{"answers": {"a": 1}, "steps": [], "tenant_id": "", "result": null, "config_file": "c"}'
    (tmp_path / STATE_FILE).write_text(text, "utf-8")

    assert Progress({"a": 1}, config_file="c") == load(tmp_path)


def test_a_text_is_known_again_on_another_day() -> None:
    """The first line has the day of writing; any other difference is one."""
    assert mark_of("# on Monday\na\n") == mark_of("# on Friday\na\n") != mark_of("# on Monday\nb\n")


def test_nothing_kept(tmp_path: Path) -> None:
    """No file is no progress."""
    assert load(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"answers": {}, "steps": null, "result": null}', "\xff"])
def test_a_damaged_file(tmp_path: Path, text: str) -> None:
    """It is said that it is damaged."""
    (tmp_path / STATE_FILE).write_bytes(text.encode("latin-1"))

    with pytest.raises(ValueError, match="damaged"):
        load(tmp_path)


@pytest.mark.parametrize(
    "text", [LINE, f"What if: ...\r\n{LINE}\r\nPS C:\\>", f"R365:{IDS[0]}:x\n{LINE.upper()[:4]}{LINE[4:]}  "]
)
def test_the_line(text: str) -> None:
    """It is found wherever it stands in what was pasted."""
    found = read_result(text)

    assert found is not None
    assert (*IDS, "scan@contoso.com") == (
        found.tenant_id, found.client, found.principal, found.registration, found.mailbox,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "R365:", f"R365:{IDS[0]}:{IDS[1]}", "R365:connector:relay365", LINE.replace(":", ";")]
)
def test_no_line(text: str) -> None:
    """Half a line is none."""
    assert read_result(text) is None


def test_a_connector() -> None:
    """Its name, which may have spaces."""
    assert "my relay" == read_connector("x\nR365:connector:my relay \n")
    assert "" == read_connector(LINE)
