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
"""To connect, and between two bytes of the answer: a real store took 2.8 s for a batch of 100."""

ANSWER_SECONDS = 60.0
"""For a whole answer, however it drips."""

ANSWER_BYTES = 50_000_000
"""Decoded. A list of 100 orders, with all that they have, is a thousandth to a tenth of it."""


class SessionAPI(API):  # type: ignore[misc]  # the client is not typed
    """The `woocommerce` client over one kept-alive session, which follows no redirect and limits each answer.

    The client opens a connection for each call, and a redirected write would arrive as a GET. It has no hook
    for either, so its one private method that sends is replaced; a test holds the two to the same requests.
    """

    def __init__(self, settings: StoreSettings) -> None:
        super().__init__(
            url=urlsplit(settings.url).geturl(),  # the client takes `HTTPS:` for http
            consumer_key=settings.consumer_key,
            consumer_secret=settings.consumer_secret,
            user_agent=f"Retention-Hooks/{__version__}",
        )
        self.session = TimedSession()
        self.key_in_query = settings.auth == "query"
        """Over https. The address must then be in no log and no error: its query holds the secret."""

    def _API__request(  # noqa: N802 - the mangled name of the method that it replaces
        self, method: str, endpoint: str, data: object, params: Mapping[str, str] | None = None
    ) -> Response:
        url, query, auth = self._API__get_url(endpoint), dict(params or {}), None
        headers = {"user-agent": self.user_agent, "accept": "application/json"}
        if method == "GET":
            query |= caches.unique_query()
            headers |= caches.NO_CACHE
        if not self.is_ssl:  # OAuth signs the query, and so carries it in the address
            url, query = self._API__get_oauth_url(f"{url}?{urlencode(query)}", method), {}
        elif self.key_in_query:
            query |= {"consumer_key": self.consumer_key, "consumer_secret": self.consumer_secret}
        else:
            auth = HTTPBasicAuth(self.consumer_key, self.consumer_secret)
        if data is not None:
            headers["content-type"] = "application/json;charset=utf-8"
        with (
            self.session.deadline(ANSWER_SECONDS),
            self.session.request(
                method,
                url,
                params=query,
                data=dumps(data).encode() if data is not None else None,
                headers=headers,
                auth=auth,
                timeout=TIMEOUT_SECONDS,
                stream=True,
            ) as response,
        ):
            response._content = _body(response)  # noqa: SLF001 - requests has no way to give a response its body
            return response


def _body(response: Response) -> bytes:
    """All of it, but nothing of a redirect's."""
    body = b"" if response.is_redirect else body_within(response, ANSWER_BYTES)
    if body is None:
        words = f"the store answered more than {ANSWER_BYTES // 1_000_000} MB: look at what its REST API gives"
        raise StoreUnreachableError("answer-too-large", words)
    return body
