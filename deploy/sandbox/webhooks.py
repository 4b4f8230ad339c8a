"""Webhooks: who is told of what, what is waiting, and when the store gives one up."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from threading import Condition, RLock

from deploy.sandbox.clock import ShopClock
from deploy.sandbox.errors import RestError
from deploy.sandbox.ids import Ids
from deploy.sandbox.render import ITEM_METHODS, Renderer
from deploy.sandbox.wire import Json, gmt_stamp, local_stamp

OWNER_ROLES = ("administrator", "shop_manager", "none")
STATUSES = ("active", "paused", "disabled")
# More failures than this in a row, and the next one disables the webhook.
MAX_FAILURES = 5
PING = "ping"
_URL = re.compile(r"https?://([^\s/:?#]+|\[[0-9a-f:]+\])(:\d{1,5})?([/?#]\S*)?")
_HOOKS = {
    "order.created": ["woocommerce_new_order"],
    "order.updated": ["woocommerce_update_order", "woocommerce_order_refunded"],
    "order.deleted": ["wp_trash_post", "woocommerce_trash_order"],
    "order.restored": ["untrashed_post", "woocommerce_untrash_order"],
    "customer.created": [
        "user_register",
        "woocommerce_created_customer",
        "woocommerce_new_customer",
    ],
    "customer.updated": ["profile_update", "woocommerce_update_customer"],
    "customer.deleted": ["delete_user"],
}


@dataclass
class Webhook:
    """One subscription. `owner_role` is that of the user who made it; what it may see hangs on that. `api_version` is
    the form of its deliveries."""

    id: int
    name: str
    topic: str
    delivery_url: str
    secret: str
    owner_role: str
    date_created: datetime
    date_modified: datetime | None = None
    status: str = "active"
    failure_count: int = 0
    api_version: str = "v3"

    @property
    def resource(self) -> str:
        """The part of the topic before the dot."""
        return self.topic.partition(".")[0]

    @property
    def event(self) -> str:
        """The part of the topic behind the dot."""
        return self.topic.partition(".")[2]


@dataclass(frozen=True)
class Waiting:
    """An event that is to be delivered: only which webhook and which record, the body is built later."""

    webhook_id: int
    topic: str
    record_id: object


class Webhooks:
    """All webhooks and what waits to be sent. Callers hold the lock that is given here."""

    def __init__(self, clock: ShopClock, lock: RLock) -> None:
        self._clock = clock
        self._ids = Ids(9)
        self._table: dict[int, Webhook] = {}
        self._waiting: dict[tuple[int, object], Waiting] = {}
        self.changed = Condition(lock)
        self.pings_due: list[Webhook] = []

    def create(self, given: Json, owner_role: str, api_version: str = "v3") -> Webhook:
        """Make a webhook; a ping to its URL is due. Over REST it always is one of v3."""
        topic, url = str(given.get("topic") or "").lower(), str(given.get("delivery_url") or "")
        _check_topic(topic, "Webhook topic is required and must be valid.")
        _check_url(url)
        webhook = Webhook(
            id=self._ids.take(),
            name=str(
                given.get("name") or f"Webhook created on {self._clock.now():%b %d, %Y @ %I:%M %p}"
            ),
            topic=topic,
            delivery_url=url,
            secret=str(given.get("secret") or secrets.token_urlsafe(37)),
            owner_role=owner_role,
            date_created=self._clock.now(),
            api_version=api_version,
        )
        self._table[webhook.id] = webhook
        self.pings_due.append(webhook)
        return webhook

    def update(self, webhook: Webhook, given: Json) -> None:
        """Change a webhook. Making it active again does not forget its failures; a new URL is pinged."""
        given = {name: value for name, value in given.items() if value}
        if "topic" in given:
            _check_topic(str(given["topic"]).lower(), "Webhook topic must be valid.")
            webhook.topic = str(given["topic"]).lower()
        if "status" in given:
            webhook.status = _status(str(given["status"]))
        webhook.name = str(given.get("name", webhook.name))
        webhook.secret = str(given.get("secret", webhook.secret))
        webhook.date_modified = self._clock.now()
        url = str(given.get("delivery_url", webhook.delivery_url))
        _check_url(url)
        if url != webhook.delivery_url:
            webhook.delivery_url = url
            self.pings_due.append(webhook)

    def delete(self, webhook: Webhook) -> None:
        """Forget a webhook; what waits for it is not sent."""
        del self._table[webhook.id]

    def all(self) -> list[Webhook]:
        """Newest first, as the store lists them."""
        by_id = sorted(self._table.values(), key=lambda webhook: webhook.id)
        return sorted(by_id, key=lambda webhook: webhook.date_created, reverse=True)

    def find(self, webhook_id: int) -> Webhook | None:
        """The webhook, or None."""
        return self._table.get(webhook_id)

    def get(self, webhook_id: int, *, updating: bool = False) -> Webhook:
        """The webhook; a missing one is 404, or 400 where it is to be updated."""
        webhook = self.find(webhook_id)
        if webhook is None:
            message, status = ("ID is invalid.", 400) if updating else ("Invalid ID.", 404)
            raise RestError("woocommerce_rest_shop_webhook_invalid_id", message, status)
        return webhook

    def tell(self, topic: str, record_id: object) -> None:
        """Queue an event for each active webhook of its topic.

        While one for the same webhook and record waits, further events are folded into it.
        """
        for webhook in self._table.values():
            if webhook.topic == topic and webhook.status == "active":
                waiting = Waiting(webhook.id, topic, record_id)
                self._waiting.setdefault((webhook.id, _hashable(record_id)), waiting)
        self.changed.notify_all()

    def waiting(self) -> list[Waiting]:
        """What is to be sent, oldest first."""
        return list(self._waiting.values())

    def any_waiting(self) -> bool:
        """Whether anything is to be sent."""
        return bool(self._waiting)

    def take(self, chosen: Waiting | None = None) -> Waiting:
        """Take one out to send it, the oldest unless one is named."""
        taken = chosen or next(iter(self._waiting.values()))
        del self._waiting[taken.webhook_id, _hashable(taken.record_id)]
        return taken

    def settle(self, webhook: Webhook, *, success: bool) -> None:
        """Count a delivery: success forgets earlier failures, the seventh failure in a row disables."""
        if success:
            webhook.failure_count = 0
        elif webhook.failure_count > MAX_FAILURES:
            webhook.status = "disabled"
        else:
            webhook.failure_count += 1


def webhook_json(webhook: Webhook, renderer: Renderer) -> Json:
    """A webhook as REST shows it: neither its secret nor its failure count."""
    zone = renderer.shop.zone
    return {
        "id": webhook.id,
        "name": webhook.name,
        "status": webhook.status,
        "topic": webhook.topic,
        "resource": webhook.resource,
        "event": webhook.event,
        "hooks": _HOOKS.get(webhook.topic, [webhook.event]),
        "delivery_url": webhook.delivery_url,
        "date_created": local_stamp(webhook.date_created, zone),
        "date_created_gmt": gmt_stamp(webhook.date_created),
        "date_modified": local_stamp(webhook.date_modified, zone),
        "date_modified_gmt": gmt_stamp(webhook.date_modified),
        "_links": renderer.links("webhooks", webhook.id, ITEM_METHODS),
    }


def _hashable(record_id: object) -> object:
    return record_id if isinstance(record_id, int | str) else repr(record_id)


def _check_topic(topic: str, message: str) -> None:
    action = topic.startswith(("action.wc_", "action.woocommerce_"))
    if topic not in _HOOKS and not action:
        raise RestError("woocommerce_rest_shop_webhook_invalid_topic", message, 400)


def _check_url(url: str) -> None:
    if not _URL.fullmatch(url):
        message = "Webhook delivery URL must be a valid URL starting with http:// or https://."
        raise RestError("woocommerce_rest_shop_webhook_invalid_delivery_url", message, 400)


def _status(status: str) -> str:
    if status not in STATUSES:
        raise RestError(
            "woocommerce_rest_shop_webhook_invalid_status", "Webhook status must be valid.", 400
        )
    return status
