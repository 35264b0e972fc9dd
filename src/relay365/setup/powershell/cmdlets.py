"""The documented cmdlets and Graph calls, from cmdlets.toml.

Apart from checking, which judges a script by them. A data file, because Microsoft changes it.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class ParameterSet:
    """One documented form of a cmdlet, names in small letters. needed: must be given; switches: take no value."""

    names: frozenset[str]
    needed: frozenset[str]
    switches: frozenset[str]


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """One cmdlet: its name as documented, its page, and its forms."""

    name: str
    page: str
    sets: tuple[ParameterSet, ...]

    @property
    def names(self) -> dict[str, str]:
        """Every parameter of any form, by its small letters, as documented."""
        return _spelled()[self.name.lower()]


@dataclass(frozen=True, slots=True)
class GraphCall:
    """One documented request to Graph; path: with {} for one segment."""

    method: str
    path: str
    page: str

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is this one."""
        shape = re.escape(self.path).replace(r"\{\}", r"[^/]+")
        return method == self.method and re.fullmatch(shape, path) is not None


@cache
def cmdlets() -> dict[str, Cmdlet]:
    """All cmdlets by name in small letters."""
    return {
        one["name"].lower(): Cmdlet(one["name"], one["page"], tuple(_set_of(words) for words in one["sets"]))
        for one in _file()["cmdlet"]
    }


@cache
def common() -> ParameterSet:
    """What every cmdlet takes. (Microsoft: about_CommonParameters)"""
    return _set_of(_file()["common"])


@cache
def graph_calls() -> tuple[GraphCall, ...]:
    """All requests to Graph."""
    return tuple(GraphCall(one["method"], one["path"], one["page"]) for one in _file()["call"])


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads(files("relay365.setup.powershell").joinpath("cmdlets.toml").read_text("utf-8"))


@cache
def _spelled() -> dict[str, dict[str, str]]:
    return {
        one["name"].lower(): {
            _bare(word).lower(): _bare(word) for words in one["sets"] for word in words.split()
        }
        for one in _file()["cmdlet"]
    }


def _set_of(words: str) -> ParameterSet:
    all_of = words.split()
    return ParameterSet(
        frozenset(_bare(word).lower() for word in all_of),
        frozenset(_bare(word).lower() for word in all_of if word.endswith("!")),
        frozenset(_bare(word).lower() for word in all_of if "?" in word),
    )


def _bare(word: str) -> str:
    return word.rstrip("?!")
