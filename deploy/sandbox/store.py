"""The stand-in store as a whole: its parts, and the operations that set it up and control it."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from threading import RLock
from typing import Any
from zoneinfo import ZoneInfo

from deploy.sandbox.auth import ApiKey, KeyRing
from deploy.sandbox.clock import ShopClock
from deploy.sandbox.faults import Fault, Faults
from deploy.sandbox.habits import Habits
from deploy.sandbox.log import Log
from deploy.sandbox.meta import MetaTable
from deploy.sandbox.operations import ShopOperations
from deploy.sandbox.records import Customer, Order
from deploy.sandbox.sender import Sender, SendingOptions, SendPlan
from deploy.sandbox.shop import Shop
from deploy.sandbox.versions import VERSIONS
from deploy.sandbox.webhooks import OWNER_ROLES, Webhook, Webhooks, webhook_json
from deploy.sandbox.wire import Json, instant


@dataclass(frozen=True)
class StoreOptions:
    """The options of the store. `assume_https`: accept Basic, as behind a TLS proxy."""

    name: str = "Sandbox"
    timezone: str = "Europe/Oslo"
    assume_https: bool = False
    sending: SendingOptions = field(default_factory=SendingOptions)


class SandboxStore(ShopOperations):
    """A store that behaves on the wire like WooCommerce. Many threads may use it.

    Each operation is a method, and also the call `POST /sandbox/<name>` with the same arguments. A time without a zone
    is in UTC.
    """

    def __init__(self, options: StoreOptions | None = None, *, now: datetime | None = None) -> None:
        self.options = options or StoreOptions()
        lock = RLock()
        self.clock = ShopClock(now)
        self.webhooks = Webhooks(self.clock, lock)
        super().__init__(
            Shop(self.clock, ZoneInfo(self.options.timezone), self.webhooks.enqueue), lock
        )
        self.keys = KeyRing()
        self.log = Log()
        self.faults = Faults()
        self.habits = Habits()
        self.sender = Sender(self.webhooks, self.renderer, self.log, self.options.sending, lock)
        with self.lock:
            self.customers.make_account(
                {"email": "admin@example.test", "username": "admin"}, "administrator"
            )

    @property
    def url(self) -> str:
        """The store's home URL, without a slash at its end. OAuth signatures include it."""
        return self.renderer.url

    @url.setter
    def url(self, url: str) -> None:
        self.renderer.url = url.rstrip("/")

    def start(self) -> None:
        """Start to send deliveries."""
        self.sender.start()

    def close(self) -> None:
        """Stop sending, and end hanging answers."""
        self.faults.closing.set()
        self.sender.stop()

    # Keys, clock, faults

    def create_key(
        self,
        role: str = "administrator",
        permissions: str = "read_write",
        consumer_key: str = "",
        consumer_secret: str = "",
    ) -> Json:
        """Create an API key of a user with this role (administrator, shop_manager)."""
        name = consumer_key or f"ck_{secrets.token_hex(20)}"
        key = ApiKey(name, consumer_secret or f"cs_{secrets.token_hex(20)}", role, permissions)
        with self.lock:
            self.keys.add(key)
        return {
            name: getattr(key, name)
            for name in ("consumer_key", "consumer_secret", "role", "permissions")
        }

    def freeze_clock(self, at: str | datetime | None = None) -> Json:
        """Stop the shop's clock, at its current time or at `at`."""
        if at is not None:
            at = instant(at)
        self.clock.freeze(at)
        return self.read_clock()

    def set_clock(self, at: str | datetime) -> Json:
        """Set the shop's clock."""
        self.clock.set(instant(at))
        return self.read_clock()

    def advance_clock(self, seconds: float) -> Json:
        """Move the shop's clock forward."""
        self.clock.advance(seconds)
        return self.read_clock()

    def release_clock(self) -> Json:
        """Return the shop's clock to the machine's time."""
        self.clock.release()
        return self.read_clock()

    def read_clock(self) -> Json:
        """Return the shop's time."""
        return {"now": self.clock.now().isoformat()}

    def add_fault(
        self,
        kind: str,
        times: int | None = 1,
        seconds: float = 1.0,
        path: str = "/wp-json",
        method: str = "",
        total: int | str | None = None,
    ) -> Json:
        """Make the next `times` answers fail, or all until `clear_faults` if it is 0 or None.

        Kinds: 500, 429 and 503 (`seconds` is the Retry-After), 404 (a web page), html (a web page with status 200),
        reset, hang and slow (for `seconds`, then the answer comes), half (of the body). For lists only: totals (both
        counts are `total`, or are missing if it is None), same-page (always the first one), short-pages (of at most 10
        items). Raise ValueError for any other kind.
        """
        self.faults.add(Fault(str(kind), times, seconds, path, method.upper(), total))
        return {"kind": str(kind), "times": times}

    def clear_faults(self) -> Json:
        """Remove all faults."""
        self.faults.clear()
        return {}

    def set_habits(self, **habits: Any) -> Json:
        """Switch on habits of other shops' stores (see `Habits`). Raise ValueError for an unknown name."""
        with self.lock:
            self.habits.change(habits)
        state = vars(self.habits).copy()
        for name, value in state.items():
            if isinstance(value, set):
                state[name] = sorted(value)
        return state

    def show_oddly(self, kind: str, record_id: int, **odd: Any) -> Json:
        """Make the API show wrong values for these fields of a record; without fields, the true values.

        No webhook fires.
        """
        with self.lock:
            if kind == "order":
                self.shop.order(record_id).odd = odd
            else:
                self.shop.customer(record_id).odd = odd
        return odd

    def set_time_zone(self, name: str = "", gmt_offset: float = 0) -> Json:
        """Set the shop's time zone: by name, or by hours east of UTC."""
        with self.lock:
            self.shop.zone = ZoneInfo(name) if name else timezone(timedelta(hours=gmt_offset))
        return {"name": name, "gmt_offset": gmt_offset}

    # Webhooks and deliveries

    def fire_action(self, name: str, arg: Any = None) -> Json:
        """Fire an action of a plugin. Webhooks of the topic `action.<name>` deliver it."""
        with self.lock:
            self.webhooks.enqueue(f"action.{name}", arg)
        return {"action": name, "arg": arg}

    def create_webhook(
        self,
        topic: str,
        delivery_url: str,
        secret: str = "",
        role: str = "administrator",
        api_version: str = "v3",
    ) -> Json:
        """Create a webhook in wp-admin, by a user with this role and of this API version (v3, v2, v1, legacy)."""
        if api_version not in VERSIONS:
            raise ValueError(f"api_version must be one of {', '.join(VERSIONS)}")
        fields = {"name": topic, "topic": topic, "delivery_url": delivery_url, "secret": secret}
        with self.lock:
            webhook = self.webhooks.create(fields, role, api_version)
        self.sender.send_pings()
        return self.webhook_state(webhook)

    def set_webhook_owner(self, webhook_id: int, role: str) -> Json:
        """Change the role of the webhook's owner; `none` has no rights at all."""
        if role not in OWNER_ROLES:
            raise ValueError(f"role must be one of {', '.join(OWNER_ROLES)}")
        with self.lock:
            webhook = self.webhooks.get(webhook_id)
            webhook.owner_role = role
            return self.webhook_state(webhook)

    def send_deliveries(
        self,
        limit: int | None = None,
        order: str = "fifo",
        seed: int = 0,
        drop: int = 0,
        repeat: int = 0,
    ) -> list[Json]:
        """Send the pending deliveries: `drop` of them get lost, `repeat` of the others arrive twice."""
        plan = SendPlan(limit, order, seed, drop, repeat)
        return [vars(entry) for entry in self.sender.send(plan)]

    def drop_deliveries(self) -> list[Json]:
        """Lose all pending deliveries."""
        return self.send_deliveries(drop=len(self.webhooks.pending()))

    def wait_until_idle(self, timeout: float = 30.0) -> Json:
        """Wait until all deliveries are sent. This is useful only if they are sent in the background."""
        return {"idle": self.sender.idle(timeout)}

    # State

    def state(self) -> Json:
        """Return all records with all their meta data, also what REST hides."""
        with self.lock:
            return {
                "orders": list(map(self.order_state, self.shop.orders.values())),
                "customers": list(map(self.customer_state, self.shop.customers.values())),
                "webhooks": list(map(self.webhook_state, self.webhooks.all())),
                "waiting": [vars(pending) for pending in self.webhooks.pending()],
                "held": self.faults.hanging,
            }

    def order_state(self, order: Order) -> Json:
        """Return an order, and the number of writes that made the store calculate its totals again."""
        return {
            **self.renderer.order(order),
            "meta": _plain(order.meta),
            "recalculated": order.recalculated,
        }

    def customer_state(self, customer: Customer) -> Json:
        """Return an account with all of its meta data."""
        return {**self.renderer.customer(customer, with_meta=True), "meta": _plain(customer.meta)}

    def webhook_state(self, webhook: Webhook) -> Json:
        """Return a webhook, also what REST hides, except its secret."""
        return {
            **webhook_json(webhook, self.renderer),
            "owner_role": webhook.owner_role,
            "failure_count": webhook.failure_count,
            "api_version": webhook.api_version,
        }


def _plain(meta: MetaTable) -> Json:
    return {row["key"]: row["value"] for row in meta.by_id()}
