"""National clouds are presets: every address of a route follows from one word, unless the file names it."""

from __future__ import annotations

import pytest

from relay365.config.roads.clouds import with_presets


@pytest.mark.parametrize(
    ("cloud", "endpoint", "authority", "scope"),
    [
        ("global", "smtp.office365.com:587", "https://login.microsoftonline.com", "https://outlook.office365.com/.default"),
        ("gcc-high", "smtp.office365.us:587", "https://login.microsoftonline.us", "https://outlook.office365.us/.default"),
        ("china", "smtp.partner.outlook.cn:587", "https://login.partner.microsoftonline.cn", "https://partner.outlook.cn/.default"),
    ],
)  # fmt: skip
def test_a_cloud_names_all_addresses(cloud: str, endpoint: str, authority: str, scope: str) -> None:
    """Tokens of one cloud are worth nothing in another, so host, token service and scope go together."""
    found = with_presets("submission", {"cloud": cloud})

    assert (endpoint, authority, scope) == (found["endpoint"], found["authority"], found["scope"])


def test_what_the_file_names_stands() -> None:
    """A preset never replaces a value of the file."""
    found = with_presets(
        "graph", {"graph_endpoint": "https://graph.example", "authority": "https://login.example"}
    )

    assert ("https://graph.example", "https://login.example") == (found["graph_endpoint"], found["authority"])
    assert "https://graph.microsoft.com/.default" == found["scope"]  # a resource, not an address


@pytest.mark.parametrize(
    ("given", "scope"),
    [
        ({"kind": "submission"}, "https://outlook.office.com/SMTP.Send"),
        ({"kind": "submission", "cloud": "gcc-high"}, "https://outlook.office365.us/SMTP.Send"),
        ({"kind": "graph", "large": "refuse"}, "https://graph.microsoft.com/Mail.Send"),
        (
            {"kind": "graph"},
            "https://graph.microsoft.com/Mail.Send https://graph.microsoft.com/Mail.ReadWrite",
        ),
        ({"kind": "hve"}, "https://outlook.office.com/Mail.Send"),
        ({"kind": "graph", "scope": "https://graph.microsoft.com/x"}, "https://graph.microsoft.com/x"),
    ],
)
def test_a_person_who_signs_in_asks_for_the_least(given: dict[str, str], scope: str) -> None:
    """Delegated tokens name SMTP.Send or Mail.Send, and writing only where large mail is uploaded."""
    assert scope == with_presets(given["kind"], {**given, "login": "mailbox"})["scope"]


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        ("hve", "https://outlook.office.com/.default"),
        ("acs", "https://communication.azure.com/.default"),
        ("connector", "https://graph.microsoft.com/.default"),
    ],
)
def test_an_application_asks_for_all_that_it_was_given(kind: str, scope: str) -> None:
    """`.default` of the resource that the kind of route needs."""
    assert scope == with_presets(kind, {})["scope"]


@pytest.mark.parametrize("cloud", ["mars", 7, None])
def test_an_unknown_cloud_is_left_to_the_model(cloud: object) -> None:
    """It says what is wrong; here nothing is added."""
    assert {"cloud": cloud} == with_presets("submission", {"cloud": cloud})
