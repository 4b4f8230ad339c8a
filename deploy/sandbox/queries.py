"""Lists of records: filters, order and pages."""

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
    """A page of a list. `total` is the count in `X-WP-Total`."""

    items: Sequence[Record]
    total: int
    per_page: int

    @property
    def pages(self) -> int:
        """The number of pages."""
        return -(-self.total // self.per_page)


def list_orders(shop: Shop, params: Params, habits: Habits) -> Page[Order]:
    """Return the orders that match the query. A page after the last one is empty, with a count of 0."""
    matches = list(shop.orders.values())
    for is_match in (*_order_filters(shop, params), _visibility(params, habits)):
        matches = list(filter(is_match, matches))
    orderby = params.choice(
        "orderby", ("date", "id", "include", "title", "slug", "modified"), "date"
    )
    if orderby != "include":
        matches.sort(key=_ORDER_KEYS[orderby], reverse=_is_descending(params, "desc"))
    elif include := params.numbers("include"):
        matches.sort(key=lambda order: include.index(order.id))
    return _order_page(matches, params)


def list_refunds(order: Order, params: Params) -> Page[Refund]:
    """Return an order's refunds, the newest first. The pages are those of a list of orders."""
    matches = list(filter(_id_filter(params), order.refunds))
    orderby = params.choice("orderby", ("date", "id", "modified"), "date")
    matches.sort(key=_REFUND_KEYS[orderby], reverse=_is_descending(params, "desc"))
    return _order_page(matches, params)


def list_customers(shop: Shop, params: Params) -> Page[Customer]:
    """Return the accounts that match the query: customers, or those with another `role`.

    `exclude` has an effect only without `include`. A page after the last one is empty, with the count of all.
    """
    include = params.numbers("include")
    matches = list(filter(_customer_filter(params), shop.customers.values()))
    orderby = params.choice("orderby", ("id", "include", "name", "registered_date"), "name")
    if orderby == "include" and include:
        matches.sort(key=lambda customer: include.index(customer.id))
    else:
        matches.sort(key=_CUSTOMER_KEYS[orderby], reverse=_is_descending(params, "asc"))
    # An offset of 0 has no effect on this list: `page` counts then.
    return page_of(matches, params, params.offset() or None)


def list_webhooks(webhooks: Sequence[Webhook], params: Params) -> Page[Webhook]:
    """Return the webhooks that match the query. A page after the last one is empty, with the count of all.

    The store does not use `offset` on this list. If it is more than 0, the first page comes, whatever `page` is.
    """
    status = params.choice("status", ("all", *STATUSES), "all")
    matches = list(filter(_id_filter(params), webhooks))
    if status != "all":
        matches = [webhook for webhook in matches if webhook.status == status]
    orderby = params.choice("orderby", ("date", "id", "title"), "date")
    matches.sort(key=lambda webhook: webhook.id)
    matches.sort(key=_WEBHOOK_KEYS[orderby], reverse=_is_descending(params, "desc"))
    return page_of(matches, params, 0 if params.offset() else None)


_ORDER_KEYS: dict[str, Callable[[Order], Any]] = {
    "date": lambda order: (order.date_created, order.id),
    "modified": lambda order: (order.date_modified, order.id),
    "id": lambda order: order.id,
    "title": lambda order: order.id,
    "slug": lambda order: order.id,
}
_REFUND_KEYS: dict[str, Callable[[Refund], Any]] = {
    "date": lambda refund: (refund.date_created, refund.id),
    "modified": lambda refund: (refund.date_created, refund.id),
    "id": lambda refund: refund.id,
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


def _is_descending(params: Params, default: str) -> bool:
    return params.choice("order", ("asc", "desc"), default) == "desc"


def page_of(matches: Sequence[Record], params: Params, offset: int | None) -> Page[Record]:
    """Return at most `per_page` items of a sorted list, from `offset` on; without it, from the begin of `page`."""
    per_page = params.positive("per_page", 10, PER_PAGE_MAX)
    page = params.positive("page", 1)
    start = (page - 1) * per_page if offset is None else offset
    return Page(matches[start : start + per_page], len(matches), per_page)


def _order_page(matches: Sequence[Record], params: Params) -> Page[Record]:
    """Return a page. `offset` replaces `page`, also if it is 0. The count of a page without items is 0."""
    page = page_of(matches, params, params.offset())
    return page if page.items else Page([], 0, page.per_page)


def _id_filter(params: Params) -> Callable[[Order | Refund | Webhook], bool]:
    include, exclude = params.numbers("include"), params.numbers("exclude")

    def is_match(record: Order | Refund | Webhook) -> bool:
        is_included = not include or record.id in include
        return is_included and record.id not in exclude

    return is_match


def _customer_filter(params: Params) -> Callable[[Customer], bool]:
    role, email = params.text("role", "customer"), params.text("email")
    include, exclude = params.numbers("include"), params.numbers("exclude")

    def is_match(customer: Customer) -> bool:
        if role not in ("all", customer.role):
            return False
        if email and customer.email != email:
            return False
        return customer.id in include if include else customer.id not in exclude

    return is_match


def _order_filters(shop: Shop, params: Params) -> list[Callable[[Order], bool]]:
    statuses = _statuses(shop, params)
    customers = params.numbers("customer")
    return [
        lambda order: order.status in statuses,
        lambda order: not customers or order.customer_id in customers,
        _id_filter(params),
        *_date_filters(shop, params),
    ]


def _visibility(params: Params, habits: Habits) -> Callable[[Order], bool]:
    """Return the filter for orders that lists do not show. A query by id (`include`) also finds unlisted ones."""
    invisible = set(habits.hidden)
    if not params.words("include"):
        invisible |= habits.unlisted
    return lambda order: order.id not in invisible


def _date_filters(shop: Shop, params: Params) -> list[Callable[[Order], bool]]:
    after = params.moment("after", shop.zone)
    before = params.moment("before", shop.zone)
    modified_after = params.moment("modified_after", shop.zone)
    modified_before = params.moment("modified_before", shop.zone)
    # The store's bounds are exclusive on both sides.
    return [
        lambda order: after is None or order.date_created > after,
        lambda order: before is None or order.date_created < before,
        lambda order: modified_after is None or order.date_modified > modified_after,
        lambda order: modified_before is None or order.date_modified < modified_before,
    ]


def _statuses(shop: Shop, params: Params) -> set[str]:
    """Return the statuses that the query asks for.

    `any` leaves out the trash and unfinished checkouts, even if the query names those too. With `include` it also
    means statuses that no plugin registers any more.
    """
    words = set(params.words("status") or ["any"])
    if not words <= shop.statuses | {"any"}:
        allowed = ", ".join(["any", *sorted(shop.statuses)])
        raise invalid_param("status", f"status[0] is not one of {allowed}.", "rest_not_in_enum")
    if "any" not in words:
        return words
    statuses = set(shop.statuses)
    if params.words("include"):
        statuses.update(order.status for order in shop.orders.values())
    return statuses.difference(LEFT_OUT_OF_ANY)
