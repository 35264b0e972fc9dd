"""Errors of a file; the golden dialogues in tests/golden/cli show how they are said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.cli.setup.config import HEAD, SMARTHOST, SUBMISSION
from relay365.config import ConfigErrors, parse

GOOD = HEAD + SMARTHOST
SECRET = "Abc8Q~never-shown"  # it must not come out again


def _errors(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        parse(text, "f")
    return [str(one) for one in caught.value.errors]


@pytest.mark.parametrize("route", [SUBMISSION, SMARTHOST])
def test_the_examples_are_good(route: str) -> None:
    """What `relay365 config example` prints is a configuration."""
    assert 1 == len(parse(HEAD + route, "f").route)


@pytest.mark.parametrize(
    "line",
    [
        f'secret = "{SECRET}"',
        f'secret = ["{SECRET}"]',
        f'secret = {{ value = "{SECRET}" }}',
        f'secret = {{ file = ["{SECRET}"] }}',
        f'secrt = "{SECRET}"',
        f'password = "{SECRET}"',
        f'key = "{SECRET}"',
        f'certificate = "{SECRET}"',
    ],
)
def test_no_error_shows_a_secret(line: str) -> None:
    """Whatever is wrong with a secret, its value does not appear in any message."""
    text = HEAD + SUBMISSION.replace('secret = { file = "/etc/relay365/client.secret" }', line)

    assert not any(SECRET in error for error in _errors(text))


def test_all_errors_are_said_at_once() -> None:
    """One run tells everything, each with its place."""
    errors = _errors(GOOD.replace("192.168.10.5:25", "nowhere").replace("192.168.10.0/24", "office"))

    assert ["f: [[listener]] 1, address", "f: [[allow]] 1, network"] == [
        one.split(": exp")[0] for one in errors
    ]


def test_a_windows_path_in_single_quotes_is_itself() -> None:
    """TOML reads nothing into what stands there."""
    config = parse(GOOD.replace('"/var/lib/relay365"', r"'C:\ProgramData\relay365\new'"), "f")

    assert config.server.data == r"C:\ProgramData\relay365\new"


@pytest.mark.parametrize(
    "path", [r"C:\ProgramData\relay365", r"C:\users\relay", r"C:\relay365", r"D:\\mail\new"]
)
def test_a_windows_path_in_double_quotes_is_explained(path: str) -> None:
    """Where TOML refuses it, and where it would take a line end or a tabulator for a part of the name."""
    with pytest.raises(ConfigErrors) as caught:
        parse(GOOD.replace("/var/lib/relay365", path), "f")

    assert "data = 'C:\\ProgramData\\relay365'" in caught.value.errors[0].hint


@pytest.mark.parametrize(
    ("good", "bad", "where"),
    [
        ("/var/lib/relay365", r"C:\relay365", "f: [server], data"),
        ("/etc/relay365/client.secret", r"C:\relay365\new.secret", "f: [[route]] 1, secret, file"),
    ],
)
def test_a_bent_path_has_its_place(good: str, bad: str, where: str) -> None:
    """And what stands there is not repeated: it may be a secret."""
    (error,) = _errors((HEAD + SUBMISSION).replace(good, bad))

    assert error.startswith(f"{where}: expected a path")
    assert "ew.secret" not in error


@pytest.mark.parametrize("path", [r"C:\\ProgramData\\relay365", "C:/relay365/new"])
def test_a_windows_path_with_its_strokes_doubled_is_good(path: str) -> None:
    """As the emulator writes it; or with the other strokes."""
    assert parse(GOOD.replace("/var/lib/relay365", path), "f").server.data.startswith("C:")


def test_a_broken_entry_is_one_error() -> None:
    """A list that loses its only entry is not reported as missing on top."""
    assert 1 == len(_errors(GOOD.replace("192.168.10.5:25", "nowhere")))


@pytest.mark.parametrize("table", ["web"])
def test_a_table_of_a_later_version_is_said(table: str) -> None:
    """A setting that this version cannot keep is an error, never ignored."""
    assert [True] == ["later version" in error for error in _errors(f"{GOOD}[{table}]\n")]


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abk"), inner, max_size=3)
        ),
        max_leaves=5,
    ),
    st.sampled_from(["server", "listener", "allow", "user", "route", "rule", "queue", "log", "web", "x"]),
)
def test_no_shape_of_a_table_can_break_it(value: object, table: str) -> None:
    """Whatever stands where a table is due, there are errors for people and nothing else."""
    text = f"{table} = {_toml(value)}\n" + (GOOD if table == "x" else "")

    assert all(error.startswith("f: ") for error in _errors(text))


def _toml(value: object) -> str:
    match value:
        case None:
            return '""'
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value) if abs(value) < 1e15 else "1"
        case str():
            return '"' + "".join(f"\\U{ord(c):08X}" for c in value if not 0xD800 <= ord(c) < 0xE000) + '"'
        case list():
            return "[" + ", ".join(_toml(one) for one in value) + "]"
        case dict():
            return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    raise AssertionError(value)
