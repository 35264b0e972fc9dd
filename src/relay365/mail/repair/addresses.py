"""Address fields as devices write them, made what the grammar has (RFC 5322 3.4): names quoted, lists separated.

`printer@x.test <printer@x.test>` is the commonest: Exchange refuses an @ in a name that is not quoted. What can be
read already keeps its octets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from relay365.mail.repair.words import encoded_words, fold

# What is opened and never closed reaches to the end, so that no octet is looked at twice.
_QUOTED = r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
_COMMENTED = r"\((?:[^()\\]|\\.)*+(?:\)|(?=\()|\\?\Z)"
_TOKEN = re.compile(rf'{_QUOTED}|{_COMMENTED}|<[^<>]*+>|[,;:]|[^",;:<(]++|.', re.DOTALL)
_PHRASE = re.compile(
    r"(?:[\w!#$%&'*+/=?^`{|}~.\-]++|\"(?:[^\"\\]|\\.)*+\"|[ \t]++|\((?:[^()\\]|\\.)*+\))*+", re.ASCII
)
_BETWEEN = re.compile(r"[\s<>()\",;:]+")
_COMMENT = re.compile(_COMMENTED, re.DOTALL)
_UNQUOTE = re.compile(r'\\(.)|"')
_NOBODY = re.compile(r"<?undisclosed[- ]recipients(?::;)?>?", re.IGNORECASE)
UNDISCLOSED = "undisclosed-recipients:;"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One element of a list. text: as it stands; name: what stands in front of the angle bracket; address: or ""."""

    text: str
    name: str
    address: str

    @property
    def is_well_formed(self) -> bool:
        """Whether it can stand as it is."""
        if self.name and ("<" not in self.text or not self.text.endswith((">", ")"))):
            return False
        return self.text.isascii() and bool(self.address) and _PHRASE.fullmatch(self.name) is not None

    def words(self) -> list[str]:
        """It, as the grammar has it, in words between which a line may be folded."""
        if self.is_well_formed:
            return [self.text]
        name = plain(self.name)
        if not name:
            return [f"<{self.address}>"]
        return [*(encoded_words(name) if not name.isascii() else [quoted(name)]), f"<{self.address}>"]


@dataclass(frozen=True, slots=True)
class AddressList:
    """A field's value. is_regular: its separators are commas and no group is opened that is not closed."""

    mailboxes: tuple[Mailbox, ...]
    is_regular: bool
    has_group: bool


def read_list(text: str, *, joins_names: bool = False) -> AddressList:
    """Read a list; never raises. joins_names: `Lake, Lena <l@x>` is one author, not two."""
    elements, current = [], ""
    n_open = n_semicolons = n_groups = 0
    for found in _TOKEN.finditer(text):
        sign = found[0]
        if sign == ":" and not n_open:
            n_open, n_groups, current = 1, n_groups + 1, ""
        elif sign in {",", ";"}:
            elements.append(current)
            current = ""
            n_semicolons += sign == ";" and not n_open
            n_open = n_open and sign != ";"
        else:
            current += sign
    found_all = [_mailbox(one) for one in (*elements, current) if one.strip()]
    if joins_names:
        found_all = _join(found_all)
    return AddressList(tuple(found_all), not n_semicolons and not n_open, n_groups > 0)


def _mailbox(text: str) -> Mailbox:
    text = text.strip()
    name, angle, rest = text.rpartition("<")
    address, closed, behind = rest.partition(">")
    if angle and closed:
        junk = _COMMENT.sub(" ", behind).strip()
        return Mailbox(text, f"{name.strip()} {junk}".strip(), address.strip())
    words = _BETWEEN.split(_COMMENT.sub(" ", text))
    bare = next((word for word in words if "@" in word[1:-1] and word.count("@") == 1), "")
    if not bare:
        return Mailbox(text, text, "")
    comment = _COMMENT.search(text)
    others = _COMMENT.sub(" ", text).replace(bare, " ").strip()
    name = others or (comment[0][1:-1] if comment else "")
    return Mailbox(text, "" if not others and text.isascii() else name, bare)


def _join(found: list[Mailbox]) -> list[Mailbox]:
    """Elements without an address belong to the name of the next one that has a name and an address."""
    joined: list[Mailbox] = []
    waiting = ""
    for one in found:
        if not one.address:
            waiting += f"{plain(one.text)}, "
        elif waiting:
            joined.append(
                Mailbox(f"{waiting}{one.text}", f"{waiting}{plain(one.name)}".rstrip(", "), one.address)
            )
            waiting = ""
        else:
            joined.append(one)
    return [*joined, _mailbox(waiting.rstrip(", "))] if waiting else joined


def plain(name: str) -> str:
    """A name without quotes, escapes and line ends."""
    return " ".join(_UNQUOTE.sub(lambda found: found[1] or "", name).split())


def quoted(name: str) -> str:
    """A name as a quoted string (RFC 5322 3.2.4)."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def mended(label: str, text: str, *, is_author: bool) -> bytes | None:
    """The field as it should be; None where it can stay, or where nobody can tell what it should be."""
    if not is_author and _NOBODY.fullmatch(text.strip()):
        return (
            None
            if text.strip().lower() == UNDISCLOSED or text.strip().endswith(":;")
            else fold(label, [UNDISCLOSED])
        )
    found = read_list(text, joins_names=is_author)
    boxes = found.mailboxes
    is_right = found.is_regular and all(one.is_well_formed for one in boxes)
    if is_author and found.has_group:
        is_right = False
    elif found.has_group:
        return None
    if is_right or not boxes or not all(one.address and one.address.isascii() for one in boxes):
        return None
    words = [one.words() for one in boxes]
    for element in words[:-1]:
        element[-1] += ","
    return fold(label, [word for element in words for word in element])
