"""MetaBase.xml: the elements of the SMTP service with their attributes and lines; all other services are passed over.

Document types are refused: a metabase has none, and what they could do to a reader is no good. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from xml.parsers import expat

from relay365.moving.finding import SourceError

KINDS = frozenset(("IIsSmtpService", "IIsSmtpServer", "IIsSmtpDomain", "IIsSmtpInfo", "IIsSmtpAlias", "IIsSmtpUser",
                   "IIsSmtpDL", "IIsSmtpRoutingSource", "IIsSmtpSessions", "IIsSmtpTemplate"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """One element. lines: of its attributes, by name."""

    kind: str
    location: str
    attributes: dict[str, str]
    lines: dict[str, int]

    def where(self, file: str, name: str) -> str:
        """FILE:n of an attribute."""
        return f"{file}:{self.lines.get(name, 1)}"


@dataclass(frozen=True, slots=True)
class Server:
    """One virtual server: what it says, and what the service says above it."""

    node: Node
    service: Node | None
    file: str

    def value(self, name: str) -> str:
        """A property as it holds for this server, "" where nobody sets it."""
        found = self.node.attributes.get(name)
        if found is None and self.service is not None:
            found = self.service.attributes.get(name)
        return (found or "").strip()

    def has(self, name: str) -> bool:
        """Whether it is set, if only to nothing."""
        return name in self.node.attributes or (self.service is not None and name in self.service.attributes)

    def where(self, name: str) -> str:
        """FILE:n of a property."""
        if name in self.node.attributes or self.service is None:
            return self.node.where(self.file, name)
        return self.service.where(self.file, name)


@dataclass
class Metabase:
    """The SMTP elements in their order; others: how many elements of other services there were."""

    nodes: list[Node] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def metabase_of(octets: bytes, file: str) -> Metabase:
    """Read it; raises SourceError. file: its name for people."""
    found = Metabase()
    rows = _text(octets).splitlines()
    parser = expat.ParserCreate()

    def begin(kind: str, attributes: dict[str, str]) -> None:
        location = attributes.get("Location", "")
        if kind in KINDS:
            lines = _attribute_lines(rows, parser.CurrentLineNumber, attributes)
            found.nodes.append(Node(kind, location, attributes, lines))
        elif kind == "Custom" and found.nodes and found.nodes[-1].kind != "":
            _custom(found.nodes[-1], attributes, parser.CurrentLineNumber)
        else:
            found.others[kind] += 1

    def refuse(*_: object) -> None:
        raise SourceError(
            f"{file} cannot be read", "it declares a document type, which no metabase does", _DO
        )

    def end(kind: str) -> None:
        if kind in KINDS:
            found.nodes.append(Node("", "", {}, {}))  # a Custom that follows belongs to nobody

    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(octets, True)
    except expat.ExpatError as error:
        raise SourceError(f"{file} cannot be read", f"it is no XML: {error}", _DO) from error
    found.nodes = [node for node in found.nodes if node.kind]
    return found


_DO = r"give a copy of C:\Windows\System32\inetsrv\MetaBase.xml from the old server"


def _text(octets: bytes) -> str:
    if octets[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return octets.decode("utf-16", "replace")
    return octets.decode("utf-8-sig", "replace")


def _custom(node: Node, attributes: dict[str, str], line: int) -> None:
    """A property that the schema has no attribute for stands as <Custom Name= Value= />."""
    name = attributes.get("Name") or f"ID {attributes.get('ID', '?')}"
    node.attributes.setdefault(name, attributes.get("Value", ""))
    node.lines.setdefault(name, line)


def _attribute_lines(rows: list[str], start: int, attributes: dict[str, str]) -> dict[str, int]:
    """The line of each attribute of an element that begins on the line start; Windows writes one on each."""
    found: dict[str, int] = {}
    for n in range(start, min(len(rows), start + 8 * len(attributes) + 8) + 1):
        for name in re.findall(r"([A-Za-z][A-Za-z0-9]*)\s*=\s*\"", rows[n - 1]):
            if name in attributes:
                found.setdefault(name, n)
        if len(found) == len(attributes):
            break
    return found
