"""Checks of a store and of the connections to and from it, for `store check`. They change nothing in the store.

Each check returns what it saw as a sentence for the operator. Where something is wrong, the sentence says how to mend
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from ipaddress import ip_address
from urllib.parse import urlsplit

import requests

from hooks.errors import (
    CachedAnswerError,
    CredentialsRefusedError,
    MethodRefusedError,
    RecordGoneError,
    RecordRefusedError,
    StoreError,
)
from hooks.http_limits import TimedSession
from hooks.settings import Settings
from hooks.settings.webhook_secrets import SHORTEST, is_long_enough
from hooks.store import probe, store_zone
from hooks.store.client import StoreClient
from hooks.store.failures import KEY_NOT_RECEIVED, http_date
from hooks.store.session import ANSWER_SECONDS
from hooks.store.webhook_registration import TopicState

CLOCK_TOLERANCE = timedelta(minutes=2)
SIGNATURE_LIFETIME = timedelta(minutes=15)
"""Over http the store refuses a signature whose time differs from its own by more than this."""

REACHABLE_PORTS = frozenset({80, 443, 8080})
"""WordPress sends webhooks to these ports only, and not to private addresses."""

_DEFAULT_PORTS = {"http": 80, "https": 443}

TIMEOUT_SECONDS = (10, 30)

NO_WEBHOOK = "webhooks/0"
"""No webhook has the number 0. WooCommerce answers that there is none, and changes nothing."""

_UNKNOWN_KEY = (
    "WooCommerce also answers this where it does not know the consumer key: check that STORE_CONSUMER_KEY is complete, "
    "and that the key still exists (WooCommerce → Settings → Advanced → REST API). If it does:"
)
_DROPPED = (
    "The web server drops the header Authorization. Let it through: `CGIPassAuth On` or `SetEnvIf Authorization "
    '"(.*)" HTTP_AUTHORIZATION=$1` in Apache, `fastcgi_param HTTP_AUTHORIZATION $http_authorization;` in nginx'
)
_TLS_ENDED = (
    "If that does not help, TLS ends before WordPress, which then takes the call for http and expects a signature: in "
    "wp-config.php, set `$_SERVER['HTTPS'] = 'on'` where HTTP_X_FORWARDED_PROTO is https"
)
_NO_QUERY = (
    "Over http the key travels as a signature in the query, and something before WordPress drops the query; let the "
    "query through, or call the store over https"
)
_NEW_KEY = (
    "Make a REST API key with read and write permission for an administrator, and set it here."
)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check. `words` say what was seen and, where it is not `fine`, how to mend it.

    `is_unreadable`: the store could not be read at all, so that later checks would tell nothing.
    """

    fine: bool
    words: str
    is_unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Reachability:
    """The store's answer to a visitor without a key. `clock_offset`: its clock minus ours, if it tells the time."""

    result: CheckResult
    answers: bool
    clock_offset: timedelta | None = None


def _fine(words: str) -> CheckResult:
    return CheckResult(fine=True, words=words)


def _wrong(words: str) -> CheckResult:
    return CheckResult(fine=False, words=words)


def _unreadable(words: str) -> CheckResult:
    return CheckResult(fine=False, words=f"the store cannot be read: {words}", is_unreadable=True)


def addresses(store_url: str, public_url: str) -> Iterator[CheckResult]:
    """Check the two addresses of the settings, without a call."""
    store = urlsplit(store_url)
    if store.scheme == "http" and _is_private(store.hostname or ""):
        yield _fine("the store is called over plain http, on this machine or a private network")
    elif store.scheme == "http":
        yield _wrong(
            "the store is called over plain http: personal data crosses the network unencrypted; use https"
        )
    public = urlsplit(public_url)
    port = public.port or _DEFAULT_PORTS.get(public.scheme, 80)
    advice = "set PUBLIC_URL to the address under which the internet reaches this service"
    if _is_private(public.hostname or ""):
        yield _wrong(
            f"PUBLIC_URL is {public_url}: WordPress sends no webhooks to a private address; {advice}"
        )
    if port not in REACHABLE_PORTS:
        yield _wrong(
            f"PUBLIC_URL is {public_url}: WordPress sends webhooks only to the ports 80, 443 and 8080; {advice}"
        )


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".local", ".internal"))


def webhook_secrets(secrets: Iterable[str]) -> Iterator[CheckResult]:
    """Find webhook secrets that are too short. The sentences show none of them."""
    for position, secret in enumerate(secrets, start=1):
        if not is_long_enough(secret):
            yield _wrong(
                f"webhook secret {position} is shorter than {SHORTEST} characters and could be guessed; "
                "`store rotate-secret` says how to replace it"
            )


def reachability(store_url: str, now: datetime) -> Reachability:
    """Call the store without a key. Check that it answers, does not redirect, and has the right time."""
    try:
        with (
            TimedSession() as session,
            session.deadline(ANSWER_SECONDS),
            session.get(f"{store_url}/wp-json/", timeout=TIMEOUT_SECONDS, stream=True) as answer,
        ):
            pass  # only the status and the headers are needed
    except requests.RequestException as error:
        words = f"no answer ({type(error).__name__}). Check STORE_URL, and that the store is up"
        return Reachability(_unreadable(words), answers=False)
    store_time = http_date(answer.headers.get("Date"))
    clock_offset = None
    if store_time:
        clock_offset = store_time - now
    result = clock(clock_offset)
    if 300 <= answer.status_code < 400:
        target = answer.headers.get("Location", "").removesuffix("/").removesuffix("/wp-json")
        result = _wrong(
            f"the store's address redirects to {target or 'another address'}: set STORE_URL to where it leads"
        )
    return Reachability(result, answers=True, clock_offset=clock_offset)


def clock(offset: timedelta | None) -> CheckResult:
    """Check that the store's clock and ours agree. `offset` is the store's clock minus ours."""
    if offset is None:
        return _fine("the store does not say what time it has")
    difference = f"the clocks differ by {int(abs(offset).total_seconds())} s"
    if abs(offset) <= CLOCK_TOLERANCE:
        return _fine(difference)
    direction = "behind"
    if offset > timedelta(0):
        direction = "ahead of"
    return _wrong(
        f"{difference}, and the store's is {direction} this machine's: over http the store refuses signatures with a "
        "wrong time, and missed changes are looked for in the wrong period; set both clocks by NTP"
    )


def reading(client: StoreClient, clock_offset: timedelta | None) -> CheckResult:
    """Check that the key may read. `clock_offset` is that of `Reachability`."""
    try:
        client.call("GET", "orders", params={"per_page": "1", "_fields": "id"})
    except CredentialsRefusedError as error:
        over_http = urlsplit(client.settings.url).scheme == "http"
        advice = _advice_on_key(error, over_http=over_http, clock_offset=clock_offset)
        return _unreadable(f"{error.detail}. {advice}")
    except CachedAnswerError as error:
        return _unreadable(
            f"{error.detail}. Exclude /wp-json/ from that cache: the cache shows old records"
        )
    except StoreError as error:
        return _unreadable(
            f"{error.detail}. Check that STORE_URL is the address of WordPress itself, and that WordPress does not use "
            "plain permalinks (Settings → Permalinks): with these it has no REST API"
        )
    if client.settings.auth == "auto" and client.auth == "query":
        return _fine(
            f"the store answers, and the key may read orders, but it arrives only in the query. {_DROPPED}, or set "
            "STORE_AUTH=query; until then this service changes to the query by itself"
        )
    return _fine("the store answers, and the key may read orders")


def _advice_on_key(
    error: CredentialsRefusedError, *, over_http: bool, clock_offset: timedelta | None
) -> str:
    """Say what to do about a key that is wrong, or that does not arrive."""
    if error.code == KEY_NOT_RECEIVED and over_http:
        return f"{_UNKNOWN_KEY} {_NO_QUERY}"
    if error.code == KEY_NOT_RECEIVED:
        return f"{_UNKNOWN_KEY} {_DROPPED}, or set STORE_AUTH=query. {_TLS_ENDED}"
    if over_http and clock_offset is not None and abs(clock_offset) > SIGNATURE_LIFETIME:
        return (
            "The clock alone may be the cause: over http a signature is valid for 15 minutes. First set the clocks by "
            "NTP, or call the store over https"
        )
    return _NEW_KEY


def rights(client: StoreClient) -> Iterator[CheckResult]:
    """Check that the key may write. An empty batch needs the right to write, and writes nothing."""
    try:
        client.call("POST", "orders/batch", body={})
        yield _fine("the key may write orders")
    except CredentialsRefusedError as error:
        yield _wrong(f"the key may not write orders: {error.detail}. It may only read. {_NEW_KEY}")
        return
    except StoreError as error:
        yield _wrong(f"this check could not tell whether the key may write: {error.detail}")
        return
    try:
        client.call("POST", "customers/batch", body={})
        yield _fine("the key may write customers in batches, and see their meta_data")
    except CredentialsRefusedError:
        yield _wrong(
            "the key is not an administrator's. So the service cannot see log-ins, newsletter choices and our own "
            "fields on customers, writes customers one by one, and the webhooks that the key makes see no more than "
            "the key. Make the key for an administrator"
        )
    except StoreError as error:
        yield _wrong(
            f"this check could not tell whether the key may write customers: {error.detail}"
        )


def methods(client: StoreClient) -> Iterator[CheckResult]:
    """Check that the web server before the store lets through the methods of updates and deletions."""
    update = _method_problem("POST, for updates,", lambda: client.change(NO_WEBHOOK, {}))
    delete = _method_problem("DELETE", lambda: client.delete(NO_WEBHOOK, {"force": "true"}))
    if update:
        yield update
    if delete:
        yield delete
    if update or delete:
        return
    if client.refuses_delete:
        yield _fine(
            "the web server before the store refuses DELETE; POST with _method=DELETE arrives, and is used instead"
        )
    else:
        yield _fine("the methods POST and DELETE arrive")


def _method_problem(method: str, call: Callable[[], object]) -> CheckResult | None:
    """Say what is wrong where a call does not arrive at WooCommerce. None where WooCommerce itself answers."""
    try:
        call()
    except (RecordGoneError, RecordRefusedError):
        return None
    except MethodRefusedError as error:
        return _wrong(f"{error.detail}: let {method} through to /wp-json/ there")
    except StoreError as error:
        return _wrong(f"this check could not tell whether {method} arrives: {error.detail}")
    return None


def notices(client: StoreClient) -> Iterator[CheckResult]:
    """Report notices of PHP in the answers so far."""
    if any(client.notices.values()):
        yield _wrong(
            "PHP prints notices into the store's answers. This service skips them, but they can hide an answer. Set "
            "WP_DEBUG_DISPLAY off in wp-config.php, or display_errors in the settings of PHP"
        )


def time_zone(client: StoreClient, policy_zone: tzinfo) -> CheckResult:
    """Check that the store's days are those of the policy. A store whose index is closed does not tell its zone."""
    text = store_zone.zone_text(client.index() or {})
    if text is None:
        return _fine("the store does not say which time zone it has")
    difference = store_zone.describe_difference(text, policy_zone)
    if difference:
        return _wrong(difference)
    return _fine(f"the store's time zone, {text}, agrees with the policy's")


def public_address(public_url: str, slug: str) -> CheckResult:
    """Check that deliveries would arrive at PUBLIC_URL, as far as this machine can tell."""
    answer = probe.ping(f"{public_url.rstrip('/')}/webhooks/{slug}")
    if answer.verdict == "well":
        return _fine(f"{public_url} leads to this service, without a redirect")
    if answer.verdict == "unreachable":
        return _fine(
            f"deliveries to PUBLIC_URL cannot be tried from here: {answer.words}; the store may still get through"
        )
    return _wrong(f"deliveries do not arrive: {answer.words}")


def webhooks(states: Iterable[TopicState], url: str) -> Iterator[CheckResult]:
    """Report the state of our webhooks. `url` is the address to which they should deliver."""
    for state in states:
        webhook = f"webhook {state.topic}"
        if state.is_active:
            yield _fine(f"{webhook} is active")
        else:
            fault = _webhook_fault(state, url)
            yield _wrong(f"{webhook} {fault}: its events do not arrive; `store install` mends it")
        if state.is_outdated:
            yield _wrong(
                f"{webhook} sends bodies of another API version than v3, which are quarantined; "
                "`store install` recreates it"
            )
        if state.duplicates:
            ids = ", ".join(str(number) for number in state.duplicates)
            yield _wrong(
                f"{webhook} exists more than once, also as {ids}: its events arrive several times; "
                "`store install` removes the others"
            )


def _webhook_fault(state: TopicState, url: str) -> str:
    faults = {
        "missing": f"is missing for {url}",
        "elsewhere": f"delivers to another address than {url}",
        "disabled": "is disabled, by the store after seven failures in a row or by somebody",
    }
    return faults.get(state.status, f"is {state.status}")


def everything_but_webhooks(
    client: StoreClient, settings: Settings, slug: str, now: datetime
) -> list[CheckResult]:
    """Run all checks but that of the webhooks. They end early where later ones could tell nothing."""
    results = list(addresses(client.settings.url, settings.public_url))
    reached = reachability(client.settings.url, now)
    results.append(reached.result)
    if not reached.answers:
        return results
    results.append(reading(client, reached.clock_offset))
    if not results[-1].fine:
        return results
    rights_results = list(rights(client))
    results += rights_results
    if all(result.fine for result in rights_results):
        results += methods(client)
    results += notices(client)
    results.append(public_address(settings.public_url, slug))
    return results
