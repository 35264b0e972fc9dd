"""One refusal: its words, its mark, and a limit in two words."""

from __future__ import annotations

import pytest

from relay365.mail.refusals.refusal import Refusal, limit_words

BIG = Refusal("A70", 552, "5.3.4", "message too big, limit {limit}", "it is too big", "raise it in {place}")


def test_the_mark_of_the_rule_stands_in_front_of_its_own() -> None:
    """Of two marks the rule's says more; without a rule it has its own."""
    assert "552 5.3.4 message too big, limit 35 MB (R21)" == str(BIG.said("R21", limit="35 MB"))
    assert b"552 5.3.4 message too big, limit 35 MB (A70)\r\n" == BIG.said(limit="35 MB").encode()


def test_the_same_words_are_the_same_reply() -> None:
    """What is said often is made once."""
    assert BIG.said("R1", limit="1 MB") is BIG.said("R1", limit="1 MB")
    assert BIG.said("R1", limit="1 MB") != BIG.said("R1", limit="2 MB")


def test_a_cure_names_the_place() -> None:
    """Or the rule, where nobody knows it; braces of the configuration's own stay."""
    brace = BIG._replace(do="tolerate = { x = true } in {place}, at {listener}")

    assert 'raise it in [[device]] name = "cam"' == BIG.cure('[[device]] name = "cam"')
    assert "tolerate = { x = true } in its rule, at its own listener" == brace.cure()


def test_what_is_always_said_is_its_beginning() -> None:
    """Up to the first gap."""
    assert "message too big, limit" == BIG.beginning


@pytest.mark.parametrize(
    ("n_octets", "words"),
    [
        (0, "0 octets"), (1023, "1023 octets"), (1024, "1 KB"), (1536, "1.5 KB"), (36_700_160, "35 MB"),
        (36_700_159, "34.9 MB"), (157_286_400, "150 MB"), (1_048_575, "1023.9 KB"),
    ],
)  # fmt: skip
def test_a_limit_is_two_words_and_never_too_much(n_octets: int, words: str) -> None:
    """Rounded down: a message as large as what is said is taken."""
    assert words == limit_words(n_octets)
    assert 2 == len(words.split())


def test_the_words_for_no_case_in_particular() -> None:
    """Nobody is shown the name of a blank."""
    refusal = Refusal("A1", 552, "5.3.4", "message too big, limit {limit}", "", "")

    assert "message too big, limit ..." == refusal.in_general
