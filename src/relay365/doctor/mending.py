"""What `--fix` puts right: rights of files, and a folder that lacks. Nothing else is ours to change."""

from __future__ import annotations

from dataclasses import replace

from relay365.doctor.finding import Mend, Result, State


def mend(mend_: Mend) -> str:
    """Do it; gives what was done. Raises OSError."""
    if mend_.make and not mend_.file.exists():
        mend_.file.mkdir(mode=mend_.mode, parents=True)
        return f"made {mend_.file} with mode {mend_.mode:04o}"
    before = mend_.file.stat().st_mode & 0o777
    mend_.file.chmod(mend_.mode)
    return f"mode of {mend_.file} was {before:04o}, is {mend_.mode:04o}"


def mended(result: Result) -> Result:
    """The result after its mend; what could not be done says why, and stays what it was."""
    finding = result.finding
    if finding.mend is None:
        return result
    try:
        done = mend(finding.mend)
    except OSError as error:
        why = f"{finding.why}; --fix could not: {error.strerror or error}"
        return replace(result, finding=replace(finding, why=why))
    return replace(
        result, finding=replace(finding, state=State.GOOD, text=f"fixed: {done}", why="", do="", mend=None)
    )
