"""The grammar of commands and their parameters (RFC 5321 4.1.1, 4.1.2; RFC 1870, 3461, 6152, 6531).

Text in, values out; what cannot be read raises GrammarError with the reply that the peer deserves. What deviates and
is forgiven (tolerances, by the names of mail.tolerance) is read, and named in the value. A device says the same few
lines all day, so what could be read is remembered.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from relay365.mail.address import IN_SHORT, check_path, strip_source_route
from relay365.mail.envelope import ForwardPath
from relay365.mail.refusals import speaking
from relay365.mail.refusals.refusal import Refusal
from relay365.mail.tolerance import DEFAULT
from relay365.smtp.events import MailGiven, RcptGiven, XclientGiven
from relay365.smtp.offers import XCLIENT_ATTRIBUTES

_PATH = re.compile(r'<((?:"(?:[^"\\]|\\.)*"|[^<>"])*)>')
_BARE = re.compile(r"[^ <>]+")
_LISTED = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",;])+')  # one of several addresses; quotes may hold a comma
_ODD_DOTS = re.compile(
    r'(?!")(?:\.|[^@]*(?:\.\.|\.@))'
)  # RFC 5321 4.1.2: a dot-string has atoms between its dots
_HELO = re.compile(  # RFC 5321 4.1.2: a domain whose last label is no number, or an address literal
    r"(?:[A-Za-z0-9-]{1,63}\.)*(?!\d+\.?$)[A-Za-z0-9-]{1,63}\.?|\[(?:IPv6:)?[0-9A-Fa-f:.]{3,45}\]"
)
_XTEXT = re.compile(r"[\x21-\x2a\x2c-\x3c\x3e-\x7e+]*")  # RFC 3461 4; =, + only as +XX, not checked deeper
_NOTIFY = re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BROKEN = re.compile(r"[\ud800-\udfff]")  # octets that are not UTF-8, as surrogateescape shows them
_KEYWORD = re.compile(r"[0-9A-Z][0-9A-Z-]*")  # RFC 5321 4.1.2, esmtp-keyword
# What a peer must not believe to be honoured: RFC 8689, RFC 2852, RFC 4865. Other words are hints.
_BINDING = frozenset({"REQUIRETLS", "BY", "HOLDFOR", "HOLDUNTIL"})

_PLUS = re.compile(r"\+([0-9A-F]{2})")  # RFC 3461 4, xtext
_STRICT_XTEXT = re.compile(r"(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})*")
_IPV6 = re.compile(r"^IPV6:", re.IGNORECASE)
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_PORT = re.compile(r"[0-9]{1,5}")

_UNFORGIVEN = {
    "space_after_colon": speaking.NO_BLANK,
    "no_brackets": speaking.NEEDS_BRACKETS,
    "unknown_parameter": speaking.UNKNOWN_PARAMETER,
}


class GrammarError(Exception):
    """The argument cannot be read; reply is what to answer."""

    def __init__(self, refusal: Refusal, **filled: str) -> None:
        self.reply = refusal.said(**filled)
        super().__init__(str(self.reply))


class Command(NamedTuple):
    """A verb in capitals and the rest of its line, outer blanks removed."""

    verb: str
    argument: str


def parse_command(line: bytes) -> Command:
    """Read a command line without its line end (RFC 5321 2.4: verbs in any case).

    The name in HELO and EHLO may be any octets: nobody is refused for a wrong one, so what cannot be read is replaced.
    A secret is not remembered.
    """
    return _read_command(line) if line[:4].upper() == b"AUTH" else _known_command(line)


def _read_command(line: bytes) -> Command:
    text = line.decode("utf-8", "surrogateescape").replace("\t", " ").strip(" ")
    verb, _, argument = text.partition(" ")
    command = Command(_capitals(verb), argument.strip(" "))
    if command.verb in ("HELO", "EHLO"):
        return Command(command.verb, _BROKEN.sub("?", _CONTROL.sub("?", command.argument)))
    if _CONTROL.search(text):
        raise GrammarError(speaking.CONTROL_CHARACTERS)
    if _BROKEN.search(text) and command.verb in ("MAIL", "RCPT"):
        raise GrammarError(speaking.NOT_TEXT)
    if _BROKEN.search(text):
        raise GrammarError(speaking.NOT_UTF8)
    return command


_known_command = lru_cache(maxsize=512)(_read_command)


@lru_cache(maxsize=512)
def helo_tolerance(name: str) -> str:
    """The tolerance that a name in HELO and EHLO needs, or ""."""
    if not name:
        return "empty_helo"
    return "" if len(name) <= 255 and _HELO.fullmatch(name) else "odd_helo"


@lru_cache(maxsize=512)
def parse_mail(argument: str, tolerances: frozenset[str] = DEFAULT, sender: str = "") -> MailGiven:
    """Read MAIL's `FROM:<reverse-path> [parameters]`; sender stands for one that is no address, where it is given."""
    needed: list[str] = []
    address, rest = _parse_path(argument, "FROM", needed)
    if address and (reason := check_path(address)):
        if not sender or "not_an_address" not in tolerances:
            raise GrammarError(speaking.SENDER_ADDRESS, flaw=IN_SHORT[reason])
        needed.append("not_an_address")
        address = sender
    elif _ODD_DOTS.match(address):
        needed.append("dot_before_at")
    words = _parameters(rest)
    size = words.pop("SIZE", "0")
    if not size.isascii() or not size.isdigit() or len(size) > 20:
        raise _bad_value("SIZE")
    body = _capitals(words.pop("BODY", "7BIT"))
    if body not in ("7BIT", "8BITMIME"):
        raise _bad_value("BODY")
    smtputf8 = words.pop("SMTPUTF8", None)
    if smtputf8:
        raise _bad_value("SMTPUTF8")
    ret = _capitals(words.pop("RET", ""))
    if ret not in ("", "FULL", "HDRS"):
        raise _bad_value("RET")
    envid = _xtext(words.pop("ENVID", ""), "ENVID", 100)
    words.pop("AUTH", None)  # RFC 4954 5: it may be ignored; we trust nobody's word for another's identity
    _pass_over(words, needed)
    _forgive(needed, tolerances, speaking.SENDER_DOTS)
    return MailGiven(address, int(size), body, smtputf8 is not None, ret, envid, tuple(needed))


@lru_cache(maxsize=512)
def parse_rcpt(argument: str, tolerances: frozenset[str] = DEFAULT) -> tuple[RcptGiven, ...]:
    """Read RCPT's `TO:<forward-path> [parameters]`; more than one value where a list of addresses is forgiven."""
    needed: list[str] = []
    text, rest = _parse_path(argument, "TO", needed)
    addresses = _listed(text, tolerances)
    if addresses != [text]:
        needed.append("list_in_rcpt")
    for address in addresses:
        if reason := check_path(address):
            raise GrammarError(speaking.RECIPIENT_ADDRESS, flaw=IN_SHORT[reason])
    if any(_ODD_DOTS.match(address) for address in addresses):
        needed.append("dot_before_at")
    words = _parameters(rest)
    notify = _capitals(words.pop("NOTIFY", ""))
    if notify and _NOTIFY.fullmatch(notify) is None:
        raise _bad_value("NOTIFY")
    orcpt = _xtext(words.pop("ORCPT", ""), "ORCPT", 500)
    _pass_over(words, needed)
    _forgive(needed, tolerances, speaking.RECIPIENT_DOTS)
    return tuple(RcptGiven(ForwardPath(address, notify, orcpt), tuple(needed)) for address in addresses)


def parse_xclient(argument: str) -> XclientGiven:
    """Read XCLIENT's attributes: NAME=value in xtext, [UNAVAILABLE] for what the proxy does not know."""
    given: dict[str, str] = {}
    for word in argument.split():
        key, equals, value = word.partition("=")
        if not equals or _capitals(key) not in XCLIENT_ATTRIBUTES or not _STRICT_XTEXT.fullmatch(value):
            raise GrammarError(speaking.XCLIENT_VALUE, word=_echo(key))
        value = _PLUS.sub(lambda found: chr(int(found[1], 16)), value)
        given[_capitals(key)] = (
            "" if value in ("[UNAVAILABLE]", "[TEMPUNAVAIL]") else _CONTROL.sub("?", value)
        )
    port, address = given.get("PORT", "") or "0", _IPV6.sub("", given.get("ADDR", ""))
    proto = _capitals(given.get("PROTO", ""))
    if not given or _PORT.fullmatch(port) is None or int(port) > 65535 or proto not in ("", "SMTP", "ESMTP"):
        raise GrammarError(speaking.SYNTAX, form="XCLIENT NAME=value")
    if address and _ADDRESS.fullmatch(address) is None:
        raise GrammarError(speaking.XCLIENT_VALUE, word="ADDR")
    return XclientGiven(
        given.get("NAME", ""), address, int(port), proto, given.get("HELO", ""), given.get("LOGIN", "")
    )


def _listed(text: str, tolerances: frozenset[str]) -> list[str]:
    """The addresses of a path; several, and a stray comma behind one, only where that is forgiven."""
    if "list_in_rcpt" not in tolerances or not ("," in text or ";" in text):
        return [text]
    found = [strip_source_route(one.strip(" ")) for one in _LISTED.findall(text)]
    return [one for one in found if one] or [text]


def _forgive(needed: list[str], tolerances: frozenset[str], dots: Refusal) -> None:
    """Refuse what deviates and is not forgiven; dots is what is said to a bad address."""
    for name in needed:
        if name not in tolerances:
            raise GrammarError(_UNFORGIVEN.get(name, dots))


def _parse_path(argument: str, keyword: str, needed: list[str]) -> tuple[str, str]:
    """Give address and the rest; the names of tolerances are added to needed."""
    head, colon, tail = argument.partition(":")
    if not colon or _capitals(head.strip(" ")) != keyword:
        raise _bad_syntax(keyword)
    if tail.startswith(" "):
        needed.append("space_after_colon")
        tail = tail.lstrip(" ")
    path = _PATH.match(tail)
    if path is None:
        path = _BARE.match(tail)
        needed.append("no_brackets")
    if path is None or tail[path.end() : path.end() + 1] not in ("", " "):
        raise _bad_syntax(keyword)
    address = path[1] if path.re is _PATH else path[0]
    return strip_source_route(address.strip(" ")), tail[path.end() :]


def _bad_syntax(keyword: str) -> GrammarError:
    verb = "MAIL" if keyword == "FROM" else "RCPT"
    return GrammarError(speaking.SYNTAX, form=f"{verb} {keyword}:<address>")


def _bad_value(word: str) -> GrammarError:
    return GrammarError(speaking.PARAMETER_VALUE, word=word)


def _parameters(text: str) -> dict[str, str]:
    words: dict[str, str] = {}
    for word in text.split():
        key, _, value = word.partition("=")
        key = _capitals(key)
        if key in words:
            raise GrammarError(speaking.PARAMETER_TWICE, word=_echo(key))
        words[key] = value
    return words


def _pass_over(words: dict[str, str], needed: list[str]) -> None:
    """Devices send parameters that nobody offered; RFC 5321 4.1.1.11 wants 555, which would lose their mail."""
    for word in words:
        if word in _BINDING or _KEYWORD.fullmatch(word) is None:
            raise GrammarError(speaking.NO_PARAMETER, word=_echo(word))
    if words:
        needed.append("unknown_parameter")


def _echo(word: str) -> str:
    """A piece of the peer's text that may stand in a reply."""
    return "".join(c for c in word[:20] if c.isascii() and (c.isalnum() or c == "-"))


def _capitals(word: str) -> str:
    """Capitals for ASCII words only: Unicode has letters beside s and i, too, whose capitals are S and I."""
    return word.upper() if word.isascii() else word


def _xtext(value: str, name: str, limit: int) -> str:
    if len(value) > limit or _XTEXT.fullmatch(value.replace(";", "")) is None:
        raise _bad_value(name)
    return value
