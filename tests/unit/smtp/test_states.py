"""The tables of legal moves agree with each other; the transcripts make every move."""

from __future__ import annotations

from relay365.smtp.states import ALLOWED, FATAL, KNOWN, NEXT, SIMPLE, UNIMPLEMENTED, WHY_NOT, Phase


def test_every_phase_has_its_commands() -> None:
    """No phase is forgotten, and the phases that read no commands allow none."""
    assert set(Phase) == set(ALLOWED)
    assert [Phase.CONTENT, Phase.SASL, Phase.TLS, Phase.ENDED] == [p for p in Phase if not ALLOWED[p]]


def test_moves_are_made_by_commands_that_are_allowed() -> None:
    """A row that begins with a command is one that its phase allows."""
    asking = {phase: verbs for phase, verbs in ALLOWED.items() if verbs}

    assert [] == [(p, v) for p, v in NEXT if p in asking and v not in asking[p]]


def test_reasons_are_given_for_what_is_not_allowed() -> None:
    """Each sentence of WHY_NOT belongs to a command that is refused there."""
    assert [] == [(phase, verb) for phase, verb in WHY_NOT if verb in ALLOWED[phase] or verb not in KNOWN]


def test_a_verb_stands_in_one_table() -> None:
    """What is known is neither fatal nor unimplemented."""
    assert set() == KNOWN & (set(FATAL) | set(UNIMPLEMENTED))
    assert set(SIMPLE) <= KNOWN


def test_tls_forgets_the_name() -> None:
    """After the handshake nothing that was said counts (RFC 3207 4.2); only XCLIENT begins a session anew, and it
    keeps TLS.
    """
    assert Phase.SECURED is NEXT[Phase.TLS, "STARTTLS"]
    assert [(Phase.READY, "XCLIENT")] == [
        move for move, after in NEXT.items() if after in (Phase.FRESH, Phase.ENDED)
    ]
