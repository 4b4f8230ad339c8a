"""The `woocommerce` client over one kept-alive session, with limits on each answer."""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps
from urllib.parse import urlencode, urlsplit

from requests import Response
from requests.auth import HTTPBasicAuth
from woocommerce import API

from hooks import __version__
from hooks.errors import StoreUnreachableError
from hooks.http_limits import TimedSession, body_within
from hooks.settings import StoreSettings
from hooks.store import caches

TIMEOUT_SECONDS = (10, 60)
"""Limits of the time to connect, and of the time between two bytes. A real store took 2.8 s for a batch of 100."""

ANSWER_SECONDS = 60.0
"""The time limit of a whole answer, however slowly its bytes come."""

ANSWER_BYTES = 50_000_000
"""After decoding. A list of 100 complete orders is a thousandth to a tenth of it."""


class SessionAPI(API):  # type: ignore[misc]  # the client is not typed
    """The `woocommerce` client over one kept-alive session, which follows no redirect and limits each answer.

    The library opens a connection for each call and follows redirects; a redirected write would arrive as a GET. It
    has no option for either, so this class replaces the one private method that sends. A test proves that both send
    the same requests.
    """

    def __init__(self, settings: StoreSettings) -> None:
        super().__init__(
            url=urlsplit(settings.url).geturl(),  # the library takes `HTTPS:` for http
            consumer_key=settings.consumer_key,
            consumer_secret=settings.consumer_secret,
            user_agent=f"Retention-Hooks/{__version__}",
        )
        self.session = TimedSession()
        self.key_in_query = settings.auth == "query"
        """The key travels in the query, over https. The address must then be in no log and no error."""

    def _API__request(  # noqa: N802 - the mangled name of the method that it replaces
        self, method: str, endpoint: str, data: object, params: Mapping[str, str] | None = None
    ) -> Response:
        url = self._API__get_url(endpoint)
        query = dict(params or {})
        body: bytes | None = None
        auth: HTTPBasicAuth | None = None
        headers = {"user-agent": self.user_agent, "accept": "application/json"}
        if method == "GET":
            query |= caches.unique_query()
            headers |= caches.NO_CACHE
        if not self.is_ssl:  # OAuth signs the query, which is then a part of the address
            url = self._API__get_oauth_url(f"{url}?{urlencode(query)}", method)
            query = {}
        elif self.key_in_query:
            query |= {"consumer_key": self.consumer_key, "consumer_secret": self.consumer_secret}
        else:
            auth = HTTPBasicAuth(self.consumer_key, self.consumer_secret)
        if data is not None:
            headers["content-type"] = "application/json;charset=utf-8"
            body = dumps(data).encode()
        with (
            self.session.deadline(ANSWER_SECONDS),
            self.session.request(
                method,
                url,
                params=query,
                data=body,
                headers=headers,
                auth=auth,
                timeout=TIMEOUT_SECONDS,
                stream=True,
            ) as response,
        ):
            response._content = _body(response)  # noqa: SLF001 - `requests` has no public name for it
            return response


def _body(response: Response) -> bytes:
    """Read the body; that of a redirect is not read. Raises StoreUnreachableError for more than ANSWER_BYTES."""
    if response.is_redirect:
        return b""
    body = body_within(response, ANSWER_BYTES)
    if body is None:
        message = (
            f"the store answered more than {ANSWER_BYTES // 1_000_000} MB: "
            "look at what its REST API gives"
        )
        raise StoreUnreachableError("answer-too-large", message)
    return body
