"""The findings of an audit of the history, as whole sentences: ids, numbers and instants, nothing about a person."""

from __future__ import annotations

from dataclasses import dataclass

from hooks.ledger.audit.seals import Head, SealedRow


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """Something that is not as it was sealed. `code` never changes, for scripts; `words` is a sentence for people."""

    code: str
    words: str


def row_label(row: SealedRow) -> str:
    """Name a row of the history and its record, as the start of a sentence."""
    record = "of no record"
    if row["store"] is not None:
        record = f"{row['kind']} {row['external_id']} of {row['store']}"
    return f"History row {row['id']} ({record})"


def row_changed(number: int, row: SealedRow) -> AuditFinding:
    """Report a row whose hash is not the sealed one, while the seal is intact: the row or its record was changed."""
    return AuditFinding(
        "row-changed",
        f"{row_label(row)} is not what was sealed as number {number}: it, or its record, was changed.",
    )


def row_removed(number: int, history_id: int) -> AuditFinding:
    """Report a seal on a row that does not exist."""
    words = f"History row {history_id}, sealed as number {number}, is missing; of which record it was is not known."
    return AuditFinding("row-removed", words)


def row_inserted(row: SealedRow) -> AuditFinding:
    """Report a row without a seal among sealed rows.

    It may also have been committed late, just before the last worker stopped.
    """
    words = f"{row_label(row)} of {row['at']} UTC stands among sealed rows and is not sealed: "
    return AuditFinding("row-inserted", words + "it was put in later, unless no worker is running.")


def sealed_late(number: int, row: SealedRow) -> AuditFinding:
    """Report a row that was sealed long after rows that follow it.

    A wrong clock may also be the cause, where several processes write.
    """
    words = f"{row_label(row)} of {row['at']} UTC was sealed as number {number}, long after rows that follow it: "
    return AuditFinding("row-inserted", words + "it was put in later, or a clock was wrong.")


def seal_changed(number: int, row: SealedRow) -> AuditFinding:
    """Report a seal that is not the hash of its row, while the next seal is built on the hash of the row."""
    return AuditFinding(
        "seal-changed", f"{row_label(row)} is as it was sealed, but seal {number} was changed."
    )


def either_changed(number: int, row: SealedRow) -> AuditFinding:
    """Report a seal that is not the hash of its row, while no other seal shows which of them was changed."""
    words = f"{row_label(row)} and seal {number} do not fit each other: the row, its record or the seal was changed."
    return AuditFinding("either-changed", words)


def unproven(number: int, row: SealedRow) -> AuditFinding:
    """Report a row that cannot be verified, because the seal before it is wrong."""
    words = f"{row_label(row)} cannot be proven by seal {number}, since seal {number - 1} before it does not stand."
    return AuditFinding("unproven", words)


def moved(number: int, row: SealedRow, origin: tuple[int, int]) -> AuditFinding:
    """Report a seal that was moved. `origin`: the number and the id of the row that the seal was made with."""
    old_number, history_id = origin
    words = f"what stands as seal {number} was made as seal {old_number}, on row {history_id}"
    return AuditFinding("reordered", f"{row_label(row)} is not where it was: {words}.")


def seals_removed(first: int, last: int) -> AuditFinding:
    """Report seals that are missing at the end of the chain."""
    return AuditFinding(
        "seal-removed",
        f"{_seals(first, last)} missing at the end of the chain, which went on to {last}.",
    )


def seals_skipped(first: int, last: int, row: SealedRow | None) -> AuditFinding:
    """Report seals that are missing in the middle of the chain.

    `row` is the row of the next seal, if it exists: that seal cannot be verified without the seal before it.
    """
    words = f"{_seals(first, last)} missing"
    if row:
        words += f"; {_uncapitalized(row_label(row))} cannot be proven by seal {last + 1} without"
    return AuditFinding("seal-removed", f"{words}.")


def seal_stray(number: int) -> AuditFinding:
    """Report a seal with a number that no chain has."""
    return AuditFinding(
        "seal-inserted", f"Seal {number} is none that this service makes: it was put in."
    )


def head_missing(last: int) -> AuditFinding:
    """Report that there are seals, but no recorded end of the chain."""
    return AuditFinding(
        "head-changed",
        f"Where the chain ends is not written down, though it goes on to seal {last}.",
    )


def head_behind(end: Head, last: int) -> AuditFinding:
    """Report seals above the recorded end of the chain."""
    words = f"The chain is written down as ending with seal {end.number}, and goes on to {last}: that was changed."
    return AuditFinding("head-changed", words)


def head_changed(end: Head) -> AuditFinding:
    """Report that the recorded end of the chain has another hash than the seal with its number."""
    words = f"The hash written down for the end of the chain is not that of seal {end.number}: one was changed."
    return AuditFinding("head-changed", words)


def not_as_expected(expect: Head, last: int) -> AuditFinding:
    """Report a chain that does not contain `expect`, a head that was noted elsewhere. `last`: the last number."""
    if expect.number > last:
        words = f"The chain had {expect.number} seals when the head was noted, and ends at {last} now: its end was cut."
    else:
        words = f"Seal {expect.number} is not the one that was noted: the history up to it was written anew."
    return AuditFinding("not-as-expected", words)


def not_sealed(number: int, first: SealedRow) -> AuditFinding:
    """Report that `number` rows from `first` on have no seal."""
    rows = f"{row_label(first)} is"
    if number > 1:
        rows = f"{row_label(first)} and {number - 1} more after it are"
    words = f"{rows} older than an hour and not sealed: is a worker running?"
    return AuditFinding("not-sealed", words)


def _seals(first: int, last: int) -> str:
    if first == last:
        return f"Seal {first} is"
    return f"Seals {first} to {last} are"


def _uncapitalized(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
