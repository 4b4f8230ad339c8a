"""The REST API under /wp-json: which path and method does what, who may, and how an answer is written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from deploy.sandbox.auth import ApiKey, Credentials, not_logged_in
from deploy.sandbox.errors import RestError, no_route
from deploy.sandbox.faults import CAME, FAULT, misread
from deploy.sandbox.log import RequestEntry, Write
from deploy.sandbox.params import Params, php_query
from deploy.sandbox.rest import customers, orders, webhooks
from deploy.sandbox.rest.call import Answer, Call
from deploy.sandbox.store import SandboxStore
from deploy.sandbox.wire import Json, php_json

Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """A path and what its methods do, in the order in which the Allow header names them."""

    path: str
    methods: dict[str, Handler]

    @property
    def allow(self) -> str:
        """The Allow header."""
        return ", ".join(self.methods)


def _collection(listing: Handler, create: Handler) -> dict[str, Handler]:
    return {"GET": listing, "POST": create}


def _item(show: Handler, update: Handler, delete: Handler) -> dict[str, Handler]:
    return {"GET": show, "POST": update, "PUT": update, "PATCH": update, "DELETE": delete}


def _batch(handler: Handler) -> dict[str, Handler]:
    return dict.fromkeys(("POST", "PUT", "PATCH"), handler)


ROUTES = (
    Route("/orders", _collection(orders.listing, orders.create)),
    Route("/orders/batch", _batch(orders.batch)),
    Route("/orders/<int:record_id>", _item(orders.show, orders.update, orders.delete)),
    Route("/orders/<int:order_id>/refunds", _collection(orders.refunds, orders.create_refund)),
    Route(
        "/orders/<int:order_id>/refunds/<int:record_id>",
        {"GET": orders.refund, "DELETE": orders.delete_refund},
    ),
    Route("/customers", _collection(customers.listing, customers.create)),
    Route("/customers/batch", _batch(customers.batch)),
    Route("/customers/<int:record_id>", _item(customers.show, customers.update, customers.delete)),
    Route("/webhooks", _collection(webhooks.listing, webhooks.create)),
    Route("/webhooks/<int:record_id>", _item(webhooks.show, webhooks.update, webhooks.delete)),
)


def create_rest(store: SandboxStore) -> Blueprint:
    """The blueprint of the REST API."""
    rest = Blueprint("rest", __name__)
    rest.add_url_rule("/wp-json/", "index", lambda: _index(store))
    for route in ROUTES:
        rest.add_url_rule(
            f"/wp-json/wc/v3{route.path}",
            route.path,
            _view(store, route),
            methods=list(route.methods),
            provide_automatic_options=False,
        )
    return rest


def unknown_route() -> Response:
    """The store's 404 for a path or method that it does not have."""
    error = no_route()
    return _respond(Answer(error.body, error.status))


def _view(store: SandboxStore, route: Route) -> Callable[..., Response]:
    def view(**ids: int) -> Response:
        writes: list[Write] = []
        key_name, headers = "", {}
        try:
            key = _authenticate(store)
            key_name = key.consumer_key
            call = Call(store, key, _params(), _body(), ids, writes)
            handler = route.methods.get(_method())
            if handler is None:
                raise no_route()
            with store.lock:
                answer = handler(call)
            headers = {"Allow": route.allow} if answer.allow else {}
        except RestError as error:
            answer = Answer(error.body, error.status)
            headers = {"Allow": route.allow} if error.allow else {}
        # Whoever saved a webhook waits for its ping; the lock is free again by then.
        store.sender.send_pings()
        _note(store, key_name, answer, writes)
        return _respond(answer, headers)

    return view


def _authenticate(store: SandboxStore) -> ApiKey:
    basic = None if store.habits.drops_authorization else request.authorization
    pair = (basic.username or "", basic.password or "") if basic and basic.type == "basic" else None
    query = php_query(request.args.items(multi=True))
    given = Credentials(request.method, f"{store.url}{request.path}", query, pair)
    with store.lock:
        key = store.keys.authenticate(given, https=store.options.assume_https)
    if key is None:
        raise not_logged_in(_method())
    key.check_permission(_method())
    return key


def _method() -> str:
    """The method that is meant: `_method` in the query of a POST counts in its place. The signature is over POST."""
    sent = "GET" if request.method == "HEAD" else request.method
    return request.args.get("_method", sent).upper() if sent == "POST" else sent


def _params() -> Params:
    """The query, read only after the signature over it was checked: a store that lies may misread it."""
    return Params(
        misread(php_query(request.args.items(multi=True)), request.environ.get(FAULT, ""))
    )


def _body() -> Json:
    if not request.get_data():
        return {}
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        details = {"json_error_code": 4, "json_error_message": "Syntax error"}
        raise RestError("rest_invalid_json", "Invalid JSON body passed.", 400, details=details)
    return body


def _note(store: SandboxStore, key: str, answer: Answer, writes: list[Write]) -> None:
    query = php_query(request.args.items(multi=True))
    shown = {
        name: value for name, value in query.items() if not name.startswith(("oauth_", "consumer_"))
    }
    fault, came = request.environ.get(FAULT, ""), request.environ[CAME]
    entry = RequestEntry(
        request.method, request.path, shown, key, answer.status, tuple(writes), fault, came
    )
    with store.lock:
        store.log.requests.append(entry)


def _respond(answer: Answer, headers: dict[str, str] | None = None) -> Response:
    response = Response(
        php_json(answer.body), answer.status, content_type="application/json; charset=UTF-8"
    )
    response.headers.update({**answer.headers, **(headers or {})})
    return response


def _index(store: SandboxStore) -> Response:
    now = store.clock.now().astimezone(store.shop.zone)
    offset = now.utcoffset()
    body: dict[str, Any] = {
        "name": store.options.name,
        "description": "",
        "url": store.url,
        "home": store.url,
        "gmt_offset": offset.total_seconds() / 3600 if offset else 0,
        "timezone_string": getattr(store.shop.zone, "key", ""),
        "namespaces": ["wc/v3", "wp/v2"],
    }
    return _respond(Answer(body))
