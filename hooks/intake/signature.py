"""Whether a body was signed by the store: verifies bytes, raises, returns nothing."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Iterable

from hooks.errors import SignatureRefusedError

_ENTITY = re.compile(r"&(amp|lt|gt|quot|#0*38|#0*60|#0*62|#0*34|#0*39|#[xX]0*(?:26|3[cC]|3[eE]|22|27));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"'}


def _decoded(match: re.Match[str]) -> str:
    name = match[1]
    if name in _NAMED:
        return _NAMED[name]
    digits = name[1:]
    return chr(int(digits[1:], 16) if digits[0] in "xX" else int(digits))


def signing_keys(secret: str) -> frozenset[bytes]:
    """The keys with which a store that was given `secret` may sign.

    WooCommerce decodes the five HTML special characters in a secret before it signs: one that is stored as
    `a&amp;b` signs as `a&b`. Which of the two forms was typed in here cannot be known, so both count.
    """
    return frozenset({secret.encode(), _ENTITY.sub(_decoded, secret).encode()})


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
        raise SignatureRefusedError("The delivery is not signed with a current secret of this store.")
