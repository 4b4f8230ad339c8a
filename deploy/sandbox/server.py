"""The HTTP server of the store, on a thread of this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from threading import Thread
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from deploy.sandbox.cache import CachingFront
from deploy.sandbox.control import create_control
from deploy.sandbox.faults import FaultyFront
from deploy.sandbox.rest import create_rest, unknown_route
from deploy.sandbox.store import SandboxStore
from deploy.sandbox.webserver import WebServer, print_before

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def create_sandbox(store: SandboxStore) -> Flask:
    """Return the store as a WSGI app: REST under /wp-json, control under /sandbox."""
    app = Flask(__name__)
    app.register_blueprint(create_rest(store))
    app.register_blueprint(create_control(store))

    def no_route(_: Exception) -> Response:
        if request.path.startswith("/wp-json"):
            return unknown_route()
        return Response("Not found", 404)

    def set_date(response: Response) -> Response:
        # The time of the shop's clock, so that a client can compare it with its own.
        response.headers["Date"] = format_datetime(store.clock.now(), usegmt=True)
        return response

    app.after_request(set_date)
    app.after_request(lambda response: print_before(response, store.habits.before_json))
    app.register_error_handler(404, no_route)
    app.register_error_handler(405, no_route)
    app.wsgi_app = WebServer(app.wsgi_app, store.habits, store.log)  # type: ignore[method-assign]
    app.wsgi_app = FaultyFront(app.wsgi_app, store.faults, store.log)  # type: ignore[method-assign]
    app.wsgi_app = CachingFront(app.wsgi_app, store.habits)  # type: ignore[method-assign]
    return app


class _Handler(WSGIRequestHandler):
    """A handler that logs no requests (`/sandbox/log` has them) and sends no Date header of its own."""

    def send_response(self, code: int, message: str | None = None) -> None:
        """Send only the status line. The answer has all of its headers."""
        self.send_response_only(code, message)

    def connection_dropped(
        self, error: BaseException, environ: "WSGIEnvironment | None" = None
    ) -> None:
        """Close a connection that was cut, so that no further request is read from it."""
        self.close_connection = True


def bind(
    store: SandboxStore, host: str = "127.0.0.1", port: int = 0, url: str = ""
) -> BaseWSGIServer:
    """Return a threaded server that listens. Port 0 means any free port.

    `url` is the URL of the store if a proxy is in front of it.
    """
    server = make_server(host, port, create_sandbox(store), threaded=True, request_handler=_Handler)
    store.url = url or f"http://{host}:{server.server_port}"
    return server


@contextmanager
def serving(store: SandboxStore, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve from a background thread during the block. Yield the URL."""
    server = bind(store, host, port)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    store.start()
    try:
        yield store.url
    finally:
        store.close()
        server.shutdown()
        thread.join()
        server.server_close()
