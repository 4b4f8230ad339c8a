"""An order, as deliveries and REST show it: only what the rules need is taken, the rest dropped here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load

from hooks.retention.facts import KNOWN_STATUSES, OrderFacts, Refund, Snapshot
from hooks.retention.policy import MetaVocabulary
from schemas.meta import Meta, read_meta
from schemas.wire import GmtTime, RecordId, any_present, method_id, present, required_time

FIELDS = (
    "id,status,customer_id,date_created_gmt,date_modified_gmt,date_paid_gmt,date_completed_gmt,refunds,meta_data,"
    "billing,shipping,shipping_lines,payment_method,customer_note,customer_ip_address,customer_user_agent"
)
"""The `_fields` that a read of an order asks for: those that this schema takes."""

MAX_REFUNDS = 1000
"""No order has more. To load a hundred thousand would stop a process for seconds."""

_NAME = ("first_name", "last_name", "company", "address_1", "address_2", "city", "postcode", "phone")
_CONTACT = (*_NAME, "email")


class RefundSchema(Schema):
    """A refund as an order lists it; its date is shown only under the order's refunds."""

    class Meta:
        unknown = EXCLUDE

    id = RecordId(required=True)
    date_created_gmt = GmtTime(load_default=None)

    @post_load
    def _make(self, raw: dict[str, Any], **_: object) -> Refund:
        return Refund(raw["id"], raw["date_created_gmt"])


class Refunds(fields.List[Any]):
    """At most MAX_REFUNDS of them; they are counted before the first one is read."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > MAX_REFUNDS:
            raise ValidationError("are too many")
        return super()._deserialize(value, *args, **kwargs)


class OrderSchema(Schema):
    """Loads to a Snapshot of OrderFacts. Raises ValidationError naming the fields that are not of the shape."""

    class Meta:
        unknown = EXCLUDE

    id = RecordId(required=True)
    status = fields.String(required=True)
    customer_id = RecordId(minimum=0, load_default=0, allow_none=True)
    date_created_gmt = GmtTime(required=True)
    date_modified_gmt = GmtTime(load_default=None)
    date_paid_gmt = GmtTime(load_default=None)
    date_completed_gmt = GmtTime(load_default=None)
    refunds = Refunds(fields.Nested(RefundSchema), load_default=list, allow_none=True)

    def __init__(self, vocabulary: MetaVocabulary, **kwargs: Any) -> None:
        self.vocabulary = vocabulary
        super().__init__(**kwargs)

    @post_load(pass_original=True)
    def _make(self, raw: dict[str, Any], original: Mapping[str, Any], **_: object) -> Snapshot:
        """The fields in which anything may stand are taken as they came: it is only asked whether anything does."""
        created = required_time(raw, "date_created_gmt", "date_modified_gmt")
        version = raw["date_modified_gmt"] or created
        meta = read_meta(original.get("meta_data"), self.vocabulary, at=version)
        status, trashed = _status(raw["status"], meta)
        facts = OrderFacts(
            status=status,
            created_at=created,
            paid_at=raw["date_paid_gmt"],
            completed_at=raw["date_completed_gmt"],
            customer_id=raw["customer_id"] or 0,
            kinds=_kinds(original) | (meta.kinds if meta else frozenset()),
            trashed=trashed,
            refunds=tuple(sorted(raw["refunds"] or (), key=lambda refund: refund.id)),
            choices=meta.choices if meta else (),
            erased_at=version if meta and meta.anonymised else None,
            meta_at=version if meta else None,
            payment=method_id(original.get("payment_method"), self.vocabulary.ways),
            carriers=_carriers(original.get("shipping_lines"), self.vocabulary),
        )
        return Snapshot(facts, raw["id"], version, meta.ours if meta else None)


def _status(raw: str, meta: Meta | None) -> tuple[str, bool]:
    """The status in words that we know, and whether the order is in the trash (then the one before)."""
    trashed = raw == "trash"
    status = raw.removeprefix("wc-") if not trashed else (meta and meta.trashed_from) or "unknown"
    return (status if status in KNOWN_STATUSES else "unknown"), trashed


def _carriers(lines: object, vocabulary: MetaVocabulary) -> frozenset[str]:
    """The ids of the shipping methods; their titles may say where the customer lives, and are dropped."""
    rows = lines if isinstance(lines, list) else []
    ids = (method_id(line.get("method_id"), vocabulary.ways) for line in rows if isinstance(line, dict))
    return frozenset(name for name in ids if name)


def _kinds(raw: Mapping[str, Any]) -> frozenset[str]:
    held = {
        "identity": any_present(raw.get("billing"), _CONTACT),
        "shipping": any_present(raw.get("shipping"), _NAME) or bool(raw.get("shipping_lines")),
        "note": present(raw.get("customer_note")),
        "network": present(raw.get("customer_ip_address")) or present(raw.get("customer_user_agent")),
    }
    return frozenset(kind for kind, there in held.items() if there)
