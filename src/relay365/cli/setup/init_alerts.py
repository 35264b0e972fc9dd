"""The channel of a new relay: the relay itself is started and tells a test, as it will tell what breaks."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from relay365.cli.finding.alerts import answers_of_test
from relay365.cli.setup.init_mail import did_not_start, follow, running
from relay365.cli.words.output import data_directory, load_config
from relay365.cli.words.past import with_history

if TYPE_CHECKING:
    from relay365.setup.tries.answer import Answer

ANSWER_S = 60.0
WHY = "what breaks is told by this way, so it must work before anything does"
DO = {
    "webhook": "look at the address in the file, and whether port 443 goes out to it",
    "teams": "make the workflow anew in Teams, and put its address into the file",
    "syslog": "look at the server, its port and the firewall",
    "mail": "look at the mail server in [[route]] alerts: host, tls, and whether it takes mail from here",
}


def try_channels(config_file: Path, tell: Callable[[Answer, float], None], wait_s: float) -> list[Answer]:
    """Start the relay, let it tell a test by every channel, and stop it; a mail must have gone. Gives the answers."""
    from relay365.setup.tries.answer import Answer

    config, file = load_config(config_file)
    began, answers = time.monotonic(), list[Answer]()

    def told(answer: Answer) -> bool:
        answers.append(answer)
        tell(answer, time.monotonic() - began)
        return answer.good

    with running(config_file) as (ready, log_file):
        if not ready:
            told(did_not_start(config_file, log_file))
            return answers
        found = answers_of_test(data_directory(config, file), ANSWER_S)
        if found is None:
            told(Answer("alerts", False, "the relay has not told the test", WHY, f"look at {log_file}"))
            return answers
        for (name, trouble), channel in zip(found.items(), config.alerts.channel, strict=True):
            is_good = told(
                Answer(f"alerts by {name}", not trouble, trouble or "taken", WHY, DO[channel.kind])
            )
            if is_good and channel.kind == "mail":
                _follow(config_file, channel.to, told, began + wait_s)
    return answers


def _follow(config_file: Path, to: str, told: Callable[[Answer], bool], until: float) -> None:
    """A mail counts when the next server has it."""
    from relay365.setup.tries.answer import Answer
    from relay365.spool.history.wanted import Wanted

    letters = with_history(config_file, lambda past: past.find(Wanted(to=to), 1))
    if not letters:
        told(
            Answer(
                "alerts delivered", False, "the test is not in the queue", WHY, "relay365 queue list --all"
            )
        )
        return
    follow(config_file, letters[0].spool_id, told, (until, "alerts delivered"))
