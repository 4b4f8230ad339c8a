"""Whether the service is ready, and what it says where it is not: its ledger is missing, empty, old or damaged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from hooks.ledger.database import Database
from tests.support.databases import ON_EVERY_JOURNAL
from tests.support.processes import Stack, Web, stack, until
from tests.support.recordings import DELIVERIES


@pytest.fixture
def unmigrated(database_url: str, tmp_path: Path) -> Iterator[Stack]:
    """Processes over a database that nobody has prepared."""
    with stack(tmp_path, database_url) as made_here:
        yield made_here


def test_a_service_without_its_ledger_says_so_and_recovers(unmigrated: Stack) -> None:
    web = unmigrated.web(WEB_CONCURRENCY="1")
    assert web.get("/healthz").json() == {"status": "ok"}
    answer = web.get("/readyz")
    assert answer.status_code == 503
    found = answer.json()
    assert found["status"] != "ok"
    assert found["ledger"]
    assert found["checks"]["policy"] == "ok"
    if unmigrated.database_url.startswith(
        "sqlite"
    ):  # there is no file yet, and a reader makes none
        assert found["checks"]["database"] != "ok"
        assert not Path(make_url(unmigrated.database_url).database or "").exists()
    else:  # the database is there, but empty
        assert found["checks"]["database"] == "ok"
        assert "db upgrade" in found["checks"]["migrations"]
    check_down(web)
    assert web.post(DELIVERIES[3]).status_code == 503

    unmigrated.migrate()
    ready = web.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert set(ready.json()["checks"].values()) == {"ok"}
    assert web.result(DELIVERIES[3]) == "recorded"
    assert web.status()["status"] == "ok"


def check_down(web: Web) -> None:
    answer = web.get("/status")
    assert answer.status_code == 503
    found = answer.json()
    assert found["status"] == "down"
    assert [problem["code"] for problem in found["problems"]] == ["ledger-unavailable"]
    assert found["policy"]["id"] == "smartgroup-2026-11-22"


@ON_EVERY_JOURNAL
def test_every_process_says_which_database_is_in_use(processes: Stack) -> None:
    with closing(Database(processes.database_url)) as ledger:
        used = ledger.description
    assert f"({used})" in processes.flask("db", "upgrade").stdout
    web, worker = processes.web(WEB_CONCURRENCY="1"), processes.worker()
    assert web.get("/readyz").json()["ledger"] == used
    for process, event in ((web, "web.started"), (worker, "worker.started")):
        until(
            lambda process=process, event=event: event in process.log(),  # type: ignore[misc]
            "the process to say what it uses",
        )
        (line,) = [line for line in process.log().splitlines() if event in line]
        assert f"ledger={used}" in line


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_the_service_writes_is_for_its_own_user_alone(unmigrated: Stack) -> None:
    assert unmigrated.flask("db", "upgrade").returncode == 0
    assert unmigrated.web(WEB_CONCURRENCY="1").result(DELIVERIES[3]) == "recorded"
    ledger, counters = (
        unmigrated.directory.glob("ledger.db*"),
        unmigrated.directory.glob("metrics/*"),
    )
    modes = {path.name: path.stat().st_mode & 0o777 for path in (*ledger, *counters)}
    assert {"ledger.db", "ledger.db-wal"} < modes.keys()
    assert set(modes.values()) == {0o600}


def test_a_ledger_of_an_older_version_is_not_ready(processes: Stack) -> None:
    web = processes.web(WEB_CONCURRENCY="1")
    assert web.get("/readyz").status_code == 200
    ledger = Database(processes.database_url)
    with ledger.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    ledger.close()
    answer = web.get("/readyz")
    assert answer.status_code == 503
    assert "0001" in answer.json()["checks"]["migrations"]
    assert answer.json()["checks"]["database"] == "ok"


def test_an_empty_sqlite_file_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").touch()
    with stack(tmp_path, f"sqlite:///{tmp_path}/ledger.db") as processes:
        web = processes.web(WEB_CONCURRENCY="1")
        answer = web.get("/readyz")
        assert answer.status_code == 503
        assert "db upgrade" in answer.json()["checks"]["migrations"]
        check_down(web)


def test_a_status_that_cannot_be_read_is_down_and_health_is_untouched(processes: Stack) -> None:
    web = processes.web(WEB_CONCURRENCY="1")
    assert web.result(DELIVERIES[3]) == "recorded"
    ledger = Database(processes.database_url)
    with ledger.write() as connection:
        connection.execute(text("ALTER TABLE records RENAME TO elsewhere"))
    check_down(web)
    answer = web.get("/records/shop/order/117")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ledger-unavailable")
    assert web.get("/healthz").status_code == 200
    assert web.get("/metrics").status_code == 200
    with ledger.write() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO records"))
    ledger.close()
    assert web.get("/status").status_code == 200
    assert web.record("order", 117)["state"] == "active"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_error_s_log_says_what_it_was_and_where(processes: Stack) -> None:
    web = processes.web(LOG_FORMAT="json", WEB_CONCURRENCY="1")
    ledger = Database(processes.database_url)
    with ledger.write() as connection:
        connection.execute(text("ALTER TABLE deliveries RENAME TO elsewhere"))
    ledger.close()
    answer = web.post(DELIVERIES[3])
    assert answer.status_code == 503
    lines = [json.loads(line) for line in web.log().splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line["level"] == "error"]
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert line["error"] == "LedgerUnavailableError"
    assert any("ingest.py" in place for place in line["traceback"])
