"""Who goes next: priorities, turns, costs, small past big, age, floods; nobody starves, nobody gets too much."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.rules.quota.fair import ALARM, BULK, NORMAL, PASSES, Price, Room, Turns

LIFE_S = 1000.0
NUMBERS = count(1)


class Flow(NamedTuple):
    priority: str
    client: str


@dataclass
class Mail:
    """One message that waits."""

    client: str
    priority: str = NORMAL
    size_octets: int = 2000
    n: int = 1
    accepted_at: float = 0.0
    spool_id: str = field(default_factory=lambda: f"m{next(NUMBERS)}")

    @property
    def flow(self) -> Flow:
        return Flow(self.priority, self.client)

    @property
    def expires_at(self) -> float:
        return self.accepted_at + LIFE_S

    @property
    def recipients(self) -> range:
        return range(self.n)


def drain(turns: Turns, mail: list[Mail], room: Room, now: float = 0.0, rounds: int = 1000) -> list[Mail]:
    """Ask again and again until nothing more is given; who went is in order."""
    went: list[Mail] = []
    for _ in range(rounds):
        chosen = turns.choose(mail, room, now)
        if not chosen:
            break
        went += chosen
        mail = [one for one in mail if one not in chosen]
    return went


def test_alarms_go_before_normal_mail_before_bulk() -> None:
    """Whatever came first."""
    mail = [Mail("mailer", BULK), Mail("scanner"), Mail("ups", ALARM)]

    assert [ALARM, NORMAL, BULK] == [one.priority for one in drain(Turns(), mail, Room(1, 1))]


def test_clients_take_turns_over_many_small_choices() -> None:
    """One has a hundred, one has three: the three are gone after six, though one is chosen at a time."""
    mail = [Mail("loud") for _ in range(100)] + [Mail("quiet") for _ in range(3)]
    went = drain(Turns(), mail, Room(1, 1))

    assert 3 == [one.client for one in went[:6]].count("quiet")
    assert 103 == len(went)


def test_a_message_to_many_costs_its_client_as_much_as_it_costs_the_mailbox() -> None:
    """Each is ten messages' worth: while one of them goes, the other client sends ten."""
    mail = [Mail("mailer", n=100) for _ in range(10)] + [Mail("scanner") for _ in range(100)]
    went = drain(Turns(Price(recipients=10.0)), mail, Room(1, 1), rounds=44)
    shares = Counter(one.client for one in went)

    assert 4 == shares["mailer"]
    assert 40 == shares["scanner"]


def test_small_ones_pass_a_big_one_of_their_client_but_not_for_ever() -> None:
    """A scan of 60 MB lets five faxes pass, then it goes."""
    big, small = Mail("mfp", size_octets=60_000_000), [Mail("mfp") for _ in range(9)]
    went = drain(Turns(), [big, *small], Room(1, 1))

    assert PASSES == went.index(big)
    assert small == [one for one in went if one is not big]


def test_bulk_takes_no_more_than_its_room() -> None:
    """The rest of the places stays free for what may come."""
    mail = [Mail("mailer", BULK) for _ in range(9)] + [Mail("scanner")]
    chosen = Turns().choose(mail, Room(5, 2), 0.0)

    assert {NORMAL: 1, BULK: 2} == Counter(one.priority for one in chosen)


def test_normal_mail_takes_no_more_than_its_room_and_keeps_its_turns() -> None:
    """Alarms have all the places; a client that could not go for want of room has not lost its place in the row."""
    turns, mail = Turns(), [Mail("a"), Mail("a"), Mail("b"), Mail("b"), Mail("ups", ALARM)]
    chosen = turns.choose(mail, Room(4, 4, normal=1), 0.0)
    rest = [one for one in mail if one not in chosen]
    assert [(ALARM, "ups"), (NORMAL, "a")] == [(one.priority, one.client) for one in chosen]
    assert [] == turns.choose(rest, Room(4, 4, normal=0), 1.0)

    assert ["b"] == [one.client for one in turns.choose(rest, Room(4, 4, normal=1), 2.0)]


def test_a_flood_of_alarms_has_the_room_of_normal_mail() -> None:
    """Beyond its share it takes no place that others leave to alarms."""
    mail = [Mail("ups", ALARM) for _ in range(5)]
    assert 5 == len(Turns().choose(mail, Room(9, 9, normal=1), 0.0))

    assert 1 == len(Turns().choose(mail, Room(9, 9, floods={"ups"}, normal=1), 0.0))


def test_mail_past_half_of_its_life_gets_a_tenth() -> None:
    """Scans without end, and the newsletter goes on, one in ten; without age it waits."""
    turns, went, now = Turns(), [], LIFE_S * 0.6
    bulk = [Mail("mailer", BULK) for _ in range(20)]
    for _ in range(100):
        (chosen,) = turns.choose(
            [*(Mail("scanner", accepted_at=now) for _ in range(3)), *bulk], Room(1, 1), now
        )
        went.append(chosen.priority)
        bulk = [one for one in bulk if one is not chosen]
    young = turns.choose(
        [Mail("scanner", accepted_at=now), Mail("mailer", BULK, accepted_at=now)], Room(1, 1), now
    )

    assert {NORMAL: 90, BULK: 10} == Counter(went)
    assert [NORMAL] == [one.priority for one in young]


def test_a_flood_of_alarms_takes_turns_with_normal_mail() -> None:
    """A broken UPS sends a hundred: scans take turns with it, a fire alarm goes first; when it is over, so does it."""
    turns, flood = Turns(), [Mail("ups", ALARM) for _ in range(100)]
    during, after = Room(1, 1, floods={"ups"}), Room(1, 1)
    went = drain(turns, [*flood, *(Mail("scanner") for _ in range(10))], during, rounds=20)
    fire = turns.choose([*flood[30:], Mail("fire", ALARM)], during, 1.0)
    later = turns.choose([*flood[50:], Mail("scanner")], after, 2.0)

    assert 10 == [one.client for one in went].count("scanner")
    assert ["fire"] == [one.client for one in fire]
    assert ["ups"] == [one.client for one in later]


def test_who_comes_back_has_no_credit_left() -> None:
    """Idle time is not saved up."""
    turns = Turns()
    turns.choose([Mail("a"), Mail("b")], Room(1, 1), 0.0)
    for _ in range(50):
        turns.choose([Mail("b")], Room(1, 1), 0.0)
    mail = [Mail("a") for _ in range(20)] + [Mail("b") for _ in range(20)]
    went = drain(turns, mail, Room(1, 1), rounds=20)

    assert 10 == [one.client for one in went].count("a")


def test_nothing_is_chosen_where_nothing_may_be() -> None:
    """No room, or no mail, or only bulk and no room for it."""
    turns = Turns()

    assert [] == turns.choose([Mail("a")], Room(0, 0), 0.0)
    assert [] == turns.choose([], Room(5, 5), 0.0)
    assert [] == turns.choose([Mail("a", BULK)], Room(5, 0), 0.0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.sampled_from((ALARM, NORMAL, BULK)),
            st.integers(1, 3000),
            st.sampled_from((100, 1_000_000, 40_000_000)),
        ),
        max_size=40,
    ),
    st.integers(1, 5),
)
@settings(max_examples=80, deadline=None)
def test_all_of_it_goes_once_and_a_client_keeps_its_order(
    given_mail: list[tuple[str, str, int, int]], n: int
) -> None:
    """Nothing is lost or doubled; of equal size, what came first of a flow goes first."""
    mail = [Mail(client, priority, size, n) for client, priority, n, size in given_mail]
    went = drain(Turns(Price(recipients=333.0)), mail, Room(n, n))

    assert sorted(one.spool_id for one in mail) == sorted(one.spool_id for one in went)
    for client, priority, n_recipients, size in set(given_mail):
        alike = [
            one
            for one in mail
            if (one.client, one.priority, one.n, one.size_octets) == (client, priority, n_recipients, size)
        ]
        assert alike == [one for one in went if one in alike]


@given(st.lists(st.integers(1, 60), min_size=2, max_size=8), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_while_all_have_mail_their_shares_differ_by_one(counts: list[int], n: int) -> None:
    """Whatever the sizes of their queues and of the choices."""
    mail = [Mail(f"c{client}") for client, amount in enumerate(counts) for _ in range(amount)]
    turns, left, shares = Turns(), mail, Counter[str]()
    least = min(counts)
    while all(shares[f"c{client}"] < least - n for client in range(len(counts))):
        chosen = turns.choose(left, Room(n, n), 0.0)
        shares.update(one.client for one in chosen)
        left = [one for one in left if one not in chosen]
        assert max(shares.values()) - min(shares.get(f"c{client}", 0) for client in range(len(counts))) <= 1


@settings(max_examples=60)
@given(
    n_normal=st.integers(1, 5), n_bulk=st.integers(1, 5), total=st.integers(1, 3), has_alarms=st.booleans()
)
def test_bulk_that_is_late_goes_though_normal_mail_never_ends(
    n_normal: int, n_bulk: int, total: int, has_alarms: bool
) -> None:
    """No room for bulk, floods on every other level: each late one goes within ten places of normal mail for each."""
    turns, late = Turns(), [Mail(f"b{n}", BULK) for n in range(n_bulk)]
    now, waiting, n_places = LIFE_S, list(late), 0
    while waiting and n_places <= 10 * n_bulk:
        flood = [Mail(f"n{n}", accepted_at=now) for n in range(n_normal) for _ in range(total)]
        flood += [Mail("ups", ALARM, accepted_at=now)] if has_alarms else []
        room = Room(total + has_alarms, 0, normal=total, late=2)
        went = turns.choose([*flood, *waiting], room, now)
        n_places += sum(one.priority != ALARM for one in went)
        waiting = [one for one in waiting if one not in went]

    assert [] == waiting
    assert [] == [one for one in turns.choose([Mail("n"), *late], Room(9, 0, late=0), now) if one in late]
