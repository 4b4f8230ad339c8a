"""A cache in front of the store. It keeps answers of the REST API, and gives them to every client."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from deploy.sandbox.habits import Habits

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SILENT, DEAF = "silent", "deaf "
_WITHOUT_EFFECT = ("oauth_", "consumer_", "_")
"""Prefixes of the parameters that do not change an answer. `_fields` is the exception: it does."""


@dataclass
class _CachedAnswer:
    """The first answer to a request."""

    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


class CachingFront:
    """WSGI middleware that answers GET requests under /wp-json from its cache while `Habits.cache` is set.

    `Habits.cache` is the header of a cached answer, such as `X-LiteSpeed-Cache: hit`, or `silent` for no header. After
    the prefix `deaf `, parameters that do not change an answer are not part of an address.
    """

    def __init__(self, app: "WSGIApplication", habits: Habits) -> None:
        self._app = app
        self._habits = habits
        self._lock = Lock()
        self._answers: dict[tuple[str, str], _CachedAnswer] = {}

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        mode = self._habits.cache
        if not mode:
            self._answers.clear()
        if not mode or not _is_cacheable(environ):
            return self._app(environ, start_response)
        query = environ["QUERY_STRING"]
        if mode.startswith(DEAF):
            query = _effective_query(query)
        address = environ["PATH_INFO"], query
        with self._lock:
            answer = self._answers.get(address)
        if answer is None:
            return self._fill(address, environ, start_response)
        start_response(answer.status, answer.headers + _headers(mode.removeprefix(DEAF)))
        return [answer.body]

    def _fill(
        self, address: tuple[str, str], environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        answer = _CachedAnswer()

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: "OptExcInfo | None" = None, /
        ) -> Callable[[bytes], object]:
            answer.status, answer.headers = status, list(headers)
            return start_response(status, headers, exc_info)

        answer.body = b"".join(self._app(environ, start))
        if answer.status.startswith(("200", "404")):
            with self._lock:
                self._answers[address] = answer
        return [answer.body]


def _is_cacheable(environ: "WSGIEnvironment") -> bool:
    path: str = environ["PATH_INFO"]
    return environ["REQUEST_METHOD"] == "GET" and path.startswith("/wp-json")


def _effective_query(query: str) -> str:
    """Leave out the parameters that do not change the answer."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode(
        [
            (name, value)
            for name, value in pairs
            if name == "_fields" or not name.startswith(_WITHOUT_EFFECT)
        ]
    )


def _headers(mode: str) -> list[tuple[str, str]]:
    if mode == SILENT:
        return []
    name, _, value = mode.partition(": ")
    return [(name, value)]
