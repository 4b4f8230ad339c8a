"""Orders and their refunds over REST."""

from deploy.sandbox.errors import RestError, cannot_trash, no_order_to_update
from deploy.sandbox.queries import list_orders, list_refunds
from deploy.sandbox.records import Order
from deploy.sandbox.rest.call import Answer, Call, batch_answer, page_answer
from deploy.sandbox.wire import Json


def listing(call: Call) -> Answer:
    """GET /orders."""
    page = list_orders(call.store.shop, call.params, call.store.habits)
    bodies = [
        call.store.renderer.order(order) for order in page.items if call.shows("order", order.id)
    ]
    return page_answer(page, [_with_shallow_fields(call, body) for body in bodies], call.params)


def _with_shallow_fields(call: Call, body: Json) -> Json:
    """The order as a store lists it that cannot pick a part of each refund: there is nothing to pick from."""
    shallow = call.store.habits.shallow_fields
    if not shallow or "refunds" in call.params.words("_fields"):
        return body
    return body | {"refunds": []} if shallow == "empty" else _without(body, "refunds")


def _without(body: Json, name: str) -> Json:
    return {key: value for key, value in body.items() if key != name}


def show(call: Call) -> Answer:
    """GET /orders/<id>, a trashed one too."""
    call.assert_open("order", call.id)
    order = call.store.shop.order(call.id)
    return Answer(call.params.pick(call.store.renderer.order(order)))


def create(call: Call) -> Answer:
    """POST /orders."""
    return Answer(call.params.pick(_create(call, call.body)), 201)


def update(call: Call) -> Answer:
    """PUT, PATCH or POST /orders/<id>."""
    return Answer(call.params.pick(_update(call, {**call.body, "id": call.id})))


def delete(call: Call) -> Answer:
    """DELETE /orders/<id>: into the trash, or for good where it is forced; shows the order as it was."""
    call.assert_open("order", call.id, writing=True)
    if call.forced:
        return Answer(_delete(call, call.id))
    order = call.store.shop.order(call.id)
    shown = call.store.renderer.order(order)
    call.store.orders.trash(order)
    call.wrote("order", order.id)
    return Answer(shown)


def batch(call: Call) -> Answer:
    """POST /orders/batch."""
    return batch_answer(call, _create, _update, _delete)


def refunds(call: Call) -> Answer:
    """GET /orders/<id>/refunds, newest first."""
    order = _refunded_order(call)
    call.assert_open("order", order.id)
    page = list_refunds(order, call.params)
    bodies = [call.store.renderer.refund(order, refund) for refund in page.items]
    return page_answer(page, bodies, call.params)


def refund(call: Call) -> Answer:
    """GET /orders/<id>/refunds/<id>."""
    order = _refunded_order(call)
    return Answer(call.params.pick(call.store.renderer.refund(order, order.refund(call.id))))


def create_refund(call: Call) -> Answer:
    """POST /orders/<id>/refunds."""
    order = _refunded_order(call)
    made = call.store.orders.refund(
        order, call.body.get("amount"), str(call.body.get("reason") or "")
    )
    call.wrote("order", order.id)
    return Answer(call.store.renderer.refund(order, made), 201)


def delete_refund(call: Call) -> Answer:
    """DELETE /orders/<id>/refunds/<id>, which must be forced: refunds have no trash."""
    order = _refunded_order(call)
    order.refund(call.id)
    if not call.forced:
        raise cannot_trash("Refunds")
    deleted = call.store.orders.delete_refund(order, call.id)
    call.wrote("order", order.id)
    return Answer(call.store.renderer.refund(order, deleted))


def _create(call: Call, given: Json) -> Json:
    order = call.store.orders.create(given)
    call.wrote(
        "order", order.id, [str(change.get("key")) for change in given.get("meta_data") or ()]
    )
    return call.store.renderer.order(order)


def _update(call: Call, given: Json) -> Json:
    try:
        order = call.store.shop.order(int(given.get("id") or 0))
    except RestError as error:
        raise no_order_to_update() from error
    call.assert_open("order", order.id, writing=True)
    call.wrote("order", order.id, call.store.orders.update(order, given))
    return call.store.renderer.order(order)


def _delete(call: Call, order_id: int) -> Json:
    order = call.store.shop.order(order_id)
    shown = call.store.renderer.order(order)
    call.store.orders.delete(order)
    call.wrote("order", order.id)
    return shown


def _refunded_order(call: Call) -> Order:
    try:
        return call.store.shop.order(call.ids["order_id"])
    except RestError as error:
        raise RestError("woocommerce_rest_invalid_order_id", "Invalid order ID.", 404) from error
