"""This service's webhooks in a store: find them, check them, create and repair them.

A webhook is ours if it delivers to our address, or if the ledger has its id. Its name proves nothing: a copy of the
shop elsewhere may have webhooks of the same names that belong to another service.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hooks.errors import (
    ListingError,
    RecordGoneError,
    RecordRefusedError,
    StoreError,
    StoreUnreachableError,
)
from hooks.store.client import StoreClient
from schemas.wire import record_id

Status = Literal["active", "paused", "disabled", "missing", "elsewhere"]

PER_PAGE = 100
PAGES = 100
"""More pages than any shop has. A list that is longer has no end."""

GIVEN_UP: tuple[Status, ...] = ("paused", "disabled")
"""The store or a person has ended these. Our other webhooks may have failed almost as often; REST does not show it."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook as the store lists it."""

    id: int
    topic: str
    status: str
    delivery_url: str


@dataclass(frozen=True, slots=True)
class Target:
    """The desired webhooks of one store: one for each topic, to this address, signed with this secret."""

    url: str
    topics: tuple[str, ...]
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TopicState:
    """The state of one topic's webhook.

    `hook_id` is the webhook that serves the topic, or should; `duplicates` are the ids of more webhooks of ours.
    `is_outdated`: its deliveries are of another API version, and a new webhook may help.
    """

    topic: str
    status: Status
    hook_id: int | None = None
    duplicates: tuple[int, ...] = ()
    is_outdated: bool = False

    @property
    def is_active(self) -> bool:
        """Tell whether the events of the topic arrive."""
        return self.status == "active"

    @property
    def is_well(self) -> bool:
        """Tell whether nothing needs repair."""
        return self.is_active and not self.duplicates and not self.is_outdated


@dataclass(frozen=True, slots=True)
class Deed:
    """One change to a webhook. `kept`: it should have been removed, but the store refused with `error`."""

    act: Literal["made", "removed", "kept", "secret"]
    topic: str
    hook_id: int
    error: StoreError | None = None


def secret_digest(consumer_secret: str, secret: str) -> str:
    """Hash a webhook's secret for the ledger. Without the secret of the REST key nobody can test guesses against it."""
    return hmac.new(consumer_secret.encode(), secret.encode(), "sha256").hexdigest()[:32]


def list_webhooks(client: StoreClient) -> list[Hook]:
    """List all webhooks of the store, ours or not, by id. Raises StoreError.

    The list is read by page number, since this is the one list for which WooCommerce ignores an offset.
    """
    webhooks: dict[int, Hook] = {}
    params = {
        "orderby": "id",
        "order": "asc",
        "per_page": str(PER_PAGE),
        "_fields": "id,topic,status,delivery_url",
    }
    for number in range(1, PAGES + 1):
        params["page"] = str(number)
        listed = map(_hook, client.list_page("webhooks", params).rows)
        page = {webhook.id: webhook for webhook in listed}
        if page.keys() <= webhooks.keys():
            return [webhooks[hook_id] for hook_id in sorted(webhooks)]
        webhooks = {**page, **webhooks}
    raise ListingError("webhooks-endless", "the store's list of webhooks has no end")


def _hook(row: Mapping[str, Any]) -> Hook:
    number = record_id(row.get("id"))
    if number is None:
        raise StoreUnreachableError("not-of-the-shape", "the store lists a webhook without an id")
    return Hook(
        number,
        topic=str(row.get("topic") or ""),
        status=str(row.get("status") or ""),
        delivery_url=str(row.get("delivery_url") or ""),
    )


def survey(
    hooks: Sequence[Hook], url: str, topics: Iterable[str], remembered: Mapping[str, int]
) -> list[TopicState]:
    """Return the state of each topic. `remembered`: the ids of our webhooks in the ledger, by topic."""
    return [_state(topic, hooks, url, remembered.get(topic)) for topic in topics]


def _state(topic: str, hooks: Sequence[Hook], url: str, remembered: int | None) -> TopicState:
    """Return the state of a topic. The best of our webhooks serves it; of equals the remembered or else the newest."""

    def is_ours(hook: Hook) -> bool:
        return hook.topic == topic and (hook.delivery_url == url or hook.id == remembered)

    def rank(hook: Hook) -> tuple[bool, bool, bool, int]:
        has_our_url = hook.delivery_url == url
        is_active = has_our_url and hook.status == "active"
        return is_active, has_our_url, hook.id == remembered, hook.id

    candidates = sorted(filter(is_ours, hooks), key=rank, reverse=True)
    if not candidates:
        return TopicState(topic, "missing")
    best = candidates[0]
    duplicates = tuple(sorted(hook.id for hook in candidates[1:]))
    return TopicState(topic, _status(best, url), best.id, duplicates)


def _status(hook: Hook, url: str) -> Status:
    if hook.delivery_url != url:
        return "elsewhere"
    if hook.status == "active":
        return "active"
    if hook.status == "paused":
        return "paused"
    return "disabled"


def mend(client: StoreClient, states: Sequence[TopicState], target: Target) -> Iterator[Deed]:
    """Create missing webhooks, recreate broken ones, remove duplicates. The caller saves each deed as it comes.

    - If one webhook was given up on (GIVEN_UP), all are recreated: nothing else resets the count of failures.
    - An outdated webhook is recreated: REST cannot change its API version.
    - The new webhook is created before the old one is removed, so that no event is lost between the two.
    - Webhooks that were given up on come last. A run that is cut short leaves one of them, so the next run does
      everything again.

    Raises StoreError; the deeds before it remain done.
    """
    recreate_all = any(state.status in GIVEN_UP for state in states)
    for state in sorted(states, key=lambda state: state.status in GIVEN_UP):
        old_ids = list(state.duplicates)
        if recreate_all or not state.is_active or state.is_outdated:
            yield _create(client, state.topic, target)
            if state.hook_id is not None:
                old_ids.append(state.hook_id)
        for hook_id in old_ids:
            yield _remove(client, state.topic, hook_id)


def give_secret(client: StoreClient, topic: str, hook_id: int, target: Target) -> Iterator[Deed]:
    """Give the target's secret to a webhook of ours. If it is gone by now, recreate it. Raises StoreError."""
    try:
        client.change(f"webhooks/{hook_id}", {"secret": target.secret})
    except StoreError as error:
        if not (_is_gone(error) or isinstance(error, RecordRefusedError)):
            raise
        yield _create(client, topic, target)
        yield _remove(client, topic, hook_id)
    else:
        yield Deed("secret", topic, hook_id)


def _create(client: StoreClient, topic: str, target: Target) -> Deed:
    webhook = {
        "name": f"Retention Hooks: {topic}",
        "topic": topic,
        "delivery_url": target.url,
        "secret": target.secret,
        "status": "active",
    }
    number = record_id(client.create("webhooks", webhook).get("id"))
    if number is None:
        raise StoreUnreachableError("not-of-the-shape", "the answer is not of a webhook's shape")
    return Deed("made", topic, number)


def _remove(client: StoreClient, topic: str, hook_id: int) -> Deed:
    try:
        client.delete(f"webhooks/{hook_id}", {"force": "true"})
    except StoreError as error:
        if not error.permanent:
            raise
        if not _is_gone(error):
            return Deed("kept", topic, hook_id, error)
    return Deed("removed", topic, hook_id)


def _is_gone(error: StoreError) -> bool:
    """Tell whether the webhook is gone. The list had it just now, so a 404 means that somebody else deleted it."""
    return isinstance(error, RecordGoneError) or error.code == "no-such-route"
