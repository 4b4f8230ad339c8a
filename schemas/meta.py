"""What `meta_data` tells: only the keys that the rules need are looked at, all others are dropped unread."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hooks.retention.facts import Choice
from hooks.retention.policy import MetaVocabulary
from hooks.retention.store_meta import KEYS
from schemas.wire import php_list


@dataclass(frozen=True, slots=True)
class Meta:
    """A record's `meta_data`, read; None in place of one means that it was not shown."""

    kinds: frozenset[str]
    choices: tuple[Choice, ...]
    ours: dict[str, str]
    anonymised: bool
    trashed_from: str | None
    last_active_at: datetime | None
    is_activity_odd: bool = False


def read_meta(raw: object, vocabulary: MetaVocabulary, *, at: datetime) -> Meta | None:
    """Read the `meta_data` of a record's state of `at`; None where it is not shown, or not readable at all."""
    rows = None if raw is None else php_list(raw)
    if rows is None:
        return None
    values = _values(rows)
    kinds = (
        {"attribution"}
        if any(key.startswith(vocabulary.attribution_prefixes) for key in values)
        else set()
    )
    newsletter = [
        str(values[key]).strip().lower() for key in vocabulary.newsletter_keys if _held(values, key)
    ]
    if newsletter:
        kinds.add("newsletter")
    return Meta(
        kinds=frozenset(kinds),
        choices=_choices(newsletter, vocabulary, at),
        ours={key: _text(values[key]) for key in KEYS if key in values},
        anonymised=values.get("_anonymized") == "yes",
        trashed_from=_slug(values.get("_wp_trash_meta_status")),
        last_active_at=_unix_time(values.get("wc_last_active")),
        is_activity_odd=_held(values, "wc_last_active")
        and _unix_time(values["wc_last_active"]) is None,
    )


def is_readable(raw: object) -> bool:
    """Tell whether `meta_data`, if it is shown, can be read whole."""
    if raw is None:
        return True
    rows = php_list(raw)
    return rows is not None and all(
        isinstance(row, dict) and isinstance(row.get("key"), str) for row in rows
    )


def _values(raw: Iterable[object]) -> dict[str, Any]:
    return {
        item["key"]: item.get("value")
        for item in raw
        if isinstance(item, dict) and isinstance(item.get("key"), str)
    }


def _held(values: Mapping[str, Any], key: str) -> bool:
    return values.get(key) not in (None, "", [], {})


def _choices(newsletter: list[str], vocabulary: MetaVocabulary, at: datetime) -> tuple[Choice, ...]:
    """One choice of all the keys: a refusal under any of them counts; a value in no list tells nothing."""
    if any(value in vocabulary.withdrawn_values for value in newsletter):
        return (Choice(at, given=False),)
    if any(value in vocabulary.given_values for value in newsletter):
        return (Choice(at, given=True),)
    return ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _slug(value: object) -> str | None:
    return value.removeprefix("wc-") if isinstance(value, str) else None


def _unix_time(value: object) -> datetime | None:
    """Unix seconds as text; whatever else stands there is no time."""
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 11):
        return None
    return datetime.fromtimestamp(int(text), UTC)
