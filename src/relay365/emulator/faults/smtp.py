"""The moods of the services that speak SMTP, as rows of the one table: refusals, bad manners, bad TLS, silence.

Each row is one fault that a client must survive; none of them is a rule of Microsoft's.
"""

from __future__ import annotations

from relay365.emulator.faults.kinds import SMTP, Kind, Parameter
from relay365.emulator.texts import TEXTS

_AUTH_TEXTS = tuple(name for name, row in TEXTS.items() if row.stage == "auth" and row.code >= 400)
_BOXES = tuple(name for name in TEXTS if name.startswith("box-"))
_REPLIES = ("greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "dot")
_ANSWERS = ("auth", "mail", "rcpt", "data", "dot")
_REPLY = "row of the table of replies, or a whole reply such as `550 5.7.708 Access denied`"
_LATER = "451 4.7.0 Temporary server error. Please try again later. PRX2"

_REFUSALS = (
    Kind("throttle", "refuses at the final dot, as above the rate of a minute (`thread-limit`)", "message"),
    Kind("concurrent", "refuses at the final dot, as the fourth sender at once (`concurrent`, 432)", "message"),
    Kind(
        "auth", "refuses AUTH, OAuth and password alike", "login",
        (Parameter("text", "auth-failed", "row of the table of replies", _AUTH_TEXTS),),
    ),
    Kind("storedrv", "refuses at the final dot: no rights on the mailbox yet (`no-rights`, 430)", "message"),
    Kind("send-as", "refuses at the final dot: this sender is not allowed (`send-as-denied`)", "message"),
    Kind("quota", "refuses at the final dot: recipients of 24 hours are used up (`quota`)", "message"),
    Kind("full", "refuses at the final dot: the mailbox is full (`mailbox-full`)", "message"),
    Kind(
        "penalty", "refuses at the final dot: continuous error throttling", "message",
        (Parameter("text", "box-send-as", "row of the table of replies", _BOXES),),
    ),
    Kind(
        "reply", "gives any reply at any step", "reply",
        (Parameter("at", "dot", "the step", _REPLIES), Parameter("text", _LATER, _REPLY, is_reply=True)),
    ),
    Kind(
        "mixed", "refuses some recipients of a message and takes the others", "reply",
        (
            Parameter("every", 2, "every how many recipients one is refused"),
            Parameter("text", "550 5.1.1 User unknown", _REPLY, is_reply=True),
        ),
    ),
    Kind(
        "few", "takes only some recipients of a message", "reply",
        (
            Parameter("most", 1, "how many it takes"),
            Parameter("text", "domain-recipients", _REPLY, is_reply=True),
        ),
    ),
    Kind(
        "small", "refuses larger content at the final dot (`too-big`) than SIZE promised", "message",
        (Parameter("octets", 1_000_000, "the largest that it takes"),),
    ),
    Kind(
        "ndr", "accepts, and reports the recipient as failed later", "recipient",
        (Parameter("text", "no-such-recipient", _REPLY, is_reply=True),),
        services=(*SMTP, "graph"),
    ),
)  # fmt: skip

_MANNERS = (
    Kind(
        "outage", "is not there", "connection, or reply where `how` is `proxy`",
        (
            Parameter(
                "how", "refuse",
                "`refuse`: connections are refused, open sessions hear 421; `blackhole`: connections are never "
                "answered, open sessions hear 421; `greeting`: 421 instead of 220; `proxy`: 451 PRX2 to MAIL",
                ("refuse", "blackhole", "greeting", "proxy"),
            ),
        ), per_mailbox=False,
    ),
    Kind(
        "slow", "waits before it answers", "reply",
        (Parameter("seconds", 2.0, "how long"), Parameter("at", "all", "the step", ("all", *_REPLIES))),
    ),
    Kind(
        "hang", "never answers, and keeps the connection", "reply",
        (Parameter("at", "data", "the step", _REPLIES),),
    ),
    Kind(
        "hang-up", "ends the connection instead of answering", "reply",
        (
            Parameter("at", "mail", "the step", _REPLIES),
            Parameter("how", "close", "`close`: in order; `reset`: with RST", ("close", "reset")),
        ),
    ),
    Kind(
        "banner", "begins wrongly", "connection",
        (
            Parameter(
                "how", "garbage", "`garbage`: a line that is no reply; `close`: 220, and then the connection ends",
                ("garbage", "close"),
            ),
        ), per_mailbox=False,
    ),
    Kind(
        "odd-reply", "gives the right answer in an odd form", "reply",
        (
            Parameter("at", "dot", "the step", _ANSWERS),
            Parameter(
                "how", "lines", "`lines`: three lines; `long`: one line of 100 kB; `octets`: octet by octet; "
                "`endless`: one line after the other, and never the last one",
                ("lines", "long", "octets", "endless"),
            ),
        ),
    ),
    Kind(
        "lie", "takes the message at the final dot, records it, and does not say so", "message",
        (
            Parameter(
                "how", "close",
                "`close`: the connection ends; `cut`: it ends without the goodbye of TLS; `reset`: with RST; "
                "`half-close`: nothing more is said, but the rest is read (inside TLS as `close`); "
                "`garbage`: a line that is no reply; `silence`: nothing at all",
                ("close", "cut", "reset", "half-close", "garbage", "silence"),
            ),
        ),
    ),
    Kind(
        "drop", "breaks the connection inside the content", "message",
        (
            Parameter("after_octets", 0, "once so many octets of content have come"),
            Parameter("how", "cut", "`cut`: it ends without the goodbye of TLS; `close`: in order; `reset`: with RST",
                      ("cut", "close", "reset")),
        ),
    ),
    Kind(
        "no-extension", "does not offer what it usually does", "connection",
        (Parameter("which", "PIPELINING 8BITMIME", "keywords of EHLO; AUTH with all its mechanisms"),),
        per_mailbox=False,
    ),
)  # fmt: skip

_TLS = (
    Kind("no-starttls", "does not offer STARTTLS, and refuses it", "connection", per_mailbox=False),
    Kind(
        "injection", "sends octets in clear right behind the 220 of STARTTLS", "connection",
        (Parameter("octets", "250 2.0.0 injected\r\n", "what it sends"),), per_mailbox=False,
    ),
    Kind("old-tls", "speaks TLS 1.0 only", "connection", per_mailbox=False),
    Kind(
        "wrong-certificate", "shows a certificate at STARTTLS that must not be trusted", "connection",
        (
            Parameter(
                "how", "name",
                "`name`: for another host; `authority`: from an unknown authority; `self-signed`; `expired`; "
                "`future`: not valid yet",
                ("name", "authority", "self-signed", "expired", "future"),
            ),
        ), per_mailbox=False,
    ),
)  # fmt: skip

SMTP_KINDS: tuple[Kind, ...] = (*_REFUSALS, *_MANNERS, *_TLS)
"""Every kind of mood of SMTP."""
