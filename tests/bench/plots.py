"""The plots of `docs/performance.md`, from the figures: the same figures give the same file, byte by byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Sheet

from tests.bench.figures import Figure, select_figures
from tests.bench.parts.growth import LARGE, TO_EMPTY
from tests.bench.report import Parts
from tests.bench.rounds import PERCENTILES, TO_FLOOR
from tests.bench.targets import FLOOR

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
LATENCY, GROWTH = "bench-latency.svg", "bench-growth.svg"


def draw(parts: Parts, directory: Path) -> list[Path]:
    """Draw the plots for which there are figures. Return the written files."""
    paths = []
    if parts.get("intake"):
        paths.append(_latencies(parts["intake"], directory / LATENCY))
    if parts.get("growth"):
        paths.append(_growth(parts["growth"], directory / GROWTH))
    return paths


@contextmanager
def _sheet(path: Path, columns: int) -> Iterator[list[Axes]]:
    with mpl.rc_context(
        {"svg.hashsalt": path.name, "svg.fonttype": "none", "font.size": 9, "axes.grid": True}
    ):
        sheet = Sheet(figsize=(3.6 * columns, 3.4), layout="constrained")
        FigureCanvasSVG(sheet)
        yield list(sheet.subplots(1, columns, squeeze=False, sharey=True)[0])
        sheet.savefig(path, metadata={"Date": None})


def _latencies(figures: Sequence[Figure], path: Path) -> Path:
    """Draw the latencies at each rate, with a panel for the floor and for each database."""
    panels = {"the floor": {"side": FLOOR, "database": "sqlite"}}
    panels |= {
        f"the service on {NAMES[name]}": {"side": "service", "database": name}
        for name in _databases(figures)
    }
    with _sheet(path, len(panels)) as axes:
        for panel, (title, labels) in zip(axes, panels.items(), strict=True):
            for name in PERCENTILES:
                _line(panel, select_figures(figures, name, **labels), "rate", name)
            panel.set(title=title, xlabel="requests a second, evenly", yscale="log")
            panel.yaxis.set_major_formatter("{x:g}")
            panel.yaxis.set_minor_formatter("")
        axes[0].set_ylabel("answered within, ms")
        axes[0].legend()
    return path


def _growth(figures: Sequence[Figure], path: Path) -> Path:
    """Draw the rate of intake by the size of the ledger: as a part of the floor, and of the rate at an empty ledger."""
    with _sheet(path, 2) as axes:
        for name in _databases(figures):
            _line(
                axes[0],
                select_figures(figures, TO_FLOOR, side=LARGE, database=name),
                "records",
                NAMES[name],
            )
            _line(axes[1], select_figures(figures, TO_EMPTY, database=name), "records", NAMES[name])
        for panel, title in zip(
            axes, ("of the floor", "of the rate at an empty ledger"), strict=True
        ):
            panel.set(title=title, xlabel="records in the ledger", xscale="log", ylim=(0, None))
            panel.xaxis.set_major_formatter("{x:,.0f}")
        axes[0].set_ylabel("intake, as a part")
        axes[1].legend()
    return path


def _databases(figures: Iterable[Figure]) -> list[str]:
    return list(dict.fromkeys(str(figure.labels["database"]) for figure in figures))


def _line(panel: Axes, figures: Iterable[Figure], by: str, label: str) -> None:
    """Draw the medians, with the range from minimum to maximum behind them."""
    points = sorted(figures, key=lambda figure: figure.labels[by])
    where = [float(figure.labels[by]) for figure in points]
    (line,) = panel.plot(
        where, [figure.median for figure in points], marker="o", markersize=3, label=label
    )
    least, most = ([bound(figure.values) for figure in points] for bound in (min, max))
    panel.fill_between(where, least, most, color=line.get_color(), alpha=0.15, linewidth=0)
