"""Seals that do not match their rows, and what was done to each of them or to their order. No IO."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

from hooks.ledger.audit import findings
from hooks.ledger.audit.findings import AuditFinding
from hooks.ledger.audit.seals import SealedRow, seal_hash

Verdict = Literal["row", "seal", "either", "unproven"]
"""The thing that was changed: the row, the seal, or one of the two; `unproven`: the seal before it is wrong as well."""


@dataclass(frozen=True, slots=True)
class Link:
    """A seal and the row that it names; `row` is None where there is no such row."""

    number: int
    history_id: int
    hash: str
    row: SealedRow | None


@dataclass(frozen=True, slots=True)
class Suspect:
    """A seal that does not match its row.

    `previous`: the hash of the seal before it. `is_proven`: that seal was verified. `verdict` comes from the seal
    after it.
    """

    link: Link
    row: SealedRow
    previous: str
    is_proven: bool
    verdict: Verdict = "either"

    @property
    def place(self) -> tuple[int, int]:
        """The number of the seal, and the id of the row that it names."""
        return self.link.number, self.link.history_id

    @property
    def computed(self) -> str:
        """The hash that the seal would have, if the row were unchanged."""
        return seal_hash(self.previous, self.link.number, self.row)

    def finding(self) -> AuditFinding:
        """Say what was changed, as far as this seal and its neighbours show it."""
        finding_of = {
            "row": findings.row_changed,
            "seal": findings.seal_changed,
            "either": findings.either_changed,
            "unproven": findings.unproven,
        }
        return finding_of[self.verdict](self.link.number, self.row)


@dataclass(frozen=True, slots=True)
class Origin:
    """The input that a seal was computed from: the hash before it, and its place (its number and the id of its row)."""

    previous: str
    place: tuple[int, int]


def explained(suspects: list[Suspect]) -> Iterator[AuditFinding]:
    """Yield a finding for each suspect. A seal that matches another number or another row was moved.

    A seal that matches its own row and number, if the seal before it was moved, is intact: only the moved seal is
    reported. No other hash before it is accepted, or a chain that was started again in the middle would pass.
    """
    computable = _computable(suspects)
    origins = {}
    for suspect in suspects:
        if suspect.link.hash in computable:
            origins[suspect.link.hash] = computable[suspect.link.hash]
    for suspect in suspects:
        origin = origins.get(suspect.link.hash)
        if origin is None:
            yield suspect.finding()
        elif origin.place != suspect.place:
            yield findings.moved(suspect.link.number, suspect.row, origin.place)
        elif origin.previous not in _moved_from(suspect.link.number - 1, suspects, origins):
            yield suspect.finding()


def _computable(suspects: list[Suspect]) -> dict[str, Origin]:
    """Compute every hash that one of these seals could have, with any number, on any row, after any other seal."""
    hashes: set[str] = set()
    for suspect in suspects:
        hashes |= {suspect.previous, suspect.link.hash}
    numbers = [suspect.link.number for suspect in suspects]
    rows = [(suspect.link.history_id, suspect.row) for suspect in suspects]
    origins = {}
    for previous, number, (history_id, row) in product(sorted(hashes), numbers, rows):
        origins[seal_hash(previous, number, row)] = Origin(previous, (number, history_id))
    return origins


def _moved_from(number: int, suspects: list[Suspect], origins: dict[str, Origin]) -> set[str]:
    """Find the hashes of the seals that were made with this number and now have another."""
    hashes = set()
    for suspect in suspects:
        origin = origins.get(suspect.link.hash)
        if origin and origin.place[0] == number and suspect.link.number != number:
            hashes.add(suspect.link.hash)
    return hashes
