"""Going along the chain of seals, and telling what was done to it where it does not hold. No IO.

A seal that does not fit is judged by the one after it, which was made on the hash that it had: if the next one fits
the hash that stands, the row was changed; if it fits the hash that the row gives, the seal was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hooks.ledger.audit import findings
from hooks.ledger.audit.findings import Finding
from hooks.ledger.audit.seals import LOOKBACK, Head, Sealed, seal_hash
from hooks.ledger.audit.suspects import Link, Suspect, Why, explained

LATE = timedelta(hours=1)
"""No transaction is open for as long: a row so much older than those with higher ids, sealed before it, was put in."""

EXPLAINED = 12
"""Of so many seals that do not fit it is tried out which was made for which row; of more, that takes too long."""


@dataclass(slots=True)
class Chain:
    """Takes one seal after the other, in order of their numbers. Memory does not depend on how many there are."""

    last: Head = field(default_factory=Head)
    borne_out: bool = True  # the last one's hash was checked against its row
    suspect: Suspect | None = None
    pool: list[Suspect] | None = field(default_factory=list)  # None: there were too many
    newest: tuple[int, datetime | None] | None = None  # the highest row so far, and of when it is

    def take(self, link: Link) -> Iterator[Finding]:
        """What is wrong with this seal, or is now known of the one before it."""
        if link.number <= self.last.number:
            yield findings.seal_stray(link.number)
            return
        if link.number > self.last.number + 1:
            yield from self._skip(link)
        elif link.row is None:
            yield from self._judge("either")
            yield findings.row_removed(link.number, link.history_id)
            self.borne_out = False
        else:
            yield from self._check(link, link.row)
        self.last = Head(link.number, link.hash)

    def end(self, head: Head | None) -> Iterator[Finding]:
        """What is wrong at the end, by what is written down about it, and where rows stand in another order."""
        known: dict[str | None, Why] = {self.last.hash: "row"}
        if self.suspect:
            known[self.suspect.computed] = "seal"
        there = head.hash if head and head.number == self.last.number else None
        yield from self._judge(known.get(there, "either"))
        yield from explained(self.pool or [])
        yield from _at_the_end(self.last, head)
        if head and there and there not in known:
            yield findings.head_changed(head)

    def _skip(self, link: Link) -> Iterator[Finding]:
        yield from self._judge("either")
        yield findings.seals_skipped(self.last.number + 1, link.number - 1, link.row)
        if link.row is None:
            yield findings.row_removed(link.number, link.history_id)
        self.borne_out = False

    def _check(self, link: Link, row: Sealed) -> Iterator[Finding]:
        if seal_hash(self.last.hash, link.number, row) == link.hash:
            yield from self._judge("row")
        elif self.suspect and seal_hash(self.suspect.computed, link.number, row) == link.hash:
            yield from self._judge("seal")
        else:
            proven = self.borne_out and self.suspect is None
            yield from self._judge("either")
            self.suspect = Suspect(link, row, self.last.hash, proven)
            return
        self.borne_out = True
        yield from self._in_time(link, row)

    def _judge(self, why: Why) -> Iterator[Finding]:
        """Now it is known of the suspect what was changed."""
        if self.suspect is None:
            return
        judged = replace(
            self.suspect, why="unproven" if why == "row" and not self.suspect.proven else why
        )
        self.suspect, self.borne_out = None, why != "either"
        if self.pool is None:
            yield judged.finding()
            return
        self.pool.append(judged)
        if len(self.pool) > EXPLAINED:
            yield from (each.finding() for each in self.pool)
            self.pool = None

    def _in_time(self, link: Link, row: Sealed) -> Iterator[Finding]:
        """A row far below those sealed before it came neither with them, nor late, as a transaction may."""
        at = _instant(row["at"])
        if self.newest is None or link.history_id > self.newest[0]:
            self.newest = link.history_id, at
            return
        highest, newest_at = self.newest
        old = at is None or (newest_at is not None and at < newest_at - LATE)
        if old or link.history_id < highest - LOOKBACK:
            yield findings.sealed_late(link.number, row)


def _instant(text: str | int | None) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def _at_the_end(last: Head, head: Head | None) -> Iterator[Finding]:
    if head is None:
        if last.number:
            yield findings.head_missing(last.number)
    elif head.number > last.number:
        yield findings.seals_removed(last.number + 1, head.number)
    elif head.number < last.number:
        yield findings.head_behind(head, last.number)
