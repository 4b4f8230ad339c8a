"""Problems of a store's webhooks and of their deliveries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from hooks.ledger import api_versions, rounds, views, webhooks
from hooks.retention.iso import iso_or_none
from hooks.web.status import Problem
from hooks.web.status.store_problems import CHECK

INSTALL = "flask --app wsgi store install"


def problems(connection: Connection, slug: str) -> Iterator[Problem]:
    """Find the problems of one store's webhooks."""
    yield from _unreadable(connection, slug)
    yield from _wrong_webhooks(connection, slug)
    yield from _outdated(connection, slug)
    yield from _missing_deliveries(connection, slug)
    yield from _quarantined(connection, slug)


def _unreadable(connection: Connection, slug: str) -> Iterator[Problem]:
    watch = rounds.state(connection, slug, "watch")
    if watch and watch.error:
        yield {
            "code": "webhooks-unreadable",
            "message": f"The webhooks of {slug} cannot be read or mended ({watch.error}): the key needs read and "
            f"write permission and an administrator behind it. `{CHECK}` says more.",
            "since": iso_or_none(watch.error_since),
        }


def _wrong_webhooks(connection: Connection, slug: str) -> Iterator[Problem]:
    rows = webhooks.rows_by_topic(connection, slug).values()
    wrong = [row for row in rows if row.wrong_since]
    if wrong and webhooks.installed_at(connection, slug) is None:
        yield {
            "code": "webhooks-not-installed",
            "message": f"The store {slug} has no webhooks of this service, so that nothing arrives. Run `{INSTALL}`.",
            "since": iso_or_none(min(row.wrong_since for row in wrong)),
        }
        return
    for status in sorted({row.status for row in wrong}):
        yield _webhook_problem(slug, status, [row for row in wrong if row.status == status])


_WRONG_STATUS = {
    "missing": "there is none, so that its events do not arrive",
    "disabled": "the store disabled it after seven failures in a row, or somebody did",
    "paused": "somebody paused it",
    "elsewhere": "it delivers to another address than PUBLIC_URL says",
}


def _webhook_problem(slug: str, status: str, rows: Sequence[Row[Any]]) -> Problem:
    topics = ", ".join(row.topic for row in rows)
    fault = _WRONG_STATUS.get(status, status)
    return {
        "code": f"webhook-{status}",
        "message": f"Webhook(s) {topics} of {slug}: {fault}. The worker mends this; `{INSTALL}` does it at once.",
        "since": iso_or_none(min(row.wrong_since for row in rows)),
    }


def _outdated(connection: Connection, slug: str) -> Iterator[Problem]:
    outdated = list(api_versions.outdated_topics(connection, slug))
    if not outdated:
        return
    names = ", ".join(topic.topic for topic in outdated)
    if all(topic.is_curable for topic in outdated):
        advice = f"The worker recreates them; `{INSTALL}` does it at once."
    else:
        advice = (
            "A new webhook did not help: look for the plugin that changes what webhooks send, or delete these and run "
            f"`{INSTALL}`."
        )
    yield {
        "code": "webhook-wrong-version",
        "message": f"The last deliveries of the webhook(s) {names} of {slug} do not have the form of API version v3: "
        f"somebody may have made these webhooks by hand for another version. {advice}",
        "since": min(topic.since for topic in outdated).isoformat(),
    }


def _missing_deliveries(connection: Connection, slug: str) -> Iterator[Problem]:
    missed_since = views.missed_since(connection, slug)
    if missed_since is None:
        return
    last_delivery = iso_or_none(views.last_delivery(connection, slug)) or "never"
    yield {
        "code": "deliveries-missing",
        "message": f"The REST API shows changes in {slug} for which no delivery came; last delivery: {last_delivery}. "
        f"The service fetches what was missed; `{CHECK}` says what may keep deliveries away.",
        "since": iso_or_none(missed_since),
    }


def _quarantined(connection: Connection, slug: str) -> Iterator[Problem]:
    by_reason: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in views.quarantined(connection, slug):
        if row.reason != views.LOST_RIGHTS:
            by_reason[row.reason].append(row)
    for reason, rows in by_reason.items():
        message, since = _quarantine_message(slug, reason, rows)
        yield {"code": "quarantined", "message": message, "since": since}
    lost = views.lost_rights(connection, slug)
    if lost:
        message, since = _quarantine_message(slug, views.LOST_RIGHTS, lost)
        yield {"code": "webhook-owner-lost-rights", "message": message, "since": since}


def _quarantine_message(slug: str, reason: str, rows: Sequence[Row[Any]]) -> tuple[str, str]:
    """Return the message of quarantined deliveries, and the time of the first one."""
    number = sum(row.number for row in rows)
    topics = ", ".join(row.topic for row in rows)
    cause = _cause(reason)
    message = f"{number} delivery(ies) of {slug} quarantined, of the webhook(s) {topics}: {cause}."
    return message, min(row.since for row in rows).isoformat()


_REFETCHED = "The service refetches the records; if more come, look for the plugin that sends them"
_CAUSES = {
    "rest-error": "the store sent an error in place of the record",
    "wrong-version": "the webhook is of another API version than v3",
    "not-json": "the body was not JSON",
    "not-an-object": "the body was not an object",
    "not-of-the-shape": "fields were missing or malformed",
}


def _cause(reason: str) -> str:
    """Say why deliveries are in quarantine, and what to do. No full stop at the end."""
    if reason == views.LOST_RIGHTS:
        return (
            "the user who made the webhook may not see records any more, so that the store sends an error in place of "
            "each. Make them an administrator again, or delete the webhook, so that the worker recreates it with "
            "the key of an administrator"
        )
    return f"{_CAUSES.get(reason, reason)}. {_REFETCHED}"
