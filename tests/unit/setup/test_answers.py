"""What the wizard must know."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from relay365.errors import ConfigError
from relay365.setup.advice import Road
from relay365.setup.answers import HVE_ENDPOINT, Answers, judge_one, judged, read_answers

LEAST = {"mailbox": "scan@contoso.com"}


def test_the_least() -> None:
    """An address is enough: the domain is its own, the road is the usual one, the addresses are those of the cloud."""
    found = judged(LEAST, "answers")

    assert ("contoso.com", Road.APPLICATION) == (found.domain, found.road)
    assert "https://login.microsoftonline.com" == found.authority
    assert "smtp.office365.com:587" == found.endpoint
    assert found.asks_entra


def test_clouds_and_roads_have_their_addresses() -> None:
    """Those of a national cloud, and the host of High Volume Email."""
    assert "https://login.microsoftonline.us" == judged({**LEAST, "cloud": "gcc-high"}, "a").authority
    assert HVE_ENDPOINT == judged({**LEAST, "road": "hve"}, "a").endpoint
    assert "127.0.0.1:587" == judged({**LEAST, "endpoint": "127.0.0.1:587"}, "a").endpoint


@pytest.mark.parametrize(
    ("changes", "where", "expected"),
    [
        ({"mailbox": "scan"}, "a: mailbox", "a mail address"),
        ({"domain": "contoso"}, "a: domain", "a mail domain such as contoso.com"),
        ({"networks": ["10.0.0.1/8"]}, "a: networks.0", "a network such as"),
        ({"senders": ["@contoso.com"]}, "a: senders.0", "a mail address"),
        ({"listeners": []}, "a: listeners", "at least 1"),
        ({"cloud": "mars"}, "a: cloud", '"global"'),
        ({"road": "certificate"}, "a", "certificate, key and certificate_name"),
        (
            {"road": "certificate", "certificate": "c", "key": "k", "certificate_name": "x.org"},
            "a",
            "in the accepted domain",
        ),
        ({"road": "address", "address": "10.1.1.1"}, "a", "public address"),
        ({"secret": {"file": "s"}}, "a", "client with secret"),
        ({"domain": "fabrikam.com"}, "a", "a mailbox in the domain"),
        ({"authority": "http://login"}, "a: authority", "an https address"),
        ({"secret": "abc", "client": "1"}, "a: secret", "SecretRef"),
    ],
)
def test_what_is_wrong(changes: dict[str, Any], where: str, expected: str) -> None:
    """Key, expected, found."""
    with pytest.raises(ConfigError) as caught:
        judged({**LEAST, **changes}, "a")

    assert where == caught.value.where
    assert expected in caught.value.expected


def test_a_misspelt_key_is_told_before_the_missing_one() -> None:
    """With the nearest known name."""
    with pytest.raises(ConfigError) as caught:
        judged({"mailbx": "a@contoso.com"}, "a")

    assert "did you mean mailbox?" == caught.value.hint


def test_a_file_that_is_no_toml() -> None:
    """The place stands in the text."""
    with pytest.raises(ConfigError, match="TOML"):
        read_answers("mailbox = scan", "a")
    assert {"mailbox": "x"} == read_answers('mailbox = "x"', "a")


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("mailbox", "a@b.c", "a"), ("domain", "contoso.com", "contoso"), ("networks", ["10.0.0.0/8"], ["10"]),
        ("listeners", ["127.0.0.1:25"], ["25"]), ("foreign", "reject", "no"), ("road", "hve", "x"),
        ("test_to", "a@b.c", "a"),
        ("client", "7a1e0c52-0000", "my app"),
    ],
)  # fmt: skip
def test_one_answer(key: str, good: object, bad: object) -> None:
    """An answer can be judged by itself, so that it is asked again at once."""
    assert "" == judge_one(key, good)
    assert judge_one(key, bad)


def test_every_key_stands_in_the_page() -> None:
    """docs/setup.md lists each key with its meaning, and no other."""
    page = (
        (Path(__file__).parents[3] / "docs" / "setup.md")
        .read_text("utf-8")
        .partition("## The file of answers")[2]
    )
    listed = re.findall(r"^\| `(\w+)` \|.*\| (.+) \|$", page, re.MULTILINE)

    assert [(key, (field.description or "").lower()) for key, field in Answers.model_fields.items()] == [
        (key, meaning.lower()) for key, meaning in listed
    ]


@pytest.mark.parametrize(
    ("alert_by", "more", "missing"),
    [
        ("teams", {}, "alert_url"),
        ("webhook", {}, "alert_url"),
        ("syslog", {}, "alert_address"),
        ("mail", {"alert_to": "it@x.test"}, "alert_host"),
        ("mail", {"alert_host": "mail.isp.test:25"}, "alert_to"),
        ("mail", {"alert_host": "mail.isp.test:25", "reports_to": "it@x.test"}, ""),
        ("syslog", {"alert_address": "udp://10.0.0.9:514"}, ""),
        ("nobody", {}, ""),
    ],
)
def test_each_way_to_people_needs_its_own(alert_by: str, more: dict[str, str], missing: str) -> None:
    """What is missing is named with the way that needs it; mail to people never goes the way that may be broken."""
    given = {"mailbox": "scan@contoso.com", "alert_by": alert_by, **more}
    if not missing:
        assert alert_by == judged(given, "x").alert_by
        return
    with pytest.raises(ConfigError) as caught:
        judged(given, "x")

    assert f'{missing} with alert_by = "{alert_by}"' == caught.value.expected


def test_a_rescue_is_by_a_person() -> None:
    """On no other road is there somebody who can sign in now."""
    with pytest.raises(ConfigError) as caught:
        judged({"mailbox": "scan@contoso.com", "rescue": True}, "x")

    assert 'road = "person" with rescue' == caught.value.expected
