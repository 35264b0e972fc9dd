"""Flows: whose mail waits with whose, and how the store sorts them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from relay365.mail.envelope import SubmitterFacts
from relay365.spool.waiting.heads import PRIORITIES, Flow, flow_of, flow_word, read_flow, stored_flow

FACTS = SubmitterFacts("127.0.0.1:25", "192.168.10.31")


def test_a_client_is_its_device_else_its_login_else_its_address() -> None:
    """What a person named goes first."""
    assert Flow("normal", "192.168.10.31") == flow_of(FACTS)
    assert Flow("normal", "erp") == flow_of(replace(FACTS, login="erp"))
    assert Flow("alarm", "UPS 2") == flow_of(replace(FACTS, login="erp", device="UPS 2", priority="alarm"))


def test_a_priority_that_is_none_is_normal() -> None:
    """An older store, or a damaged row, must not stop the queue."""
    assert "normal" == flow_of(replace(FACTS, priority="urgent")).priority
    assert [Flow("normal", "x"), Flow("normal", "")] == [read_flow("9x"), read_flow("")]


def test_the_store_sorts_alarms_first() -> None:
    """The word begins with a digit."""
    words = [stored_flow(replace(FACTS, device="z", priority=one)) for one in PRIORITIES]

    assert words == sorted(words)


@given(st.sampled_from(PRIORITIES), st.text())
def test_a_flow_is_read_back(priority: str, client: str) -> None:
    """Whatever a client calls itself."""
    assert Flow(priority, client) == read_flow(flow_word(Flow(priority, client)))
