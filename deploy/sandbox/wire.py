"""How the store writes things down: PHP's JSON, times without a zone, amounts, entity-decoded secrets."""

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
    """The time on the wall of the shop, without a zone: `2026-11-22T08:57:27`."""
    return None if moment is None else moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")


def gmt_stamp(moment: datetime | None) -> str | None:
    """The same instant in GMT, also without a zone."""
    return local_stamp(moment, UTC)


def instant(moment: str | datetime, zone: tzinfo = UTC) -> datetime:
    """Read a time given by hand or in a query; one without a zone is meant in `zone`."""
    read = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)


def money(amount: object) -> Decimal:
    """An amount with two decimals."""
    return Decimal(str(amount or 0)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def number(amount: Decimal) -> int | float:
    """An amount as PHP puts a number into JSON: 1299, not 1299.0."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def address(given: Mapping[str, Any], parts: Sequence[str]) -> dict[str, str]:
    """All parts of an address in the store's order; those not given are empty."""
    return {part: str(given.get(part) or "") for part in parts}


def decode_entities(secret: str) -> str:
    """Undo the HTML entities under which a secret may have been stored: `a&amp;b` signs as `a&b`."""
    return re.sub("|".join(map(re.escape, _ENTITIES)), lambda found: _ENTITIES[found[0]], secret)
