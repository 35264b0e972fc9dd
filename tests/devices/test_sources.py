"""Every session says where the device was seen, so that whoever doubts a reply can look it up."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from relay365.trial.zoo.cages import specimens

RFC = re.compile(r"RFC [1-9]\d{2,4} \d+(\.\d+)*")
FORGES = ("github.com", "gitlab.com", "codeberg.org")


def fault_of(source: str) -> str:
    """What is wrong with a source: nothing (""), or why it does not lead to the place where a device was seen.

    It is an RFC with its section, or the address of a page: a thread, a commit, a file, a page of a vendor's manual;
    the front page of a repository or of a site is none.
    """
    if RFC.fullmatch(source):
        return ""
    address = urlsplit(source)
    if address.scheme not in ("http", "https") or not address.hostname or " " in source:
        return "neither an RFC nor an address"
    steps = [step for step in address.path.split("/") if step]
    if len(steps) < (3 if address.hostname in FORGES else 1):
        return "a front page, which says nothing of the device"
    return ""


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("RFC 4954 4", ""),
        ("https://github.com/kost/smtp2mqtt/issues/1", ""),
        ("http://kmeys.com/shuma/202502/141175.html", ""),
        ("https://github.com/postalserver/postal", "a front page, which says nothing of the device"),
        ("https://www.xerox.com/", "a front page, which says nothing of the device"),
        ("seen somewhere", "neither an RFC nor an address"),
        ("devices.md S7", "neither an RFC nor an address"),
    ],
)
def test_what_counts_as_a_source(source: str, fault: str) -> None:
    """A page or a section does; a front page and a rumour do not."""
    assert fault == fault_of(source)


def test_every_session_leads_to_its_source() -> None:
    """No session of either table is without one."""
    faults = {one.name: fault_of(one.script.source) for one in specimens()}

    assert {} == {name: fault for name, fault in faults.items() if fault}
