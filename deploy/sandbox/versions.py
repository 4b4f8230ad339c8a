"""The bodies of deliveries in older API versions, which a webhook that was created by hand may have.

v2 is equal to v3. v1 has neither `*_gmt` nor `meta_data`. The legacy API wraps the record, and has other names.
"""

from typing import Any

from deploy.sandbox.errors import RestError
from deploy.sandbox.wire import Json

VERSIONS = ("v3", "v2", "v1", "legacy")

_LEGACY_ORDER = {
    "id": "id",
    "number": "order_number",
    "order_key": "order_key",
    "status": "status",
    "currency": "currency",
    "total": "total",
    "total_tax": "total_tax",
    "billing": "billing_address",
    "shipping": "shipping_address",
    "customer_note": "note",
    "customer_ip_address": "customer_ip",
    "customer_user_agent": "customer_user_agent",
    "customer_id": "customer_id",
}
_LEGACY_CUSTOMER = {
    "id": "id",
    "email": "email",
    "first_name": "first_name",
    "last_name": "last_name",
    "username": "username",
    "role": "role",
    "billing": "billing_address",
    "shipping": "shipping_address",
}


def record_in(version: str, resource: str, body: Json) -> Json:
    """Convert the body of v3 to another version."""
    if version == "v1":
        return _v1_object(body)
    if version == "legacy":
        convert = _legacy_order if resource == "order" else _legacy_customer
        return {resource: convert(body)}
    return body


def error_in(version: str, error: RestError) -> Json:
    """Return the body of an error in a version."""
    if version != "legacy":
        return error.body
    code = error.code.replace("woocommerce_rest_", "woocommerce_api_")
    return {"errors": {code: [error.message]}, "error_data": {code: {"status": error.status}}}


def _v1_object(body: Json) -> Json:
    """Leave out the fields that v1 does not have, also in the lines of an order."""
    return {name: _v1_value(value) for name, value in body.items() if _is_in_v1(name)}


def _v1_value(value: Any) -> Any:
    if isinstance(value, list):
        return list(map(_v1_value, value))
    return _v1_object(value) if isinstance(value, dict) else value


def _is_in_v1(name: str) -> bool:
    return name != "meta_data" and not name.endswith("_gmt")


def _legacy_order(body: Json) -> Json:
    method = {"method_id": body["payment_method"], "method_title": body["payment_method_title"]}
    return {
        **{name: body[key] for key, name in _LEGACY_ORDER.items()},
        "created_at": _zulu(body["date_created_gmt"]),
        "updated_at": _zulu(body["date_modified_gmt"]),
        "completed_at": _zulu(body["date_completed_gmt"]),
        "payment_details": {**method, "paid": body["date_paid_gmt"] is not None},
        "line_items": [{"id": line["id"], "name": line["name"]} for line in body["line_items"]],
    }


def _legacy_customer(body: Json) -> Json:
    return {
        **{name: body[key] for key, name in _LEGACY_CUSTOMER.items()},
        "created_at": _zulu(body["date_created_gmt"]),
        "last_update": _zulu(body["date_modified_gmt"] or body["date_created_gmt"]),
    }


def _zulu(stamp: str | None) -> str | None:
    return f"{stamp}Z" if stamp else None
