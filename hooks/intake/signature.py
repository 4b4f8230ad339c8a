"""Whether a body was signed by the store: verifies bytes, raises, returns nothing."""

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
    """Check `X-WC-Webhook-Signature`: base64 of HMAC-SHA256 over the raw body, in constant time for each key.

    Raises SignatureRefusedError when the signature is missing, malformed or made with another key.
    """
    given = (signature or "").encode("utf-8", "replace")
    genuine = False
    for key in keys:
        expected = b64encode(hmac.digest(key, body, "sha256"))
        genuine |= hmac.compare_digest(expected, given)
    if not genuine:
        raise SignatureRefusedError(
            "The delivery is not signed with a current secret of this store."
        )
