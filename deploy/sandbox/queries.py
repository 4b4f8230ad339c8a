"""Which records a list shows, in what order, and which page of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from deploy.sandbox.errors import invalid_param
from deploy.sandbox.habits import Habits
from deploy.sandbox.params import PER_PAGE_MAX, Params
from deploy.sandbox.records import LEFT_OUT_OF_ANY, Customer, Order, Refund
from deploy.sandbox.shop import Shop
from deploy.sandbox.webhooks import STATUSES, Webhook

Record = TypeVar("Record")


@dataclass(frozen=True)
class Page(Generic[Record]):
    """One page of a list, with the count that goes into `X-WP-Total`."""

    items: Sequence[Record]
    total: int
    per_page: int

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return -(-self.total // self.per_page)


def list_orders(shop: Shop, params: Params, habits: Habits) -> Page[Order]:
    """The orders that the query asks for; a page past the last is empty and counts nothing."""
    wanted = [*_order_filters(shop, params), _is_shown(params, habits)]
    found = [order for order in shop.orders.values() if all(test(order) for test in wanted)]
    orderby = params.choice(
        "orderby", ("date", "id", "include", "title", "slug", "modified"), "date"
    )
    ascending = params.choice("order", ("asc", "desc"), "desc") == "asc"
    if orderby == "include":
        found.sort(
            key=lambda order: (
                params.numbers("include").index(order.id) if params.words("include") else 0
            )
        )
    else:
        found.sort(key=_ORDER_KEYS[orderby], reverse=not ascending)
    return _order_page(found, params)


def list_refunds(order: Order, params: Params) -> Page[Refund]:
    """An order's refunds, newest first; the store asks for them as it does for orders."""
    include, exclude = params.numbers("include"), params.numbers("exclude")
    found = [
        refund
        for refund in order.refunds
        if (not include or refund.id in include) and refund.id not in exclude
    ]
    orderby = params.choice("orderby", ("date", "id", "modified"), "date")
    ascending = params.choice("order", ("asc", "desc"), "desc") == "asc"
    found.sort(
        key=lambda refund: (refund.id if orderby == "id" else refund.date_created, refund.id),
        reverse=not ascending,
    )
    return _order_page(found, params)


def list_customers(shop: Shop, params: Params) -> Page[Customer]:
    """The accounts that the query asks for: customers, unless `role` says otherwise.

    `exclude` counts only where there is no `include`. A page past the last is empty and counts all the same.
    """
    role, email = params.text("role", "customer"), params.text("email")
    include, exclude = params.numbers("include"), params.numbers("exclude")
    found = [
        customer
        for customer in shop.customers.values()
        if role in ("all", customer.role)
        and (not email or customer.email == email)
        and (customer.id in include if include else customer.id not in exclude)
    ]
    orderby = params.choice("orderby", ("id", "include", "name", "registered_date"), "name")
    ascending = params.choice("order", ("asc", "desc"), "asc") == "asc"
    if orderby == "include" and include:
        found.sort(key=lambda customer: include.index(customer.id))
    else:
        found.sort(key=_CUSTOMER_KEYS[orderby], reverse=not ascending)
    # An offset of 0 is as good as none for this list: `page` then counts.
    return page_of(found, params, params.offset() or None)


def list_webhooks(webhooks: Sequence[Webhook], params: Params) -> Page[Webhook]:
    """The webhooks that the query asks for. A page past the last is empty and counts all the same.

    The store forgets to use `offset` on this list: where it is more than 0, the first page comes, whatever
    `page` says.
    """
    status = params.choice("status", ("all", *STATUSES), "all")
    include, exclude = params.numbers("include"), params.numbers("exclude")
    found = [
        webhook
        for webhook in webhooks
        if status in ("all", webhook.status)
        and (not include or webhook.id in include)
        and webhook.id not in exclude
    ]
    orderby = params.choice("orderby", ("date", "id", "title"), "date")
    ascending = params.choice("order", ("asc", "desc"), "desc") == "asc"
    found.sort(key=lambda webhook: webhook.id)
    found.sort(key=_WEBHOOK_KEYS[orderby], reverse=not ascending)
    return page_of(found, params, 0 if params.offset() else None)


_ORDER_KEYS: dict[str, Callable[[Order], Any]] = {
    "date": lambda order: (order.date_created, order.id),
    "modified": lambda order: (order.date_modified, order.id),
    "id": lambda order: order.id,
    "title": lambda order: order.id,
    "slug": lambda order: order.id,
}
_CUSTOMER_KEYS: dict[str, Callable[[Customer], Any]] = {
    "id": lambda customer: customer.id,
    "include": lambda customer: customer.id,
    "name": lambda customer: (customer.display_name.lower(), customer.id),
    "registered_date": lambda customer: (customer.date_created, customer.id),
}
_WEBHOOK_KEYS: dict[str, Callable[[Webhook], Any]] = {
    "date": lambda webhook: webhook.date_created,
    "id": lambda webhook: webhook.id,
    "title": lambda webhook: webhook.name,
}


def page_of(found: Sequence[Record], params: Params, offset: int | None) -> Page[Record]:
    """The items of a sorted list from `offset` on, or from where `page` begins, at most `per_page` of them."""
    per_page, page = params.whole("per_page", 10, PER_PAGE_MAX), params.whole("page", 1)
    start = (page - 1) * per_page if offset is None else offset
    return Page(found[start : start + per_page], len(found), per_page)


def _order_page(found: Sequence[Record], params: Params) -> Page[Record]:
    """`offset` takes the place of `page`, also where it is 0; a page without items counts nothing."""
    page = page_of(found, params, params.offset())
    return page if page.items else Page([], 0, page.per_page)


def _order_filters(shop: Shop, params: Params) -> list[Callable[[Order], bool]]:
    statuses = _statuses(shop, params)
    include, exclude, customer = (
        params.numbers("include"),
        params.numbers("exclude"),
        params.numbers("customer"),
    )
    return [
        lambda order: order.status in statuses,
        lambda order: not include or order.id in include,
        lambda order: order.id not in exclude,
        lambda order: not customer or order.customer_id in customer,
        *_date_filters(shop, params),
    ]


def _is_shown(params: Params, habits: Habits) -> Callable[[Order], bool]:
    """Whether a list shows an order at all; one that lists leave out is found by its id."""
    left_out = habits.hidden if params.words("include") else habits.hidden | habits.unlisted
    return lambda order: order.id not in left_out


def _date_filters(shop: Shop, params: Params) -> list[Callable[[Order], bool]]:
    after, before = params.moment("after", shop.zone), params.moment("before", shop.zone)
    since, until = (
        params.moment("modified_after", shop.zone),
        params.moment("modified_before", shop.zone),
    )
    # The store's bounds are exclusive on both sides.
    return [
        lambda order: after is None or order.date_created > after,
        lambda order: before is None or order.date_created < before,
        lambda order: since is None or order.date_modified > since,
        lambda order: until is None or order.date_modified < until,
    ]


def _statuses(shop: Shop, params: Params) -> set[str]:
    """`any` leaves out the trash and unfinished checkouts, also where those stand beside it.

    Of orders that are named (`include`), it shows those too whose status no plugin registers any more.
    """
    asked = params.words("status") or ["any"]
    unknown = [word for word in asked if word not in shop.statuses and word != "any"]
    if unknown:
        allowed = ", ".join(["any", *sorted(shop.statuses)])
        raise invalid_param("status", f"status[0] is not one of {allowed}.", "rest_not_in_enum")
    if "any" not in asked:
        return set(asked)
    there = {order.status for order in shop.orders.values()} if params.words("include") else set()
    return (shop.statuses | there) - set(LEFT_OUT_OF_ANY)
