"""Refusals at the door: who may come, TLS, logins, and who may send what to whom. (RFC 3207, 4954; docs/senders.md)"""

from __future__ import annotations

from relay365.mail.refusals.refusal import Refusal

_SESSIONS = "relay365 device list shows who holds sessions; a device that loops gets sessions or per_minute in its rule"

TOO_MANY_SESSIONS = Refusal(
    "A50",
    421,
    "4.3.2",
    "Too many sessions, try later",
    "all clients together hold as many connections as [server] max_sessions",
    _SESSIONS,
)
TOO_MANY_FROM_YOU = Refusal(
    "A51",
    421,
    "4.7.0",
    "Too many sessions from your address",
    "the address holds as many connections as [server] max_sessions_per_address, or sessions of its rule",
    "look why it holds so many, or raise sessions in {place}",
)
TOO_EARLY = Refusal(
    "A52",
    554,
    "5.5.1",
    "Wait for the greeting",
    "the client spoke before our greeting, and that is not forgiven to it",
    "switch early_talk on again, in [tolerate] or in tolerate of its rule",
)
NOT_ON_LISTENER = Refusal(
    "A53",
    554,
    "5.7.1",
    "Address not allowed on this listener",
    "hosts of the [[listener]] does not name the address",
    "add it to hosts, or point the device to another listener",
)
NO_TLS = Refusal(
    "A54",
    502,
    "5.5.1",
    "STARTTLS is not offered",
    'the listener has tls = "none", or starttls = false stands in the rule of the device',
    "switch TLS off in the device, or on in the listener",
)
TLS_ACTIVE = Refusal(
    "A55",
    503,
    "5.5.1",
    "TLS is already active",
    "the client asks for TLS a second time",
    "the program's own fault: report it to its maker",
)
NEEDS_TLS = Refusal(
    "A56",
    530,
    "5.7.0",
    "Must issue a STARTTLS command first",
    'the listener has tls = "required"',
    "switch STARTTLS on in the device, or give it a listener that does not ask for it",
)
NO_LOGIN = Refusal(
    "A57",
    502,
    "5.5.1",
    "AUTH is not offered",
    'login = "never" stands in the rule of the client, or no rule knows it',
    'switch the login off in the device, or login = "optional" in its rule',
)
LOGIN_IN_CLEAR = Refusal(
    "A58",
    538,
    "5.7.11",
    "Encryption required for authentication",
    "the client wants to say its password where it can be read on its way",
    "switch STARTTLS on in the device, or let its network in by [[allow]]",
)
NO_MECHANISM = Refusal(
    "A59",
    504,
    "5.7.4",
    "Unrecognized authentication type",
    "the client wants to log in by another way than PLAIN or LOGIN",
    "choose LOGIN or PLAIN in the device",
)
LOGGED_IN = Refusal(
    "A60",
    503,
    "5.5.1",
    "Already authenticated",
    "the client logs in a second time",
    "the program's own fault: report it to its maker",
)
LOGIN_CANCELLED = Refusal(
    "A61",
    501,
    "5.7.0",
    "Authentication cancelled",
    "the client gave its login up in the middle",
    "look whether name and password are set in the device",
)
LOGIN_NOT_BASE64 = Refusal(
    "A62",
    501,
    "5.5.2",
    "Cannot decode the authentication response",
    "what the client sends as its login is not base64",
    "enter name and password in the device anew",
)
LOGIN_NOT_READABLE = Refusal(
    "A63",
    501,
    "5.5.2",
    "Cannot read the authentication response",
    "the login is base64, and not of the form that PLAIN or LOGIN has",
    "choose LOGIN in the device",
)
WRONG_LOGIN = Refusal(
    "A64",
    535,
    "5.7.8",
    "Authentication credentials invalid",
    "the name or the password is wrong, or locked for some minutes after many wrong ones",
    "relay365 user password NAME makes a new one; where the address is trusted: any_password (docs/devices.md)",
)
TOO_MANY_LOGINS = Refusal(
    "A65",
    421,
    "4.7.0",
    "Too many failed logins",
    "the session gave a wrong password five times",
    "relay365 user password NAME makes a new one",
)
NEEDS_LOGIN = Refusal(
    "",
    530,
    "5.7.0",
    "Authentication required",
    "the rule, or require_auth of the listener, asks for a login",
    'set a login in the device (relay365 user add NAME), or login = "optional" in {place}',
)
ADDRESS_UNKNOWN = Refusal(
    "",
    550,
    "5.7.1",
    "address not allowed here",
    "no rule fits the address",
    "let it in by its address or its network, or give it a login",
)
WRONG_PORT = Refusal(
    "",
    550,
    "5.7.1",
    "wrong port for this device",
    "the rule names another listener",
    "point the device to {listener}, or take listener out of {place}",
)
EMPTY_SENDER = Refusal(
    "",
    550,
    "5.7.1",
    "empty sender not allowed here",
    '[sender] null = "reject"',
    'let the device give a sender, or give it one in {place}; else null = "pass" or "rewrite" in [sender]',
)
SENDER_DOMAIN = Refusal(
    "",
    550,
    "5.7.1",
    "sender domain not allowed here",
    'the sender\'s domain is not of [sender] domains, and foreign = "reject"',
    "set the device's sender to an address of [sender] domains, or give it a sender of its own in {place}",
)
FROM_DOMAIN = SENDER_DOMAIN._replace(
    words="From domain not allowed here",
    why='the domain in From is not of [sender] domains, and foreign = "reject"',
)
SENDER_UNKNOWN = Refusal(
    "",
    550,
    "5.7.1",
    "sender not allowed here",
    "senders of the rule names others",
    "add the address to senders in {place}, or give it a sender of its own there",
)
RECIPIENT_ROUTED = Refusal(
    "",
    550,
    "5.7.1",
    "routed address not allowed here",
    "the recipient's address would be sent on by a later server, and the rule names recipients",
    "write to the last address itself, without a route in front of the @",
)
RECIPIENT_UNKNOWN = Refusal(
    "",
    550,
    "5.7.1",
    "recipient not allowed here",
    "recipients of the rule names others",
    "add the address, or its domain, to recipients in {place}",
)
TOO_FAST = Refusal(
    "",
    450,
    "4.7.1",
    "too many messages, try later",
    "more messages in sixty seconds than per_minute of the rule",
    "look why it sends so much, or raise per_minute in {place}",
)

REFUSALS = (
    TOO_MANY_SESSIONS, TOO_MANY_FROM_YOU, TOO_EARLY, NOT_ON_LISTENER, NO_TLS, TLS_ACTIVE, NEEDS_TLS, NO_LOGIN,
    LOGIN_IN_CLEAR, NO_MECHANISM, LOGGED_IN, LOGIN_CANCELLED, LOGIN_NOT_BASE64, LOGIN_NOT_READABLE, WRONG_LOGIN,
    TOO_MANY_LOGINS, NEEDS_LOGIN, ADDRESS_UNKNOWN, WRONG_PORT, EMPTY_SENDER, SENDER_DOMAIN, FROM_DOMAIN,
    SENDER_UNKNOWN, RECIPIENT_ROUTED, RECIPIENT_UNKNOWN, TOO_FAST,
)  # fmt: skip
