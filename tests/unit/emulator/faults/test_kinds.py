"""Parameters of moods: which values they take."""

from __future__ import annotations

import pytest

from relay365.emulator.faults.kinds import Parameter

NUMBER, WORD = Parameter("seconds", 2.0, ""), Parameter("how", "a", "", ("a", "b"))
REPLY = Parameter("text", "quota", "", is_reply=True)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [(NUMBER, 0), (NUMBER, 1.5), (WORD, "b"), (REPLY, "quota"), (REPLY, "421 4.3.2 bye")],
)
def test_good_values(parameter: Parameter, value: object) -> None:
    """A good value is given back as it is."""
    assert value == parameter.check(value)


@pytest.mark.parametrize(
    ("parameter", "value", "reason"),
    [
        (NUMBER, -1, "seconds: expected a number, found -1"), (NUMBER, True, "seconds: expected a number, found True"),
        (NUMBER, "2", "seconds: expected a number, found '2'"), (NUMBER, 1e9, "seconds: expected a number"),
        (WORD, "c", "how: expected a or b, found 'c'"), (WORD, 1, "how: expected a or b, found 1"),
        (REPLY, "99 nothing", "text: expected a row"), (REPLY, "250 2.0.0 a\r\nb", "text: expected a row"),
    ],
)  # fmt: skip
def test_bad_values(parameter: Parameter, value: object, reason: str) -> None:
    """A wrong value says what was expected."""
    with pytest.raises(ValueError, match="expected") as caught:
        parameter.check(value)
    assert str(caught.value).startswith(reason)
