"""Workshop: what the administrator wants done to contents, as one value, made from the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from relay365.config import Config
from relay365.engine.contents.diary import Diary
from relay365.engine.contents.twins import MOST, Twins
from relay365.mail.repair.rules import Authors, Rules
from relay365.rules.oversize import Sizes


@dataclass(frozen=True, slots=True)
class Workshop:
    """The tables [repair], [sender], [oversize] and [duplicates]. By itself it adds a missing Message-ID, no more.

    received: how much our trace field tells. sizes: what the ways out take, and what becomes of more. twins: who
    recognises a message that was sent again; None: nobody.
    """

    rules: Rules = field(default_factory=Rules)
    authors: Authors = field(default_factory=Authors)
    received: str = "full"
    sizes: Sizes = field(default_factory=Sizes)
    twins: Twins | None = None


def workshop_of(config: Config, data: Path | None = None) -> Workshop:
    """One for all listeners: a device may send again by another one. data: where twins outlive a restart."""
    repair, sender = config.repair, config.sender
    rules = Rules(
        repair.date, repair.date_off, repair.message_id, repair.sender, repair.recipient, repair.raw_headers,
        repair.syntax, repair.parts,
    )  # fmt: skip
    domains = frozenset(domain.lower() for domain in sender.domains)
    authors = Authors(domains, sender.foreign, sender.rewrite_to or "", sender.keep_as, sender.null)
    window_s = config.duplicates.window
    diary = Diary(data, MOST) if data is not None else None
    twins = Twins(window_s, diary=diary) if window_s > 0 else None
    return Workshop(rules, authors, repair.received, Sizes.of(config), twins)
