"""Disturbances in front of WordPress: a web server with its own rules, and PHP that prints text before the answer."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Response, request

from deploy.sandbox.faults import CAME
from deploy.sandbox.habits import Habits
from deploy.sandbox.log import Log, RequestEntry

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

API = "/wp-json"
REFUSED = "refused"


class WebServer:
    """WSGI middleware that refuses methods, with an answer in HTML, before a request reaches WordPress."""

    def __init__(self, app: "WSGIApplication", habits: Habits, log: Log) -> None:
        self._app = app
        self._habits = habits
        self._log = log

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method not in self._habits.refused_methods or not path.startswith(API):
            return self._app(environ, start_response)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status = HTTPStatus(self._habits.refusal)
        entry = RequestEntry(method, path, {}, "", status.value, fault=REFUSED, at=environ[CAME])
        self._log.requests.append(entry)
        start_response(f"{status.value} {status.phrase}", [("Content-Type", "text/html")])
        return [f"<html><head><title>{status.value} {status.phrase}</title></head></html>".encode()]


def print_before(response: Response, text: str) -> Response:
    """Put text in front of an answer of the REST API, as PHP does with its warnings."""
    if text and request.path.startswith(API):
        response.set_data(text.encode() + response.get_data())
    return response
