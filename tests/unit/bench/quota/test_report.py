"""Tables and plots: what is known stands in them, what is not known does not, and the page keeps its other words."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench.quota import __main__ as command
from bench.quota import report
from bench.quota.plot import Bar, bars
from bench.quota.scenarios import scenarios

FOUND = {
    "used": 0.9764,
    "refused": 0.6,
    "of_best": 0.9766,
    "done_alarm": 1.0,
    "p50_alarm": 1.25,
    "p99_alarm": 600.0,
}


def test_means_are_over_those_that_have_the_figure() -> None:
    """A figure that is absent in one seed is averaged over the others."""
    played = report.means([{"p": {"sliding": {"a": 1.0, "b": 4.0}}}, {"p": {"sliding": {"a": 2.0}}}])

    assert {"p": {"sliding": {"a": 1.5, "b": 4.0}}} == played


def test_a_page_shows_what_is_known() -> None:
    """Where the models differ there is a matrix; a column that nobody fills is left out."""
    saturated = scenarios()["saturated"]
    models = {model: dict(FOUND, used=0.9 + n / 100) for n, model in enumerate(saturated.models)}
    page = report.page({"saturated": (saturated, {"some policy": models})}, (1, 2))

    assert "Means over the seeds 1, 2" in page
    assert "| policy | sliding | fixed | bucket | refused count | delay |" in page
    assert (
        "| some policy | 90.0 % / 0.6 | 91.0 % / 0.6 | 92.0 % / 0.6 | 93.0 % / 0.6 | 94.0 % / 0.6 |" in page
    )
    assert (
        "| policy | used | refused per 1,000 | of the optimum | alarm done | alarm wait p50, p99 |\n" in page
    )
    assert "| some policy | 90.0 % | 0.6 | 97.7 % | 100.0 % | 1.2 s, 10 min |" in page


def test_equal_models_are_told_once() -> None:
    """Where no model differs from another there is one table and a sentence."""
    day = scenarios()["day"]
    page = report.page({"day": (day, {"some policy": dict.fromkeys(day.models, FOUND)})}, (1,))

    assert "The same in every model (sliding, fixed):" in page
    assert "| used |" not in page


def test_the_page_keeps_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what stands between the marks is replaced; a page without marks is left alone and said so."""
    page = tmp_path / "scheduling.md"
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "PLOTS", tmp_path)
    played = {"day": (scenarios()["day"], {"p": dict.fromkeys(scenarios()["day"].models, FOUND)})}
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", "utf-8")
    report.write(played, (1,))

    text = page.read_text("utf-8")
    assert text.startswith(f"before\n{report.BEGIN}\nMeans over")
    assert text.endswith(f"{report.END}\nafter\n")
    assert "old" not in text
    assert ET.parse(tmp_path / "quota-day.svg").getroot().tag.endswith("svg")
    page.write_text("nothing", "utf-8")
    with pytest.raises(ValueError, match="has lost its marks"):
        report.write(played, (1,))
    assert "nothing" == page.read_text("utf-8")


def test_bars_stay_in_the_picture() -> None:
    """A share above one is cut at the full length, names are escaped, every bar has its words."""
    picture = ET.fromstring(bars("a & b", {"<one>": [Bar("used", 1.7, "170 %"), Bar("lost", 0.0, "0")]}))
    texts = [element.text for element in picture.iter() if element.tag.endswith("text")]
    widths = [
        int(e.get("width") or 0) for e in picture.iter() if e.tag.endswith("rect") and e.get("height") == "12"
    ]

    assert ["a & b", "used", "lost", "<one>", "170 %", "0"] == texts
    assert [420, 0] == widths


def test_the_command_refuses_half_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown worlds and a page of one seed are wrong use: exit code 2 and a sentence."""
    for arguments, words in (
        (
            ["--only", "moon"],
            "no world is called moon; there are saturated, foreign, day, unforeseen, looping, pool",
        ),
        (["--seeds", "1", "--write"], "leave out --only and --seeds, or --write"),
    ):
        with pytest.raises(SystemExit) as ended:
            command.main(arguments)
        assert 2 == ended.value.code
        assert words in capsys.readouterr().err
