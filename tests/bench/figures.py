"""Measured figures as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Self

Labels = dict[str, str | int]
"""The conditions of a figure: `side` (the name of the target), database, number of records, rate …"""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured quantity, with a value for each round."""

    name: str
    unit: str
    values: tuple[float, ...]
    labels: Labels

    @classmethod
    def single(cls, name: str, unit: str, value: float, labels: Labels) -> Self:
        """A figure that was measured once."""
        return cls(name, unit, (value,), labels)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The figure from the output of `as_dict`."""
        return cls(raw["name"], raw["unit"], tuple(raw["values"]), raw["of"])

    def as_dict(self) -> dict[str, Any]:
        """The figure as a JSON object."""
        values = [round(value, 4) for value in self.values]
        return {
            "name": self.name,
            "unit": self.unit,
            "of": dict(self.labels),
            "median": round(self.median, 4),
        } | {"values": values}

    @property
    def median(self) -> float:
        """The median of all rounds."""
        return median(self.values)


def select_figures(figures: Iterable[Figure], name: str, **labels: str | int) -> list[Figure]:
    """The figures with this name and all these labels."""
    return [
        figure
        for figure in figures
        if figure.name == name and labels.items() <= figure.labels.items()
    ]


def ratios(name: str, above: Figure, below: Figure, labels: Labels) -> Figure:
    """`above` divided by `below`, round by round."""
    values = tuple(
        one / other if other else 0.0 for one, other in zip(above.values, below.values, strict=True)
    )
    return Figure(name, "", values, labels)
