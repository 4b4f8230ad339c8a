"""A store that answers at once. It generates records of any number for each answer, and stores nothing.

`python -m tests.bench.store --orders N --customers N` prints its address. It shows what the client asks for in the
shape of the recorded ones, takes all writes, and answers them with the whole record as the real one does.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.recordings import customer, order

_DAYS = 1825
_FIRST = datetime(2021, 11, 25, 9, tzinfo=UTC)
_PATH = re.compile(r"/wp-json/wc/v3/(orders|customers)(?:/(batch|\d+))?")
_ID, _CREATED, _CHANGED, _META, _CUSTOMER = "@id@", "@created@", "@changed@", "@meta@", "@customer@"


class Shop(ThreadingHTTPServer):
    """The shop. Its orders and customers have ids from 1 on; every fifth order is a guest's."""

    daemon_threads = True

    def __init__(self, numbers: dict[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.numbers = numbers

    def shown(
        self, resource: str, number: int, fields: str = "", meta: str = "[]", changed: str = ""
    ) -> str:
        """One record as JSON with the requested `fields`, or with all fields if it is empty."""
        created = _time(number)
        owner = (
            number % self.numbers["customers"] + 1
            if number % 5 and self.numbers["customers"]
            else 0
        )
        text = (
            _template(resource, fields)
            .replace(f'"{_ID}"', str(number))
            .replace(f'"{_CUSTOMER}"', str(owner))
        )
        return (
            text.replace(_CREATED, created)
            .replace(_CHANGED, changed or created)
            .replace(f'"{_META}"', meta)
        )


class Handler(BaseHTTPRequestHandler):
    """One connection, kept alive."""

    server: Shop
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 20  # send head and body in one packet

    def do_GET(self) -> None:
        """Answer with a list, some records of it, or one record."""
        asked, query = self._asked()
        if asked is None or asked[1] == "batch":
            self._answer(404, "[]")
            return
        resource, number = asked
        if number:
            self._answer(200, self.server.shown(resource, int(number), query.get("_fields", "")))
            return
        total = (
            0
            if query.get("status", "any") != "any" or "modified_after" in query
            else self.server.numbers[resource]
        )
        ids = _included(query, total) if "include" in query else _page(query, total)
        rows = (self.server.shown(resource, one, query.get("_fields", "")) for one in ids)
        self._answer(200, f"[{','.join(rows)}]", total)

    def do_POST(self) -> None:
        """Answer a batch of writes, or one write."""
        resource_path, _ = self._asked()
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if resource_path is None:
            self._answer(404, "{}")
        elif resource_path[1] == "batch":
            self._answer(
                200,
                f'{{"update":[{",".join(self._written(resource_path[0], one) for one in body["update"])}]}}',
            )
        else:
            self._answer(
                200, self._written(resource_path[0], {"id": int(resource_path[1]), **body})
            )

    def do_PUT(self) -> None:
        """Answer one write."""
        self.do_POST()

    def _written(self, resource: str, item: dict[str, Any]) -> str:
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
        meta = [
            {"id": place, **one}
            for place, one in enumerate(item["meta_data"], 1)
            if one["value"] is not None
        ]
        return self.server.shown(resource, item["id"], meta=json.dumps(meta), changed=now)

    def _asked(self) -> tuple[tuple[str, str] | None, dict[str, str]]:
        parts = urlsplit(self.path)
        found = _PATH.fullmatch(parts.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return ((found[1], found[2] or "") if found else None), query

    def _answer(self, status: int, text: str, total: int = 0) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("X-WP-Total", str(total))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write no log."""


@cache
def _template(resource: str, fields: str) -> str:
    """A record with placeholders for the values that differ between records."""
    marks = {
        "id": _ID,
        "date_created_gmt": _CREATED,
        "date_modified_gmt": _CHANGED,
        "meta_data": _META,
    }
    whole = (
        order(1) | {"customer_id": _CUSTOMER, "date_paid_gmt": _CREATED}
        if resource == "orders"
        else customer(1)
    )
    whole |= marks
    names = [name.partition(".")[0] for name in fields.split(",")] if fields else list(whole)
    return json.dumps({name: whole[name] for name in names if name in whole}, separators=(",", ":"))


@cache
def _time(number: int) -> str:
    """The time of creation of a record, spread over five years and over the hours of the day."""
    at = _FIRST + timedelta(days=number * 7 % _DAYS, seconds=number * 31 % 36_000)
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def _included(query: dict[str, str], total: int) -> Iterable[int]:
    return sorted(number for number in map(int, query["include"].split(",")) if number <= total)


def _page(query: dict[str, str], total: int) -> Iterable[int]:
    first, most = int(query.get("offset", 0)), int(query.get("per_page", 10))
    return range(first + 1, min(first + most, total) + 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until the process gets a signal."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.store", description=__doc__)
    for name in ("orders", "customers"):
        parser.add_argument(f"--{name}", type=int, default=0)
    shop = Shop(vars(parser.parse_args(arguments)))
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{shop.server_port}"}) + "\n")
    sys.stdout.flush()
    shop.serve_forever()


if __name__ == "__main__":
    main()
