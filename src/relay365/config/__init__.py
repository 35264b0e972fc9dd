"""The configuration: text in, frozen values out. Pure; files and environment are read by those who call."""

from relay365.config.model import (
    Allow,
    Config,
    Listener,
    Log,
    Queue,
    SecretRef,
    Server,
    SmarthostRoute,
    SubmissionRoute,
    Table,
    User,
)
from relay365.config.read import ConfigErrors, parse
from relay365.config.risk import open_relay_risk
from relay365.config.words import split_host_port

__all__ = [
    "Allow",
    "Config",
    "ConfigErrors",
    "Listener",
    "Log",
    "Queue",
    "SecretRef",
    "Server",
    "SmarthostRoute",
    "SubmissionRoute",
    "Table",
    "User",
    "open_relay_risk",
    "parse",
    "split_host_port",
]
