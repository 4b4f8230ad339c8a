"""This service's webhooks in a store: which they are, how they stand, and how they are made and mended.

Ours is what delivers to our address, and what the ledger remembers as ours. A name means nothing: a copy of the
shop elsewhere may have webhooks of the same names, which are another's.
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
"""No shop has so many webhooks; a store that never ends its list is not one that can be looked at."""

GIVEN_UP: tuple[Status, ...] = ("paused", "disabled")
"""The store, or a person, has ended these; the others may have failed almost as often, which REST does not show."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook as the store lists it."""

    id: int
    topic: str
    status: str
    delivery_url: str


@dataclass(frozen=True, slots=True)
class Target:
    """What our webhooks of one store are to be: one for each topic, to this address, signing with this secret."""

    url: str
    topics: tuple[str, ...]
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TopicState:
    """How one topic stands. `hook_id` is the webhook that serves it, or that should; `doubles` are more of ours.
    `is_outdated`: its deliveries are of another API version, and a new webhook may help."""

    topic: str
    status: Status
    hook_id: int | None = None
    doubles: tuple[int, ...] = ()
    is_outdated: bool = False

    @property
    def works(self) -> bool:
        """Whether its events arrive."""
        return self.status == "active"

    @property
    def well(self) -> bool:
        """Whether there is nothing to mend."""
        return self.works and not self.doubles and not self.is_outdated


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing done to a webhook. `kept`: it should have been removed, and the store refused with `error`."""

    act: Literal["made", "removed", "kept", "secret"]
    topic: str
    hook_id: int
    error: StoreError | None = None


def secret_digest(consumer_secret: str, secret: str) -> str:
    """What may be remembered of a webhook's secret: nobody without the key's secret can try others against it."""
    return hmac.new(consumer_secret.encode(), secret.encode(), "sha256").hexdigest()[:32]


def listed(client: StoreClient) -> list[Hook]:
    """All webhooks of the store, ours or not, by id. Raises StoreError.

    Page by page: to this list alone, WooCommerce does not apply an offset.
    """
    found: dict[int, Hook] = {}
    asked = {
        "orderby": "id",
        "order": "asc",
        "per_page": str(PER_PAGE),
        "_fields": "id,topic,status,delivery_url",
    }
    for number in range(1, PAGES + 1):
        rows = client.list_page("webhooks", asked | {"page": str(number)}).rows
        new = {hook.id: hook for hook in map(_hook, rows) if hook.id not in found}
        if not new:
            return [found[key] for key in sorted(found)]
        found |= new
    raise ListingError("webhooks-endless", "the store's list of webhooks has no end")


def _hook(row: Mapping[str, Any]) -> Hook:
    number = record_id(row.get("id"))
    if number is None:
        raise StoreUnreachableError("not-of-the-shape", "the store lists a webhook without an id")
    return Hook(number, *(str(row.get(name) or "") for name in ("topic", "status", "delivery_url")))


def survey(
    hooks: Sequence[Hook], url: str, topics: Iterable[str], remembered: Mapping[str, int]
) -> list[TopicState]:
    """How each topic stands. `remembered`: the ids that the ledger knows as ours, by topic."""
    return [_state(topic, hooks, url, remembered.get(topic)) for topic in topics]


def _state(topic: str, hooks: Sequence[Hook], url: str, remembered: int | None) -> TopicState:
    """Of several of ours the best one serves; of equals the remembered one, then the newest."""
    ours = [
        hook
        for hook in hooks
        if hook.topic == topic and (hook.delivery_url == url or hook.id == remembered)
    ]
    if not ours:
        return TopicState(topic, "missing")

    def rank(hook: Hook) -> tuple[bool, bool, bool, int]:
        here = hook.delivery_url == url
        return here and hook.status == "active", here, hook.id == remembered, hook.id

    best, *others = sorted(ours, key=rank, reverse=True)
    doubles = tuple(sorted(hook.id for hook in others))
    return TopicState(topic, _status(best, url), best.id, doubles)


def _status(hook: Hook, url: str) -> Status:
    if hook.delivery_url != url:
        return "elsewhere"
    if hook.status == "active":
        return "active"
    return "paused" if hook.status == "paused" else "disabled"


def mend(client: StoreClient, states: Sequence[TopicState], target: Target) -> Iterator[Deed]:
    """Make what is missing, make anew what does not work, remove doubles; the caller notes each deed as it comes.

    One given up on is made anew, since nothing else resets its failures, and so are then all of ours. So is one that is
    outdated, since REST cannot change its version. The new one
    comes first, so that no event falls between the two. Those given up on come last: a run that is cut short
    leaves one of them, and so is done again whole. Raises StoreError; what was done before it stands.
    """
    all_anew = any(state.status in GIVEN_UP for state in states)
    for state in sorted(states, key=lambda state: state.status in GIVEN_UP):
        old = state.doubles
        if all_anew or not state.works or state.is_outdated:
            yield _make(client, state.topic, target)
            old = (*old, state.hook_id) if state.hook_id is not None else old
        for number in old:
            yield _remove(client, state.topic, number)


def give_secret(client: StoreClient, topic: str, hook_id: int, target: Target) -> Iterator[Deed]:
    """Let a webhook of ours sign with the target's secret; one that is gone by now is made anew. Raises StoreError."""
    try:
        client.change(f"webhooks/{hook_id}", {"secret": target.secret})
    except StoreError as error:
        if not (_is_gone(error) or isinstance(error, RecordRefusedError)):
            raise
        yield _make(client, topic, target)
        yield _remove(client, topic, hook_id)
    else:
        yield Deed("secret", topic, hook_id)


def _make(client: StoreClient, topic: str, target: Target) -> Deed:
    wanted = {
        "name": f"Retention Hooks: {topic}",
        "topic": topic,
        "delivery_url": target.url,
        "secret": target.secret,
        "status": "active",
    }
    number = record_id(client.create("webhooks", wanted).get("id"))
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
    """The store's list had just named it: a 404 now means that somebody was quicker."""
    return isinstance(error, RecordGoneError) or error.code == "no-such-route"
