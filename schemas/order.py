"""An order, as deliveries and REST show it: only what the rules need is taken, the rest dropped here."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
"""The `_fields` that a read of an order asks for: those that this schema takes. Lists are asked for whole, since not
every store can pick a part of each of their rows."""

MAX_REFUNDS = 1000
"""No order has more. To load a hundred thousand would stop a process for seconds."""

_NAME = ("first_name", "last_name", "company", "address_1", "address_2", "city", "postcode")
_CONTACT = ("email", "phone")


class CustomerId(RecordId):
    """The id of an order's customer; 0 for a guest, of whom stores also write nothing at all."""

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        """As `RecordId`, and 0 for an empty value."""
        return super().deserialize(0 if value in (None, "", False) else value, *args, **kwargs)


@dataclass(frozen=True, slots=True)
class Refunds:
    """The refunds that an order shows. `odd`: parts of the list, or dates in it, that make no sense."""

    rows: tuple[Refund, ...]
    odd: frozenset[str]

    @classmethod
    def of(cls, value: object) -> Self:
        """Read a list of refunds. Raises ValidationError where there are more than MAX_REFUNDS."""
        rows = php_list(value or [])
        if rows is None:
            return cls((), frozenset({"refunds"}))
        if len(rows) > MAX_REFUNDS:
            raise ValidationError({"refunds": ["are too many"]})
        odd: set[str] = set()
        refunds = {refund.id: refund for row in rows if (refund := _refund(row, odd))}
        if "refunds" in odd:
            odd.discard("refund_date")  # what cannot be read may hold the date
        return cls(tuple(refunds[number] for number in sorted(refunds)), frozenset(odd))


def _refund(row: object, odd: set[str]) -> Refund | None:
    """One refund; its date is shown only under the order's refunds. Names what is wrong with it in `odd`."""
    number = record_id(row.get("id")) if isinstance(row, dict) else None
    if number is None or not isinstance(row, dict):
        odd.add("refunds")
        return None
    if "date_created_gmt" not in row:
        return Refund(number)
    at = Times.of(row, "date_created").instants["date_created"]
    if at is None:
        odd.add("refund_date")
    return Refund(number, at, is_dateless=at is None)


class OrderSchema(Schema):
    """Loads to a Snapshot of OrderFacts. Raises ValidationError naming the fields that are not of the shape.

    Days are taken as the store shows them, however little sense they make; what is no day at all is left out.
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
    def _make(self, raw: dict[str, Any], original: Mapping[str, Any], **_: object) -> Snapshot:
        """The fields in which anything may stand are taken as they came: it is only asked whether anything does."""
        times = Times.of(original, *_TIMES)
        created, modified, paid, completed = (times.instants[name] for name in _TIMES)
        version = modified or created or UNDATED
        meta = read_meta(original.get("meta_data"), self.vocabulary, at=version)
        status, trashed = _status(raw["status"], meta)
        refunds = Refunds.of(raw["refunds"])
        odd = times.odd | refunds.odd
        if not is_readable(original.get("meta_data")):
            odd |= {"meta_data"}
        facts = OrderFacts(
            status=status,
            created_at=created,
            paid_at=paid,
            completed_at=completed,
            customer_id=raw["customer_id"],
            kinds=_kinds(original) | (meta.kinds if meta else frozenset()),
            trashed=trashed,
            refunds=refunds.rows,
            choices=meta.choices if meta else (),
            erased_at=version if meta and meta.anonymised else None,
            meta_at=version if meta else None,
            payment=method_id(original.get("payment_method"), self.vocabulary.method_patterns),
            carriers=_carriers(original.get("shipping_lines"), self.vocabulary),
            oddities=odd,
        )
        return Snapshot(
            facts, raw["id"], version, meta.ours if meta else None, undated=modified is None
        )


_TIMES = ("date_created", "date_modified", "date_paid", "date_completed")


def _status(raw: str, meta: Meta | None) -> tuple[str, bool]:
    """The status in words that we know, and whether the order is in the trash (then the one before)."""
    trashed = raw == "trash"
    status = raw.removeprefix("wc-") if not trashed else (meta and meta.trashed_from) or "unknown"
    return (status if status in KNOWN_STATUSES else "unknown"), trashed


def _carriers(lines: object, vocabulary: MetaVocabulary) -> frozenset[str]:
    """The ids of the shipping methods; their titles may say where the customer lives, and are dropped."""
    rows = php_list(lines) or []
    ids = (
        method_id(line.get("method_id"), vocabulary.method_patterns)
        for line in rows
        if isinstance(line, dict)
    )
    return frozenset(name for name in ids if name)


def _kinds(raw: Mapping[str, Any]) -> frozenset[str]:
    held = {
        "identity": any_present(raw.get("billing"), _NAME),
        "contact": any_present(raw.get("billing"), _CONTACT),
        "shipping": any_present(raw.get("shipping"), (*_NAME, "phone"))
        or bool(raw.get("shipping_lines")),
        "note": present(raw.get("customer_note")),
        "network": present(raw.get("customer_ip_address"))
        or _is_agent(raw.get("customer_user_agent")),
        "item-meta": any(_has_own_meta(line) for line in php_list(raw.get("line_items")) or []),
        "refund-reason": any(
            any_present(row, ["reason"]) for row in php_list(raw.get("refunds")) or []
        ),
    }
    return frozenset(kind for kind, there in held.items() if there)


def _is_agent(value: object) -> bool:
    """Tell whether it is a browser, and not `[deleted]` in some language, as the store's eraser writes in its place."""
    return present(value) and not (isinstance(value, str) and _ERASED.fullmatch(value.strip()))


_ERASED = re.compile(r"\[[^\[\]]*\]")


def _has_own_meta(line: object) -> bool:
    """Tell whether a line of an order has meta data that was written for people: an engraving, a message. Keys that
    begin with `_` are those of programs."""
    rows = php_list(line.get("meta_data")) if isinstance(line, dict) else None
    return any(_is_own(row) for row in rows or [])


def _is_own(row: object) -> bool:
    key = row.get("key") if isinstance(row, dict) else None
    return isinstance(key, str) and not key.startswith("_") and any_present(row, ["value"])
