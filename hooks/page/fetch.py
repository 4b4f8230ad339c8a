"""Getting the published page from a file or an address, as JSON of WordPress' REST API or as plain HTML."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup
from bs4.dammit import UnicodeDammit

from hooks.errors import PageError
from hooks.page.http_visit import MAX_BYTES, FetchedBody, Visit, too_large
from hooks.page.markup import parse_html

_REST_LINK = 'link[rel~="alternate"][type="application/json"]'
_CANONICAL = 'link[rel~="canonical"][href]'
_MODIFIED = 'meta[property="article:modified_time"][content]'
_CONTENT_TAGS = ["p", "li", "h1", "h2", "h3", "td", "div"]


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """The HTML of a page, with the address or the file that it was read from as `origin`.

    `modified` is the time of its last change (aware, UTC) and `link` its own address; None if the page gives none.
    """

    html: str
    modified: datetime | None
    link: str | None
    origin: str


def fetch_page(source: str) -> FetchedPage:
    """Get the page at an http(s) address, or from a file.

    The page is HTML, or JSON of the REST API: one page, or a list of one. HTML that names its REST form on the same
    host is read from there, because HTML need not tell when the page was modified. No credentials are sent.
    Raises PageError with a sentence for anything else, and for a page of more than 2 MB.

    A server that answers byte by byte can make this last for ever. `hooks.page.subprocess_reader` ends it.
    """
    try:
        if urlsplit(source).scheme in ("http", "https"):
            return _from_address(source)
        return _from_file(source)
    except ValueError as error:
        raise PageError(f"{source} is, or names, an address that makes no sense.") from error


def _from_file(source: str) -> FetchedPage:
    try:
        with Path(source).open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise PageError(
            f"{source} cannot be read: it is no file that can be opened, and no http(s) address."
        ) from error
    if len(body) > MAX_BYTES:
        raise PageError(too_large(source))
    if _is_json(body):
        return _read_json(body, source, None)
    return _read_html(_decode(body, None), source, None)[0]


def _from_address(address: str) -> FetchedPage:
    with Visit(address) as visit:
        fetched = visit.get(address)
        if _is_json(fetched.body):
            return _read_json(fetched.body, address, fetched.final_url)
        html = _decode(fetched.body, fetched.charset)
        page, soup = _read_html(html, address, fetched.final_url)
        rest_url = _rest_address(soup, fetched.final_url)
        if rest_url is None:
            return page
        return _rest_form(visit, fetched, rest_url) or page


def _rest_form(visit: Visit, fetched: FetchedBody, rest_url: str) -> FetchedPage | None:
    """Get the page's REST form; None if it cannot be read. A shop may close its API and leave the page open."""
    try:
        visit.check_step(fetched.final_url, rest_url)
        body = visit.get(rest_url).body
        if not _is_json(body):
            return None
        return _read_json(body, rest_url, fetched.final_url)
    except PageError:
        return None


def _is_json(body: bytes) -> bool:
    without_mark = body.removeprefix(b"\xef\xbb\xbf")
    return without_mark.lstrip().startswith((b"{", b"["))


def _decode(body: bytes, charset: str | None) -> str:
    encodings = []
    if charset:
        encodings.append(charset)
    decoded = UnicodeDammit(body, known_definite_encodings=encodings, is_html=True)
    return decoded.unicode_markup or ""


def _read_html(html: str, origin: str, final_url: str | None) -> tuple[FetchedPage, BeautifulSoup]:
    """Return the page and its tree. `final_url` is its link if the HTML names no canonical address."""
    soup = parse_html(html)
    if "\x00" in html or soup.find(_CONTENT_TAGS) is None:
        raise PageError(f"{origin} is neither an HTML page nor a page of WordPress' REST API.")
    link = _web_address(_attribute(soup, _CANONICAL, "href"))
    modified = _instant(_attribute(soup, _MODIFIED, "content"))
    return FetchedPage(html, modified, link or final_url, origin), soup


def _attribute(soup: BeautifulSoup, selector: str, name: str) -> str | None:
    """Return an attribute of the first tag that the selector matches."""
    tag = soup.select_one(selector)
    if tag is None:
        return None
    return str(tag[name])


def _read_json(body: bytes, origin: str, final_url: str | None) -> FetchedPage:
    try:
        page: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PageError(f"{origin} is broken JSON.") from error
    if isinstance(page, list):
        if len(page) != 1:
            raise PageError(f"{origin} lists {len(page)} pages, where one is needed.")
        page = page[0]
    try:
        html = page["content"]["rendered"]
        modified = _instant(page.get("modified_gmt"))
        link = _web_address(page.get("link"))
    except (KeyError, TypeError, AttributeError) as error:
        raise PageError(f"{origin} is JSON, but not a page of WordPress' REST API.") from error
    if not isinstance(html, str) or not html.strip():
        raise PageError(f"{origin} is a page without text; it may be protected by a password.")
    return FetchedPage(html, modified, link or final_url, origin)


def _instant(text: object) -> datetime | None:
    """Read a time as WordPress writes it: UTC if it names no offset. None if it is no time."""
    if not isinstance(text, str):
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    if instant.tzinfo is None:
        return instant.replace(tzinfo=UTC)
    return instant.astimezone(UTC)


def _web_address(text: object) -> str | None:
    """Return the text if it is an http(s) address."""
    if not isinstance(text, str):
        return None
    if urlsplit(text).scheme not in ("http", "https"):
        return None
    if re.search(r"\s", text):
        return None
    return text


def _rest_address(soup: BeautifulSoup, page_url: str) -> str | None:
    """Return the address of the page's REST form, if the page names one on its own host."""
    host = urlsplit(page_url).netloc
    for link in soup.select(_REST_LINK):
        address = urljoin(page_url, str(link.get("href", "")))
        if urlsplit(address).netloc == host and "/wp/v2/" in address:
            return address
    return None
