"""The webhooks of the store, and their pending deliveries."""

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
# After more failures than this in a row, the next one disables the webhook.
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
    """A webhook. `owner_role` is the role of the user who created it: its deliveries show what that user may see.

    `api_version` is the version of its deliveries.
    """

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
        """The part of the topic after the dot."""
        return self.topic.partition(".")[2]


@dataclass(frozen=True)
class PendingDelivery:
    """A delivery that was not sent yet: its webhook, and the id of its record or the argument of its action.

    The body is built when it is sent.
    """

    webhook_id: int
    topic: str
    record_id: object


class Webhooks:
    """All webhooks and their pending deliveries. The caller holds `lock`."""

    def __init__(self, clock: ShopClock, lock: RLock) -> None:
        self._clock = clock
        self._ids = Ids(9)
        self._table: dict[int, Webhook] = {}
        self._pending: dict[tuple[int, object], PendingDelivery] = {}
        self.changed = Condition(lock)
        self.pings_due: list[Webhook] = []

    def create(self, fields: Json, owner_role: str, api_version: str = "v3") -> Webhook:
        """Create a webhook. A ping to its URL is due then. REST creates only webhooks of v3."""
        now = self._clock.now()
        topic = str(fields.get("topic") or "").lower()
        url = str(fields.get("delivery_url") or "")
        _check_topic(topic, "Webhook topic is required and must be valid.")
        _check_url(url)
        webhook = Webhook(
            id=self._ids.take(),
            name=str(fields.get("name") or f"Webhook created on {now:%b %d, %Y @ %I:%M %p}"),
            topic=topic,
            delivery_url=url,
            secret=str(fields.get("secret") or secrets.token_urlsafe(37)),
            owner_role=owner_role,
            date_created=now,
            api_version=api_version,
        )
        self._table[webhook.id] = webhook
        self.pings_due.append(webhook)
        return webhook

    def update(self, webhook: Webhook, fields: Json) -> None:
        """Change a webhook. A new URL is pinged. If the webhook becomes active again, its failures still count."""
        if fields.get("topic"):
            topic = str(fields["topic"]).lower()
            _check_topic(topic, "Webhook topic must be valid.")
            webhook.topic = topic
        if fields.get("status"):
            webhook.status = _status(str(fields["status"]))
        webhook.name = str(fields.get("name") or webhook.name)
        webhook.secret = str(fields.get("secret") or webhook.secret)
        webhook.date_modified = self._clock.now()
        url = str(fields.get("delivery_url") or webhook.delivery_url)
        _check_url(url)
        if url != webhook.delivery_url:
            webhook.delivery_url = url
            self.pings_due.append(webhook)

    def delete(self, webhook: Webhook) -> None:
        """Delete a webhook. Its pending deliveries are not sent."""
        del self._table[webhook.id]

    def all(self) -> list[Webhook]:
        """Return all webhooks, the newest first, as the store lists them."""
        by_id = sorted(self._table.values(), key=lambda webhook: webhook.id)
        return sorted(by_id, key=lambda webhook: webhook.date_created, reverse=True)

    def find(self, webhook_id: int) -> Webhook | None:
        """Return a webhook, or None."""
        return self._table.get(webhook_id)

    def get(self, webhook_id: int, *, updating: bool = False) -> Webhook:
        """Return a webhook. Raise the store's 404 if it is missing, or its 400 for an update."""
        webhook = self.find(webhook_id)
        if webhook is None:
            code = "woocommerce_rest_shop_webhook_invalid_id"
            if updating:
                raise RestError(code, "ID is invalid.", 400)
            raise RestError(code, "Invalid ID.", 404)
        return webhook

    def enqueue(self, topic: str, record_id: object) -> None:
        """Add a pending delivery for each active webhook of the topic.

        A webhook has at most one pending delivery for a record: it stands for all changes until it is sent.
        """
        for webhook in self._table.values():
            if webhook.topic == topic and webhook.status == "active":
                pending = PendingDelivery(webhook.id, topic, record_id)
                self._pending.setdefault(_key(pending), pending)
        self.changed.notify_all()

    def pending(self) -> list[PendingDelivery]:
        """Return the pending deliveries, the oldest first."""
        return list(self._pending.values())

    def has_pending(self) -> bool:
        """Tell whether a delivery is pending."""
        return bool(self._pending)

    def take(self, pending: PendingDelivery) -> None:
        """Remove a pending delivery, to send it."""
        del self._pending[_key(pending)]

    def settle(self, webhook: Webhook, *, success: bool) -> None:
        """Count a delivery. A success resets the failure count; the seventh failure in a row disables the webhook."""
        if success:
            webhook.failure_count = 0
        elif webhook.failure_count > MAX_FAILURES:
            webhook.status = "disabled"
        else:
            webhook.failure_count += 1


def webhook_json(webhook: Webhook, renderer: Renderer) -> Json:
    """Return a webhook as REST shows it, without its secret and its failure count."""
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


def _key(pending: PendingDelivery) -> tuple[int, object]:
    record_id = pending.record_id
    if not isinstance(record_id, int | str):
        record_id = repr(record_id)  # the argument of an action may be an object
    return pending.webhook_id, record_id


def _check_topic(topic: str, message: str) -> None:
    is_action = topic.startswith(("action.wc_", "action.woocommerce_"))
    if topic not in _HOOKS and not is_action:
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
