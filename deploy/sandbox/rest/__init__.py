"""The REST API under /wp-json: its routes, authentication, and the form of its answers."""

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
    """A path, and the handlers of its methods in the order of the Allow header."""

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
    """Return the blueprint of the REST API."""
    blueprint = Blueprint("rest", __name__)
    blueprint.add_url_rule("/wp-json/", "index", lambda: _index(store))
    for route in ROUTES:
        blueprint.add_url_rule(
            f"/wp-json/wc/v3{route.path}",
            route.path,
            _view(store, route),
            methods=list(route.methods),
            provide_automatic_options=False,
        )
    return blueprint


def unknown_route() -> Response:
    """Return the store's 404 for a path or method that it does not have."""
    return _respond(_error_answer(no_route()))


def _view(store: SandboxStore, route: Route) -> Callable[..., Response]:
    def view(**ids: int) -> Response:
        writes: list[Write] = []
        key_name = ""
        try:
            key = _authenticate(store)
            key_name = key.consumer_key
            call = Call(store, key, _params(), _body(), ids, writes)
            handler = route.methods.get(_method())
            if handler is None:
                raise no_route()
            with store.lock:
                answer = handler(call)
        except RestError as error:
            answer = _error_answer(error)
        # The request that saved a webhook waits for its ping. The lock is free at this point.
        store.sender.send_pings()
        _log(store, key_name, answer, writes)
        response = _respond(answer)
        if answer.allow:
            response.headers["Allow"] = route.allow
        return response

    return view


def _error_answer(error: RestError) -> Answer:
    return Answer(error.body, error.status, allow=error.allow)


def _authenticate(store: SandboxStore) -> ApiKey:
    query = php_query(request.args.items(multi=True))
    url = f"{store.url}{request.path}"
    credentials = Credentials(request.method, url, query, _basic_pair(store))
    with store.lock:
        key = store.keys.authenticate(credentials, https=store.options.assume_https)
    if key is None:
        raise not_logged_in(_method())
    key.check_permission(_method())
    return key


def _basic_pair(store: SandboxStore) -> tuple[str, str] | None:
    """Return the name and the secret in the Authorization header, if it is there and reaches WordPress."""
    basic = request.authorization
    if store.habits.drops_authorization or basic is None or basic.type != "basic":
        return None
    return basic.username or "", basic.password or ""


def _method() -> str:
    """Return the method to run. `_method` in the query of a POST replaces it; the signature is over POST."""
    if request.method == "HEAD":
        return "GET"
    if request.method == "POST":
        return request.args.get("_method", "POST").upper()
    return request.method


def _params() -> Params:
    """Return the query as the store reads it, after the check of its signature: a faulty store may misread it."""
    query = php_query(request.args.items(multi=True))
    return Params(misread(query, request.environ.get(FAULT, "")))


def _body() -> Json:
    if not request.get_data():
        return {}
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        details = {"json_error_code": 4, "json_error_message": "Syntax error"}
        raise RestError("rest_invalid_json", "Invalid JSON body passed.", 400, details=details)
    return body


def _log(store: SandboxStore, key: str, answer: Answer, writes: list[Write]) -> None:
    """Log the request, without its credentials."""
    query = php_query(request.args.items(multi=True))
    for name in list(query):
        if name.startswith(("oauth_", "consumer_")):
            del query[name]
    entry = RequestEntry(
        request.method,
        request.path,
        query,
        key,
        answer.status,
        tuple(writes),
        fault=request.environ.get(FAULT, ""),
        at=request.environ[CAME],
    )
    with store.lock:
        store.log.requests.append(entry)


def _respond(answer: Answer) -> Response:
    response = Response(
        php_json(answer.body), answer.status, content_type="application/json; charset=UTF-8"
    )
    response.headers.update(answer.headers)
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
