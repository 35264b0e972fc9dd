"""Refusals of a message: what is ours is temporary, what is the message's own is final."""

from __future__ import annotations

import pytest

from relay365.mail.refusals import keeping

OURS = ("DISK_FULL", "SHARE_FULL", "OUR_FAULT", "SESSION_FAULT", "SHUTTING_DOWN", "TIMED_OUT", "BARE_LF_END")


@pytest.mark.parametrize("name", OURS)
def test_what_is_not_the_messages_fault_is_temporary(name: str) -> None:
    """A device that sends again later must not have been told to give up."""
    assert getattr(keeping, name).said().is_temporary


def test_all_others_are_final() -> None:
    """To send the same again would change nothing."""
    temporary = [one for one in keeping.REFUSALS if one.code < 500]

    assert len(OURS) == len(temporary)
