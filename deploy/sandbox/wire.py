"""The formats of the store on the wire: PHP's JSON, times without a zone, amounts, entity-decoded secrets."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

ORDER_BILLING = (
    "first_name", "last_name", "company", "address_1", "address_2",
    "city", "state", "postcode", "country", "email", "phone",
)  # fmt: skip
ORDER_SHIPPING = tuple(part for part in ORDER_BILLING if part != "email")
# The same fields, but a customer's `state` is listed after the country.
CUSTOMER_BILLING = (
    "first_name", "last_name", "company", "address_1", "address_2",
    "city", "postcode", "country", "state", "email", "phone",
)  # fmt: skip
CUSTOMER_SHIPPING = tuple(part for part in CUSTOMER_BILLING if part != "email")

_ENTITIES = {
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&#039;": "'",
    "&#39;": "'",
    "&amp;": "&",
    "&#038;": "&",
}


def php_json(value: object) -> bytes:
    r"""Encode as PHP's json_encode does: ASCII only with \u escapes, slashes escaped, no blanks."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode("ascii")


def local_stamp(moment: datetime | None, zone: tzinfo) -> str | None:
    """Write a time as the shop's local time, without a zone: `2026-11-22T08:57:27`."""
    if moment is None:
        return None
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")


def gmt_stamp(moment: datetime | None) -> str | None:
    """Write a time in GMT, also without a zone."""
    return local_stamp(moment, UTC)


def instant(moment: str | datetime, zone: tzinfo = UTC) -> datetime:
    """Return a time in UTC. A time without a zone is a time in `zone`."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)


def money(amount: object) -> Decimal:
    """Return an amount with two decimals."""
    return Decimal(str(amount or 0)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def number(amount: Decimal) -> int | float:
    """Return an amount as PHP writes a number in JSON: 1299, not 1299.0."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def empty_address(parts: Sequence[str]) -> dict[str, str]:
    """Return an address with all parts empty, in the store's order."""
    return dict.fromkeys(parts, "")


def update_address(stored: dict[str, str], changes: Mapping[str, Any] | None) -> None:
    """Write the changes to an address. Parts that the address does not have are ignored."""
    for part, value in (changes or {}).items():
        if part in stored:
            stored[part] = str(value or "")


def decode_entities(secret: str) -> str:
    """Undo the HTML entities under which a secret may have been stored: `a&amp;b` signs as `a&b`."""
    return re.sub("|".join(map(re.escape, _ENTITIES)), lambda match: _ENTITIES[match[0]], secret)
