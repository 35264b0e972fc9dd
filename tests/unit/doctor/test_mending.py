"""--fix: what is ours, and no more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from relay365.doctor.finding import Finding, Mend, Result, State, bad
from relay365.doctor.mending import mended


def found(mend: Mend | None) -> Result:
    return Result("local.data", Finding(State.WARN, "too open", "others read it", "chmod", mend=mend))


def test_rights_and_folders(tmp_path: Path) -> None:
    """It says what it was before, and is good then."""
    file, folder = tmp_path / "secret", tmp_path / "data"
    file.write_text("x")
    file.chmod(0o644)
    first, second = mended(found(Mend(file, 0o600))), mended(found(Mend(folder, 0o700, make=True)))

    assert (State.GOOD, f"fixed: mode of {file} was 0644, is 0600") == (
        first.finding.state,
        first.finding.text,
    )
    assert (0o600, 0o700) == (file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777)
    assert second.finding.text.startswith("fixed: made")


def test_what_cannot_be_done_stays(tmp_path: Path) -> None:
    """With the reason."""
    result = mended(found(Mend(tmp_path / "gone", 0o600)))

    assert State.WARN is result.finding.state
    assert "--fix could not: No such file" in result.finding.why


def test_what_is_not_ours_is_left_alone() -> None:
    """A finding without a mend is the same afterwards."""
    result = replace(found(None), finding=bad("closed", "a firewall", "open it"))

    assert result == mended(result)
