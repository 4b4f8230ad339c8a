"""What is right and wrong with a store and the way to it, in words, found without changing anything in it."""

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
SIGNED_WITHIN = timedelta(minutes=15)
"""Over http the store refuses signatures whose time is further from its own."""

REACHABLE_PORTS = frozenset({80, 443, 8080})
"""WordPress sends webhooks to no other ports, nor to private addresses."""

TIMEOUT_SECONDS = (10, 30)

NO_WEBHOOK = "webhooks/0"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check. `words` say what was seen and, where it is not `fine`, how to mend it.

    `is_unreadable`: the store could not be read at all, so that later checks would tell nothing.
    """

    fine: bool
    words: str
    is_unreadable: bool = False


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """What the store says to somebody without a key. `apart`: its clock less ours, if it tells the time."""

    result: CheckResult
    answers: bool
    apart: timedelta | None = None


def addresses(store_url: str, public_url: str) -> Iterator[CheckResult]:
    """What can be told of the two addresses by looking at them."""
    if urlsplit(store_url).scheme == "http":
        if _is_private(urlsplit(store_url).hostname or ""):
            yield CheckResult(
                fine=True, words="called over plain http, on this machine or a private network"
            )
        else:
            words = "the store is called over plain http: personal data crosses the network unencrypted; use https"
            yield CheckResult(fine=False, words=words)
    public = urlsplit(public_url)
    port = public.port or (443 if public.scheme == "https" else 80)
    mend = "set PUBLIC_URL to the address under which the internet reaches this service"
    if _is_private(public.hostname or ""):
        words = (
            f"PUBLIC_URL is {public_url}: WordPress sends webhooks to no private address; {mend}"
        )
        yield CheckResult(fine=False, words=words)
    if port not in REACHABLE_PORTS:
        words = f"PUBLIC_URL is {public_url}: WordPress sends webhooks only to the ports 80, 443 and 8080; {mend}"
        yield CheckResult(fine=False, words=words)


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".local", ".internal"))


def signing(webhook_secrets: Iterable[str]) -> Iterator[CheckResult]:
    """Look for secrets that are too short. Shows none of them."""
    for place, secret in enumerate(webhook_secrets, start=1):
        if not is_long_enough(secret):
            words = (
                f"webhook secret {place} is shorter than {SHORTEST} characters and could be guessed"
            )
            yield CheckResult(
                fine=False, words=f"{words}; `store rotate-secret` leads to a new one"
            )


def front_door(store_url: str, now: datetime) -> FrontDoor:
    """Knock without a key: whether anybody answers, without a redirect, and what time it is there."""
    try:
        with (
            TimedSession() as session,
            session.deadline(ANSWER_SECONDS),
            session.get(f"{store_url}/wp-json/", timeout=TIMEOUT_SECONDS, stream=True) as answer,
        ):
            pass  # the head says it all
    except requests.RequestException as error:
        words = f"no answer ({type(error).__name__}). Check STORE_URL, and that it is up"
        return FrontDoor(_unreadable(words), answers=False)
    there = http_date(answer.headers.get("Date"))
    apart = None if there is None else there - now
    if 300 <= answer.status_code < 400:
        target = answer.headers.get("Location", "").removesuffix("/").removesuffix("/wp-json")
        words = f"the store's address redirects to {target or 'another one'}: set STORE_URL to where it leads"
        return FrontDoor(CheckResult(fine=False, words=words), answers=True, apart=apart)
    return FrontDoor(clock(apart), answers=True, apart=apart)


def _unreadable(words: str) -> CheckResult:
    return CheckResult(fine=False, words=f"the store cannot be read: {words}", is_unreadable=True)


def clock(apart: timedelta | None) -> CheckResult:
    """Whether the store's clock and ours agree well enough."""
    if apart is None:
        return CheckResult(fine=True, words="the store does not say what time it has")
    words = f"the clocks differ by {int(abs(apart).total_seconds())} s"
    if abs(apart) > CLOCK_TOLERANCE:
        ahead = "ahead of" if apart > timedelta(0) else "behind"
        words += (
            f", the store's is {ahead} this machine's: over http the store refuses signatures by a wrong clock, "
            "and what was missed is looked for at the wrong times; set both by NTP"
        )
    return CheckResult(fine=abs(apart) <= CLOCK_TOLERANCE, words=words)


def reading(client: StoreClient, apart: timedelta | None) -> CheckResult:
    """Whether the key opens the store. `apart` as the front door tells it."""
    try:
        client.call("GET", "orders", params={"per_page": "1", "_fields": "id"})
    except CredentialsRefusedError as error:
        mend = _mend_of_refusal(
            error, over_http=urlsplit(client.settings.url).scheme == "http", apart=apart
        )
        return _unreadable(f"{error.detail}. {mend}")
    except CachedAnswerError as error:
        mend = "Exclude /wp-json/ from that cache: what it keeps is out of date"
        return _unreadable(f"{error.detail}. {mend}")
    except StoreError as error:
        mend = (
            "Check STORE_URL, which ends where WordPress begins, and that WordPress uses any permalinks but plain "
            "ones (Settings → Permalinks), without which it has no REST API"
        )
        return _unreadable(f"{error.detail}. {mend}")
    if client.settings.auth == "auto" and client.auth == "query":
        words = (
            f"reached, and the key may read orders, but it arrives in the query only. {_DROPPED}"
        )
        return CheckResult(
            fine=True,
            words=f"{words}, or set STORE_AUTH=query; until then this service sends it so by itself",
        )
    return CheckResult(fine=True, words="reached, and the key may read orders")


def _mend_of_refusal(
    error: CredentialsRefusedError, *, over_http: bool, apart: timedelta | None
) -> str:
    """Say what to do about a key that is wrong, or that does not arrive."""
    if error.code == KEY_NOT_RECEIVED:
        mend = _NO_QUERY if over_http else f"{_DROPPED}, or set STORE_AUTH=query. {_TLS_ENDED}"
        return f"{_UNKNOWN_KEY} {mend}"
    if over_http and apart is not None and abs(apart) > SIGNED_WITHIN:
        return (
            "The cause may be the clock alone: over http a signature counts for 15 minutes. Set the clocks by NTP "
            "first, or call the store over https"
        )
    return _NEW_KEY


_UNKNOWN_KEY = (
    "WooCommerce answers so, too, where it knows no such consumer key: see that STORE_CONSUMER_KEY is whole, and that "
    "the key is still there (WooCommerce → Settings → Advanced → REST API). If it is:"
)
_DROPPED = (
    "The web server drops the header Authorization. Let it through: `CGIPassAuth On` or `SetEnvIf Authorization "
    '"(.*)" HTTP_AUTHORIZATION=$1` in Apache, `fastcgi_param HTTP_AUTHORIZATION $http_authorization;` in nginx'
)
_TLS_ENDED = (
    "If that does not help, TLS ends before WordPress, which then takes the call for http and wants a signature: in "
    "wp-config.php, set `$_SERVER['HTTPS'] = 'on'` where HTTP_X_FORWARDED_PROTO is https"
)
_NO_QUERY = (
    "Over http it travels in the query as a signature, which something before WordPress drops; let the query through, "
    "or call the store over https"
)
_NEW_KEY = (
    "Make a REST API key with read and write permission for an administrator, and set it here."
)


def rights(client: StoreClient) -> Iterator[CheckResult]:
    """What the key may write. An empty batch asks for the right, and writes nothing."""
    try:
        client.call("POST", "orders/batch", body={})
        yield CheckResult(fine=True, words="the key may write orders")
    except CredentialsRefusedError as error:
        words = (
            f"the key may not write orders: {error.detail}. It was made to read only. {_NEW_KEY}"
        )
        yield CheckResult(fine=False, words=words)
        return
    except StoreError as error:
        yield CheckResult(
            fine=False, words=f"whether the key may write cannot be told: {error.detail}"
        )
        return
    try:
        client.call("POST", "customers/batch", body={})
        yield CheckResult(
            fine=True, words="the key may write customers in batches, and see their meta_data"
        )
    except CredentialsRefusedError:
        words = (
            "the key is not an administrator's: log-ins, newsletter choices and our own fields on customers stay "
            "unseen, customers are written one by one, and webhooks that it makes see no more than it does. Make the "
            "key for an administrator"
        )
        yield CheckResult(fine=False, words=words)
    except StoreError as error:
        yield CheckResult(
            fine=False, words=f"whether the key may write customers cannot be told: {error.detail}"
        )


def methods(client: StoreClient) -> Iterator[CheckResult]:
    """Whether the web server before the store lets through the methods of updates and deletions.

    A webhook has never the number 0: WooCommerce finds none, and changes nothing.
    """
    update, delete = (
        _arrives("POST, for updates,", lambda: client.change(NO_WEBHOOK, {})),
        _arrives("DELETE", lambda: client.delete(NO_WEBHOOK, {"force": "true"})),
    )
    if update or delete:
        yield from (result for result in (update, delete) if result)
        return
    if client.refuses_delete:
        words = "the web server before the store refuses DELETE; POST with _method=DELETE arrives, and is used"
        yield CheckResult(fine=True, words=words)
    else:
        yield CheckResult(fine=True, words="the methods POST and DELETE arrive")


def _arrives(named: str, act: Callable[[], object]) -> CheckResult | None:
    """Say what is wrong where a method does not arrive at WooCommerce, which knows no such webhook."""
    try:
        act()
    except (RecordGoneError, RecordRefusedError):
        return None
    except MethodRefusedError as error:
        return CheckResult(
            fine=False, words=f"{error.detail}: let {named} through to /wp-json/ there"
        )
    except StoreError as error:
        return CheckResult(
            fine=False, words=f"whether {named} arrives cannot be told: {error.detail}"
        )
    return None


def notices(client: StoreClient) -> Iterator[CheckResult]:
    """Whether the answers so far had notices of PHP in them."""
    if any(client.notices.values()):
        words = (
            "PHP prints notices into the store's answers: they are skipped, but can hide what it says. Set "
            "WP_DEBUG_DISPLAY off in wp-config.php, or display_errors in PHP's own settings"
        )
        yield CheckResult(fine=False, words=words)


def time_zone(client: StoreClient, policy_zone: tzinfo) -> CheckResult:
    """Whether the store's days are those of the policy. A store whose index is closed does not say."""
    text = store_zone.zone_text(client.index() or {})
    if text is None:
        return CheckResult(fine=True, words="the store does not say which time zone it has")
    wrong = store_zone.describe_difference(text, policy_zone)
    return CheckResult(
        fine=wrong is None,
        words=wrong or f"the store's time zone, {text}, means what the policy's does",
    )


def way_back(public_url: str, slug: str) -> CheckResult:
    """Whether deliveries would arrive, as far as that can be tried from here."""
    answered = probe.ping(f"{public_url.rstrip('/')}/webhooks/{slug}")
    if answered.verdict == "well":
        return CheckResult(
            fine=True, words=f"{public_url} leads to this service, without a redirect"
        )
    if answered.verdict == "unreachable":
        words = f"whether deliveries arrive cannot be tried: {answered.words}; the store may get through all the same"
        return CheckResult(fine=True, words=words)
    return CheckResult(fine=False, words=f"deliveries do not arrive: {answered.words}")


def webhooks(states: Iterable[TopicState], url: str) -> Iterator[CheckResult]:
    """How our webhooks stand, in words."""
    for state in states:
        if state.works:
            yield CheckResult(fine=True, words=f"webhook {state.topic} is active")
        else:
            words = {
                "missing": f"is missing for {url}",
                "elsewhere": f"delivers to another address than {url}",
                "disabled": "is disabled, by the store after seven failures in a row or by somebody",
            }.get(state.status, f"is {state.status}")
            mend = "`store install` mends it"
            yield CheckResult(
                fine=False, words=f"webhook {state.topic} {words}: its events do not arrive; {mend}"
            )
        if state.is_outdated:
            words = f"webhook {state.topic} sends bodies of another API version than v3, which are set aside"
            yield CheckResult(fine=False, words=f"{words}; `store install` makes it anew")
        if state.doubles:
            ids = ", ".join(str(number) for number in state.doubles)
            words = f"webhook {state.topic} is there more than once, also as {ids}: its events arrive several times"
            yield CheckResult(
                fine=False, words=f"{words}; `store install` removes what is too much"
            )


def everything_but_webhooks(
    client: StoreClient, settings: Settings, slug: str, now: datetime
) -> list[CheckResult]:
    """All that can be told of the store and the way to it; ends early where nothing more can be."""
    results = list(addresses(client.settings.url, settings.public_url))
    door = front_door(client.settings.url, now)
    results.append(door.result)
    if not door.answers:
        return results
    results.append(reading(client, door.apart))
    if results[-1].fine:
        results += rights(client)
        if all(result.fine for result in results[-2:]):
            results += methods(client)
        results += [*notices(client), way_back(settings.public_url, slug)]
    return results
