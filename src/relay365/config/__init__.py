"""The configuration: text in, frozen values out. Pure; files and environment are read by those who call."""

from relay365.config.clients import Allow, Device, Grant, Match, OwnTolerate, Sender, Tolerate, User
from relay365.config.model import (
    Config,
    Listener,
    Log,
    Queue,
    SecretRef,
    Server,
    SmarthostRoute,
    SubmissionRoute,
)
from relay365.config.read import ConfigErrors, parse
from relay365.config.repairs import Duplicates, Oversize, Repair
from relay365.config.risk import open_relay_risk
from relay365.config.table import Table
from relay365.config.words import split_host_port

__all__ = [
    "Allow",
    "Config",
    "ConfigErrors",
    "Device",
    "Duplicates",
    "Grant",
    "Listener",
    "Log",
    "Match",
    "Oversize",
    "OwnTolerate",
    "Queue",
    "Repair",
    "SecretRef",
    "Sender",
    "Server",
    "SmarthostRoute",
    "SubmissionRoute",
    "Table",
    "Tolerate",
    "User",
    "open_relay_risk",
    "parse",
    "split_host_port",
]
