"""What was measured, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Self

Labels = dict[str, str | int]
"""What a figure is of: the side, the database, the number of records, the rate …"""


@dataclass(frozen=True, slots=True)
class Figure:
    """A value for each round, in a unit."""

    name: str
    unit: str
    values: tuple[float, ...]
    labels: Labels

    @classmethod
    def single(cls, name: str, unit: str, value: float, labels: Labels) -> Self:
        """What was measured once."""
        return cls(name, unit, (value,), labels)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read back what `as_dict` gave."""
        return cls(raw["name"], raw["unit"], tuple(raw["values"]), raw["of"])

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        values = [round(value, 4) for value in self.values]
        return {
            "name": self.name,
            "unit": self.unit,
            "of": dict(self.labels),
            "median": round(self.median, 4),
        } | {"values": values}

    @property
    def median(self) -> float:
        """The middle one of all rounds."""
        return median(self.values)


def select_figures(figures: Iterable[Figure], name: str, **labels: str | int) -> list[Figure]:
    """Those of this name that are of all this."""
    return [
        figure
        for figure in figures
        if figure.name == name and labels.items() <= figure.labels.items()
    ]


def ratios(name: str, above: Figure, below: Figure, labels: Labels) -> Figure:
    """One over the other, round by round: both were measured one after the other."""
    values = tuple(
        one / other if other else 0.0 for one, other in zip(above.values, below.values, strict=True)
    )
    return Figure(name, "", values, labels)
