"""Wrong logins: slowed and locked by name and by address, without locking out those who know their password."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.rules.admission.lockout import LONGEST_DELAY_S, Key, Limits, Lockout, network_of

LIMITS = Limits(per_pair=3, per_name=6, per_address=8, window_s=100.0, lock_s=50.0, free=2, step_s=1.0)
NAT, FAR = "192.0.2.1", "203.0.113.9"


def _lockout(most: int = 100) -> Lockout:
    return Lockout(LIMITS, most)


def _fail(lockout: Lockout, name: str, address: str, now: float, times: int = 1) -> list[Key]:
    return [key for _ in range(times) for key in lockout.failed(name, address, now)]


def test_a_name_is_locked_where_it_is_guessed() -> None:
    """After so many wrong passwords from one address, the name is not tried from there; from elsewhere it is."""
    lockout = _lockout()

    assert [Key("canon", NAT)] == _fail(lockout, "canon", NAT, 0.0, times=3)
    assert not lockout.may_try("canon", NAT, 1.0, exists=True)
    assert lockout.may_try("canon", FAR, 1.0, exists=True)
    assert lockout.may_try("kyocera", NAT, 1.0, exists=True)


def test_a_lock_ends_and_says_so_once() -> None:
    """When its time is over the name is tried again; a lock does not come back for old failures."""
    lockout = _lockout()
    _fail(lockout, "canon", NAT, 0.0, times=3)

    assert [] == lockout.ended(49.0)
    assert not lockout.may_try("canon", NAT, 49.0, exists=True)
    assert [Key("canon", NAT)] == lockout.ended(50.0)
    assert [] == lockout.ended(51.0)
    assert lockout.may_try("canon", NAT, 50.0, exists=True)
    assert [] == _fail(lockout, "canon", NAT, 50.0)


def test_the_window_slides() -> None:
    """Failures that are older than the window count no more, whenever the others come."""
    lockout = _lockout()
    _fail(lockout, "canon", NAT, 0.0)
    _fail(lockout, "canon", NAT, 60.0)

    assert [] == _fail(lockout, "canon", NAT, 101.0)
    assert [Key("canon", NAT)] == _fail(lockout, "canon", NAT, 110.0)


def test_many_addresses_that_guess_one_name_lock_it_everywhere_but_at_home() -> None:
    """The address from which the name was right of late is spared, others wait."""
    lockout = _lockout()
    lockout.succeeded("canon", NAT, 0.0)
    locked = [key for n in range(6) for key in lockout.failed("canon", f"203.0.113.{n}", 1.0)]

    assert [Key("canon", "")] == locked
    assert lockout.may_try("canon", NAT, 2.0, exists=True)
    assert not lockout.may_try("canon", "203.0.113.200", 2.0, exists=True)
    tomorrow = 86_401.0
    _fail(lockout, "canon", FAR, tomorrow, times=6)
    assert not lockout.may_try("canon", NAT, tomorrow, exists=True)


def test_a_nat_is_not_locked_out() -> None:
    """Behind an address with many failures each name that exists may be tried once, and one that was right is free."""
    lockout = _lockout()
    lockout.succeeded("canon", NAT, 0.0)
    for n in range(8):
        lockout.failed(f"guess{n}", NAT, 1.0)

    assert lockout.may_try("canon", NAT, 2.0, exists=True)
    assert lockout.may_try("kyocera", NAT, 2.0, exists=True)
    assert not lockout.may_try("guess99", NAT, 2.0, exists=False)
    lockout.failed("kyocera", NAT, 3.0)
    assert not lockout.may_try("kyocera", NAT, 4.0, exists=True)


def test_a_right_login_forgives_its_own_failures() -> None:
    """The count of a name at its address begins anew; what others did from there stays counted."""
    lockout = _lockout()
    _fail(lockout, "canon", NAT, 0.0, times=2)
    lockout.succeeded("canon", NAT, 1.0)

    assert [] == _fail(lockout, "canon", NAT, 2.0, times=2)
    assert 2.0 == lockout.delay_s(NAT, 2.0)


def test_wrong_answers_come_later_each_time() -> None:
    """The first ones at once, then a step more each, and never longer than a panel waits."""
    lockout = _lockout()
    delays = []
    for n in range(8):
        delays.append(lockout.delay_s(NAT, 0.0))
        lockout.failed(f"guess{n}", NAT, 0.0)

    assert [0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0] == delays
    assert LONGEST_DELAY_S == lockout.delay_s(NAT, 0.0)
    assert 0.0 == lockout.delay_s(FAR, 0.0)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("unix", "unix"),
    ],
)
def test_a_machine_that_may_use_many_addresses_is_one(address: str, expected: str) -> None:
    """Of IPv6 the /64 counts, of IPv4 the address."""
    assert expected == network_of(address)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefghij"), st.integers(1, 40), st.floats(0.0, 200.0)), max_size=150
    )
)
def test_memory_is_bounded_and_locks_are_told_once(tries: list[tuple[str, int, float]]) -> None:
    """Whatever is tried from wherever, no more is remembered than allowed, and each lock ends exactly once."""
    lockout, now, begun, ended = _lockout(most=20), 0.0, 0, 0
    for name, host, pause in tries:
        now += pause
        ended += len(lockout.ended(now))
        begun += len(lockout.failed(name, f"192.0.2.{host}", now))
    ended += len(lockout.ended(now + 1000.0))

    assert begun == ended
    assert len(lockout) <= 20 + begun
