"""`relay365 completion`: the script by which a shell completes commands and options with the tabulator key.

The scripts are click's own. They ask `relay365` itself for what fits; that loads commands, but reads no configuration
and asks no service.
"""

from __future__ import annotations

import sys

import click

from relay365.cli.words.output import examples, json_option, write_json

SHELLS = ("bash", "zsh", "fish", "powershell")
_PLACES = {
    "bash": "relay365 completion bash > /etc/bash_completion.d/relay365",
    "zsh": "relay365 completion zsh > /usr/local/share/zsh/site-functions/_relay365",
    "fish": "relay365 completion fish > ~/.config/fish/completions/relay365.fish",
    "powershell": "relay365 completion powershell >> $PROFILE",
}


@click.command(epilog=examples(*_PLACES.values()))
@click.argument("shell", type=click.Choice(SHELLS))
@json_option
def completion(as_json: bool, shell: str) -> None:
    """Print the script that completes commands and options in a shell.

    Save it once where the shell looks for such scripts, and open a new shell. For this shell alone: source
    <(relay365 completion bash).
    """
    from click.shell_completion import BashComplete, FishComplete, PowerShellComplete, ZshComplete

    from relay365.cli.main import main

    kinds = {one.name: one for one in (BashComplete, ZshComplete, FishComplete, PowerShellComplete)}
    script = kinds[shell](main, {}, "relay365", "_RELAY365_COMPLETE")
    # Without click's own check of the installed bash: the script may be made on another machine than it is for.
    text = script.source_template % script.source_vars()
    if as_json:
        write_json({"shell": shell, "script": text, "to_install": _PLACES[shell]})
        return
    click.echo(text, nl=False)
    if sys.stdout.isatty():
        click.echo(f"to install it: {_PLACES[shell]}", err=True)
