"""A probe of this service at PUBLIC_URL, from outside, as the store reaches it. The probe changes nothing."""

from __future__ import annotations

import hmac
from base64 import b64encode
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

import requests

TIMEOUT_SECONDS = (5, 15)
CHECK_TOPIC = "retention.rotation-check"
"""A topic that no store sends, and that is answered `ignored`."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of a probe. `unreachable`: no answer came to this machine; the store may still get through."""

    verdict: Literal["well", "unreachable", "wrong"]
    words: str = ""


def ping(url: str) -> ProbeResult:
    """Post the unsigned ping of a new webhook. The service answers it 200 and stores nothing."""
    return _post(url, b"webhook_id=1", {"Content-Type": "application/x-www-form-urlencoded"})


def prove(url: str, secret: str) -> ProbeResult:
    """Post an empty delivery that is signed with `secret`. The service answers it 200 where it accepts the secret."""
    body = b"{}"
    headers = {
        "Content-Type": "application/json",
        "X-WC-Webhook-Topic": CHECK_TOPIC,
        "X-WC-Webhook-Signature": b64encode(hmac.digest(secret.encode(), body, "sha256")).decode(),
        "X-WC-Webhook-Delivery-ID": uuid4().hex,
    }
    return _post(url, body, headers)


def _post(url: str, body: bytes, headers: dict[str, str]) -> ProbeResult:
    try:
        answer = requests.post(
            url, data=body, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False
        )
    except requests.RequestException as error:
        return ProbeResult(
            "unreachable", f"{url} does not answer from here ({type(error).__name__})"
        )
    if answer.status_code == 200 and _is_ours(answer):
        return ProbeResult("well")
    return ProbeResult("wrong", f"{url} {_meaning(answer.status_code)}")


def _is_ours(answer: requests.Response) -> bool:
    try:
        body = answer.json()
    except ValueError:
        return False
    return isinstance(body, dict) and body.get("result") in ("ping", "ignored", "duplicate")


def _meaning(status: int) -> str:
    if 300 <= status < 400:
        return (
            f"redirects (status {status}). The store follows no redirect and takes it for success: every "
            "delivery is lost while the webhook looks healthy. Set PUBLIC_URL to the address that answers without one"
        )
    return {
        200: "answers, but not as this service: another program is there. Look at the proxy in front of this service",
        401: "refuses the signature (status 401)",
        404: "is not there (status 404): another program answers, or a service without this store in its settings",
        413: "accepts no body (status 413). Look at the proxy in front of this service",
        503: "cannot use its ledger (status 503). Look at /readyz",
    }.get(
        status,
        f"answers with status {status}. Look at the proxy in front of this service, and at its log",
    )
