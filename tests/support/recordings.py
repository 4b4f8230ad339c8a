"""Deliveries that a real store sent, and new ones that are signed the same way."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

RECORDINGS = Path(__file__).parent.parent / "recordings"
RECORDED_SECRET = "recorded-secret"
"""The secret that the recorded store signed with. It is too short for the settings of this service."""

SECRET = "a-secret-of-the-recorded-shop"
"""The secret that signs all deliveries of the tests. The recorded ones are signed again with it."""

SIGNATURE = "X-WC-Webhook-Signature"


@dataclass(frozen=True)
class Recorded:
    """One delivery: the file's name, its headers and the exact body."""

    name: str
    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> dict[str, Any]:
        """The body, parsed."""
        return cast("dict[str, Any]", json.loads(self.body))

    @property
    def topic(self) -> str:
        """The topic; empty for the ping."""
        return self.headers.get("X-WC-Webhook-Topic", "")


def _load(path: Path) -> Recorded:
    raw = json.loads(path.read_text())
    return Recorded(path.stem, raw["headers"], raw["body"].encode())


AS_RECORDED = [_load(path) for path in sorted((RECORDINGS / "deliveries").glob("*.json"))]


def sign(body: bytes, secret: str = SECRET) -> str:
    """The signature that a store with this secret puts on a body."""
    return b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def _sign_again(sent: Recorded) -> Recorded:
    if SIGNATURE not in sent.headers:
        return sent  # the ping has no signature
    return replace(sent, headers=sent.headers | {SIGNATURE: sign(sent.body)})


DELIVERIES = [_sign_again(sent) for sent in AS_RECORDED]


def delivery(number: int) -> Recorded:
    """The recorded delivery whose file name starts with this number."""
    return DELIVERIES[number - 1]


def made(
    topic: str,
    payload: object,
    *,
    secret: str = SECRET,
    delivery_id: str = "0" * 32,
    webhook_id: int = 1,
) -> Recorded:
    """A new delivery. `payload` is an object, or bytes for a body that is not JSON."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    resource, _, event = topic.partition(".")
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "WooCommerce/11.0.1 Hookshot (WordPress/7.1)",
        "X-WC-Webhook-Source": "https://shop.example.test/",
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Resource": resource,
        "X-WC-Webhook-Event": event,
        SIGNATURE: sign(body, secret),
        "X-WC-Webhook-ID": str(webhook_id),
        "X-WC-Webhook-Delivery-ID": delivery_id,
    }
    return Recorded(topic, headers, body)


def order(number: int = 9001, **changes: Any) -> dict[str, Any]:
    """A paid order's payload, as recorded, with another id and other fields."""
    return delivery(16).payload | {"id": number} | changes


def customer(number: int = 8001, **changes: Any) -> dict[str, Any]:
    """A customer's payload, as recorded, with another id and other fields."""
    return delivery(2).payload | {"id": number} | changes
