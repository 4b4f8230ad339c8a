"""The keyed hash of an e-mail address: the ledger knows a person by it, and never by the address.

The danger: one person's address is typed in many ways, and each way that is missed makes two persons of one. Two people
must never become one, either: the dots and the plus sign of some mail providers therefore stay as they are.

The rule: spell the address in one way, then hash it with the key. Nobody can try addresses on the hash without the key.

- White space and invisible characters around the address go, and so do invisible characters that no domain can hold.
- Letters are in lower case, in the normal form C of Unicode. Lower case can undo that form, so it is applied twice.
- The domain is in the ASCII form that UTS 46 makes of it, without a dot at its end.
"""

from __future__ import annotations

import hmac
from unicodedata import normalize

import idna

from hooks.retention.facts import Subject

LONGEST = 254
"""The length of the longest address in characters (RFC 5321, 4.5.3.1.3, without the angle brackets)."""

RESERVED = "invalid"
"""No mailbox is under this domain (RFC 2606). The store's eraser writes `deleted@site.invalid`."""

_IGNORED = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
"""UTS 46 drops these invisible characters from a domain; they come into an address by copying it from a page."""

_JOINERS = "\u180e\u200c\u200d\u2061\u2062\u2063\u2064"
_MARKS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_WHITE = "".join(filter(str.isspace, map(chr, range(0x3001))))
_AROUND = _WHITE + _JOINERS + _MARKS


def email_subject(email: str, key: str) -> Subject:
    """Return the subject of an e-mail, whatever the text: hex of HMAC-SHA-256 over the UTF-8 of its one spelling."""
    text = _spelled(email).encode("utf-8", "surrogatepass")
    return Subject("email", hmac.digest(key.encode(), text, "sha256").hex())


def address_hash(value: object, key: str) -> str | None:
    """Return the hash of an address, as in `email_subject`; None where the value cannot be a person's address."""
    if isinstance(value, str) and is_address(value):
        return email_subject(value, key).value
    return None


def is_address(text: str) -> bool:
    """Tell whether a text can be a person's e-mail address: one `@` between two parts, and no reserved domain."""
    spelled = _spelled(text)
    local, _, domain = spelled.partition("@")
    if not local or not domain or "@" in domain or len(spelled) > LONGEST:
        return False
    is_reserved = domain == RESERVED or domain.endswith(f".{RESERVED}")
    return not is_reserved and spelled.isprintable() and " " not in spelled


def _spelled(email: str) -> str:
    """Spell an address in the one way. Other texts are changed by the same steps, as far as these apply."""
    text = normalize("NFC", email.translate(_IGNORED).strip(_AROUND))
    text = normalize("NFC", text.lower())
    local, at, domain = text.rpartition("@")
    if not at or len(text) > LONGEST:
        return text
    return f"{local}@{_ascii_domain(domain).rstrip('.')}"


def _ascii_domain(domain: str) -> str:
    """Return the ASCII form of a domain; the domain itself where UTS 46 forbids it.

    Only the mapping of UTS 46 is applied, not the rules for registering a name: domains that break those exist.
    """
    if domain.isascii():
        return domain
    try:
        mapped = idna.uts46_remap(domain, std3_rules=False)
        labels = [_ascii_label(label) for label in mapped.split(".")]
    except (idna.IDNAError, UnicodeError):
        return domain
    is_allowed = mapped.isprintable() and "@" not in mapped and " " not in mapped
    return ".".join(labels) if is_allowed else domain


def _ascii_label(label: str) -> str:
    if label.isascii():
        return label
    return "xn--" + label.encode("punycode").decode("ascii")
