"""A cache before the store that keeps answers of the REST API, whoever asks."""

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
_NOT_ASKED_FOR = ("oauth_", "consumer_", "_")
"""Parameters that change no answer begin so. `_fields` begins so too, and does change one."""


@dataclass
class _Kept:
    """An answer as it was first given."""

    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


class CachingFront:
    """WSGI middleware that answers GET requests under /wp-json from what it has kept, for as long as it is there.

    `Habits.cache` says how it tells so: by a header such as `X-LiteSpeed-Cache: hit`, or not at all where it is
    `silent`. With `deaf ` before that, parameters that change no answer are not part of an address.
    """

    def __init__(self, app: "WSGIApplication", habits: Habits) -> None:
        self._app = app
        self._habits = habits
        self._lock = Lock()
        self._kept: dict[tuple[str, str], _Kept] = {}

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        told = self._habits.cache
        if not told:
            self._kept.clear()
        if (
            not told
            or environ["REQUEST_METHOD"] != "GET"
            or not environ["PATH_INFO"].startswith("/wp-json")
        ):
            return self._app(environ, start_response)
        address = environ["PATH_INFO"], _query(environ["QUERY_STRING"], deaf=told.startswith(DEAF))
        with self._lock:
            kept = self._kept.get(address)
        if kept is None:
            return self._keep(address, environ, start_response)
        start_response(kept.status, kept.headers + _sign(told.removeprefix(DEAF)))
        return [kept.body]

    def _keep(
        self, address: tuple[str, str], environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        fresh = _Kept()

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: "OptExcInfo | None" = None, /
        ) -> Callable[[bytes], object]:
            fresh.status, fresh.headers = status, list(headers)
            return start_response(status, headers, exc_info)

        fresh.body = b"".join(self._app(environ, start))
        if fresh.status.startswith(("200", "404")):
            with self._lock:
                self._kept[address] = fresh
        return [fresh.body]


def _query(query: str, *, deaf: bool) -> str:
    if not deaf:
        return query
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode(
        [pair for pair in pairs if pair[0] == "_fields" or not pair[0].startswith(_NOT_ASKED_FOR)]
    )


def _sign(told: str) -> list[tuple[str, str]]:
    name, _, value = told.partition(": ")
    return [] if told == SILENT else [(name, value)]
