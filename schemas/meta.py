"""The `meta_data` of a record. Only the keys that the rules need are read; all others are dropped unread."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hooks.retention.facts import Choice
from hooks.retention.policy import MetaVocabulary
from hooks.retention.store_meta import KEYS
from schemas.wire import php_list


@dataclass(frozen=True, slots=True)
class Meta:
    """The facts in the `meta_data` of one record.

    `at` is the version of the record that showed them. `store_meta` has the texts that the store holds under the
    service's own keys. Both are None if `meta_data` was not shown or cannot be read: unknown, not empty.

    `trashed_from` is the status before the trash. `is_activity_odd`: `wc_last_active` is there, but is no time.
    """

    at: datetime | None = None
    kinds: frozenset[str] = frozenset()
    choices: tuple[Choice, ...] = ()
    store_meta: dict[str, str] | None = None
    erased_at: datetime | None = None
    trashed_from: str | None = None
    last_active_at: datetime | None = None
    is_activity_odd: bool = False


UNKNOWN = Meta()


def read_meta(raw: object, vocabulary: MetaVocabulary, *, at: datetime) -> Meta:
    """Read the `meta_data` of a record whose version is `at`; UNKNOWN if it is not shown or not a list."""
    rows = php_list(raw)
    if rows is None:
        return UNKNOWN
    values = dict(_pairs(rows))
    newsletter = [
        str(values[key]).strip().lower()
        for key in vocabulary.newsletter_keys
        if _has_value(values, key)
    ]
    last_active_at = _unix_time(values.get("wc_last_active"))
    is_erased = values.get("_anonymized") == "yes"
    return Meta(
        at=at,
        kinds=frozenset(_kinds(values, newsletter, vocabulary)),
        choices=_choices(newsletter, vocabulary, at),
        store_meta={key: _text(values[key]) for key in KEYS if key in values},
        erased_at=at if is_erased else None,
        trashed_from=_status_slug(values.get("_wp_trash_meta_status")),
        last_active_at=last_active_at,
        is_activity_odd=last_active_at is None and _has_value(values, "wc_last_active"),
    )


def is_readable(raw: object) -> bool:
    """Tell whether each row of `meta_data` can be read; true if it is not shown."""
    if raw is None:
        return True
    rows = php_list(raw)
    return rows is not None and all(map(_is_row, rows))


def _is_row(row: object) -> bool:
    return isinstance(row, dict) and isinstance(row.get("key"), str)


def _pairs(rows: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for row in rows:
        if _is_row(row):
            yield row["key"], row.get("value")


def _has_value(values: Mapping[str, Any], key: str) -> bool:
    return values.get(key) not in (None, "", [], {})


def _kinds(
    values: Mapping[str, Any], newsletter: list[str], vocabulary: MetaVocabulary
) -> Iterator[str]:
    if any(key.startswith(vocabulary.attribution_prefixes) for key in values):
        yield "attribution"
    if newsletter:
        yield "newsletter"


def _choices(newsletter: list[str], vocabulary: MetaVocabulary, at: datetime) -> tuple[Choice, ...]:
    """Return one choice for all the keys. A refusal under any key counts; a value in neither list means no choice."""
    if any(value in vocabulary.withdrawn_values for value in newsletter):
        return (Choice(at, given=False),)
    if any(value in vocabulary.given_values for value in newsletter):
        return (Choice(at, given=True),)
    return ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _status_slug(value: object) -> str | None:
    return value.removeprefix("wc-") if isinstance(value, str) else None


def _unix_time(value: object) -> datetime | None:
    """Read Unix seconds, as text or a number; None for anything else."""
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 11):
        return None
    return datetime.fromtimestamp(int(text), UTC)
