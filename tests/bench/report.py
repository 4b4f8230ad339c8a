"""The figures as a table in Markdown and as JSON. Parts that a run does not measure keep their earlier figures."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hooks import __version__
from tests.bench.figures import Figure

Parts = Mapping[str, Sequence[Figure]]
"""The figures by part."""

NOT_IN_TABLE = frozenset({"9 of 10", "p99.9"})
"""Figures that a plot needs and a reader does not."""

HEAD = ("measured", "of", "median", "least", "most", "rounds")


def table(parts: Parts) -> str:
    """One Markdown table for each part. The unit of a number stands after the name."""
    return "\n\n".join(f"**{part}**\n\n{_rows(figures)}" for part, figures in parts.items())


def _rows(figures: Iterable[Figure]) -> str:
    rows = [
        HEAD,
        ("---", "---", *(["--:"] * (len(HEAD) - 2))),
        *(_row(one) for one in figures if one.name not in NOT_IN_TABLE),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(figure: Figure) -> tuple[str, ...]:
    name = f"{figure.name}, {figure.unit}" if figure.unit else figure.name
    labels = ", ".join(_words(key, value) for key, value in figure.labels.items())
    least, most = min(figure.values), max(figure.values)
    return (
        name,
        labels,
        number(figure.median),
        number(least),
        number(most),
        str(len(figure.values)),
    )


def _words(key: str, value: str | int) -> str:
    if key == "rate":
        return f"at {value}/s"
    return f"{value:,} {key}" if isinstance(value, int) else value


def number(value: float) -> str:
    """The number with three significant digits, and with all digits before the point."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def read(path: Path) -> dict[str, list[Figure]]:
    """The figures of earlier runs by part; empty if there was no run."""
    if not path.exists():
        return {}
    raw = json.loads(path.read_text())
    return {
        part: [Figure.from_dict(one) for one in figures] for part, figures in raw["parts"].items()
    }


def write(path: Path, parts: Parts, notes: Sequence[str]) -> None:
    """Write the figures as JSON, with a description of the machine."""
    told = {"version": __version__, "machine": _machine(), "notes": list(notes)}
    figures = {part: [figure.as_dict() for figure in found] for part, found in parts.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told | {"parts": figures}, indent=1, ensure_ascii=False) + "\n")


def _machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "python": platform.python_version(),
    }


def merged(
    before: Mapping[str, Sequence[Figure]], now: Parts, order: Iterable[str]
) -> dict[str, Sequence[Figure]]:
    """The latest figures of each part, in this order."""
    everything = {**before, **now}
    return {part: everything[part] for part in order if part in everything}
