"""Signatures of webhooks: verify the bytes of a body before anything is parsed."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Iterable

from hooks.errors import SignatureRefusedError

_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{43}=")


def is_well_formed(signature: str | None) -> bool:
    """Tell whether a signature could be that of any body: base64 of 32 bytes."""
    return signature is not None and _SIGNATURE.fullmatch(signature) is not None


def verify(body: bytes, signature: str | None, *, keys: Iterable[bytes]) -> None:
    """Check the header `X-WC-Webhook-Signature` against the raw body. Several keys may be current.

    WooCommerce signs in `WC_Webhook::generate_signature`: base64 of HMAC-SHA256 over the raw body, with the webhook's
    secret as key (https://woocommerce.com/document/webhooks/). GitHub signs in the same way, but in hex
    (https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries). Each comparison takes constant
    time, and all keys are tried.

    Raises SignatureRefusedError where the signature is missing, malformed or made with another key.
    """
    actual = (signature or "").encode("utf-8", "replace")
    is_genuine = False
    for key in keys:
        expected = b64encode(hmac.digest(key, body, "sha256"))
        is_genuine |= hmac.compare_digest(expected, actual)
    if not is_genuine:
        raise SignatureRefusedError(
            "The delivery is not signed with a current secret of this store."
        )
