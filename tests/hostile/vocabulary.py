"""All that the relay may say to a device, as patterns: a text that stands here by no pattern is a leak or a novelty.

Replies are an interface, and the only thing that a hostile peer gets to read. The list is closed so that the text of
an exception, an octet of the peer's own or a path of ours cannot slip into one unseen. "Local error" is
not on it: a peer that can provoke it has found a fault of ours.
"""

from __future__ import annotations

import re

_WHY_NO_ADDRESS = r"(?:too long|bad name|bad domain|no domain)"

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
    r"421 4\.3\.2 Too many sessions, try later \(A50\)",
    r"421 4\.3\.2 Service shutting down, try again later \(A81\)",
    r"421 4\.4\.2 Timed out waiting for you \(A76\)",
    r"421 4\.7\.0 This is an SMTP service \(A35\)",
    r"421 4\.7\.0 Too many (?:errors \(A33\)|failed logins \(A65\)|commands without a message \(A34\))",
    r"421 4\.7\.0 Too many sessions from your address \((?:A51|R\d+)\)",
    r"452 4\.3\.1 Insufficient system storage, try again later \(A77\)",
    r"452 4\.5\.3 Too many recipients \(A32\)",
    r"500 5\.5\.2 (?:Line too long \(A4\)|Command not recognized \(A1\))",
    r"500 5\.5\.2 Command line (?:has control characters \(A2\)|is not UTF-8 \(A3\))",
    r"501 5\.5\.2 Cannot (?:decode the authentication response \(A62\)|read the authentication response \(A63\))",
    r"501 5\.5\.4 (?:DATA|STARTTLS) takes no argument \(A24\)",
    r"501 5\.5\.4 Syntax: (?:MAIL FROM|RCPT TO):<address> \(A17\)",
    r"501 5\.5\.4 Parameter (?:SIZE|BODY|SMTPUTF8|RET|NOTIFY|ENVID|ORCPT) has no valid value \(A23\)",
    r"501 5\.5\.4 Parameter [A-Za-z0-9-]{0,20} given twice \(A22\)",
    r"501 5\.7\.0 Authentication cancelled \(A61\)",
    r"502 5\.5\.1 (?:CHUNKING is not offered \(A7\)|AUTH is not offered \(A57\)|STARTTLS is not offered \(A54\))",
    r"502 5\.5\.1 Command not implemented \(A6\)",
    r"503 5\.5\.1 Send EHLO (?:first \(A9\)|or HELO first \(A8\))",
    r"503 5\.5\.1 (?:Sender already given \(A10\)|Need MAIL before (?:RCPT|DATA) \(A11\))",
    r"503 5\.5\.1 (?:No valid recipients \(A12\)|Not inside a mail transaction \(A13\))",
    r"503 5\.5\.1 (?:TLS is already active \(A55\)|Already authenticated \(A60\))",
    r"504 5\.7\.4 Unrecognized authentication type \(A59\)",
    r"530 5\.7\.0 (?:Authentication required \(R\d+\)|Must issue a STARTTLS command first \(A56\))",
    r"535 5\.7\.8 Authentication credentials invalid \(A64\)",
    r"538 5\.7\.11 Encryption required for authentication \(A58\)",
    r"550 5\.7\.1 (?:address|sender|recipient|routed address) not allowed here \(R\d+\)",
    r"550 5\.7\.1 wrong port for this device \(R\d+\)",
    r"450 4\.7\.1 too many messages, try later \(R\d+\)",
    r"552 5\.3\.4 message too big, limit (?:\d+(?:\.\d)? [KM]B|\d+ octets) \((?:A70|R\d+)\)",
    rf"553 5\.1\.7 Sender address not valid: {_WHY_NO_ADDRESS} \(A26\)",
    rf"553 5\.1\.3 Recipient address not valid: {_WHY_NO_ADDRESS} \(A27\)",
    r"553 5\.6\.7 Address is (?:neither ASCII nor UTF-8 \(A30\)|not ASCII; use SMTPUTF8 \(A31\))",
    r"554 5\.4\.6 Mail loop, too many Received fields \(A74\)",
    r"555 5\.5\.4 Parameter [A-Za-z0-9-]{0,20} not recognized \(A20\)",
)

_KNOWN = re.compile("|".join(f"(?:{text})" for text in TEXTS).encode("ascii"))


def strange_lines(said: bytes, *, is_whole: bool) -> list[bytes]:
    """The lines that are no reply of ours; where not everything was heard, the last one may be half a line."""
    *lines, rest = said.split(b"\r\n")
    strange = [line for line in lines if _KNOWN.fullmatch(line) is None]
    return [*strange, rest] if is_whole and rest else strange
