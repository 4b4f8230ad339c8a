"""Seals that do not fit their rows: what is the matter with each, and with their order. No IO."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

from hooks.ledger.audit import findings
from hooks.ledger.audit.findings import Finding
from hooks.ledger.audit.seals import Sealed, seal_hash

Why = Literal["row", "seal", "either", "unproven"]


@dataclass(frozen=True, slots=True)
class Link:
    """A seal and the row that it names; None where there is no such row."""

    number: int
    history_id: int
    hash: str
    row: Sealed | None


@dataclass(frozen=True, slots=True)
class Suspect:
    """A seal that does not fit its row. `proven`: the hash before it stands. `why` is told by what follows."""

    link: Link
    row: Sealed
    previous: str
    proven: bool
    why: Why = "either"

    @property
    def place(self) -> tuple[int, int]:
        """Its number, and the id of the row that it names."""
        return self.link.number, self.link.history_id

    @property
    def computed(self) -> str:
        """The hash that it would have, if the row were as it was sealed."""
        return seal_hash(self.previous, self.link.number, self.row)

    def finding(self) -> Finding:
        """What is the matter with it, as far as it and its neighbours tell."""
        tell = {
            "row": findings.row_changed,
            "seal": findings.seal_changed,
            "either": findings.either_changed,
            "unproven": findings.unproven,
        }
        return tell[self.why](self.link.number, self.row)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a seal was made of: the hash before it, its number and its row."""

    previous: str
    place: tuple[int, int]


def explained(suspects: list[Suspect]) -> Iterator[Finding]:
    """Where a seal fits another number or another row, the order was changed.

    One that fits as it stands, if only it follows on a seal that was moved, is as it was: that one is told of. On no
    other hash may it follow, or a chain begun anew in the middle would pass.
    """
    made = _made(suspects)
    origins = {each.link.hash: made[each.link.hash] for each in suspects if each.link.hash in made}
    for each in suspects:
        origin = origins.get(each.link.hash)
        if origin is None:
            yield each.finding()
        elif origin.place != each.place:
            yield findings.moved(each.link.number, each.row, origin.place)
        elif origin.previous not in _moved_from(each.link.number - 1, suspects, origins):
            yield each.finding()


def _made(suspects: list[Suspect]) -> dict[str, Origin]:
    """All hashes that these seals could have been given."""
    hashes = {each.previous for each in suspects} | {each.link.hash for each in suspects}
    numbers = [each.link.number for each in suspects]
    rows = [(each.link.history_id, each.row) for each in suspects]
    return {
        seal_hash(previous, number, row): Origin(previous, (number, history_id))
        for previous, number, (history_id, row) in product(sorted(hashes), numbers, rows)
    }


def _moved_from(number: int, suspects: list[Suspect], origins: dict[str, Origin]) -> set[str]:
    """The hashes of those that were made with this number, and stand at another."""
    known = [(each, origins[each.link.hash]) for each in suspects if each.link.hash in origins]
    return {
        each.link.hash for each, origin in known if origin.place[0] == number != each.link.number
    }
