"""Refusals of what a device says: commands, their order, their arguments. (RFC 5321 4.1, 4.2; RFC 1870, 3461, 6531)"""

from __future__ import annotations

from relay365.mail.refusals.refusal import Refusal

_SETTINGS = "look what the device is set to: relay365 device sessions NAME shows the whole talk"
_PROGRAM = "the program's own fault: report it to its maker, with relay365 device sessions NAME"
_ADDRESS = (
    "put the address right in the device, or give the device a sender of its own: sender in its [[device]]"
)
_BACK = "switch {name} on again, in [tolerate] or in tolerate of its rule"

NO_COMMAND = Refusal(
    "A1",
    500,
    "5.5.2",
    "Command not recognized",
    "what came is no command of SMTP: it may be a web browser, or text that was meant for another port",
    _SETTINGS,
)
CONTROL_CHARACTERS = Refusal(
    "A2",
    500,
    "5.5.2",
    "Command line has control characters",
    "a command holds signs that are no text",
    _PROGRAM,
)
NOT_UTF8 = Refusal(
    "A3",
    500,
    "5.5.2",
    "Command line is not UTF-8",
    "a command holds octets that are no text",
    _PROGRAM,
)
LINE_TOO_LONG = Refusal(
    "A4",
    500,
    "5.5.2",
    "Line too long",
    "a command has more than 2,048 octets, or a login more than 12,288",
    _PROGRAM,
)
NEEDS_CRLF = Refusal(
    "A5",
    500,
    "5.5.2",
    "Lines must end in CRLF",
    "the device ends its commands with LF alone, and that is not forgiven to it",
    _BACK.format(name="bare_lf_commands"),
)
NOT_IMPLEMENTED = Refusal(
    "A6",
    502,
    "5.5.1",
    "Command not implemented",
    "the command exists, and no relay like this one takes it",
    _SETTINGS,
)
NO_CHUNKING = Refusal(
    "A7",
    502,
    "5.5.1",
    "CHUNKING is not offered",
    "the client says BDAT, which was not in our answer to EHLO",
    _PROGRAM,
)
NEEDS_HELLO = Refusal(
    "A8",
    503,
    "5.5.1",
    "Send EHLO or HELO first",
    "mail was begun before the device named itself",
    _PROGRAM,
)
NEEDS_EHLO = Refusal(
    "A9",
    503,
    "5.5.1",
    "Send EHLO first",
    "a login or TLS was begun before EHLO, or behind HELO where auth_after_helo or no_ehlo_after_tls is off",
    "switch the tolerance on for the device: tolerate = { auth_after_helo = true, no_ehlo_after_tls = true }",
)
SENDER_GIVEN = Refusal(
    "A10",
    503,
    "5.5.1",
    "Sender already given",
    "a second MAIL came before the first message was sent or given up",
    _PROGRAM,
)
NEEDS_MAIL_FIRST = Refusal(
    "A11",
    503,
    "5.5.1",
    "Need MAIL before {verb}",
    "a recipient or a content came without a sender; its MAIL was refused just before, or never said",
    "look for the refusal before this one: relay365 device sessions NAME",
)
NO_RECIPIENTS = Refusal(
    "A12",
    503,
    "5.5.1",
    "No valid recipients",
    "a content was to come, and no recipient had been accepted",
    "look why the recipients before it were refused: relay365 device sessions NAME",
)
IN_TRANSACTION = Refusal(
    "A13",
    503,
    "5.5.1",
    "Not inside a mail transaction",
    "a login, TLS or XCLIENT was begun between MAIL and the end of the message",
    _PROGRAM,
)
BAD_SEQUENCE = Refusal(
    "A14",
    503,
    "5.5.1",
    "Bad sequence of commands",
    "the command is not one for this moment",
    _PROGRAM,
)
NEEDS_NAME = Refusal(
    "A15",
    501,
    "5.5.4",
    "HELO and EHLO need a name",
    "the device says HELO without a name, and that is not forgiven to it",
    _BACK.format(name="empty_helo"),
)
ODD_NAME = Refusal(
    "A16",
    501,
    "5.5.4",
    "HELO name is no domain",
    "the device names itself with signs that no domain has, and that is not forgiven to it",
    _BACK.format(name="odd_helo"),
)
SYNTAX = Refusal(
    "A17",
    501,
    "5.5.4",
    "Syntax: {form}",
    "the command has no address where one must stand",
    _SETTINGS,
)
NO_BLANK = Refusal(
    "A18",
    501,
    "5.5.4",
    "No blank may follow the colon",
    "MAIL FROM: <address> has a blank behind the colon, and that is not forgiven to the device",
    _BACK.format(name="space_after_colon"),
)
NEEDS_BRACKETS = Refusal(
    "A19",
    501,
    "5.5.4",
    "Address must stand in angle brackets",
    "the device gives its address without < and >, and that is not forgiven to it",
    _BACK.format(name="no_brackets"),
)
NO_PARAMETER = Refusal(
    "A20",
    555,
    "5.5.4",
    "Parameter {word} not recognized",
    "MAIL or RCPT has a word that was not offered and that we could not keep",
    _SETTINGS,
)
UNKNOWN_PARAMETER = Refusal(
    "A21",
    555,
    "5.5.4",
    "Parameter not recognized",
    "MAIL or RCPT has a word that was not offered, and that is not forgiven to the device",
    _BACK.format(name="unknown_parameter"),
)
PARAMETER_TWICE = Refusal(
    "A22",
    501,
    "5.5.4",
    "Parameter {word} given twice",
    "MAIL or RCPT says the same word twice",
    _PROGRAM,
)
PARAMETER_VALUE = Refusal(
    "A23",
    501,
    "5.5.4",
    "Parameter {word} has no valid value",
    "SIZE is a number, BODY 7BIT or 8BITMIME, RET FULL or HDRS, NOTIFY NEVER or a list of SUCCESS, FAILURE, DELAY; "
    "SMTPUTF8 has no value, ENVID and ORCPT have one in xtext",
    _PROGRAM,
)
NO_ARGUMENT = Refusal(
    "A24",
    501,
    "5.5.4",
    "{verb} takes no argument",
    "something stands behind a command that stands alone",
    _PROGRAM,
)
XCLIENT_VALUE = Refusal(
    "A25",
    501,
    "5.5.4",
    "XCLIENT attribute {word} not valid",
    "the proxy says of its client what cannot be read",
    "look at the proxy's settings",
)
SENDER_ADDRESS = Refusal(
    "A26",
    553,
    "5.1.7",
    "Sender address not valid: {flaw}",
    "what the device gives as its sender is no address",
    _ADDRESS,
)
RECIPIENT_ADDRESS = Refusal(
    "A27",
    553,
    "5.1.3",
    "Recipient address not valid: {flaw}",
    "what the device gives as recipient is no address",
    "put the address right in the device's address book",
)
SENDER_DOTS = Refusal(
    "A28",
    553,
    "5.1.7",
    "Address has a dot too many",
    "the sender's name begins or ends in a dot or has two of them, and that is not forgiven to the device",
    _BACK.format(name="dot_before_at"),
)
RECIPIENT_DOTS = SENDER_DOTS._replace(
    mark="A29",
    status="5.1.3",
    why="the recipient's name begins or ends in a dot or has two of them, and that is not forgiven to the device",
)
NOT_TEXT = Refusal(
    "A30",
    553,
    "5.6.7",
    "Address is neither ASCII nor UTF-8",
    "the address holds octets of an old code page",
    _ADDRESS,
)
NOT_ASCII = Refusal(
    "A31",
    553,
    "5.6.7",
    "Address is not ASCII; use SMTPUTF8",
    "the address holds letters beyond ASCII, and the client does not say SMTPUTF8",
    _ADDRESS,
)
TOO_MANY_RECIPIENTS = Refusal(
    "A32",
    452,
    "4.5.3",
    "Too many recipients",
    "the message has more recipients than [server] max_recipients",
    "nothing: a good client sends the rest in a second message; else raise max_recipients",
)
TOO_MANY_ERRORS = Refusal(
    "A33",
    421,
    "4.7.0",
    "Too many errors",
    "more commands of the session were refused than [server] max_errors",
    "look at the refusals before it: relay365 device sessions NAME",
)
TOO_MANY_COMMANDS = Refusal(
    "A34",
    421,
    "4.7.0",
    "Too many commands without a message",
    "the client said 2,000 commands and sent nothing",
    _PROGRAM,
)
NO_WEB = Refusal(
    "A35",
    421,
    "4.7.0",
    "This is an SMTP service",
    "a web browser, or a program that looks for web pages, came to the mail port",
    "point it to another port",
)

REFUSALS = (
    NO_COMMAND, CONTROL_CHARACTERS, NOT_UTF8, LINE_TOO_LONG, NEEDS_CRLF, NOT_IMPLEMENTED, NO_CHUNKING, NEEDS_HELLO,
    NEEDS_EHLO, SENDER_GIVEN, NEEDS_MAIL_FIRST, NO_RECIPIENTS, IN_TRANSACTION, BAD_SEQUENCE, NEEDS_NAME, ODD_NAME,
    SYNTAX, NO_BLANK, NEEDS_BRACKETS, NO_PARAMETER, UNKNOWN_PARAMETER, PARAMETER_TWICE, PARAMETER_VALUE, NO_ARGUMENT,
    XCLIENT_VALUE, SENDER_ADDRESS, RECIPIENT_ADDRESS, SENDER_DOTS, RECIPIENT_DOTS, NOT_TEXT, NOT_ASCII,
    TOO_MANY_RECIPIENTS, TOO_MANY_ERRORS, TOO_MANY_COMMANDS, NO_WEB,
)  # fmt: skip
