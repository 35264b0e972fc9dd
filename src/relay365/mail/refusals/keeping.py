"""Refusals of a message that we could not or would not keep: its size, its octets, the disk, our own state."""

from __future__ import annotations

from relay365.mail.refusals.refusal import Refusal

_DISK = "relay365 doctor says how full the disk is; make room, or put [server] data on a larger one"

TOO_BIG = Refusal(
    "A70",
    552,
    "5.3.4",
    "message too big, limit {limit}",
    "base64 makes a file of 25 MB one of 34 MB; the limit is [server] max_message or [oversize] limit",
    "let the device send smaller files; or raise max_message or oversize in {place}, or in [server] and [oversize]; "
    'or take it: action = "hold"',
)
BARE_LINE_ENDS = Refusal(
    "A71",
    554,
    "5.6.0",
    "Content has bare CR or LF",
    "the message has lines that do not end in CRLF, and that is not forgiven to the device",
    "switch bare_line_ends on again, in [tolerate] or in tolerate of its rule",
)
NUL_OCTETS = Refusal(
    "A72",
    554,
    "5.6.11",
    "Content has NUL octets",
    "the message holds NUL, and that is not forgiven to the device",
    "switch nul_octets on again, in [tolerate] or in tolerate of its rule",
)
LONG_LINE = Refusal(
    "A73",
    554,
    "5.6.0",
    "line longer than 998 octets",
    "a line of the message is longer than mail allows, and that is not forgiven to the device",
    "switch long_lines on again, in [tolerate] or in tolerate of its rule",
)
LOOPING = Refusal(
    "A74",
    554,
    "5.4.6",
    "Mail loop, too many Received fields",
    "the message has passed more relays than any honest one: two servers send it to each other",
    "look at the Received fields of the message: the names that repeat are the loop",
)
BARE_LF_END = Refusal(
    "A75",
    451,
    "4.5.2",
    "Ended with bare LF, not CRLF",
    "the device ended its message with LF alone, which is no end, and waited",
    "tolerate = { bare_lf_ends_data = true } for this device; its price is in docs/devices.md",
)
TIMED_OUT = Refusal(
    "A76",
    421,
    "4.4.2",
    "Timed out waiting for you",
    "the client said nothing for longer than [server] command_timeout or content_timeout",
    "nothing, if it was done; else look at its network, and relay365 device sessions NAME",
)
DISK_FULL = Refusal(
    "A77",
    452,
    "4.3.1",
    "Insufficient system storage, try again later",
    "less space is free than [queue] disk_floor, or the disk has no inodes left",
    _DISK,
)
SHARE_FULL = Refusal(
    "A78",
    452,
    "4.3.1",
    "your mail fills the disk",
    "mail of this one client takes its share of the room on the disk ([queue] disk_share); others still find room",
    "look why it sends so much; its mail is taken again as it is delivered. Else raise disk_share, or give more disk",
)
OUR_FAULT = Refusal(
    "A79",
    451,
    "4.3.0",
    "Local error, try again later",
    "the relay could not write the message down; the log says spool.refused and why",
    "relay365 status and relay365 doctor",
)
SESSION_FAULT = Refusal(
    "A80",
    421,
    "4.3.0",
    "Local error, try again later",
    "a fault of the relay itself in this session; the log says session.failed",
    "report it with the lines of the log",
)
SHUTTING_DOWN = Refusal(
    "A81",
    421,
    "4.3.2",
    "Service shutting down, try again later",
    "somebody stops or drains the relay",
    "nothing: relay365 status says what it does",
)

REFUSALS = (
    TOO_BIG, BARE_LINE_ENDS, NUL_OCTETS, LONG_LINE, LOOPING, BARE_LF_END, TIMED_OUT, DISK_FULL, SHARE_FULL, OUR_FAULT,
    SESSION_FAULT, SHUTTING_DOWN,
)  # fmt: skip
