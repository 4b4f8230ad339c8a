"""An order, as deliveries and the REST API show it. Only facts that the rules need are kept; the rest is dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load

from hooks.retention.facts import KNOWN_STATUSES, OrderFacts, Refund, Snapshot
from hooks.retention.plausibility import UNDATED
from hooks.retention.policy import MetaVocabulary
from schemas.meta import Meta, is_readable, read_meta
from schemas.wire import RecordId, Times, any_present, method_id, php_list, present, record_id

FIELDS = (
    "id,status,customer_id,date_created_gmt,date_modified_gmt,date_paid_gmt,date_completed_gmt,refunds,meta_data,"
    "billing,shipping,shipping_lines,line_items,payment_method,customer_note,customer_ip_address,customer_user_agent"
)
"""The `_fields` that a read of an order asks for: the fields that this schema reads. Lists are asked for as a whole,
because not every store can pick one part of each row."""

MAX_REFUNDS = 1000
"""No real order has more. Loading a hundred thousand would block a process for seconds."""

TRASH = "trash"

_TIMES = ("date_created", "date_modified", "date_paid", "date_completed")
_NAME = ("first_name", "last_name", "company", "address_1", "address_2", "city", "postcode")
_CONTACT = ("email", "phone")
_SHIPPING = (*_NAME, "phone")
_ERASED = re.compile(r"\[[^\[\]]*\]")


class CustomerId(RecordId):
    """The id of an order's customer; 0 for a guest. Some stores leave the id of a guest empty."""

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Load as `RecordId` does, and an empty value as 0."""
        if value in (None, "", False):
            value = 0
        return super().deserialize(value, *args, **kwargs)


@dataclass(frozen=True, slots=True)
class Refunds:
    """The refunds that an order shows. `oddities` names the parts of the list that make no sense."""

    rows: tuple[Refund, ...]
    oddities: frozenset[str]

    @classmethod
    def of(cls, value: object) -> Self:
        """Read a list of refunds. Raise ValidationError if there are more than MAX_REFUNDS."""
        rows = php_list(value or [])
        if rows is None:
            return cls((), frozenset({"refunds"}))
        if len(rows) > MAX_REFUNDS:
            raise ValidationError({"refunds": ["are too many"]})
        refunds: dict[int, Refund] = {}
        oddities: set[str] = set()
        for row in rows:
            refund = _refund(row)
            if refund is None:
                oddities.add("refunds")
                continue
            refunds[refund.id] = refund
            if refund.is_dateless:
                oddities.add("refund_date")
        if "refunds" in oddities:
            oddities.discard("refund_date")  # a row that cannot be read may hold the date
        return cls(tuple(refunds[number] for number in sorted(refunds)), frozenset(oddities))


def _refund(row: object) -> Refund | None:
    """Read one refund, or return None if it has no id.

    The store shows the date of a refund only at `/orders/<id>/refunds`.
    """
    if not isinstance(row, dict):
        return None
    number = record_id(row.get("id"))
    if number is None:
        return None
    if "date_created_gmt" not in row:
        return Refund(number)
    at = Times.of(row, "date_created").instants["date_created"]
    return Refund(number, at, is_dateless=at is None)


class OrderSchema(Schema):
    """Load an order to a Snapshot of OrderFacts. Raise ValidationError with the names of the fields that do not fit.

    Times are taken as the store shows them, even if they make no sense. A value that is not a time is left out.
    """

    class Meta:
        unknown = EXCLUDE

    id = RecordId(required=True)
    status = fields.String(required=True)
    customer_id = CustomerId(minimum=0, load_default=0)
    date_created_gmt = fields.Raw(required=True, allow_none=True)
    refunds = fields.Raw(load_default=None, allow_none=True)

    def __init__(self, vocabulary: MetaVocabulary, **kwargs: Any) -> None:
        self.vocabulary = vocabulary
        super().__init__(**kwargs)

    @post_load(pass_original=True)
    def _build(self, raw: dict[str, Any], original: Mapping[str, Any], **_: object) -> Snapshot:
        """Build the snapshot. Fields of any content are read from `original`, only to see whether they are empty."""
        times = Times.of(original, *_TIMES)
        created, modified, paid, completed = (times.instants[name] for name in _TIMES)
        version = modified or created or UNDATED
        meta_data = original.get("meta_data")
        meta = read_meta(meta_data, self.vocabulary, at=version)
        refunds = Refunds.of(raw["refunds"])
        oddities = times.odd | refunds.oddities
        if not is_readable(meta_data):
            oddities |= {"meta_data"}
        facts = OrderFacts(
            status=_status(raw["status"], meta),
            created_at=created,
            paid_at=paid,
            completed_at=completed,
            customer_id=raw["customer_id"],
            kinds=meta.kinds.union(_kinds(original)),
            trashed=raw["status"] == TRASH,
            refunds=refunds.rows,
            choices=meta.choices,
            erased_at=meta.erased_at,
            meta_at=meta.at,
            payment=method_id(original.get("payment_method"), self.vocabulary.method_patterns),
            carriers=_carriers(original.get("shipping_lines"), self.vocabulary),
            oddities=oddities,
        )
        return Snapshot(facts, raw["id"], version, meta.store_meta, undated=modified is None)


def _status(raw: str, meta: Meta) -> str:
    """Return the status in WooCommerce's own words, or `unknown`; for a trashed order, the status before the trash."""
    status: str | None = raw.removeprefix("wc-")
    if raw == TRASH:
        status = meta.trashed_from
    return status if status in KNOWN_STATUSES else "unknown"


def _carriers(lines: object, vocabulary: MetaVocabulary) -> frozenset[str]:
    """Return the ids of the shipping methods. Their titles are dropped: one may say where the customer lives."""
    ids = set()
    for line in php_list(lines) or []:
        if isinstance(line, dict):
            ids.add(method_id(line.get("method_id"), vocabulary.method_patterns))
    return frozenset(ids - {""})


def _kinds(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield the kinds of data that an order holds."""
    if any_present(raw.get("billing"), _NAME):
        yield "identity"
    if any_present(raw.get("billing"), _CONTACT):
        yield "contact"
    if any_present(raw.get("shipping"), _SHIPPING) or raw.get("shipping_lines"):
        yield "shipping"
    if present(raw.get("customer_note")):
        yield "note"
    if present(raw.get("customer_ip_address")) or _is_agent(raw.get("customer_user_agent")):
        yield "network"
    if any(map(_has_own_meta, php_list(raw.get("line_items")) or [])):
        yield "item-meta"
    if any(any_present(refund, ["reason"]) for refund in php_list(raw.get("refunds")) or []):
        yield "refund-reason"


def _is_agent(value: object) -> bool:
    """Tell whether a value names a browser. The store's eraser replaces it by `[deleted]`, in the shop's language."""
    is_erased = isinstance(value, str) and _ERASED.fullmatch(value.strip())
    return present(value) and not is_erased


def _has_own_meta(line: object) -> bool:
    """Tell whether a line of an order has meta data for people to read: an engraving, a message."""
    if not isinstance(line, dict):
        return False
    return any(map(_is_for_people, php_list(line.get("meta_data")) or []))


def _is_for_people(row: object) -> bool:
    """Tell whether a row of meta data has a value, and a key without `_` before it, which marks keys of programs."""
    key = row.get("key") if isinstance(row, dict) else None
    return isinstance(key, str) and not key.startswith("_") and any_present(row, ["value"])
