"""Orders and their refunds over REST."""

from deploy.sandbox.errors import RestError, cannot_trash, no_order_to_update
from deploy.sandbox.queries import list_orders, list_refunds
from deploy.sandbox.records import Order
from deploy.sandbox.rest.call import Answer, Call, batch_answer, meta_keys, page_answer
from deploy.sandbox.wire import Json


def listing(call: Call) -> Answer:
    """GET /orders."""
    page = list_orders(call.store.shop, call.params, call.store.habits)
    bodies = [_item(call, order) for order in page.items if call.may_see("order", order.id)]
    return page_answer(page, bodies, call.params)


def _item(call: Call, order: Order) -> Json:
    """Return an order of a list. Some stores cannot pick a part of each refund, and show no refunds then."""
    body = call.store.renderer.order(order)
    shallow = call.store.habits.shallow_fields
    if not shallow or "refunds" in call.params.words("_fields"):
        return body
    if shallow == "empty":
        body["refunds"] = []
    else:
        del body["refunds"]
    return body


def show(call: Call) -> Answer:
    """GET /orders/<id>, also of an order in the trash."""
    call.check_read("order", call.id)
    order = call.store.shop.order(call.id)
    return Answer(call.params.pick(call.store.renderer.order(order)))


def create(call: Call) -> Answer:
    """POST /orders."""
    return Answer(call.params.pick(_create(call, call.body)), 201)


def update(call: Call) -> Answer:
    """PUT, PATCH or POST /orders/<id>."""
    return Answer(call.params.pick(_update(call, {**call.body, "id": call.id})))


def delete(call: Call) -> Answer:
    """DELETE /orders/<id>: move to the trash, or delete for good if forced. The answer is the order before that."""
    call.check_write("order", call.id)
    if call.is_forced:
        return Answer(_delete(call, call.id))
    order = call.store.shop.order(call.id)
    body = call.store.renderer.order(order)
    call.store.orders.trash(order)
    call.log_write("order", order.id)
    return Answer(body)


def batch(call: Call) -> Answer:
    """POST /orders/batch."""
    return batch_answer(call, _create, _update, _delete)


def refunds(call: Call) -> Answer:
    """GET /orders/<id>/refunds, the newest first."""
    order = _refunded_order(call)
    call.check_read("order", order.id)
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
    reason = str(call.body.get("reason") or "")
    new_refund = call.store.orders.refund(order, call.body.get("amount"), reason)
    call.log_write("order", order.id)
    return Answer(call.store.renderer.refund(order, new_refund), 201)


def delete_refund(call: Call) -> Answer:
    """DELETE /orders/<id>/refunds/<id>. It must be forced, because refunds have no trash."""
    order = _refunded_order(call)
    order.refund(call.id)
    if not call.is_forced:
        raise cannot_trash("Refunds")
    deleted = call.store.orders.delete_refund(order, call.id)
    call.log_write("order", order.id)
    return Answer(call.store.renderer.refund(order, deleted))


def _create(call: Call, fields: Json) -> Json:
    order = call.store.orders.create(fields)
    call.log_write("order", order.id, meta_keys(fields))
    return call.store.renderer.order(order)


def _update(call: Call, fields: Json) -> Json:
    try:
        order = call.store.shop.order(int(fields.get("id") or 0))
    except RestError as error:
        raise no_order_to_update() from error
    call.check_write("order", order.id)
    call.log_write("order", order.id, call.store.orders.update(order, fields))
    return call.store.renderer.order(order)


def _delete(call: Call, order_id: int) -> Json:
    order = call.store.shop.order(order_id)
    body = call.store.renderer.order(order)
    call.store.orders.delete(order)
    call.log_write("order", order.id)
    return body


def _refunded_order(call: Call) -> Order:
    try:
        return call.store.shop.order(call.ids["order_id"])
    except RestError as error:
        raise RestError("woocommerce_rest_invalid_order_id", "Invalid order ID.", 404) from error
