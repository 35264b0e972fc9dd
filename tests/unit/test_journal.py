"""The journal's two forms; nothing in an event can forge another."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.journal import configure

LOG = logging.getLogger("relay365.test")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The root journal is as it was for the next test."""
    root, ours = logging.getLogger(), logging.getLogger("relay365")
    handlers, level, ours_level = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    ours.setLevel(ours_level)


def _format(form: str, text: str, *, fault: bool = False) -> str:
    configure("info", form)
    info = None
    if fault:
        try:
            {}["a\nb"]
        except KeyError:
            info = sys.exc_info()
    record = logging.LogRecord("relay365.test", logging.WARNING, "", 0, "%s", (text,), info)
    record.created = 1_795_514_531.25
    return logging.getLogger().handlers[0].format(record)


def test_a_line_for_people() -> None:
    """Instant in UTC with milliseconds, level, event and its values."""
    assert "2026-11-24T10:02:11.250Z WARNING lane.held lane=x" == _format("text", "lane.held lane=x")


def test_an_object_for_programs() -> None:
    """The event's name is a key of its own, the rest is detail."""
    assert {
        "at": "2026-11-24T10:02:11.250Z", "level": "warning", "source": "relay365.test", "event": "lane.held",
        "detail": "lane=x row=y",
    } == json.loads(_format("json", "lane.held lane=x row=y"))  # fmt: skip


def test_a_line_of_a_library_is_no_event() -> None:
    """What does not begin with an event has none."""
    found = json.loads(_format("json", "Certificate did not match"))

    assert (None, "Certificate did not match") == (found["event"], found["detail"])


def test_a_fault_of_ours_tells_its_whole_story_in_one_line() -> None:
    """The trace is there in both forms and cannot break the line."""
    assert "KeyError: 'a" in _format("text", "session.failed", fault=True)
    assert "\n" not in _format("text", "session.failed", fault=True)
    assert "KeyError: 'a" in json.loads(_format("json", "session.failed", fault=True))["trace"]


@settings(deadline=None)
@given(st.text(max_size=200))
def test_nothing_can_forge_a_second_line(text: str) -> None:
    """Line ends of every alphabet, controls and escapes stay inside one printable line."""
    line, value = _format("text", f"mail.refused from={text}"), _format("json", f"mail.refused from={text}")

    assert re.fullmatch(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*", line)
    assert len(value.splitlines()) == 1
    assert value.isascii()


def test_levels_are_kept_and_libraries_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """Ours speak from the configured level on, others from warning on: msal and urllib3 write secrets at debug."""
    configure("info", "text")
    LOG.debug("session.refused peer=hidden")
    LOG.info("service.ready listeners=shown")
    logging.getLogger("msal").info("token hidden")
    said = capsys.readouterr().err

    assert "shown" in said
    assert "hidden" not in said
