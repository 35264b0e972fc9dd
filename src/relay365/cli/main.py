"""The command `relay365`: a list of commands, each loaded only when it is used, so that --help is quick."""

from __future__ import annotations

import importlib
import io
import keyword
import sys
from typing import TYPE_CHECKING

import click

from relay365 import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

GROUPS = {
    "Set up": {
        "init": "Set up a relay: from a clean machine to a delivered mail.",
        "import": "Make a configuration of Postfix, IIS SMTP and others.",
        "config": "Check, show or print an example of the configuration.",
        "app": "Make, prove, renew and undo the application in Entra.",
        "connector": "Advise, make, prove and undo the connector for port 25.",
        "token": "Say how each route signs in; sign in once for a mailbox.",
        "user": "Add or list logins for devices.",
        "device": "List devices, what they need and said; write a rule.",
        "completion": "Print the script that completes words in your shell.",
    },
    "Run": {
        "run": "Run the relay in the foreground.",
        "reload": "Take up a changed file; no session is dropped.",
        "drain": "Take no mail any more, deliver all, then stop.",
        "status": "One screen: is it fine?",
        "queue": "List, show, move, rescue or freeze mail.",
        "trace": "Say what became of a message, from device to Exchange.",
        "history": "Find messages and sessions of all time by any word.",
        "errors": "Count what attempts were told, by what it means.",
        "tail": "Show what devices and the relay say to each other now.",
        "quota": "Show what is used of Microsoft's limits; foresee a run.",
        "route": "Show the ways out, and which one a message would take.",
        "backup": "Copy everything while it runs, prove it, bring it back.",
    },
    "Find out": {
        "alerts": "List what needs a person, try the channels, or mute.",
        "explain": "Say what a reply, an error or an id means and its cure.",
        "doctor": "Ask everything on a message's way; what heals each fault.",
        "probe": "Look at a mail server: offers, TLS, certificate, in words.",
        "send-test": "Send a test message; show both legs with their times.",
        "support": "Write what a helper needs to know, without your secrets.",
        "docs": "Read the documents; write them as a site or man pages.",
    },
    "Try": {
        "demo": "Show the main job: mail in, durable, out to the emulator.",
        "emulator": "Run Microsoft's side on loopback, for tests and training.",
        "simulate": "Be a device in front of a relay, or an outage behind it.",
        "bench": "Measure accepting and relaying on this machine.",
    },
}
COMMANDS = {name: said for group in GROUPS.values() for name, said in group.items()}
ROOMS = {
    "devices": ("device", "tail", "user"),
    "finding": ("alerts", "doctor", "explain", "probe", "send-test"),
    "handbook": ("completion", "docs"),
    "keeping": ("backup", "support"),
    "microsoft": ("app", "connector", "token"),
    "queues": ("queue",),
    "running": ("drain", "quota", "reload", "route", "run", "status"),
    "searching": ("errors", "history", "trace"),
    "setup": ("config", "import", "init"),
    "trying": ("bench", "demo", "emulator", "simulate"),
}
"""The packages beside this module, and whose commands they hold."""


def load(name: str) -> click.Command:
    """A command of COMMANDS; it and its module bear its name, a word of Python's own with a _ behind it."""
    room = next(room for room, names in ROOMS.items() if name in names)
    module = name.replace("-", "_")
    module = f"{module}_" if keyword.iskeyword(module) else module
    command: click.Command = getattr(importlib.import_module(f"relay365.cli.{room}.{module}"), module)
    return command


class _Lazy(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return load(cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Names from the list above, so that the tabulator key loads no command."""
        from click.shell_completion import CompletionItem as Item

        names = [Item(n, help=said) for n, said in COMMANDS.items() if n.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, group in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<10}", said) for name, said in group.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="relay365")
def main() -> None:
    """The SMTP relay for Microsoft 365.

    Exit codes: 0 good, 1 a problem was found, 2 wrong use or bad configuration, 3 the service cannot be reached,
    4 refused for safety.
    """
    if sys.platform == "win32":
        _speak_utf8()


def _speak_utf8() -> None:
    """In files and pipes, too: Windows has a code page there, in which half of the world's names cannot be written.

    A console is spoken to in UTF-8 by Python itself. (PEP 528; PEP 686 makes it so for all of Python 3.15)
    """
    for stream, errors in (
        (sys.stdin, "replace"),
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
    ):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)
