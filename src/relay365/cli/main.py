"""The command `relay365`: a list of commands, each loaded only when it is used, so that --help is quick."""

from __future__ import annotations

import importlib

import click

from relay365 import __version__

COMMANDS = {
    "run": "Run the relay in the foreground.",
    "emulator": "Run Microsoft's side on loopback, for tests and training.",
    "demo": "Show the main job: mail in, durable, out to the emulator.",
    "config": "Check, show or print an example of the configuration.",
    "queue": "List, show, retry, hold, release or delete mail.",
    "trace": "Say what became of a message, from the device to Exchange.",
    "status": "One screen: is it fine?",
    "explain": "Say what a reply, an error or a queue id means and what heals it.",
    "route": "Show the ways out, and which of them a message would take.",
    "device": "List devices, show what they need and said, and write the rule for one.",
    "tail": "Show what devices and the relay say to each other now.",
    "token": "Say how each route signs in and whether it can; sign in once for a mailbox.",
    "user": "Add or list logins for devices.",
    "simulate": "Be a device from the zoo, in front of a relay that runs.",
    "bench": "Measure accepting and relaying on this machine.",
}


class _Lazy(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"relay365.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="relay365")
def main() -> None:
    """The SMTP relay for Microsoft 365.

    Exit codes: 0 good, 1 a problem was found, 2 wrong use or bad configuration, 3 the service cannot be reached,
    4 refused for safety.
    """
