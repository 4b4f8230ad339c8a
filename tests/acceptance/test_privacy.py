"""No personal data anywhere: canaries in every string field, and then a search of all that the service leaves behind.

What is searched: the database, the logs, the metrics and their files, every answer, and real error reports.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import text
from sqlalchemy.engine import make_url

from hooks.ledger.database import Database
from hooks.ledger.tables import metadata
from tests.support.processes import Process, Sandbox, Stack, Web, until
from tests.support.recordings import DELIVERIES, Recorded, made, order, sign
from tests.support.serving import served

CANARY = "canary"
numbers = count()


def canary() -> str:
    """A text of its own, found by what they all begin with."""
    return f"{CANARY}{next(numbers):06}"


# --- what is sent ------------------------------------------------------------------------------------------

DATES = {
    f"date_{event}{zone}"
    for event in ("created", "modified", "paid", "completed")
    for zone in ("", "_gmt")
}
WORDS = {"status", "role", "code", "action"}
VARIANTS = {
    "records are really made": DATES | WORDS | {"key"},
    "unknown words, valid dates and keys": DATES | {"key"},
    "everything is a canary": set(),
}
"""By name: the fields whose values stay as they were recorded."""

PROBED_KEYS = (
    "retention_class",
    "retention_schedule",
    "ws_opt_in",
    "_wp_trash_meta_status",
    "wc_last_active",
)
"""Keys of `meta_data` that the service looks at: their values get canaries too."""


def with_canaries(value: Any, kept: set[str], name: str = "") -> Any:
    """The same, with a canary of its own in every string, at any depth, but for the fields `kept`."""
    match value:
        case str():
            return value if name in kept else canary()
        case dict():
            changed = {key: with_canaries(inner, kept, key) for key, inner in value.items()}
            return changed | ({canary(): canary()} if changed else {})
        case list():
            changed_list = [with_canaries(inner, kept, name) for inner in value]
            return changed_list + (
                [{"key": key, "value": canary()} for key in PROBED_KEYS] * (name == "meta_data")
            )
        case _:
            return value


def disguised(recorded: Recorded, kept: set[str]) -> Recorded:
    """A recorded delivery with canaries in its body and in those headers that may hold anything, signed anew."""
    sent = made(recorded.topic, with_canaries(recorded.payload, kept), delivery_id=canary())
    free = (
        "User-Agent",
        "X-WC-Webhook-Source",
        "X-WC-Webhook-ID",
        "X-WC-Webhook-Resource",
        "X-WC-Webhook-Event",
    )
    return replace(
        sent, headers=sent.headers | {name: canary() for name in free} | {"Cookie": f"a={canary()}"}
    )


PERSONAL_FIELDS = {
    "first_name", "last_name", "company", "address_1", "address_2", "city", "email", "phone", "username", "avatar_url",
    "customer_note", "customer_user_agent", "order_key", "transaction_id", "payment_url", "reason", "cart_hash",
}  # fmt: skip
PUBLIC = {"[deleted]", "Oslo"}  # the eraser's word, and the name of the policy's time zone


def personal_data() -> set[str]:
    """Names, addresses, e-mails, phones, notes and the like of the recordings; too short ones prove nothing."""
    found: set[str] = set()
    for recorded in DELIVERIES[1:]:
        found |= personal_values(recorded.payload)
    return {value for value in found if len(value) > 3} - PUBLIC


def personal_values(value: Any, name: str = "") -> set[str]:
    match value:
        case str():
            return {value} if name in PERSONAL_FIELDS else set()
        case dict():
            return {item for key, inner in value.items() for item in personal_values(inner, key)}
        case list():
            return {item for inner in value for item in personal_values(inner, name)}
        case _:
            return set()


# --- a listener for error reports --------------------------------------------------------------------------


@dataclass
class Reports:
    """Error reports as they come over HTTP, unpacked."""

    port: int
    envelopes: list[str] = field(default_factory=list)

    @property
    def dsn(self) -> str:
        return f"http://key@127.0.0.1:{self.port}/1"

    def events(self) -> list[dict[str, Any]]:
        """The reports of exceptions among them."""
        lines = [
            json.loads(line)
            for envelope in list(self.envelopes)
            for line in envelope.splitlines()
            if line
        ]
        return [line for line in lines if "exception" in line]

    def kinds(self) -> set[str]:
        return {
            raised["type"] for event in self.events() for raised in event["exception"]["values"]
        }


@contextmanager
def listening() -> Iterator[Reports]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            reports.envelopes.append((gzip.decompress(body) if packed else body).decode())
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    reports = Reports(server.server_port)
    with served(server):
        yield reports


# --- the scene ---------------------------------------------------------------------------------------------


@dataclass
class Scene:
    """A store, the service's processes, and everything that they answered."""

    processes: Stack
    sandbox: Sandbox
    web: Web
    worker: Process
    reports: Reports
    answers: list[str] = field(default_factory=list)

    def post(self, sent: Recorded, slug: str = "shop") -> int:
        return self.note(self.web.post(sent, slug))

    def get(self, path: str, **headers: str) -> int:
        return self.note(self.web.get(path, headers=headers))

    def note(self, answer: requests.Response) -> int:
        self.answers.append(f"{answer.status_code} {answer.headers} {answer.text}")
        return answer.status_code

    def found(self) -> dict[str, str]:
        """All that the service left anywhere, by where."""
        metrics = self.processes.directory / "metrics"
        return {
            "answers": "\n".join(self.answers),
            "web log": self.web.log(),
            "worker log": self.worker.log(),
            "metrics files": "\n".join(read(path) for path in metrics.iterdir()),
            "error reports": "\n".join(self.reports.envelopes),
            "database": database_text(self.processes.database_url),
        }


def read(path: Path) -> str:
    return path.name + path.read_bytes().decode("utf-8", "replace")


def database_text(url: str) -> str:
    """Every byte of an SQLite database's files, or every row of a PostgreSQL database's tables."""
    path = make_url(url).database or ""
    if url.startswith("sqlite"):
        return "\n".join(read(file) for file in Path(path).parent.glob(f"{Path(path).name}*"))
    ledger = Database(url)
    try:
        with ledger.read() as connection:
            queries = [text(f'SELECT "{name}"::text FROM "{name}"') for name in metadata.tables]  # noqa: S608
            return "\n".join(
                row for query in queries for row in connection.execute(query).scalars()
            )
    finally:
        ledger.close()


def holds(content: str, trace: str) -> bool:
    """Whether it is there: a canary anywhere, a recorded name or note as a word, for `Stor` is in `Store` too."""
    if trace == CANARY:
        return CANARY in content.lower()
    return re.search(rf"(?<!\w){re.escape(trace)}(?!\w)", content) is not None


@pytest.fixture
def scene(log_format: str, processes: Stack) -> Iterator[Scene]:
    """Everything runs, and reports all it can: log level DEBUG, in both formats, with error reports."""
    sandbox = processes.sandbox()
    with listening() as reports:
        processes.env |= {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": log_format, "SENTRY_DSN": reports.dsn}
        web, worker = processes.web(WEB_CONCURRENCY="1"), processes.worker()
        processes.connect(sandbox, web)
        yield Scene(processes, sandbox, web, worker, reports)


@pytest.mark.parametrize(
    ("database_url", "log_format"),
    [("sqlite", "json"), ("postgresql", "console")],
    indirect=["database_url"],
)
def test_no_personal_data_is_left_anywhere(scene: Scene) -> None:
    send_everything(scene)
    order_id = live_in_the_store(scene)
    ask_for_everything(scene)
    forge_and_probe(scene)
    break_the_ledger(scene, order_id)

    found = scene.found()
    assert all(found.values()), "each place was really searched"
    traces = {
        place: sorted(trace for trace in (CANARY, *personal_data()) if holds(content, trace))
        for place, content in found.items()
    }
    assert traces == {place: [] for place in found}
    check_reports(scene.reports)


def send_everything(scene: Scene) -> None:
    """All recordings as they are, and in each variant; the valid one makes and changes records."""
    for recorded in DELIVERIES:
        assert scene.post(recorded) == 200
    for kept in VARIANTS.values():
        for recorded in DELIVERIES[1:]:
            sent = disguised(recorded, kept)
            assert CANARY in sent.body.decode() or recorded.topic.endswith(".deleted")
            assert scene.post(sent) == 200
    tag = scene.web.record("order", 119)["tag"]
    assert tag["class"] == "orders-accounting", "the canaries were in records that were really made"


def live_in_the_store(scene: Scene) -> int:
    """The worker reads and writes records full of canaries, also while the store fails; the id of an order of them."""
    person = {
        part: canary()
        for part in ("first_name", "last_name", "address_1", "city", "postcode", "phone")
    }
    person["email"] = f"{canary()}@example.test"
    do = scene.sandbox.do
    placed = do(
        "checkout", billing=person, customer_note=canary(), user_agent=canary(), status="processing"
    )
    customer = do(
        "sign_up", email=person["email"], first_name=canary(), last_name=canary(), billing=person
    )
    lines = [{"name": canary(), "quantity": 1, "total": "100.00"}]
    refunded = do(
        "place_order", billing=person, customer_id=customer["id"], line_items=lines, set_paid=True
    )
    do("refund_order", order_id=refunded["id"], amount="1.00", reason=canary())
    do("add_fault", kind="html")
    do("edit_order", order_id=placed["id"], customer_note=canary())

    def in_step() -> bool:
        keys = [("order", placed["id"]), ("order", refunded["id"]), ("customer", customer["id"])]
        return all(scene.sandbox.meta(*key).get("retention_class") for key in keys)

    until(in_step, "the worker to write everything back")
    return int(placed["id"])


def ask_for_everything(scene: Scene) -> None:
    ledger = Database(scene.processes.database_url)
    with ledger.read() as connection:
        keys = connection.execute(text("SELECT kind, external_id FROM records")).all()
    ledger.close()
    shown = [scene.get(f"/records/shop/{kind}/{number}") for kind, number in keys]
    assert shown.count(200) > 10
    assert scene.get("/status") == 200
    assert scene.get("/metrics") == 200
    kind, number = "order", 119
    scene.answers.append(scene.processes.flask("record", "show", kind, str(number)).stdout)


def forge_and_probe(scene: Scene) -> None:
    """Refused requests of all sorts, with canaries wherever a sender can put them."""
    unsigned = made("order.created", with_canaries(order(), set()), secret=canary())
    assert scene.post(unsigned) == 401
    assert scene.post(unsigned, slug=canary()) == 404
    assert scene.post(made("order.created", f'{{"id": 1, "{canary()}'.encode())) == 200
    assert scene.post(made(f"order.{canary()}", {"id": 1, "status": canary()})) == 200
    assert scene.post(made("order.created", canary().encode() * 1_000_000)) == 413
    probes: list[tuple[int, str, dict[str, str]]] = [
        (404, f"/{canary()}", {}),
        (404, f"/records/shop/order/{canary()}", {}),
        (404, f"/records/{canary()}/order/1?{canary()}={canary()}", {}),
        (405, f"/webhooks/{canary()}", {}),
        (403, "/status", {"X-Forwarded-For": canary()}),
        (
            200,
            "/status",
            {"Authorization": f"Bearer {canary()}", "Cookie": canary(), "Referer": canary()},
        ),
    ]
    assert [scene.get(path, **headers) for _, path, headers in probes] == [
        status for status, _, _ in probes
    ]


def break_the_ledger(scene: Scene, order_id: int) -> None:
    """Real errors, foreseen and not, while web and worker hold a body full of canaries."""

    def answer() -> int:
        return scene.post(made("order.updated", with_canaries(order(order_id), DATES | WORDS)))

    ledger = Database(scene.processes.database_url)
    with ledger.write() as connection:
        connection.execute(text("ALTER TABLE deliveries RENAME TO elsewhere"))
    assert answer() == 503
    with ledger.write() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO deliveries"))
        connection.execute(text("UPDATE records SET facts = 'broken'"))
    ledger.close()
    assert answer() == 500
    assert scene.post(made("order.deleted", {"id": order_id, "name": canary()})) == 200
    until(lambda: "worker.failed" in scene.worker.log(), "the worker to meet the broken record")
    until(
        lambda: {"LedgerUnavailableError", "JSONDecodeError"} <= scene.reports.kinds(),
        "the reports to come",
    )
    until(lambda: len(scene.reports.events()) >= 3, "the worker's report to come")


# --- addresses ---------------------------------------------------------------------------------------------

KEYS = {
    "with a SUBJECT_KEY": {"SUBJECT_KEY": "a key of at least thirty-two characters"},
    "without one": {"SUBJECT_KEY": ""},
}
TOKENS = {"EVENT_TOKENS": f"brevo:{'b' * 32},desk:{'d' * 32}", "STATUS_TOKEN": "s" * 32}


@pytest.fixture
def with_addresses(request: pytest.FixtureRequest, processes: Stack) -> Iterator[Scene]:
    """The service as it takes the events of tools, and answers to persons."""
    sandbox = processes.sandbox()
    with listening() as reports:
        told = {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", "SENTRY_DSN": reports.dsn}
        processes.env |= told | TOKENS | KEYS[request.param]
        web, worker = processes.web(WEB_CONCURRENCY="1"), processes.worker()
        processes.connect(sandbox, web)
        yield Scene(processes, sandbox, web, worker, reports)


@pytest.mark.parametrize("with_addresses", KEYS, indirect=True)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_address_is_left_anywhere(with_addresses: Scene) -> None:
    scene, has_key = with_addresses, bool(with_addresses.processes.env["SUBJECT_KEY"])
    address = f"{canary()}@example.test"
    do = scene.sandbox.do
    guest = do("checkout", billing={"email": address}, status="processing")
    do("sign_up", email=address)
    until(
        lambda: "retention_class" in scene.sandbox.meta("order", guest["id"]),
        "the worker to write the order",
    )
    statuses = [tell(scene, address, body) for body in EVENTS]
    assert statuses == [200 if has_key else 400] * len(EVENTS)
    assert tell(scene, address, {"event": "unsubscribe", "email": "ADDRESS"}, token="w" * 32) == 401
    found = [
        ask_for(scene, one)
        for one in (address, f"{canary()}@example.test", canary(), {"a": canary()})
    ]
    assert found == ([200, 404, 400, 400] if has_key else [400] * 4)
    shown, listed = by_command(scene, address)
    assert (shown.returncode, CANARY in listed) == (0 if has_key else 2, False)
    scene.answers += [shown.stdout, shown.stderr]
    break_while_told(scene, int(guest["id"]), address)
    scene.answers.append(processes_listed(scene))
    traces = [place for place, content in scene.found().items() if holds(content, CANARY)]
    assert traces == []
    assert scene.reports.events(), "there was an error to be reported"


EVENTS: tuple[dict[str, Any], ...] = (
    {
        "event": "unsubscribe",
        "email": "ADDRESS",
        "ts_event": 1_795_341_600,
        "campaign name": "CANARY",
    },
    {"event": "contact_deleted", "email": ["ADDRESS"], "date": "CANARY"},
    {"type": "support-request.closed", "id": "7", "subject": {"email": "ADDRESS"}},
    {
        "type": "marketing.consent-withdrawn",
        "at": "2026-11-22T10:00:00Z",
        "subject": {"email": "ADDRESS"},
    },
)
"""What tools tell of an address, and things beside it that are dropped."""


def tell(scene: Scene, address: str, body: dict[str, Any], token: str = "b" * 32) -> int:
    """Post what a tool tells; the status of the answer."""
    text_ = json.dumps(body).replace("ADDRESS", address).replace("CANARY", canary())
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return scene.note(
        requests.post(f"{scene.web.url}/events/shop", data=text_, headers=headers, timeout=60)
    )


def ask_for(scene: Scene, address: object) -> int:
    """Ask what a person is told; the status of the answer."""
    headers = {"Authorization": f"Bearer {TOKENS['STATUS_TOKEN']}"}
    return scene.note(
        requests.post(
            f"{scene.web.url}/rights/shop", json={"email": address}, headers=headers, timeout=60
        )
    )


def by_command(scene: Scene, address: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """The same from the command line, and what the list of processes shows while the command runs."""
    seen: list[str] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            seen.append(processes_listed(scene))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        return scene.processes.flask("rights", "--email", typed=f"{address}\n"), "\n".join(seen)
    finally:
        done.set()
        watcher.join()


def processes_listed(scene: Scene) -> str:
    """The command lines of all processes that have to do with the service."""
    del scene
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes().decode("utf-8", "replace"))
    return "\n".join(line for line in lines if "gunicorn" in line or "wsgi" in line)


def break_while_told(scene: Scene, number: int, address: str) -> None:
    """An error that nobody foresaw, while the web process holds an address."""
    ledger = Database(scene.processes.database_url)
    with ledger.write() as connection:
        connection.execute(text("UPDATE records SET facts = 'broken'"))
    ledger.close()
    assert scene.post(made("order.updated", order(number, billing={"email": address}))) == 500
    assert ask_for(scene, address) in (400, 500)
    until(lambda: bool(scene.reports.events()), "the reports to come")


def check_reports(reports: Reports) -> None:
    """Where it happened and of what kind it was, and nothing of what it was about."""
    for event in reports.events():
        assert not event.keys() & {
            "request",
            "user",
            "breadcrumbs",
            "extra",
            "logentry",
            "message",
            "server_name",
        }
        for raised in event["exception"]["values"]:
            assert raised["stacktrace"]["frames"], "it says where"
            assert not any("vars" in frame for frame in raised["stacktrace"]["frames"])


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    """The search itself can fail: what is in a body would be found in it."""
    sent = disguised(DELIVERIES[3], VARIANTS["records are really made"])
    assert CANARY in sent.body.decode()
    assert sign(sent.body) == sent.headers["X-WC-Webhook-Signature"]
    assert {
        "Kari",
        "Nordmann",
        "kari.nordmann@example.test",
        "+4740000001",
        "Storgata 1",
    } <= personal_data()
    assert any(holds(DELIVERIES[3].body.decode(), value) for value in personal_data())
    (tmp_path / "ledger.db").write_text(canary())
    assert CANARY in database_text(f"sqlite:///{tmp_path}/ledger.db")
