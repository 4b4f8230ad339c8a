"""Following the chain of seals, and telling what was changed where it breaks. No IO.

Each seal is computed anew from its row and from the seal before it. Where the result is not the stored hash, either the
row or the seal was changed. The next seal decides, because it was made from the true hash of this one:

- The next seal matches the stored hash: then the seal is right, and the row was changed.
- The next seal matches the computed hash: then the row is right, and the seal was changed.
- It matches neither, or there is no next seal: then nobody can tell ("either").

So a seal that does not match is a *suspect* until the next one was read. At the end of the chain the recorded head
takes the place of the next seal. Suspects are collected, up to `MAX_EXPLAINED`, to try out at the end whether they were
only moved: see `hooks.ledger.audit.suspects`.

The chain is read once, in order of the seals' numbers, and memory does not depend on its length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hooks.ledger.audit import findings
from hooks.ledger.audit.findings import AuditFinding
from hooks.ledger.audit.seals import LOOKBACK, Head, SealedRow, seal_hash
from hooks.ledger.audit.suspects import Link, Suspect, Verdict, explained

LATE = timedelta(hours=1)
"""No transaction is open for so long. So a row that is so much older than rows with higher ids, and was sealed after
them, was inserted later."""

MAX_EXPLAINED = 12
"""For up to so many suspects each order is tried out; for more, that takes too long."""


@dataclass(slots=True)
class Chain:
    """Takes one seal after the other, in order of their numbers."""

    # The number and the hash of the seal before.
    last: Head = field(default_factory=Head)
    # The hash of the seal before was verified against its row.
    is_verified: bool = True
    # The seal before, if it does not match its row.
    suspect: Suspect | None = None
    # All suspects so far; None: there were too many.
    pool: list[Suspect] | None = field(default_factory=list)
    # The highest row so far: its id, and its time.
    newest: tuple[int, datetime | None] | None = None

    def take(self, link: Link) -> Iterator[AuditFinding]:
        """Yield what is wrong with this seal, and what it shows about the seal before it."""
        if link.number <= self.last.number:
            yield findings.seal_stray(link.number)
            return
        if link.number > self.last.number + 1:
            yield from self._skip(link)
        elif link.row is None:
            yield from self._judge("either")
            yield findings.row_removed(link.number, link.history_id)
            self.is_verified = False
        else:
            yield from self._check(link, link.row)
        self.last = Head(link.number, link.hash)

    def end(self, head: Head | None) -> Iterator[AuditFinding]:
        """Yield what is wrong at the end of the chain, by the recorded head, and which seals were moved."""
        verdicts: dict[str | None, Verdict] = {self.last.hash: "row"}
        if self.suspect:
            verdicts[self.suspect.computed] = "seal"
        recorded = None
        if head and head.number == self.last.number:
            recorded = head.hash
        yield from self._judge(verdicts.get(recorded, "either"))
        yield from explained(self.pool or [])
        yield from _at_the_end(self.last, head)
        if head and recorded and recorded not in verdicts:
            yield findings.head_changed(head)

    def _skip(self, link: Link) -> Iterator[AuditFinding]:
        """Go on behind a gap in the numbers of the seals."""
        yield from self._judge("either")
        yield findings.seals_skipped(self.last.number + 1, link.number - 1, link.row)
        if link.row is None:
            yield findings.row_removed(link.number, link.history_id)
        self.is_verified = False

    def _check(self, link: Link, row: SealedRow) -> Iterator[AuditFinding]:
        """Compare a seal with its row, and judge the suspect before it."""
        if seal_hash(self.last.hash, link.number, row) == link.hash:
            yield from self._judge("row")
        elif self.suspect and seal_hash(self.suspect.computed, link.number, row) == link.hash:
            yield from self._judge("seal")
        else:
            is_proven = self.is_verified and self.suspect is None
            yield from self._judge("either")
            self.suspect = Suspect(link, row, self.last.hash, is_proven)
            return
        self.is_verified = True
        yield from self._check_time(link, row)

    def _judge(self, verdict: Verdict) -> Iterator[AuditFinding]:
        """Settle the suspect, now that the seal after it has shown what was changed."""
        if self.suspect is None:
            return
        if verdict == "row" and not self.suspect.is_proven:
            judged = replace(self.suspect, verdict="unproven")
        else:
            judged = replace(self.suspect, verdict=verdict)
        self.suspect = None
        self.is_verified = verdict != "either"
        if self.pool is None:
            yield judged.finding()
            return
        self.pool.append(judged)
        if len(self.pool) > MAX_EXPLAINED:
            yield from (suspect.finding() for suspect in self.pool)
            self.pool = None

    def _check_time(self, link: Link, row: SealedRow) -> Iterator[AuditFinding]:
        """Report a row that was sealed long after rows with higher ids: no open transaction explains that."""
        at = _instant(row["at"])
        if self.newest is None or link.history_id > self.newest[0]:
            self.newest = link.history_id, at
            return
        highest, newest_at = self.newest
        is_old = at is None or (newest_at is not None and at < newest_at - LATE)
        if is_old or link.history_id < highest - LOOKBACK:
            yield findings.sealed_late(link.number, row)


def _instant(text: str | int | None) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def _at_the_end(last: Head, head: Head | None) -> Iterator[AuditFinding]:
    """Compare the number of the recorded head with the number of the last seal."""
    if head is None:
        if last.number:
            yield findings.head_missing(last.number)
    elif head.number > last.number:
        yield findings.seals_removed(last.number + 1, head.number)
    elif head.number < last.number:
        yield findings.head_behind(head, last.number)
