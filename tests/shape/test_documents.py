"""Code and documents say the same: events, keys, commands, replies, tests, and nothing of one machine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from relay365.cli.main import COMMANDS, ROOMS, load, main
from relay365.cli.words import output
from relay365.engine.watch.catalogue import METRICS
from relay365.handbook import commandline, manual
from relay365.journal import EVENTS
from shape import command_lines, generate_docs
from shape.tree import DOCS, ROOT, SRC, TESTS, Function, Module, exemptions, modules

_EVENT = re.compile(r"([a-z]+\.(?:[a-z-]+|%s))(?=[ :]|$)")
_LEVELS = {
    "exception": "error",
    "critical": "critical",
    "error": "error",
    "warning": "warning",
    "info": "info",
}
_TEXT_FILES = frozenset(
    (".py", ".toml", ".md", ".txt", ".in", ".sql", ".smtp", ".sh", ".ini", ".json", ".js", ".eml", "")
)
_SKIPPED = frozenset((".git", ".venv", ".tools", ".hypothesis", "node_modules", "__pycache__"))
_FAMILY = "recipient.%s"  # one line of the scheduler logs the fate of a recipient, whatever it is


def _logged(module: Module) -> Iterator[tuple[str, str]]:
    """(event, level) of every call of a journal in a module; level is "" where it is computed."""
    for node in ast.walk(module.tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "_LOG"):
            continue
        text = next(
            (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)), ""
        )
        found = _EVENT.match(text)
        yield (
            found[1] if found else f"no event in {module.path}:{node.lineno}",
            _LEVELS.get(node.func.attr, ""),
        )


def _stored(module: Module) -> Iterator[str]:
    """Event names that the spool writes into the history."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = re.match(r"((?:message|recipient|report)\.[a-z-]+)(?: as )?$", node.value)
            if found:
                yield found[1]


def test_every_logged_event_is_on_the_list() -> None:
    """Each call of a journal begins with an event of the closed list, at the level that the list says."""
    levels = {event.name: event.level for event in EVENTS if event.places != "history"}
    calls = {call for module in modules(SRC) for call in _logged(module)}
    wrong = {(name, level) for name, level in calls if level and levels.get(name) != level}

    assert set() == wrong
    assert {_FAMILY} == {name for name, level in calls if not level}


def test_every_stored_event_is_on_the_list() -> None:
    """Each name that the spool writes into a message's history is on the list, as history."""
    known = {event.name for event in EVENTS if event.places != "log"}

    assert set() == {name for module in modules(SRC / "spool") for name in _stored(module)} - known


def test_every_event_on_the_list_happens() -> None:
    """No event is described that nothing writes."""
    logged = {name for module in modules(SRC) for name, _ in _logged(module)}
    stored = {name for module in modules(SRC / "spool") for name in _stored(module)}
    stored |= {
        f"recipient.{state}" for state in ("delivered", "deferred", "failed", "held", "expired", "uncertain")
    }

    assert set() == {event.name for event in EVENTS} - logged - stored


def test_a_false_event_would_be_seen() -> None:
    """The check itself bites: an unknown name and a wrong level are found in a module that has them."""
    module = Module.of("x.py", '_LOG.error("message.accepted id=%s", 1)\n_LOG.info("oops")\n')

    assert [("message.accepted", "error"), ("no event in x.py:2", "info")] == list(_logged(module))


def test_events_are_named_and_explained() -> None:
    """Names are `noun.past`, unique, and each is a sentence to people."""
    names = [event.name for event in EVENTS]

    assert len(names) == len(set(names))
    assert [] == [e.name for e in EVENTS if not _EVENT.fullmatch(e.name) or not e.meaning.endswith(".")]
    assert set(_LEVELS.values()) == {event.level for event in EVENTS}
    assert {"log", "history", "both"} == {event.places for event in EVENTS}


@pytest.mark.parametrize("page", sorted(generate_docs.PAGES))
def test_a_made_page_is_up_to_date(page: str) -> None:
    """The page is what `python tests/shape/generate_docs.py --write` makes of the code."""
    present = (DOCS / page).read_text("utf-8")

    assert generate_docs.expected(page, present) == present


def test_every_key_has_a_meaning() -> None:
    """No key of the configuration goes without a description, and each stands in docs/config.md."""
    page = (DOCS / "config.md").read_text("utf-8")
    fields = [
        (name, field) for _, model in generate_docs.TABLES for name, field in model.model_fields.items()
    ]

    assert [] == [name for name, field in fields if not field.description]
    assert [] == [name for name, _ in fields if f"| `{name}` |" not in page]


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for one in command.list_commands(context):
            below = command.get_command(context, one)
            assert below is not None
            yield from _commands(below, f"{name} {one}")


def test_every_command_is_described() -> None:
    """Each command has help, each of its options too, and a page of the documents names it."""
    pages = "\n".join(file.read_text("utf-8") for file in (*DOCS.rglob("*.md"), *ROOT.glob("*.md")))
    for name, command in _commands(main, "relay365"):
        options = [p for p in command.params if isinstance(p, click.Option) and p.name != "version"]

        assert command.help, name
        assert [] == [o.name for o in options if not o.help], name
        assert name in pages, name


def test_every_option_stands_in_the_reference() -> None:
    """The made reference has each command with its usage, and each option and argument with what it does."""
    root = commandline.describe(main, "relay365")
    reference = {page.title: page.text for page in commandline.pages(root)}
    lost = [
        f"{one.path} {entry.names}"
        for top in root.below
        for one in top.all()
        for entry in one.options
        if entry.names.replace("|", "\\|") not in reference[top.path] or not (entry.said or entry.more)
    ]

    assert [f"relay365 {name}" for name in COMMANDS] == list(reference)
    assert [] == [one.path for top in root.below for one in top.all() if one.usage not in reference[top.path]]
    assert [] == lost


def test_every_command_has_examples_that_it_takes() -> None:
    """--help ends with at least one line to copy, and the command line takes each of them."""
    commands = [one for one in commandline.describe(main, "relay365").all() if one.path != "relay365"]
    faults = {line: command_lines.fault(line) for one in commands for line in one.examples}

    assert [] == [one.path for one in commands if not one.examples]
    assert [] == [one.path for one in commands for line in one.examples if one.path not in line]
    assert {} == {line: fault for line, fault in faults.items() if fault}


def test_every_exit_code_is_documented() -> None:
    """The codes of the contract are the same in the code, in --help, in docs/commands.md and in the man pages."""
    codes = {output.GOOD, output.PROBLEM, output.WRONG_USE, output.UNREACHABLE, output.REFUSED}
    page = (DOCS / "commands.md").read_text("utf-8")

    assert codes == {int(code) for code, _ in manual.CODES}
    for code, meaning in manual.CODES:
        said = f"{code} {meaning[:1].lower()}{meaning[1:-1]}"

        assert said in page
        assert said in " ".join((main.help or "").split())


def test_every_event_and_metric_stands_on_its_page() -> None:
    """docs/events.md and docs/metrics.md name each of them with its meaning."""
    events = (DOCS / "events.md").read_text("utf-8")
    metrics = (DOCS / "metrics.md").read_text("utf-8")

    assert [] == [e.name for e in EVENTS if f"| `{e.name}` |" not in events or e.meaning not in events]
    assert [] == [m.shown for m in METRICS if f"| `{m.shown}` |" not in metrics or m.meaning not in metrics]


def test_the_list_of_commands_is_the_truth() -> None:
    """The short list that makes --help quick names commands that exist, in a sentence each."""
    assert sorted(COMMANDS) == sorted(name for names in ROOMS.values() for name in names)
    for name, words in COMMANDS.items():
        assert load(name).name == name
        assert words.endswith((".", "?"))


def _texts() -> Iterator[Path]:
    for file in sorted(ROOT.rglob("*")):
        parts = file.relative_to(ROOT).parts
        if (
            file.is_file()
            and file.suffix in _TEXT_FILES
            and not any(p in _SKIPPED or "cache" in p for p in parts)
        ):
            yield file


def test_nothing_of_one_machine_stands_in_the_tree() -> None:
    """No home directory and no place of this checkout is written into a file."""
    homes = [f"/{name}/" for name in ("home", "root", "Users", "work")] + [str(ROOT), "C:" + "\\Users"]
    mentions = [
        f"{file.relative_to(ROOT)}: {home}"
        for file in _texts()
        for home in homes
        if re.search(r"(?<![\w.\]>/-])" + re.escape(home), file.read_text("utf-8", "replace"))
        and file != Path(__file__)
    ]

    assert [] == mentions


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link of a page names a file that exists."""
    pages = [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if not (page.parent / link).exists()
    ]

    assert [] == broken


def test_every_unit_has_its_test() -> None:
    """Each module with code of its own has tests/unit/.../test_NAME.py, or allowed.toml says where it is proved."""
    entries = [one for one in exemptions() if one.rule == "unit-tests"]
    allowed = {one.where for one in entries}
    missing = {
        module.path for module in modules(SRC) if _has_code(module) and not _unit_test(module).exists()
    }

    assert allowed == missing
    assert [] == [one.where for one in entries if not one.proof or not (ROOT / one.proof).is_file()]


def _has_code(module: Module) -> bool:
    """Whether there is anything to prove: a function that does something, not only promises of a protocol."""
    return any(not _is_promise(function) for _, function in module.functions())


def _is_promise(function: Function) -> bool:
    rest = function.body[1:] if ast.get_docstring(function) else function.body
    return all(isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) for s in rest)


def _unit_test(module: Module) -> Path:
    inside = Path(module.path).relative_to("src/relay365")
    stem = inside.parent.name if inside.stem == "__init__" else inside.stem
    return TESTS / "unit" / inside.parent / f"test_{stem}.py"
