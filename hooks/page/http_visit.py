"""One visit to a web server for the published page, with limits on the addresses, the redirects and the size.

The server is not trusted, nor is anybody who can change its answers. It must not make this machine send requests to
others in its own network, and must not fill its memory.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Self
from urllib.parse import urlsplit

import requests
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from hooks.errors import PageError
from hooks.http_limits import OutgoingSession, body_within, redirect_target

MAX_BYTES = 2_000_000
"""The size of one body, decoded."""

MAX_REDIRECTS = 5
"""The redirects of the page and of its REST form together."""

_READ_TIMEOUT = 10.0
"""Seconds between two bytes."""


@dataclass(frozen=True, slots=True)
class FetchedBody:
    """A body, the address that it came from after all redirects, and its charset if the server names one."""

    body: bytes
    final_url: str
    charset: str | None


class Visit:
    """Gets the page at `address`, and other bodies that belong to it.

    A redirect is refused if it leads from https to http, or to another kind of network than the address itself: this
    machine, a link-local or another private network, the internet, or a proxy. The network is read from the open
    connection, so that a second look-up of the name cannot give a different answer. A proxy looks the names up itself:
    its own rules decide what it may connect to.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._session = _SameNetworkSession(address)
        self._redirects = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(self, address: str) -> FetchedBody:
        """Get the body, and follow redirects until MAX_REDIRECTS of this visit. Raises PageError."""
        answer = self._request(address)
        while isinstance(answer, str):
            self._redirects += 1
            if self._redirects > MAX_REDIRECTS:
                raise PageError(
                    f"{self._address} redirects more than {MAX_REDIRECTS} times. "
                    "Use the address that it leads to."
                )
            self.check_step(address, answer)
            address = answer
            answer = self._request(address)
        return answer

    def check_step(self, address: str, target: str) -> None:
        """Raise PageError if the step from one address to the next is refused by their schemes alone."""
        old = urlsplit(address).scheme
        new = urlsplit(target).scheme
        if new not in ("http", "https"):
            raise PageError(
                f"{self._address} leads to something that is no web address. Use the page's own address."
            )
        if (old, new) == ("https", "http"):
            raise PageError(
                f"{self._address} leads from https to http. Use an address that stays with https."
            )

    def _request(self, address: str) -> FetchedBody | str:
        """Return the body at the address, or the address that it redirects to. A redirect's own body is not read."""
        if "@" in urlsplit(address).netloc:
            raise PageError(
                "An address with a user name or password in it is not asked: no credentials are sent."
            )
        headers = {"Accept": "text/html, application/json"}
        try:
            response = self._session.get(
                address, timeout=_READ_TIMEOUT, stream=True, headers=headers
            )
            with response:
                return redirect_target(response) or self._read(response)
        except (requests.RequestException, HTTPError, ValueError) as error:
            raise PageError(
                f"{self._address} could not be reached ({type(error).__name__})."
            ) from error

    def _read(self, response: requests.Response) -> FetchedBody:
        if response.status_code != requests.codes.ok:
            raise PageError(
                f"{self._address} answered with status {response.status_code} in place of a page."
            )
        body = body_within(response, MAX_BYTES)
        if body is None:
            raise PageError(too_large(self._address))
        charset = None
        if "charset" in response.headers.get("Content-Type", ""):
            charset = response.encoding
        return FetchedBody(body, response.url, charset)


def too_large(source: str) -> str:
    """Return the sentence for a page of more than MAX_BYTES."""
    return f"{source} is larger than 2 MB, which no privacy policy page is."


class _SameNetworkSession(OutgoingSession):
    """A session that connects only to the kind of network that its first connection led to."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self._network: str | None = None

    def on_connect(self, connection: HTTPConnection, opened: socket.socket) -> None:
        """Raise PageError if the connection leads to another network. Nothing is sent before this."""
        network = "a proxy"
        if not connection.proxy:
            network = network_of(opened.getpeername()[0])
        self._network = self._network or network
        if network != self._network:
            raise PageError(
                f"{self._address} is on {self._network} and leads to {network}. Use the page's own address, "
                "from which no redirect leads to another network."
            )


def network_of(address: str) -> str:
    """Return the kind of network that an IP address is in."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or ip
    if ip.is_loopback or ip.is_unspecified:
        return "this machine"
    if ip.is_link_local:
        return "a link-local network"
    if ip.is_global:
        return "the internet"
    return "a private network"
