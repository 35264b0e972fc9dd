"""The command `relay365`: a list of commands, each loaded only when it is used, so that --help is quick."""

from __future__ import annotations

import importlib

import click

from relay365 import __version__

GROUPS = {
    "Set up": {
        "init": "Set up a relay: from a clean machine to a delivered mail.",
        "config": "Check, show or print an example of the configuration.",
        "app": "Make, prove, renew and undo the application in Entra.",
        "connector": "Advise, make, prove and undo the connector for port 25.",
        "token": "Say how each route signs in; sign in once for a mailbox.",
        "user": "Add or list logins for devices.",
        "device": "List devices, what they need and said; write a rule.",
    },
    "Run": {
        "run": "Run the relay in the foreground.",
        "status": "One screen: is it fine?",
        "queue": "List, show, retry, hold, release or delete mail.",
        "trace": "Say what became of a message, from device to Exchange.",
        "tail": "Show what devices and the relay say to each other now.",
        "quota": "Show what is used of Microsoft's limits; foresee a run.",
        "route": "Show the ways out, and which one a message would take.",
    },
    "Find out": {
        "alerts": "List what needs a person, try the channels, or mute.",
        "explain": "Say what a reply, an error or an id means and its cure.",
        "doctor": "Ask everything on a message's way; what heals each fault.",
        "probe": "Look at a mail server: offers, TLS, certificate, in words.",
        "send-test": "Send a test message; show both legs with their times.",
    },
    "Try": {
        "demo": "Show the main job: mail in, durable, out to the emulator.",
        "emulator": "Run Microsoft's side on loopback, for tests and training.",
        "simulate": "Be a device from the zoo, in front of a relay that runs.",
        "bench": "Measure accepting and relaying on this machine.",
    },
}
COMMANDS = {name: said for group in GROUPS.values() for name, said in group.items()}


class _Lazy(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"relay365.cli.{name}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, group in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<9}", said) for name, said in group.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="relay365")
def main() -> None:
    """The SMTP relay for Microsoft 365.

    Exit codes: 0 good, 1 a problem was found, 2 wrong use or bad configuration, 3 the service cannot be reached,
    4 refused for safety.
    """
