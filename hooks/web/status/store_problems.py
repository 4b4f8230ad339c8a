"""Problems of one store and its records: failing calls and pushes, odd content, late reconciliation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection

from hooks.ledger import rounds, stores, traits, views
from hooks.ledger.rows import CLOSED
from hooks.retention.iso import iso_or_none
from hooks.web.status import Problem, words_for_more

LATE_ROUNDS = 3
"""Reconciliation is late after this many times its interval."""

CHECK = "flask --app wsgi store check"


def problems(connection: Connection, slug: str) -> Iterator[Problem]:
    """Find the problems of one store, but for those of its reconciliation."""
    yield from _backoff_problems(connection, slug)
    yield from _push_problems(connection, slug)
    yield from _odd_records(connection, slug)
    yield from _closed_records(connection, slug)
    yield from _php_notices(connection, slug)


def reconciliation_problems(
    connection: Connection, slug: str, *, now: datetime, reconcile: timedelta
) -> Iterator[Problem]:
    """Find the problems of one store's reconciliation. `reconcile` is the interval between two rounds."""
    yield from _failing_rounds(connection, slug)
    yield from _late_reconciliation(connection, slug, now - LATE_ROUNDS * reconcile - rounds.LEASE)


def _backoff_problems(connection: Connection, slug: str) -> Iterator[Problem]:
    backoff = stores.backoff_of(connection, slug)
    if backoff is None:
        return
    if backoff.permanent:
        effect = "Until that is mended, nothing is written back"
    else:
        effect = "The service tries again by itself"
    yield {
        "code": f"store-{backoff.code}",
        "message": f"Calls to the store {slug} fail ({backoff.code}). {effect}; `{CHECK}` says how to mend it.",
        "since": backoff.since.isoformat(),
    }


def _push_problems(connection: Connection, slug: str) -> Iterator[Problem]:
    for row in views.push_errors(connection, slug):
        subject = f"{row.number} record(s) of {slug}, {row.example} among them"
        problem = {
            "message": _push_message(subject, row.push_error),
            "since": iso_or_none(row.since),
        }
        if row.push_error == "contested":
            yield {"code": "contested"} | problem
        else:
            yield {"code": "failing-pushes"} | problem


def _push_message(subject: str, error: str) -> str:
    if error == "contested":
        return (
            f"{subject}: somebody or some plugin keeps changing our fields in the store. Find and stop it. The service "
            "leaves these records as they are until their schedule changes."
        )
    if error == CLOSED:
        return (
            f"{subject}, cannot be written back: the store refuses them to a key that may write others. The service "
            "tries again by itself. To end it, give the key to a user who may edit these records."
        )
    return (
        f"{subject}, cannot be written back ({error}). The service tries again by itself. If it lasts, look in the "
        "store for the plugin that refuses them."
    )


_ODD_MESSAGES = {
    "implausible-dates": "show days that make no sense: before their order was made, in the future, or no days at all. "
    "The service ignores these days and uses the others. Correct them in the store, or look for the plugin that writes "
    "them",
    "meta-unreadable": "show meta_data that cannot be read, so that no consent and no erasure can be seen. Look for "
    "the plugin that changes the answers of the REST API",
    "refunds-unreadable": "show a list of refunds of which a part cannot be read, so that a refund may be missing. "
    "Open these orders in the store, and look for refunds that were deleted in its database",
}


def _odd_records(connection: Connection, slug: str) -> Iterator[Problem]:
    if dates := _odd_message(connection, slug, "implausible-dates"):
        yield {"code": "implausible-dates", "message": dates, "since": None}
    if meta := _odd_message(connection, slug, "meta-unreadable"):
        yield {"code": "meta-unreadable", "message": meta, "since": None}
    if refunds := _odd_message(connection, slug, "refunds-unreadable"):
        yield {"code": "refunds-unreadable", "message": refunds, "since": None}


def _odd_message(connection: Connection, slug: str, code: str) -> str | None:
    """Name the records with odd parts of this code; None where there are none."""
    number, examples = views.odd_records(connection, slug, code)
    if not number:
        return None
    names = ", ".join(f"{row.kind} {row.external_id}" for row in examples)
    more = words_for_more(number, examples)
    return f"{number} record(s) of {slug}{more} ({names}) {_ODD_MESSAGES[code]}."


def _closed_records(connection: Connection, slug: str) -> Iterator[Problem]:
    for row in views.closed_records(connection, slug):
        yield {
            "code": "failing-questions",
            "message": f"{row.number} record(s) of {slug}, {row.kind} {row.example} among them, are closed to the key: "
            "the store shows others of the kind, and refuses these. The service asks for them again by itself. To end "
            "it, give the key to a user who may see them.",
            "since": iso_or_none(row.since),
        }


def _php_notices(connection: Connection, slug: str) -> Iterator[Problem]:
    notices = traits.read(connection, slug).get(traits.PHP_NOTICES)
    if notices:
        yield {
            "code": "php-notices",
            "message": f"PHP prints notices into the answers of {slug} ({notices.value}). The service skips them. But "
            "they can hide an answer, and they show faults of the store to everybody: set WP_DEBUG_DISPLAY off.",
            "since": iso_or_none(notices.since),
        }


def _failing_rounds(connection: Connection, slug: str) -> Iterator[Problem]:
    for name in rounds.WALKS:
        state = rounds.state(connection, slug, name)
        if state is None or not state.error:
            continue
        yield {
            "code": "reconciliation-failing",
            "message": f"A list of {slug} cannot be read to its end for {state.name} ({state.error}). Changes that "
            "sent no webhook, or were missed, are not found there. The service tries again by itself.",
            "since": iso_or_none(state.error_since),
        }


def _late_reconciliation(connection: Connection, slug: str, limit: datetime) -> Iterator[Problem]:
    """Report a store whose last reconciliation ended before `limit`."""
    changes = rounds.state(connection, slug, "changes")
    if changes is None or changes.done_at is None or changes.done_at >= limit:
        return
    done_at = iso_or_none(changes.done_at)
    yield {
        "code": "reconciliation-late",
        "message": f"The service last looked at {done_at} for changes in {slug} that its webhooks missed. Is a worker "
        "running, and does the store answer it?",
        "since": done_at,
    }
