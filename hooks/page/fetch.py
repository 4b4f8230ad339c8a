"""Getting the published page: from a file or an address, as WordPress' REST API serves it or as plain HTML."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from bs4 import BeautifulSoup
from bs4.dammit import UnicodeDammit
from urllib3.exceptions import HTTPError

from hooks.errors import PageError

MOST_BYTES = 2_000_000
_SECONDS_A_READ = 10.0
_SECONDS_IN_ALL = 30.0
_REST = 'link[rel~="alternate"][type="application/json"]'


@dataclass(frozen=True, slots=True)
class PageSource:
    """A page as it was got. `modified` is when it was last changed (aware, UTC), None where that is not said; `link`
    is its own address, and `origin` where it was got from."""

    html: str
    modified: datetime | None
    link: str | None
    origin: str


def read_source(source: str) -> PageSource:
    """Get the page of a file's path or an http(s) address: JSON of the REST API, of one page or a list of one, or HTML.

    An HTML page at an address that names its REST form on the same host is read from there, since only that says when
    it was modified. No credentials are sent. Raises PageError with a sentence for whatever is no page of at most 2 MB.
    """
    try:
        return _from_anywhere(source)
    except ValueError as error:
        raise PageError(f"{source} is, or names, an address that makes no sense.") from error


def _from_anywhere(source: str) -> PageSource:
    if urlsplit(source).scheme in ("http", "https"):
        return _from_address(source)
    path = Path(source)
    try:
        with path.open("rb") as file:
            body = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise PageError(
            f"{source} cannot be read: it is no file that can be opened, and no http(s) address."
        ) from error
    return _read(_bounded(body, source), source, link=None)


def _from_address(address: str) -> PageSource:
    body, reached, charset = _get(address)
    page = _read(body, address, link=reached, charset=charset)
    rest = None if _is_json(body) else _rest_address(page.html, reached)
    if rest is None:
        return page
    try:
        body, _, _ = _get(rest)
        return _read(body, rest, link=reached) if _is_json(body) else page
    except PageError:
        return page  # a shop may close its API to the public; its page can be read all the same


class _WithoutCredentials(requests.Session):
    """Knows proxies and certificates of the environment, but no password: not of a `.netrc`, not after a redirect."""

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Never any."""
        del response
        prepared_request.headers.pop("Authorization", None)


def _get(address: str) -> tuple[bytes, str, str | None]:
    """The body, the address that it came from in the end, and its charset if one is named."""
    if "@" in urlsplit(address).netloc:
        raise PageError("An address with a user name or password in it is not asked: no credentials are sent.")
    try:
        with (
            _WithoutCredentials() as session,
            session.get(
                address,
                timeout=_SECONDS_A_READ,
                stream=True,
                auth=lambda request: request,  # any `auth` keeps `.netrc` unread
                headers={"Accept": "text/html, application/json"},
            ) as response,
        ):
            if response.status_code != requests.codes.ok:
                raise PageError(f"{address} answered with status {response.status_code} in place of a page.")
            body = _bounded(_body(response, address), address)
            charset = response.encoding if "charset" in response.headers.get("Content-Type", "") else None
            return body, response.url, charset
    except (requests.RequestException, HTTPError, ValueError) as error:
        raise PageError(f"{address} could not be reached ({type(error).__name__}).") from error


def _body(response: requests.Response, address: str) -> bytes:
    """As much of the body as is needed to tell whether it is too large."""
    until = time.monotonic() + _SECONDS_IN_ALL
    body = b""
    while chunk := response.raw.read1(65_536, decode_content=True):  # what has come, however little that is
        body += chunk
        if len(body) > MOST_BYTES:
            break
        if time.monotonic() > until:
            raise PageError(f"{address} took longer than {_SECONDS_IN_ALL:.0f} seconds to answer.")
    return body


def _bounded(body: bytes, source: str) -> bytes:
    if len(body) > MOST_BYTES:
        raise PageError(f"{source} is larger than 2 MB, which no privacy policy page is.")
    return body


def _is_json(body: bytes) -> bool:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def _read(body: bytes, origin: str, *, link: str | None, charset: str | None = None) -> PageSource:
    if _is_json(body):
        return _of_rest(body, origin, link)
    html = UnicodeDammit(body, known_definite_encodings=[charset] if charset else [], is_html=True).unicode_markup
    soup = BeautifulSoup(html or "", "html.parser")
    if not html or "\x00" in html or soup.find(["p", "li", "h1", "h2", "h3", "td", "div"]) is None:
        raise PageError(f"{origin} is neither an HTML page nor a page of WordPress' REST API.")
    canonical = soup.select_one('link[rel~="canonical"][href]')
    changed = soup.select_one('meta[property="article:modified_time"][content]')
    return PageSource(
        html=html,
        modified=_instant(str(changed["content"])) if changed else None,
        link=_web_address(str(canonical["href"]) if canonical else None) or link,
        origin=origin,
    )


def _of_rest(body: bytes, origin: str, link: str | None) -> PageSource:
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PageError(f"{origin} is broken JSON.") from error
    if isinstance(found, list):
        if len(found) != 1:
            raise PageError(f"{origin} lists {len(found)} pages, where one is needed.")
        found = found[0]
    try:
        html, modified = found["content"]["rendered"], found.get("modified_gmt")
        its_link = found.get("link")
    except (KeyError, TypeError, AttributeError) as error:
        raise PageError(f"{origin} is JSON, but not a page of WordPress' REST API.") from error
    if not isinstance(html, str) or not html.strip():
        raise PageError(f"{origin} is a page without text; it may be protected by a password.")
    return PageSource(html, _instant(modified), _web_address(its_link) or link, origin)


def _instant(text: object) -> datetime | None:
    """A time as WordPress writes it; UTC where it names no offset."""
    try:
        read = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return read and (read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC))


def _web_address(text: object) -> str | None:
    fit = isinstance(text, str) and urlsplit(text).scheme in ("http", "https") and not re.search(r"\s", text)
    return str(text) if fit else None


def _rest_address(html: str, reached: str) -> str | None:
    """Where the page's REST form is, if the page names one on its own host."""
    for link in BeautifulSoup(html, "html.parser").select(_REST):
        address = urljoin(reached, str(link.get("href", "")))
        if urlsplit(address).netloc == urlsplit(reached).netloc and "/wp/v2/" in address:
            return address
    return None
