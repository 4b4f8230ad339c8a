"""What an audit of the history finds, in whole sentences: ids, numbers and instants, and nothing about a person."""

from __future__ import annotations

from dataclasses import dataclass

from hooks.ledger.audit.seals import Head, Sealed


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was sealed. `code` is ours, and fixed; `words` are a sentence."""

    code: str
    words: str


def named(row: Sealed) -> str:
    """A row of the history and its record, as the start of a sentence."""
    record = (
        f"{row['kind']} {row['external_id']} of {row['store']}"
        if row["store"] is not None
        else "of no record"
    )
    return f"History row {row['id']} ({record})"


def row_changed(number: int, row: Sealed) -> Finding:
    """The row, or its record, gives another hash than the one that was sealed, and the seal stands."""
    return Finding(
        "row-changed",
        f"{named(row)} is not what was sealed as number {number}: it, or its record, was changed.",
    )


def row_removed(number: int, history_id: int) -> Finding:
    """There is a seal on a row that is not there."""
    words = f"History row {history_id}, sealed as number {number}, is missing; of which record it was is not known."
    return Finding("row-removed", words)


def row_inserted(row: Sealed) -> Finding:
    """Or it was committed late, just before the last worker stopped."""
    words = f"{named(row)} of {row['at']} UTC stands among sealed rows and is not sealed: "
    return Finding("row-inserted", words + "it was put in later, unless no worker is running.")


def sealed_late(number: int, row: Sealed) -> Finding:
    """A wrong clock may also be to blame, where several processes write."""
    words = f"{named(row)} of {row['at']} UTC was sealed as number {number}, long after rows that follow it: "
    return Finding("row-inserted", words + "it was put in later, or a clock was wrong.")


def seal_changed(number: int, row: Sealed) -> Finding:
    """The row gives the hash that the next seal builds on, and not the one that its seal says."""
    return Finding(
        "seal-changed", f"{named(row)} is as it was sealed, but seal {number} was changed."
    )


def either_changed(number: int, row: Sealed) -> Finding:
    """The row does not give the hash of its seal, and no other seal tells which of them was changed."""
    words = f"{named(row)} and seal {number} do not fit each other: the row, its record or the seal was changed."
    return Finding("either-changed", words)


def unproven(number: int, row: Sealed) -> Finding:
    """The seal before it does not stand."""
    words = f"{named(row)} cannot be proven by seal {number}, since seal {number - 1} before it does not stand."
    return Finding("unproven", words)


def moved(number: int, row: Sealed, origin: tuple[int, int]) -> Finding:
    """`origin`: as which number, and on which row of the history, the seal was made."""
    made_as, history_id = origin
    made = f"what stands as seal {number} was made as seal {made_as}, on row {history_id}"
    return Finding("reordered", f"{named(row)} is not where it was: {made}.")


def seals_removed(first: int, last: int) -> Finding:
    """At the end of the chain."""
    return Finding(
        "seal-removed",
        f"{_seals(first, last)} missing at the end of the chain, which went on to {last}.",
    )


def seals_skipped(first: int, last: int, row: Sealed | None) -> Finding:
    """`row` is what the next seal is on, if it is there: its seal cannot be checked without the one before."""
    rest = f"; {_within(named(row))} cannot be proven by seal {last + 1} without" if row else ""
    return Finding("seal-removed", f"{_seals(first, last)} missing{rest}.")


def seal_stray(number: int) -> Finding:
    """Its number is none that a chain has."""
    return Finding(
        "seal-inserted", f"Seal {number} is none that this service makes: it was put in."
    )


def head_missing(last: int) -> Finding:
    """There are seals, and no end of the chain."""
    return Finding(
        "head-changed",
        f"Where the chain ends is not written down, though it goes on to seal {last}.",
    )


def head_behind(end: Head, last: int) -> Finding:
    """There are seals above the end of the chain."""
    words = f"The chain is written down as ending with seal {end.number}, and goes on to {last}: that was changed."
    return Finding("head-changed", words)


def head_changed(end: Head) -> Finding:
    """The end of the chain has another hash than the seal with its number."""
    words = f"The hash written down for the end of the chain is not that of seal {end.number}: one was changed."
    return Finding("head-changed", words)


def not_as_expected(expect: Head, last: int) -> Finding:
    """`expect` is the head that was noted elsewhere; `last` the number of the last seal there is."""
    if expect.number > last:
        words = f"The chain had {expect.number} seals when the head was noted, and ends at {last} now: its end was cut."
    else:
        words = f"Seal {expect.number} is not the one that was noted: the history up to it was written anew."
    return Finding("not-as-expected", words)


def not_sealed(number: int, first: Sealed) -> Finding:
    """`number` rows, of which this is the first."""
    more = f" and {number - 1} more after it are" if number > 1 else " is"
    words = f"{named(first)}{more} older than an hour and not sealed: is a worker running?"
    return Finding("not-sealed", words)


def _seals(first: int, last: int) -> str:
    return f"Seal {first} is" if first == last else f"Seals {first} to {last} are"


def _within(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
