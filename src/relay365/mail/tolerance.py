"""The closed list of tolerances: what devices do wrong, and whether it is taken all the same.

A word here is a key of [tolerate] and of a device's own table, a mark in the log, in a device's counts and in
docs/devices.md. What has a price is off until a device asks for it by name.
"""

from __future__ import annotations

from typing import NamedTuple


class Tolerance(NamedTuple):
    """One deviation. price: what it costs in security, "" where nothing."""

    name: str
    is_on: bool
    meaning: str
    price: str = ""


TOLERANCES = (
    Tolerance("empty_helo", True, "HELO or EHLO without a name; the address stands for it"),
    Tolerance("odd_helo", True, "a name with blanks, underscores or signs, or a bare address"),
    Tolerance("bare_lf_commands", True, "command lines that end in LF alone"),
    Tolerance("auth_after_helo", True, "AUTH after HELO, which never offered it"),
    Tolerance("auth_equals", False, "the EHLO line AUTH=PLAIN LOGIN is said, too, for clients of the nineties"),
    Tolerance("empty_login", True, "AUTH with empty name and password, from whoever may send without a login"),
    Tolerance(
        "any_password", False, "AUTH with any name and password, from whoever may send without a login by its address",
        "no password is looked at there, so a wrong one is never noticed, nobody from there can act as a login, and "
        "what the device says may be read on its way",
    ),
    Tolerance(
        "auth_in_clear", False, "AUTH without TLS, from outside the networks of [[allow]], too",
        "the password can be read on its way",
    ),
    Tolerance("no_ehlo_after_tls", True, "no second EHLO behind STARTTLS"),
    Tolerance("space_after_colon", True, "MAIL FROM: <a@b>"),
    Tolerance("no_brackets", True, "MAIL FROM:a@b"),
    Tolerance("dot_before_at", True, "a local part that begins or ends in a dot, or has two of them"),
    Tolerance("not_an_address", True, "a sender that is no address, from a device with a sender of its own"),
    Tolerance("unknown_parameter", True, "MAIL and RCPT parameters that were not offered"),
    Tolerance("list_in_rcpt", True, "RCPT TO:<a@x;b@x>"),
    Tolerance("bare_line_ends", True, "lone CR and LF in a content; they become CRLF"),
    Tolerance("nul_octets", True, "NUL in a content; the part that holds it is encoded anew, elsewhere it is left out"),
    Tolerance("long_lines", True, "lines of more than 998 octets in a content; they are wrapped or encoded anew"),
    Tolerance(
        "bare_lf_ends_data", False, "LF.LF ends a content",
        "a second message can be hidden in a content that somebody else wrote (SMTP smuggling)",
    ),
    Tolerance("no_dot_unstuff", False, "the device never doubles a leading dot; none is taken away"),
    Tolerance("early_talk", True, "commands before the greeting"),
    Tolerance("tls_at_once", True, "a client that begins TLS on a plain port without STARTTLS"),
    Tolerance("plain_on_tls_port", False, "a client that waits for a greeting on a TLS port is greeted in clear"),
)  # fmt: skip
BY_NAME = {one.name: one for one in TOLERANCES}
DEFAULT = frozenset(one.name for one in TOLERANCES if one.is_on)
