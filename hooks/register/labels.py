"""What the register calls things that the policy knows by an id only."""

from __future__ import annotations

from hooks.retention.facts import RecordKind
from hooks.retention.policy import Clock, Recipient, RetentionClass

SUBJECTS: dict[RecordKind, str] = {
    "order": "Customers, and buyers without an account",
    "customer": "Account holders",
    "support-request": "People who ask for support",
    "marketing-consent": "Subscribers to marketing",
    "cookie-consent": "Visitors of the website",
}

RUNS_FROM: dict[tuple[Clock, RecordKind], str] = {
    (
        "accounting-year-end",
        "order",
    ): "the end of the accounting year in which the order was paid, completed or "
    "refunded, whichever was last (none of these known: made)",
    ("request-closed", "order"): "the day of the order with which the note was left",
    ("consent", "order"): "the day of the order with which consent was given",
    (
        "consent-ended",
        "order",
    ): "the day on which consent to marketing was withdrawn, or marketing was objected to",
    (
        "consent-ended",
        "customer",
    ): "the day on which consent to marketing was withdrawn, or marketing was objected to",
    (
        "consent-ended",
        "marketing-consent",
    ): "the day on which consent to marketing was withdrawn, or marketing was objected to",
    ("created", "order"): "the day on which the order was made",
    ("last-activity", "customer"): "the last activity: sign-up, log-in or visit, or order placed",
    ("consent", "customer"): "the day on which the account first showed the consent",
    ("created", "customer"): "the day on which the account was made",
    (
        "request-closed",
        "support-request",
    ): "the day on which the request was closed (or made, where only that is known)",
    ("consent", "marketing-consent"): "the day on which consent was given",
    ("consent-recorded", "cookie-consent"): "the day on which the cookie choice was recorded",
}
"""From what each clock runs, for each kind of record; the same as the dates are worked out by."""

UNTIL = {"consent-withdrawn": "until consent is withdrawn"}
AT_END = {"erase": "erased"}

NO_RECORDS = "No record of the shop is kept for it by a rule."


HASHES = (
    "The ledger of the retention service holds keyed hashes of e-mail addresses (SUBJECT_KEY is set), by which the "
    "records of one person are known as theirs. They are pseudonymised personal data (GDPR Art. 4(5)): whoever has "
    "the key can tell whether an address is among them. The key is kept apart from the ledger."
)
NO_HASHES = (
    "The ledger of the retention service holds no hashes of e-mail addresses (SUBJECT_KEY is not set). It holds the "
    "shop's numbers of orders and accounts with their days, states and kinds of data."
)
"""What of a person the ledger holds: GDPR Art. 4(5)."""


def period(kept: RetentionClass) -> str:
    """How long, in words: 'five years', 'from twelve months to 36 months', 'until consent is withdrawn'."""
    if kept.until:
        return UNTIL[kept.until]
    return f"from {kept.review} to {kept.keep}" if kept.review else str(kept.keep)


def when(recipient: Recipient) -> str:
    """In which case a recipient gets the data, in words."""
    if recipient.always:
        return "always"
    cases = [
        (recipient.payment, "when an order is paid that way"),
        (recipient.shipping, "when an order is shipped that way"),
        (recipient.holding, f"with {' or '.join(sorted(recipient.holding)).replace('-', ' ')}"),
    ]
    return " or ".join(words for case, words in cases if case) or "where law requires it"
