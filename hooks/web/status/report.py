"""How it goes: what `/status` says, put together from the ledger, the policy and the settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row

from hooks import __version__
from hooks.errors import LedgerUnavailableError
from hooks.intake.webhook import all_topics
from hooks.ledger import (
    api_versions,
    page_checks,
    policies,
    records,
    rounds,
    stores,
    tallies,
    traits,
    views,
    webhooks,
)
from hooks.policies.activate import is_unreadable, waiting_words
from hooks.retention.iso import iso_or_none
from hooks.retention.policy import Policy
from hooks.settings import Settings
from hooks.sync import store_observations
from hooks.tagging.tags import tagged_by
from hooks.web.status import deadlines, operation
from hooks.web.status.operation import Problem

LATE = 3
"""Reconciliations that were due and did not come are worth a word from this many on."""

CHECK = "flask --app wsgi store check"
DIFF = "flask --app wsgi policy diff"
INSTALL = "flask --app wsgi store install"


def status_of(
    connection: Connection,
    settings: Settings,
    policy: Policy,
    *,
    started_at: datetime,
    now: datetime,
    process_problems: Iterable[Problem] = (),
) -> dict[str, Any]:
    """The whole of it; `down` where no delivery can be taken. `now` is an instant; days are days in the policy's time
    zone. `process_problems` are those that the process has found outside the ledger."""
    today = policy.day_of(now)
    problems = [*process_problems, *deadlines.problems(connection, policy, today)]
    problems += _policy_problems(connection, policy, now)
    for slug, store in settings.stores.items():
        problems += operation.store_problems(
            connection, slug, store.url, started_at=started_at, now=now
        )
        problems += _store_problems(connection, slug)
        problems += deadlines.store_problems(connection, slug, policy, today)
        problems += store_observations.problems(connection, slug, policy.time_zone)
        problems += _round_problems(
            connection, slug, late=now - LATE * settings.reconcile - rounds.LEASE
        )
    found = _head(_worst(problems), problems, started_at)
    found["policy"] = _policy(policy) | _policy_at_work(connection, policy)
    found["people"] = _people(settings)
    found["records"] = views.counts(connection)
    found["recipients"] = views.by_recipient(connection)
    found["schedule"] = _schedule(connection, today)
    found["stores"] = {slug: _store(connection, settings, policy, slug) for slug in settings.stores}
    return found


def status_without_ledger(
    policy: Policy, error: LedgerUnavailableError, *, started_at: datetime, now: datetime
) -> dict[str, Any]:
    """What can be said when the ledger cannot be read."""
    problem = {"code": "ledger-unavailable", "message": str(error), "since": now.isoformat()}
    return _head("down", [problem], started_at) | {"policy": _policy(policy)}


def _worst(problems: Iterable[Problem]) -> str:
    codes = {problem["code"] for problem in problems}
    return "down" if operation.NOT_WRITABLE in codes else "degraded" if codes else "ok"


def _head(status: str, problems: list[Problem], started_at: datetime) -> dict[str, Any]:
    return {
        "status": status,
        "problems": problems,
        "version": __version__,
        "started_at": started_at.isoformat(),
    }


def _people(settings: Settings) -> dict[str, Any]:
    """Say whether the orders of one guest are known to be of one person. Nothing is wrong where they are not."""
    if settings.subject_key is None:
        message = (
            "Guests cannot be told apart: without SUBJECT_KEY no order, account or newsletter contact is known by its "
            "e-mail address. What is asked for or decided about a guest is to be noted on each order."
        )
    else:
        message = "Guests are told apart by the keyed hash of their e-mail address."
    return {"guests_told_apart": settings.subject_key is not None, "message": message}


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "id": policy.id,
        "version": policy.version,
        "effective_from": policy.effective_from.isoformat(),
        "digest": policy.digest,
        "gaps": [asdict(gap) for gap in policy.gaps.values()],
        "drift": None,  # not known to have been compared with the published page
    }


def _policy_at_work(connection: Connection, policy: Policy) -> dict[str, Any]:
    """How far it is: records still to be tagged by it, a policy that waits, and what its page says otherwise."""
    waiting = [
        {
            "id": row.id,
            "digest": row.digest,
            "effective_from": row.effective_from.isoformat(),
            "waits_for": row.waits_for,
        }
        for row in policies.proposed(connection)
    ]
    return {
        "drift": page_checks.findings(connection, policy),
        "to_be_tagged": records.to_be_tagged(connection, tagged_by(policy)),
        "waiting": waiting,
    }


def _policy_problems(connection: Connection, policy: Policy, now: datetime) -> Iterator[Problem]:
    for row in policies.proposed(connection):
        late = row.waits_for != "effective-date" or row.effective_from <= policy.day_of(now)
        if late:
            yield {
                "code": "policy-waits",
                "message": f"The policy {row.id} that POLICY_FILE names is not in force, since {waiting_words(row)}. "
                f"{policy.id} stays in force. `{DIFF}` says what would change, `policy apply --yes` puts it in force.",
                "since": iso_or_none(row.proposed_at),
            }
    if is_unreadable(connection, policy):
        yield {
            "code": "policy-unreadable",
            "message": f"The policy in force cannot be read by this version; {policy.id} is worked by, and nothing is "
            "tagged anew. Put one in force that can be read: `policy apply --yes`.",
            "since": None,
        }
    for page in page_checks.latest_checks(connection, policy):
        drift = [finding["message"] for finding in page.findings if finding["severity"] == "drift"]
        if drift:
            yield {
                "code": "policy-drift",
                "message": f"The page {page.url} and the policy {policy.id} say different things. {' '.join(drift)}",
                "since": iso_or_none(page.since),
            }
        if page.error:
            yield {
                "code": "policy-page-unreadable",
                "message": f"{page.error} Is POLICY_PAGE_URL right? It is tried again within the hour.",
                "since": iso_or_none(page.error_since),
            }


def _schedule(connection: Connection, today: date) -> dict[str, Any]:
    """How many records, and parts that go before the whole of them, are due when. What is due is from the day after
    its `delete_after`."""
    months = tallies.months(connection, "whole", today)
    by_month = [{"month": row.month, "count": row.number} for row in months]
    parts = _due(tallies.months(connection, "part", today))
    return _due(months) | {"by_month": by_month, "parts": parts}


def _due(months: list[Row[Any]]) -> dict[str, int]:
    names = ("overdue", "next_30_days", "next_365_days")
    return {name: sum(getattr(row, name) for row in months) for name in names}


def _store(connection: Connection, settings: Settings, policy: Policy, slug: str) -> dict[str, Any]:
    found = {"url": settings.stores[slug].url} | views.store_summary(connection, slug)
    found["quarantined"] = sum(row.number for row in views.quarantined(connection, slug))
    found["webhooks"] = _webhooks(connection, all_topics(policy), slug)
    return found


def _webhooks(connection: Connection, topics: tuple[str, ...], slug: str) -> list[dict[str, Any]]:
    """Each topic as the watch last saw it."""
    known = webhooks.rows_by_topic(connection, slug)
    return [
        {"topic": topic, "status": known[topic].status, "ok": known[topic].status == webhooks.WORKS}
        if topic in known
        else {"topic": topic, "status": "not checked", "ok": None}
        for topic in topics
    ]


def _store_problems(connection: Connection, slug: str) -> Iterator[Problem]:
    pause = stores.backoff_of(connection, slug)
    if pause:
        act = (
            "Until that is mended, nothing is written back"
            if pause.permanent
            else "It is tried again by itself"
        )
        yield {
            "code": f"store-{pause.code}",
            "message": f"Calls to the store {slug} fail ({pause.code}). {act}; `{CHECK}` says how to mend it.",
            "since": pause.since.isoformat(),
        }
    for row in views.push_errors(connection, slug):
        yield {
            "code": "contested" if row.push_error == "contested" else "failing-pushes",
            "message": _push_words(slug, row.push_error, row.number, row.example),
            "since": iso_or_none(row.since),
        }
    yield from _odd_problems(connection, slug)
    yield from _closed_problems(connection, slug)
    yield from _notice_problems(connection, slug)
    yield from _webhook_problems(connection, slug)
    set_aside = [
        row for row in views.quarantined(connection, slug) if row.reason != views.LOST_RIGHTS
    ]
    for reason, found in groupby(set_aside, key=lambda row: str(row.reason)):
        yield {"code": "quarantined"} | _set_aside(slug, reason, list(found))
    lost = views.lost_rights(connection, slug)
    if lost:
        yield {"code": "webhook-owner-lost-rights"} | _set_aside(slug, views.LOST_RIGHTS, lost)


_ODD = {
    "implausible-dates": "show days that make no sense: before their order was made, in the future, or no days at all. "
    "They are left out, and the other days count. Set them right in the store, or look for the plugin that writes them",
    "meta-unreadable": "show meta_data that cannot be read, so that no consent and no erasure can be seen. Look for "
    "the plugin that changes the answers of the REST API",
    "refunds-unreadable": "show a list of refunds of which a part cannot be read, so that a refund may be missing. "
    "Open these orders in the store, and look for refunds that were deleted in its database",
}


def _odd_problems(connection: Connection, slug: str) -> Iterator[Problem]:
    if dates := _odd_records(connection, slug, "implausible-dates"):
        yield {"code": "implausible-dates"} | dates
    if meta := _odd_records(connection, slug, "meta-unreadable"):
        yield {"code": "meta-unreadable"} | meta
    if refunds := _odd_records(connection, slug, "refunds-unreadable"):
        yield {"code": "refunds-unreadable"} | refunds


def _odd_records(connection: Connection, slug: str, code: str) -> Problem:
    """Name the records with odd parts of this code; empty where there are none."""
    number, examples = views.odd_records(connection, slug, code)
    if not number:
        return {}
    named = ", ".join(f"{row.kind} {row.external_id}" for row in examples)
    more = f", the first {len(examples)} of them" if number > len(examples) else ""
    return {"message": f"{number} record(s) of {slug}{more} ({named}) {_ODD[code]}.", "since": None}


def _closed_problems(connection: Connection, slug: str) -> Iterator[Problem]:
    for row in views.closed_records(connection, slug):
        yield {
            "code": "failing-questions",
            "message": f"{row.number} record(s) of {slug}, {row.kind} {row.example} among them, are closed to the key: "
            "the store shows others of the kind, and refuses these. They are asked for again by themselves; to end it, "
            "give the key to a user who may see them.",
            "since": iso_or_none(row.since),
        }


def _notice_problems(connection: Connection, slug: str) -> Iterator[Problem]:
    notices = traits.read(connection, slug).get(traits.PHP_NOTICES)
    if notices:
        yield {
            "code": "php-notices",
            "message": f"PHP prints notices into the answers of {slug} ({notices.value}). They are skipped, but they "
            "can hide what the store says, and show to everybody what is wrong: set WP_DEBUG_DISPLAY off.",
            "since": iso_or_none(notices.since),
        }


def _round_problems(connection: Connection, slug: str, *, late: datetime) -> Iterator[Problem]:
    """What is wrong with reconciliation; `late`: the last one should have ended since."""
    states = [rounds.state(connection, slug, name) for name in rounds.WALKS]
    for at in (at for at in states if at is not None and at.error):
        yield {
            "code": "reconciliation-failing",
            "message": f"A list of {slug} cannot be gone through for {at.name} ({at.error}); what sends no webhook, "
            "or was missed, is not found there. It is tried again by itself.",
            "since": iso_or_none(at.error_since),
        }
    changes = rounds.state(connection, slug, "changes")
    if changes is not None and changes.done_at is not None and changes.done_at < late:
        yield {
            "code": "reconciliation-late",
            "message": f"The store {slug} was last asked for what its webhooks missed at "
            f"{iso_or_none(changes.done_at)}. Is a worker running, and does the store answer it?",
            "since": iso_or_none(changes.done_at),
        }


def _webhook_problems(connection: Connection, slug: str) -> Iterator[Problem]:
    look = rounds.state(connection, slug, "watch")
    if look and look.error:
        yield {
            "code": "webhooks-unreadable",
            "message": f"The webhooks of {slug} cannot be looked at or mended ({look.error}): the key needs read and "
            f"write permission and an administrator behind it. `{CHECK}` says more.",
            "since": iso_or_none(look.error_since),
        }
    wrong = [row for row in webhooks.rows_by_topic(connection, slug).values() if row.wrong_since]
    if wrong and webhooks.installed_at(connection, slug) is None:
        yield {
            "code": "webhooks-not-installed",
            "message": f"The store {slug} has no webhooks of this service, so that nothing arrives. Run `{INSTALL}`.",
            "since": iso_or_none(min(row.wrong_since for row in wrong)),
        }
    else:
        for status in sorted({row.status for row in wrong}):
            yield _webhook_problem(slug, status, [row for row in wrong if row.status == status])
    outdated = list(api_versions.outdated_topics(connection, slug))
    if outdated:
        yield {"code": "webhook-wrong-version"} | _wrong_version(slug, outdated)
    missed = views.missed_since(connection, slug)
    if missed:
        last = iso_or_none(views.last_delivery(connection, slug)) or "never"
        yield {
            "code": "deliveries-missing",
            "message": f"Changes in {slug} are seen over REST of which no delivery came; last delivery: {last}. "
            f"What was missed is fetched; `{CHECK}` tells what may keep deliveries away.",
            "since": iso_or_none(missed),
        }


def _webhook_problem(slug: str, status: str, rows: list[Row[Any]]) -> Problem:
    topics = ", ".join(row.topic for row in rows)
    words = {
        "missing": "there is none, so that its events do not arrive",
        "disabled": "the store has given it up after seven failures in a row, or somebody disabled it",
        "paused": "somebody paused it",
        "elsewhere": "it delivers to another address than PUBLIC_URL says",
    }.get(status, status)
    return {
        "code": f"webhook-{status}",
        "message": f"Webhook(s) {topics} of {slug}: {words}. The worker mends this; `{INSTALL}` does it at once.",
        "since": iso_or_none(min(row.wrong_since for row in rows)),
    }


def _wrong_version(slug: str, outdated: list[api_versions.OutdatedTopic]) -> Problem:
    topics = ", ".join(found.topic for found in outdated)
    if all(found.is_curable for found in outdated):
        cure = f"The worker makes them anew; `{INSTALL}` does it at once."
    else:
        cure = (
            "A new webhook did not help: look for the plugin that changes what webhooks send, or delete these and run "
            f"`{INSTALL}`."
        )
    return {
        "message": f"The last deliveries of the webhook(s) {topics} of {slug} are not of the shape of API version v3: "
        f"somebody may have made them by hand for another version. {cure}",
        "since": min(found.since for found in outdated).isoformat(),
    }


def _set_aside(slug: str, reason: str, rows: list[Row[Any]]) -> Problem:
    number, topics = sum(row.number for row in rows), ", ".join(row.topic for row in rows)
    words = _quarantine_words(reason)
    return {
        "message": f"{number} delivery(ies) of {slug} set aside, of the webhook(s) {topics}: {words}.",
        "since": min(row.since for row in rows).isoformat(),
    }


def _push_words(slug: str, error: str, number: int, example: int) -> str:
    if error == "contested":
        return (
            f"{number} record(s) of {slug}, {example} among them: somebody or some plugin keeps changing our "
            "fields in the store. Find and stop it; they are left as they are until their schedule changes."
        )
    if error == records.CLOSED:
        return (
            f"{number} record(s) of {slug}, {example} among them, cannot be written back: the store refuses them to a "
            "key that may write others. They are tried again by themselves; to end it, give the key to a user who may "
            "edit them."
        )
    return (
        f"{number} record(s) of {slug}, {example} among them, cannot be written back ({error}). They are "
        "tried again by themselves; if it lasts, look in the store for the plugin that refuses them."
    )


def _quarantine_words(reason: str) -> str:
    """Say why deliveries were set aside, and what to do. No full stop at the end."""
    mended = (
        "What they tell of is asked of the store; if more come, look for the plugin that sends them"
    )
    return {
        "owner-lost-rights": (
            "the user who made the webhook may not see records any more, so that the store sends an error in place of "
            "each. Make him an administrator again, or delete the webhook, and have the worker make it anew with "
            "the key of an administrator"
        ),
        "rest-error": f"the store sent an error in place of the record. {mended}",
        "wrong-version": f"the webhook is of another API version than v3. {mended}",
        "not-json": f"the body was not JSON. {mended}",
        "not-an-object": f"the body was not an object. {mended}",
        "not-of-the-shape": f"fields were missing or malformed. {mended}",
    }.get(reason, f"{reason}. {mended}")
