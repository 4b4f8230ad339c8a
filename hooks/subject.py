"""Whom an e-mail stands for, without the e-mail: a keyed hash, which nobody can try addresses on who has no key."""

from __future__ import annotations

import hmac
from unicodedata import normalize

from hooks.retention.facts import Subject


def email_subject(email: str, key: str) -> Subject:
    """The e-mail as a subject: hex of HMAC-SHA-256, keyed with `key`, over the address without white space around it,
    in lower case and in the normal form C of Unicode, as UTF-8."""
    text = normalize("NFC", email.strip().lower())
    return Subject("email", hmac.digest(key.encode(), text.encode(), "sha256").hex())
