"""Getting the published page: from a file or an address, as WordPress' REST API serves it or as plain HTML."""

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

_REST = 'link[rel~="alternate"][type="application/json"]'


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """A page as it was got. `modified` is when it was last changed (aware, UTC), None where that is not said; `link`
    is its own address, and `origin` where it was got from."""

    html: str
    modified: datetime | None
    link: str | None
    origin: str


def fetch_page(source: str) -> FetchedPage:
    """Get the page of a file's path or an http(s) address: JSON of the REST API, of one page or a list of one, or HTML.

    An HTML page at an address that names its REST form on the same host is read from there, since only that says when
    it was modified. No credentials are sent. Raises PageError with a sentence for whatever is no page of at most 2 MB.

    This takes as long as a server likes that answers byte by byte: `hooks.page.subprocess_reader` ends it.
    """
    try:
        return (
            _from_address(source)
            if urlsplit(source).scheme in ("http", "https")
            else _from_file(source)
        )
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
    return _of_rest(body, source, None) if _is_json(body) else _of_html(body, source)[0]


def _from_address(address: str) -> FetchedPage:
    with Visit(address) as visit:
        got = visit.get(address)
        if _is_json(got.body):
            return _of_rest(got.body, address, got.final_url)
        page, rest = _of_html(got.body, address, got)
        if rest is None:
            return page
        try:
            visit.check_step(got.final_url, rest)
            body = visit.get(rest).body
            return _of_rest(body, rest, got.final_url) if _is_json(body) else page
        except PageError:
            return page  # a shop may close its API to the public; its page can be read all the same


def _is_json(body: bytes) -> bool:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def _of_html(
    body: bytes, origin: str, got: FetchedBody | None = None
) -> tuple[FetchedPage, str | None]:
    """The page; and where its REST form is, if it was got from a host and names one there."""
    encodings = [got.charset] if got and got.charset else []
    html = (
        UnicodeDammit(body, known_definite_encodings=encodings, is_html=True).unicode_markup or ""
    )
    soup = parse_html(html)
    if "\x00" in html or soup.find(["p", "li", "h1", "h2", "h3", "td", "div"]) is None:
        raise PageError(f"{origin} is neither an HTML page nor a page of WordPress' REST API.")
    canonical = soup.select_one('link[rel~="canonical"][href]')
    changed = soup.select_one('meta[property="article:modified_time"][content]')
    link = _web_address(str(canonical["href"]) if canonical else None) or (
        got.final_url if got else None
    )
    modified = _instant(str(changed["content"])) if changed else None
    return FetchedPage(html, modified, link, origin), _rest_address(
        soup, got.final_url
    ) if got else None


def _of_rest(body: bytes, origin: str, link: str | None) -> FetchedPage:
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
    return FetchedPage(html, _instant(modified), _web_address(its_link) or link, origin)


def _instant(text: object) -> datetime | None:
    """A time as WordPress writes it; UTC where it names no offset."""
    try:
        read = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return read and (read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC))


def _web_address(text: object) -> str | None:
    fit = (
        isinstance(text, str)
        and urlsplit(text).scheme in ("http", "https")
        and not re.search(r"\s", text)
    )
    return str(text) if fit else None


def _rest_address(soup: BeautifulSoup, final_url: str) -> str | None:
    """Where the page's REST form is, if the page names one on its own host."""
    for link in soup.select(_REST):
        address = urljoin(final_url, str(link.get("href", "")))
        if urlsplit(address).netloc == urlsplit(final_url).netloc and "/wp/v2/" in address:
            return address
    return None
