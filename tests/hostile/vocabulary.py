"""All that the relay may say to a device, as patterns: a text that stands here by no pattern is a leak or a novelty.

Replies are an interface, and the only thing that a hostile peer gets to read. The list is closed so that the text of
an exception, an octet of the peer's own or a path of ours cannot slip into one unseen. "Local error in processing" is
not on it: a peer that can provoke it has found a fault of ours.
"""

from __future__ import annotations

import re

_WHY_NO_ADDRESS = (
    r"longer than 256 octets|the domain is missing|"
    r"the (?:local part|domain) is missing or has a forbidden character"
)

TEXTS = (
    r"214 2\.0\.0 Commands: EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT STARTTLS AUTH",
    r"220 [a-z0-9.-]+ ESMTP relay365",
    r"220 2\.0\.0 Ready to start TLS",
    r"221 2\.0\.0 [a-z0-9.-]+ closing connection",
    r"235 2\.7\.0 Authentication successful",
    r"250[ -][a-z0-9.-]+ greets \[[0-9a-f.:]+\]",
    r"250[ -](?:PIPELINING|SIZE \d+|STARTTLS|AUTH PLAIN LOGIN|8BITMIME|SMTPUTF8|ENHANCEDSTATUSCODES|DSN)",
    r"250 2\.0\.0 OK",
    r"250 2\.1\.0 Sender OK",
    r"250 2\.1\.5 Recipient OK",
    r"250 2\.6\.0 queued as [0-9A-Z]{6,12}",
    r"252 2\.5\.0 Cannot verify, but will accept the message and attempt delivery",
    r"334 (?:VXNlcm5hbWU6|UGFzc3dvcmQ6)?",
    r"354 Start mail input; end with <CRLF>\.<CRLF>",
    r"421 4\.3\.2 (?:Too many sessions|Service shutting down), try again later",
    r"421 4\.4\.2 Timed out waiting for you",
    r"421 4\.7\.0 This is an SMTP service",
    r"421 4\.7\.0 Too many (?:errors|failed logins|commands without a message)",
    r"421 4\.7\.0 Too many sessions from your address, try again later",
    r"452 4\.3\.1 Insufficient system storage, try again later",
    r"452 4\.5\.3 Too many recipients",
    r"500 5\.5\.2 (?:Line too long|Command not recognized)",
    r"500 5\.5\.2 Command line (?:has control characters|is not UTF-8)",
    r"501 5\.5\.2 Cannot (?:decode|read) the authentication response",
    r"501 5\.5\.4 (?:DATA|STARTTLS) takes no argument",
    r"501 5\.5\.4 Syntax: (?:MAIL FROM|RCPT TO):<address>",
    r"501 5\.5\.4 SIZE needs a number",
    r"501 5\.5\.4 BODY must be 7BIT or 8BITMIME",
    r"501 5\.5\.4 SMTPUTF8 takes no value",
    r"501 5\.5\.4 RET must be FULL or HDRS",
    r"501 5\.5\.4 NOTIFY must be NEVER or a list of SUCCESS, FAILURE, DELAY",
    r"501 5\.5\.4 (?:ENVID|ORCPT) is not valid",
    r"501 5\.5\.4 Parameter [A-Za-z0-9-]{0,20} given twice",
    r"501 5\.7\.0 Authentication cancelled",
    r"502 5\.5\.1 (?:CHUNKING|AUTH|STARTTLS) is not offered",
    r"502 5\.5\.1 Command not implemented",
    r"503 5\.5\.1 (?:Send EHLO first|Send EHLO or HELO first|Sender already given|Need MAIL before (?:RCPT|DATA))",
    r"503 5\.5\.1 (?:No valid recipients|Not inside a mail transaction|TLS is already active|Already authenticated)",
    r"504 5\.7\.4 Unrecognized authentication type",
    r"530 5\.7\.0 (?:Authentication required(?: \(R\d+\))?|Must issue a STARTTLS command first)",
    r"535 5\.7\.8 Authentication credentials invalid",
    r"538 5\.7\.11 Encryption required for authentication",
    r"550 5\.7\.1 (?:address|sender|recipient|routed address) not allowed here \(R\d+\)",
    r"550 5\.7\.1 wrong port for this device \(R\d+\)",
    r"450 4\.7\.1 too many messages, try later \(R\d+\)",
    r"552 5\.3\.4 Message size exceeds the limit of \d+ octets",
    r"553 5\.1\.7 Sender address not valid: (?:" + _WHY_NO_ADDRESS + ")",
    r"553 5\.1\.3 Recipient address not valid: (?:" + _WHY_NO_ADDRESS + ")",
    r"553 5\.6\.7 Address is (?:neither ASCII nor UTF-8|not ASCII; use SMTPUTF8)",
    r"554 5\.4\.6 Routing loop detected: too many Received fields",
    r"555 5\.5\.4 Parameter [A-Za-z0-9-]{0,20} not recognized",
)

_KNOWN = re.compile("|".join(f"(?:{text})" for text in TEXTS).encode("ascii"))


def strange_lines(said: bytes, *, is_whole: bool) -> list[bytes]:
    """The lines that are no reply of ours; where not everything was heard, the last one may be half a line."""
    *lines, rest = said.split(b"\r\n")
    strange = [line for line in lines if _KNOWN.fullmatch(line) is None]
    return [*strange, rest] if is_whole and rest else strange
