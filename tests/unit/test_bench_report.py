"""The output of `make bench`: table, JSON, plots, and the verdict of the quick run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import check, plots, report
from tests.bench.figures import Figure, Labels, ratios, select_figures
from tests.bench.idle import Idleness
from tests.bench.parts.growth import LARGE, TO_EMPTY
from tests.bench.rounds import PERCENTILES, TO_FLOOR

RATES = Figure(
    "rate", "1/s", (1200.0, 900.0, 1000.0), {"database": "sqlite", "side": "floor", "rate": 600}
)


def intake(ratio: float, database: str = "sqlite") -> Figure:
    return Figure(TO_FLOOR, "", (ratio,), {"database": database, "side": "service"})


def growth(ratio: float) -> Figure:
    return Figure(TO_EMPTY, "", (ratio,), {"database": "sqlite", "records": 100_000})


def test_a_row_shows_median_minimum_and_maximum() -> None:
    assert report.table({"intake": [RATES]}).splitlines() == [
        "**intake**",
        "",
        "| measured | of | median | least | most | rounds |",
        "| --- | --- | --: | --: | --: | --: |",
        "| rate, 1/s | sqlite, floor, at 600/s | 1,000 | 900 | 1,200 | 3 |",
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (0.51234, "0.512"),
        (12.345, "12.3"),
        (123.45, "123"),
        (1234567.8, "1,234,568"),
        (3.0, "3"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, expected: str) -> None:
    assert report.number(value) == expected


def test_ratios_are_computed_for_each_round() -> None:
    floor_rates = Figure("rate", "1/s", (2000.0, 0.0, 500.0), {})
    assert ratios("part", RATES, floor_rates, {}).values == (0.6, 0.0, 2.0)


def test_figures_are_selected_by_their_labels() -> None:
    figures = [intake(0.5), intake(0.4, "postgresql"), RATES]
    assert select_figures(figures, TO_FLOOR, database="postgresql") == [figures[1]]


def test_json_is_read_back_and_unmeasured_parts_stay(tmp_path: Path) -> None:
    path = tmp_path / "new/bench.json"
    report.write(path, {"intake": [RATES], "growth": [growth(0.9)]}, ["a note"])
    before = report.read(path)
    assert before == {"intake": [RATES], "growth": [growth(0.9)]}
    merged = report.merged(
        before, {"growth": [growth(0.8)], "start": []}, ("start", "intake", "growth")
    )
    assert list(merged.items()) == [("start", []), ("intake", [RATES]), ("growth", [growth(0.8)])]
    assert report.read(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"intake": [intake(0.30)], "growth": [growth(0.60)]}, []),
        ({"intake": [intake(0.29)]}, ["on sqlite is at 0.29 of the floor"]),
        (
            {"intake": [intake(0.5), intake(0.1, "postgresql")]},
            ["on postgresql is at 0.10 of the floor"],
        ),
        (
            {"growth": [growth(0.59)]},
            ["on sqlite at 100,000 records is at 0.59 of that at an empty ledger"],
        ),
        # the floor of other conditions does not count
        ({"conditions": [intake(0.1)]}, []),
    ],
)
def test_the_quick_run_reports_what_is_too_slow(
    parts: dict[str, list[Figure]], words: list[str]
) -> None:
    found = list(check.shortfalls(parts))
    assert len(found) == len(words)
    assert all(word in one for word, one in zip(words, found, strict=True))


def test_the_same_figures_give_the_same_plots(tmp_path: Path) -> None:
    parts = {"intake": list(_latencies()), "growth": list(_growing())}
    once = [path.read_bytes() for path in plots.draw(parts, tmp_path)]
    again = [path.read_bytes() for path in plots.draw(parts, tmp_path)]
    assert once == again
    assert b"PostgreSQL" in once[0]
    assert len(once) == 2
    assert plots.draw({}, tmp_path) == []


def _latencies() -> list[Figure]:
    target_labels: list[Labels] = [
        {"database": name, "side": side} for name in plots.NAMES for side in ("floor", "service")
    ]
    return [
        Figure(name, "ms", (1.0, 2.0), labels | {"rate": rate})
        for name in PERCENTILES
        for labels in target_labels
        for rate in (1, 9)
    ]


def _growing() -> list[Figure]:
    sizes: list[Labels] = [
        {"database": name, "records": size} for name in plots.NAMES for size in (1000, 9000)
    ]
    return [
        *(Figure(TO_FLOOR, "", (0.5, 0.6), labels | {"side": LARGE}) for labels in sizes),
        *(Figure(TO_EMPTY, "", (0.9, 0.8), labels) for labels in sizes),
    ]


def test_idleness_reports_how_often_the_machine_was_busy() -> None:
    assert Idleness(0, [0.01, 0.1]).words == "The machine was idle before each of 2 measurements."
    assert "not idle before 1 of 3 measurements: up to 50%" in Idleness(0, [0.01, 0.5, 0.0]).words


def test_waiting_for_an_idle_machine_times_out() -> None:
    idle = Idleness(patience=0)
    idle.wait()
    assert len(idle.shares) == 1
