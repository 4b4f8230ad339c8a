"""The variables that the service reads, and an environment without them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

NUMBERS = [
    "PUSH_SETTLE_SECONDS",
    "RECONCILE_SECONDS",
    "SWEEP_SECONDS",
    "WATCH_SECONDS",
    "STORE_REQUESTS_PER_SECOND",
    "DELIVERY_LOG_DAYS",
    "MAX_BODY_BYTES",
    "WEB_CONCURRENCY",
]
STORE = {
    "STORE_URL": "https://shop.example.test",
    "STORE_CONSUMER_KEY": "ck_one",
    "STORE_CONSUMER_SECRET": "cs_one",
    "STORE_WEBHOOK_SECRETS": "whs_one_that_is_long",
}
"""The variables of one store with valid values."""

NAMES = [
    *NUMBERS,
    *STORE,
    "BIND",
    "PUBLIC_URL",
    "DATABASE_URL",
    "POLICY_FILE",
    "POLICY_PAGE_URL",
    "STORE_AUTH",
    "STORES",
    "STATUS_TOKEN",
    "SUBJECT_KEY",
    "EVENT_TOKENS",
    "SENTRY_DSN",
    "SENTRY_ENVIRONMENT",
    "LOG_LEVEL",
    "LOG_FORMAT",
]


@contextmanager
def bare_environment() -> Iterator[None]:
    """Unset all variables of the service until the block ends. Variables set within the block are removed."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.removesuffix("_FILE") in NAMES or name.startswith("STORE_"):
            del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)
