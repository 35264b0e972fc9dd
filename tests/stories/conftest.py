"""What all stories share: an emulator for each file of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.microsoft import Microsoft, microsoft

# Six messages a story and several stories a minute: what one of them sends must not use up the next one's minute.
SCENARIO = """
[application]
requests_per_minute = 1000
[[mailbox]]
address = "scan@contoso.com"
basic_auth = true
aliases = ["scanner@contoso.com"]
send_as = ["alerts@contoso.com", "noreply@contoso.com"]
limits = { per_minute = 1000 }
[[mailbox]]
address = "alerts@contoso.com"
basic_auth = true
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Microsoft]:
    """One emulator for all stories; each takes its moods back."""
    with microsoft(tmp_path_factory.mktemp("stories"), SCENARIO) as running:
        yield running
