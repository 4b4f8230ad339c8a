"""The register's phrases for what the policy knows only by an id."""

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

_ACCOUNTING_YEAR_END = (
    "the end of the accounting year in which the order was paid, completed or refunded, whichever was last "
    "(if none of these is known: was placed)"
)
_REQUEST_CLOSED = "the day on which the request was closed (or made, where only that is known)"
_CONSENT_ENDED = "the day on which consent to marketing was withdrawn, or marketing was objected to"

RUNS_FROM: dict[tuple[Clock, RecordKind], str] = {
    ("accounting-year-end", "order"): _ACCOUNTING_YEAR_END,
    ("request-closed", "order"): "the day of the order with which the note was left",
    ("consent", "order"): "the day of the order with which consent was given",
    ("consent-ended", "order"): _CONSENT_ENDED,
    ("consent-ended", "customer"): _CONSENT_ENDED,
    ("consent-ended", "marketing-consent"): _CONSENT_ENDED,
    ("created", "order"): "the day on which the order was placed",
    ("last-activity", "customer"): "the last activity: sign-up, log-in or visit, or order placed",
    ("consent", "customer"): "the day on which the account first showed the consent",
    ("created", "customer"): "the day on which the account was created",
    ("request-closed", "support-request"): _REQUEST_CLOSED,
    ("consent", "marketing-consent"): "the day on which consent was given",
    ("consent-recorded", "cookie-consent"): "the day on which the cookie choice was recorded",
}
"""The anchor of each clock for each kind of record, in words. `hooks.retention` computes the dates from the same."""

UNTIL = {"consent-withdrawn": "until consent is withdrawn"}
AT_END = {"erase": "erased"}

NO_RECORDS = "No rule keeps a record of the shop for this purpose."

HASHES = (
    "The ledger of the retention service holds keyed hashes of e-mail addresses (SUBJECT_KEY is set). They show which "
    "records belong to one person. They are pseudonymised personal data (GDPR Art. 4(5)): whoever has the key can test "
    "whether an address is among them. The key is kept apart from the ledger."
)
NO_HASHES = (
    "The ledger of the retention service holds no hashes of e-mail addresses (SUBJECT_KEY is not set). It holds the "
    "shop's numbers of orders and accounts with their days, states and kinds of data."
)
"""The personal data that the ledger holds: GDPR Art. 4(5)."""


def period(retention_class: RetentionClass) -> str:
    """Return the period in words: 'five years', 'from twelve months to 36 months', 'until consent is withdrawn'."""
    if retention_class.until:
        return UNTIL[retention_class.until]
    if retention_class.review:
        return f"from {retention_class.review} to {retention_class.keep}"
    return str(retention_class.keep)


def when(recipient: Recipient) -> str:
    """Say in which case a recipient gets the data."""
    if recipient.always:
        return "always"
    cases = []
    if recipient.payment:
        cases.append("when an order is paid that way")
    if recipient.shipping:
        cases.append("when an order is shipped that way")
    if recipient.holding:
        things = " or ".join(sorted(recipient.holding)).replace("-", " ")
        cases.append(f"with {things}")
    return " or ".join(cases) or "where law requires it"
