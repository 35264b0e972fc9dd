"""The examination as a page."""

from __future__ import annotations

from typing import Any

from relay365.cli.finding.doctor_report import page

ONE: dict[str, Any] = {
    "check": "dns.contoso.com.spf", "area": "dns", "state": "bad", "behind": None, "text": "no <SPF>",
    "said": "v=spf1 & more", "why": "because", "do": 'publish "this"',
}  # fmt: skip


def made(*findings: dict[str, Any], left_out: tuple[str, ...] = ()) -> str:
    counts = {"good": 0, "warn": 0, "bad": len(findings), "unknown": 0, "behind": 0}
    return page(
        {"counts": counts, "findings": list(findings), "left_out": left_out}, "relay<365>.toml", 1.8e9
    )


def test_everything_is_escaped() -> None:
    """What a remote says cannot become markup."""
    text = made(ONE)

    assert "no &lt;SPF&gt;" in text and "v=spf1 &amp; more" in text and "publish &quot;this&quot;" in text
    assert "relay&lt;365&gt;.toml" in text
    assert "<SPF>" not in text


def test_a_state_is_a_word_and_a_sign() -> None:
    """Never only a colour; what stands behind a fault says behind which."""
    text = made(ONE, {**ONE, "check": "dns.a.dkim", "state": "unknown", "behind": "dns.resolver"})

    assert "✗ fault" in text
    assert "not asked" in text and "stands behind dns.resolver" in text
    assert "2 fault" in text


def test_a_good_finding_has_no_cure() -> None:
    """Only what is wrong explains itself."""
    assert "because" not in made({**ONE, "state": "good"})
    assert "because" in made({**ONE, "state": "warn"})


def test_nothing_outside_is_needed() -> None:
    """No address, no script; what was left out stands at the end."""
    text = made(ONE, left_out=("PTR: only a connector needs it",))

    assert "//" not in text.replace("<!doctype html>", "") and "<script" not in text
    assert text.index("Left out") > text.index("dns.contoso.com.spf")
    assert "<li>PTR: only a connector needs it</li>" in text
    assert "nothing was asked" in made()
