"""The grammar of commands and their parameters (RFC 5321 4.1.1, 4.1.2; RFC 1870, 3461, 6152, 6531).

Text in, values out; what cannot be read raises GrammarError with the reply that the peer deserves. A device says the
same few lines all day, so what could be read is remembered.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from relay365.mail.address import check_path, strip_source_route
from relay365.mail.envelope import ForwardPath
from relay365.mail.status import Reply
from relay365.smtp.events import MailGiven, RcptGiven

_PATH = re.compile(r'<((?:"(?:[^"\\]|\\.)*"|[^<>"])*)>')
_BARE = re.compile(r"[^ <>]+")
_XTEXT = re.compile(r"[\x21-\x2a\x2c-\x3c\x3e-\x7e+]*")  # RFC 3461 4; =, + only as +XX, not checked deeper
_NOTIFY = re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BROKEN = re.compile(r"[\ud800-\udfff]")  # octets that are not UTF-8, as surrogateescape shows them
_KEYWORD = re.compile(r"[0-9A-Z][0-9A-Z-]*")  # RFC 5321 4.1.2, esmtp-keyword
# What a peer must not believe to be honoured: RFC 8689, RFC 2852, RFC 4865. Other words are hints.
_BINDING = frozenset({"REQUIRETLS", "BY", "HOLDFOR", "HOLDUNTIL"})


class GrammarError(Exception):
    """The argument cannot be read; reply is what to answer."""

    def __init__(self, code: int, status: str, text: str) -> None:
        self.reply = Reply.of(code, status, text)
        super().__init__(text)


class Command(NamedTuple):
    """A verb in capitals and the rest of its line, outer blanks removed."""

    verb: str
    argument: str


def parse_command(line: bytes) -> Command:
    """Read a command line without its line end (RFC 5321 2.4: verbs in any case).

    The name in HELO and EHLO may be any octets: nobody is refused for a wrong one, so what cannot be read is replaced.
    """
    text = line.decode("utf-8", "surrogateescape").replace("\t", " ").strip(" ")
    verb, _, argument = text.partition(" ")
    command = Command(_capitals(verb), argument.strip(" "))
    if command.verb in ("HELO", "EHLO"):
        return Command(command.verb, _BROKEN.sub("?", _CONTROL.sub("?", command.argument)))
    if _CONTROL.search(text):
        raise GrammarError(500, "5.5.2", "Command line has control characters")
    if _BROKEN.search(text) and command.verb in ("MAIL", "RCPT"):
        raise GrammarError(553, "5.6.7", "Address is neither ASCII nor UTF-8")
    if _BROKEN.search(text):
        raise GrammarError(500, "5.5.2", "Command line is not UTF-8")
    return command


@lru_cache(maxsize=512)
def parse_mail(argument: str) -> MailGiven:
    """Read MAIL's `FROM:<reverse-path> [parameters]`."""
    address, rest, tolerances = _parse_path(argument, "FROM")
    if address and (reason := check_path(address)):
        raise GrammarError(553, "5.1.7", f"Sender address not valid: {reason}")
    words = _parameters(rest)
    size = words.pop("SIZE", "0")
    if not size.isascii() or not size.isdigit() or len(size) > 20:
        raise GrammarError(501, "5.5.4", "SIZE needs a number")
    body = _capitals(words.pop("BODY", "7BIT"))
    if body not in ("7BIT", "8BITMIME"):
        raise GrammarError(501, "5.5.4", "BODY must be 7BIT or 8BITMIME")
    smtputf8 = words.pop("SMTPUTF8", None)
    if smtputf8:
        raise GrammarError(501, "5.5.4", "SMTPUTF8 takes no value")
    ret = _capitals(words.pop("RET", ""))
    if ret not in ("", "FULL", "HDRS"):
        raise GrammarError(501, "5.5.4", "RET must be FULL or HDRS")
    envid = _xtext(words.pop("ENVID", ""), "ENVID", 100)
    words.pop("AUTH", None)  # RFC 4954 5: it may be ignored; we trust nobody's word for another's identity
    tolerances += _pass_over(words)
    return MailGiven(address, int(size), body, smtputf8 is not None, ret, envid, tolerances)


@lru_cache(maxsize=512)
def parse_rcpt(argument: str) -> RcptGiven:
    """Read RCPT's `TO:<forward-path> [parameters]`."""
    address, rest, tolerances = _parse_path(argument, "TO")
    if reason := check_path(address):
        raise GrammarError(553, "5.1.3", f"Recipient address not valid: {reason}")
    words = _parameters(rest)
    notify = _capitals(words.pop("NOTIFY", ""))
    if notify and _NOTIFY.fullmatch(notify) is None:
        raise GrammarError(501, "5.5.4", "NOTIFY must be NEVER or a list of SUCCESS, FAILURE, DELAY")
    orcpt = _xtext(words.pop("ORCPT", ""), "ORCPT", 500)
    tolerances += _pass_over(words)
    return RcptGiven(ForwardPath(address, notify, orcpt), tolerances)


def _parse_path(argument: str, keyword: str) -> tuple[str, str, tuple[str, ...]]:
    """Give address, the rest, and the names of the tolerances that were needed."""
    head, colon, tail = argument.partition(":")
    if not colon or _capitals(head.strip(" ")) != keyword:
        raise _bad_syntax(keyword)
    tolerances = []
    if tail.startswith(" "):
        tolerances.append("space-after-colon")
        tail = tail.lstrip(" ")
    path = _PATH.match(tail)
    if path is None:
        path = _BARE.match(tail)
        tolerances.append("no-brackets")
    if path is None or tail[path.end() : path.end() + 1] not in ("", " "):
        raise _bad_syntax(keyword)
    address = path[1] if path.re is _PATH else path[0]
    return strip_source_route(address.strip(" ")), tail[path.end() :], tuple(tolerances)


def _bad_syntax(keyword: str) -> GrammarError:
    verb = "MAIL" if keyword == "FROM" else "RCPT"
    return GrammarError(501, "5.5.4", f"Syntax: {verb} {keyword}:<address>")


def _parameters(text: str) -> dict[str, str]:
    words: dict[str, str] = {}
    for word in text.split():
        key, _, value = word.partition("=")
        key = _capitals(key)
        if key in words:
            raise GrammarError(501, "5.5.4", f"Parameter {_echo(key)} given twice")
        words[key] = value
    return words


def _pass_over(words: dict[str, str]) -> tuple[str, ...]:
    """Devices send parameters that nobody offered; RFC 5321 4.1.1.11 wants 555, which would lose their mail."""
    for word in words:
        if word in _BINDING or _KEYWORD.fullmatch(word) is None:
            raise GrammarError(555, "5.5.4", f"Parameter {_echo(word)} not recognized")
    return ("unknown-parameter",) if words else ()


def _echo(word: str) -> str:
    """A piece of the peer's text that may stand in a reply."""
    return "".join(c for c in word[:20] if c.isascii() and (c.isalnum() or c == "-"))


def _capitals(word: str) -> str:
    """Capitals for ASCII words only: Unicode has letters beside s and i, too, whose capitals are S and I."""
    return word.upper() if word.isascii() else word


def _xtext(value: str, name: str, limit: int) -> str:
    if len(value) > limit or _XTEXT.fullmatch(value.replace(";", "")) is None:
        raise GrammarError(501, "5.5.4", f"{name} is not valid")
    return value
