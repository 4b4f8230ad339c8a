"""What is right and wrong with a store, found without changing anything in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from hooks.errors import CredentialsRefusedError, StoreError
from hooks.settings import Settings
from hooks.store.client import StoreClient

CLOCK_TOLERANCE = timedelta(minutes=2)
REACHABLE_PORTS = frozenset({80, 443, 8080})
"""WordPress sends webhooks to no other ports, nor to private addresses."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is as it should be, and in words what to do if not."""

    fine: bool
    words: str


def check_store(
    client: StoreClient, settings: Settings, topics: Iterable[str], slug: str, *, now: datetime
) -> list[Finding]:
    """Everything that can be told of the store from here. Sends reads, and writes of nothing."""
    findings = [*_addresses(client.settings.url, settings.public_url)]
    try:
        answer = client.response("GET", "orders", params={"per_page": "1", "_fields": "id"})
    except StoreError as error:
        return [*findings, Finding(fine=False, words=f"the store cannot be read: {error.detail}. {_mend(error)}")]
    findings.append(Finding(fine=True, words="reached, and the key may read orders"))
    findings.append(_clock(answer.headers.get("Date"), now))
    findings += _rights(client)
    findings += _webhooks(client, topics, f"{settings.public_url.rstrip('/')}/webhooks/{slug}")
    return findings


def _addresses(store_url: str, public_url: str) -> Iterator[Finding]:
    if urlsplit(store_url).scheme == "http":
        if _is_private(urlsplit(store_url).hostname or ""):
            yield Finding(fine=True, words="called over plain http, on this machine or a private network")
        else:
            words = "the store is called over plain http: personal data crosses the network unencrypted; use https"
            yield Finding(fine=False, words=words)
    public = urlsplit(public_url)
    port = public.port or (443 if public.scheme == "https" else 80)
    if _is_private(public.hostname or "") or port not in REACHABLE_PORTS:
        words = (
            f"PUBLIC_URL is {public_url}: WordPress sends webhooks to no private address, and only to the ports "
            "80, 443 and 8080; set PUBLIC_URL to the address under which the internet reaches this service"
        )
        yield Finding(fine=False, words=words)


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".local", ".internal"))


def _mend(error: StoreError) -> str:
    if isinstance(error, CredentialsRefusedError):
        return "Make a REST API key with read and write permission for an administrator, and set it here."
    return "Check STORE_URL, and that WordPress uses any permalinks but plain ones."


def _clock(date: str | None, now: datetime) -> Finding:
    try:
        there = parsedate_to_datetime(date or "")
    except ValueError:
        return Finding(fine=True, words="the store does not say what time it has")
    apart = abs(there.astimezone(UTC) - now)
    words = f"the clocks differ by {int(apart.total_seconds())} s"
    if apart > CLOCK_TOLERANCE:
        words += ": over http the store refuses signatures by a wrong clock; set both by NTP"
    return Finding(fine=apart <= CLOCK_TOLERANCE, words=words)


def _rights(client: StoreClient) -> Iterator[Finding]:
    """An empty batch asks for the right to write, and writes nothing."""
    try:
        client.call("POST", "orders/batch", body={})
        yield Finding(fine=True, words="the key may write orders")
    except StoreError as error:
        yield Finding(fine=False, words=f"the key may not write orders: {error.detail}. {_mend(error)}")
    try:
        client.call("POST", "customers/batch", body={})
        yield Finding(fine=True, words="the key may write customers in batches, and see their meta_data")
    except StoreError:
        words = (
            "the key is not an administrator's: log-ins, newsletter choices and our own fields on customers stay "
            "unseen, and customers are written one by one. Make the key for an administrator"
        )
        yield Finding(fine=False, words=words)


def _webhooks(client: StoreClient, topics: Iterable[str], delivery_url: str) -> Iterator[Finding]:
    try:
        listed = client.call("GET", "webhooks", params={"per_page": "100"})
    except StoreError as error:
        yield Finding(fine=False, words=f"the webhooks cannot be read: {error.detail}")
        return
    found = [hook for hook in listed if isinstance(hook, dict)] if isinstance(listed, list) else []
    for topic in topics:
        mine = [hook for hook in found if hook.get("topic") == topic and hook.get("delivery_url") == delivery_url]
        active = any(hook.get("status") == "active" for hook in mine)
        if active:
            yield Finding(fine=True, words=f"webhook {topic} is active")
        else:
            state = f"is {mine[0].get('status')}" if mine else f"is missing for {delivery_url}"
            yield Finding(fine=False, words=f"webhook {topic} {state}: its events do not arrive")
