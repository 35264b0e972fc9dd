"""The configuration: text in, frozen values out. Pure; files and environment are read by those who call."""

from relay365.config.clients import Allow, Device, Grant, Match, OwnTolerate, Sender, Tolerate, User
from relay365.config.model import Config, Listener, Log, Queue, Server
from relay365.config.read import ConfigErrors, parse
from relay365.config.references import SecretRef
from relay365.config.repairs import Duplicates, Oversize, OwnOversize, Repair
from relay365.config.risk import open_relay_risk
from relay365.config.roads.choice import Rule
from relay365.config.roads.kinds import (
    Account,
    AcsRoute,
    ConnectorRoute,
    GraphRoute,
    HveRoute,
    Route,
    SmarthostRoute,
    SubmissionRoute,
    Way,
)
from relay365.config.table import Table
from relay365.config.tenants import Tenant
from relay365.config.watching import Alerts, Channel, Metrics, Reminder
from relay365.config.words import split_host_port

__all__ = [
    "Account",
    "AcsRoute",
    "Alerts",
    "Allow",
    "Channel",
    "Config",
    "ConfigErrors",
    "ConnectorRoute",
    "Device",
    "Duplicates",
    "Grant",
    "GraphRoute",
    "HveRoute",
    "Listener",
    "Log",
    "Match",
    "Metrics",
    "Oversize",
    "OwnOversize",
    "OwnTolerate",
    "Queue",
    "Reminder",
    "Repair",
    "Route",
    "Rule",
    "SecretRef",
    "Sender",
    "Server",
    "SmarthostRoute",
    "SubmissionRoute",
    "Table",
    "Tenant",
    "Tolerate",
    "User",
    "Way",
    "open_relay_risk",
    "parse",
    "split_host_port",
]
