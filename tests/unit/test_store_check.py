"""The findings of `store check` on addresses and clocks, without a store."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hooks.store.check import addresses, clock, webhook_secrets
from hooks.store.failures import http_date

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("store_url", "public_url", "wrong"),
    [
        # Valid addresses.
        ("https://shop.example.com", "https://hooks.example.com", []),
        # The three ports to which WordPress sends.
        ("https://shop.example.com", "http://hooks.example.com:8080", []),
        ("https://shop.example.com", "https://hooks.example.com:8443", ["PUBLIC_URL"]),
        # WordPress never sends to a private address, on any port.
        ("https://shop.example.com", "https://192.168.1.4", ["PUBLIC_URL"]),
        ("https://shop.example.com", "http://localhost", ["PUBLIC_URL"]),
        # Plain http is accepted only on loopback.
        ("http://127.0.0.1:8080", "https://hooks.example.com", []),
        ("http://shop.example.com", "https://hooks.example.com", ["plain http"]),
    ],
)
def test_findings_on_addresses(store_url: str, public_url: str, wrong: list[str]) -> None:
    found = [finding.words for finding in addresses(store_url, public_url) if not finding.fine]
    assert len(found) == len(wrong)
    assert all(word in words for word, words in zip(wrong, found, strict=True))


@pytest.mark.parametrize(
    ("date", "fine", "words"),
    [
        ("Sun, 22 Nov 2026 12:01:00 GMT", True, "differ by 60 s"),
        # Far enough apart for the store to refuse signatures.
        ("Sun, 22 Nov 2026 11:40:00 GMT", False, "NTP"),
        # A store or a proxy without a readable time.
        (None, True, "does not say"),
        ("soon", True, "does not say"),
    ],
)
def test_findings_on_the_stores_clock(date: str | None, fine: bool, words: str) -> None:
    there = http_date(date)
    finding = clock(None if there is None else there - NOON)
    assert finding.fine is fine
    assert words in finding.words


@pytest.mark.parametrize(
    ("secrets", "named"),
    [
        (("s" * 16,), []),
        (("hidden-word",), ["webhook secret 1"]),
        # During a rotation, the old secret may be short.
        (("s" * 16, "hidden-word"), ["webhook secret 2"]),
        # The parts of a secret with commas in it.
        (("hidden-word", "s" * 40, "hid"), ["webhook secret 1", "webhook secret 3"]),
    ],
)
def test_weak_secrets_are_named_and_not_shown(secrets: tuple[str, ...], named: list[str]) -> None:
    found = list(webhook_secrets(secrets))
    assert [finding.words.split(" is ")[0] for finding in found] == named
    assert not any(finding.fine or "hid" in finding.words for finding in found)
