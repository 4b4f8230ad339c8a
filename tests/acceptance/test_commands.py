"""The commands of `flask --app wsgi …`, run as an operator runs them. Exit status: 0 fine, 1 a finding, 2 wrong use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from hooks.ledger.database import Database
from tests.support.processes import TOKEN, TOPICS, Process, Sandbox, Stack, stack, until
from tests.support.recordings import DELIVERIES, SECRET, delivery

# --- record show, policy show ------------------------------------------------------------------------------


def test_record_show_tells_the_dates_and_why(processes: Stack) -> None:
    web = processes.web(WEB_CONCURRENCY="1")
    for number in (16, 20):
        web.post(delivery(number))
    web.stop()
    shown = processes.flask("record", "show", "order", "119", "--store", "shop")
    assert (shown.returncode, shown.stderr) == (0, "")
    first, tag, *rest = shown.stdout.splitlines()
    assert first == "order 119 of shop: active"
    assert "orders-accounting, legal-obligation, kept until 2031-12-31" in tag
    assert any("Paid on 2026-11-22; the accounting year ended 2026-12-31" in line for line in rest)
    assert any("bokføringsloven § 13" in line for line in rest)
    assert any("order.created" in line for line in rest), "the history says what it learnt from"


def test_record_show_of_other_records(quiet: Stack) -> None:
    web = quiet.web(WEB_CONCURRENCY="1")
    for recorded in DELIVERIES:
        web.post(recorded)
    web.stop()
    assert "Last activity" in quiet.flask("record", "show", "customer", "5").stdout
    erased = quiet.flask("record", "show", "order", "117").stdout
    assert "order 117 of shop: erased" in erased
    assert "kept until consent withdrawn" in erased
    assert (
        "support-requests, legitimate-interests"
        in quiet.flask("record", "show", "support-request", "4711").stdout
    )
    missing = quiet.flask("record", "show", "customer", "7")  # a member of staff
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "no customer 7" in missing.stderr


WRONG_USE = [
    ("record", "show", "product", "1"),
    ("record", "show", "order", "0"),
    ("record", "show", "order", "1", "--store", "other"),
    ("store", "check", "other"),
    ("explode",),
]


def test_wrong_use_exits_with_2(quiet: Stack) -> None:
    for arguments in WRONG_USE:
        done = quiet.flask(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert done.stderr, arguments
        assert "Traceback" not in done.stderr, arguments


def test_an_id_that_no_store_can_give_is_no_record(quiet: Stack) -> None:
    done = quiet.flask("record", "show", "order", str(2**63))
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Stack]:
    """No process runs; the ledger is migrated, in SQLite."""
    with stack(tmp_path, f"sqlite:///{tmp_path}/ledger.db") as made_here:
        made_here.migrate()
        yield made_here


def test_policy_show_lists_classes_rules_and_gaps(quiet: Stack) -> None:
    shown = quiet.flask("policy", "show")
    assert (shown.returncode, shown.stderr) == (0, "")
    for words in (
        "smartgroup-2026-11-22",
        "in force from 2026-11-22",
        "SmartGroup AS",
        "orders-accounting",
        "bokføringsloven § 13",
        "order-unpaid",
        "(governs)",
        "Orders that were never paid: 12 months from the day of the order.",
    ):
        assert words in shown.stdout


# --- db upgrade --------------------------------------------------------------------------------------------


def tables(url: str) -> set[str]:
    ledger = Database(url)
    listed = (
        "SELECT name FROM sqlite_master" if ledger.is_sqlite else "SELECT tablename FROM pg_tables"
    )
    with ledger.read() as connection:
        found = set(connection.execute(text(listed)).scalars())
    ledger.close()
    return found & {"records", "history", "deliveries", "quarantine", "stores", "alembic_version"}


def test_db_upgrade_makes_the_database_and_may_be_repeated(
    database_url: str, tmp_path: Path
) -> None:
    with stack(tmp_path, database_url) as processes:
        first, second = processes.flask("db", "upgrade"), processes.flask("db", "upgrade")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout == second.stdout
    assert "revision" in first.stdout
    assert len(tables(database_url)) == 6


def test_four_upgrades_at_once_make_one_database(database_url: str, tmp_path: Path) -> None:
    with stack(tmp_path, database_url) as processes, ThreadPoolExecutor(4) as operators:
        done = list(operators.map(lambda _: processes.flask("db", "upgrade"), range(4)))
    assert [each.returncode for each in done] == [0] * 4, [each.stderr for each in done]
    assert len(tables(database_url)) == 6


NOWHERE = {
    "sqlite": "sqlite:////proc/nowhere/ledger.db",  # a directory that is not there
    "postgresql": "postgresql+psycopg://nobody:hidden-word@127.0.0.1:1/nothing",  # a port that nobody listens on
}


@pytest.mark.parametrize("url", NOWHERE.values(), ids=NOWHERE)
@pytest.mark.parametrize(
    "arguments", [("db", "upgrade"), ("worker",), ("record", "show", "order", "1")]
)
def test_an_unreachable_database_is_reported_in_one_line(
    tmp_path: Path, url: str, arguments: tuple[str, ...]
) -> None:
    with stack(tmp_path, url) as processes:
        done = processes.flask(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "hidden-word" not in done.stderr


def test_the_worker_refuses_a_ledger_that_is_not_migrated(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").touch()
    with stack(tmp_path, f"sqlite:///{tmp_path}/ledger.db") as processes:
        done = processes.flask("worker")
    assert done.returncode == 2
    assert "db upgrade" in done.stderr


# --- store check -------------------------------------------------------------------------------------------

PUBLIC_URL = "https://retention.example.com"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Sandbox]]:
    """A store that has this service's webhooks, and keys of all sorts."""
    directory = tmp_path_factory.mktemp("store-check")
    with stack(directory, f"sqlite:///{directory}/ledger.db") as processes:
        processes.migrate()
        sandbox = processes.sandbox("--no-autosend")
        for topic in TOPICS:
            delivery_url = f"{PUBLIC_URL}/webhooks/shop"
            sandbox.do("create_webhook", topic=topic, delivery_url=delivery_url, secret=SECRET)
        for name, key in KEYS.items():
            sandbox.do("create_key", consumer_key=f"ck_{name}", consumer_secret=f"cs_{name}", **key)
        long_enough = f"{SECRET} of some length"
        processes.env |= {
            "PUBLIC_URL": PUBLIC_URL,
            "STATUS_TOKEN": TOKEN,
            "STORE_WEBHOOK_SECRETS": long_enough,
        }
        yield processes, sandbox


KEYS = {
    "reader": {"role": "administrator", "permissions": "read"},
    "writer": {"role": "administrator", "permissions": "write"},
    "manager": {"role": "shop_manager", "permissions": "read_write"},
}


def test_store_check_finds_nothing_wrong_and_changes_nothing(shop: tuple[Stack, Sandbox]) -> None:
    processes, sandbox = shop
    before = sandbox.state()
    for arguments in (("store", "check"), ("store", "check", "shop")):
        done = processes.flask(*arguments)
        assert done.returncode == 0, done.stdout
        assert "WRONG" not in done.stdout
        assert all(f"webhook {topic} is active" in done.stdout for topic in TOPICS)
    assert sandbox.state() == before
    assert sandbox.writes() == {}


CHECKS = [
    # A key that the store does not know.
    ({"STORE_CONSUMER_KEY": "ck_unknown"}, "cannot be read", "REST API key"),
    # The right key with a wrong secret.
    ({"STORE_CONSUMER_SECRET": "cs_wrong_word"}, "cannot be read", "REST API key"),
    # A key that may only read.
    (
        {"STORE_CONSUMER_KEY": "ck_reader", "STORE_CONSUMER_SECRET": "cs_reader"},
        "may not write orders",
        "write",
    ),
    # A key that may only write.
    (
        {"STORE_CONSUMER_KEY": "ck_writer", "STORE_CONSUMER_SECRET": "cs_writer"},
        "cannot be read",
        "read and write",
    ),
    # A shop manager's: customers' meta data stay unseen.
    (
        {"STORE_CONSUMER_KEY": "ck_manager", "STORE_CONSUMER_SECRET": "cs_manager"},
        "not an administrator's",
        "for an administrator",
    ),
    # Webhooks that deliver to somewhere else.
    (
        {"PUBLIC_URL": "https://elsewhere.example.com"},
        "webhook order.created is missing",
        "do not arrive",
    ),
    # An address to which WordPress sends nothing.
    ({"PUBLIC_URL": "http://127.0.0.1"}, "to a private address", "set PUBLIC_URL"),
    ({"PUBLIC_URL": "https://retention.example.com:8443"}, "80, 443 and 8080", "set PUBLIC_URL"),
    # Nobody there.
    ({"STORE_URL": "http://127.0.0.1:1"}, "cannot be read", "Check STORE_URL"),
]


@pytest.mark.parametrize(("env", "finding", "mend"), CHECKS)
def test_store_check_says_what_is_wrong_and_how_to_mend_it(
    shop: tuple[Stack, Sandbox], env: dict[str, str], finding: str, mend: str
) -> None:
    done = shop[0].flask("store", "check", **env)
    assert done.returncode == 1, done.stderr
    wrong = [line for line in done.stdout.splitlines() if line.strip().startswith("WRONG")]
    assert any(finding in line and mend in line for line in wrong), done.stdout
    secrets = (SECRET, "cs_test", *env.values())
    shown = done.stdout + done.stderr
    assert not any(
        secret in shown for secret in secrets if secret.startswith("cs_") or secret == SECRET
    )
    assert "Traceback" not in shown


def test_store_check_names_the_one_webhook_that_does_not_deliver(tmp_path: Path) -> None:
    with stack(tmp_path, f"sqlite:///{tmp_path}/ledger.db") as processes:
        processes.migrate()
        sandbox = processes.sandbox("--no-autosend")
        for topic in TOPICS[1:]:
            sandbox.do(
                "create_webhook",
                topic=topic,
                delivery_url=f"{PUBLIC_URL}/webhooks/shop",
                secret=SECRET,
            )
        done = processes.flask(
            "store",
            "check",
            PUBLIC_URL=PUBLIC_URL,
            STATUS_TOKEN=TOKEN,
            STORE_WEBHOOK_SECRETS="s" * 16,
        )
    assert done.returncode == 1
    wrong = [line for line in done.stdout.splitlines() if line.strip().startswith("WRONG")]
    assert len(wrong) == 1
    assert f"webhook {TOPICS[0]} is missing" in wrong[0]


def test_store_check_without_a_store_is_wrong_configuration(tmp_path: Path) -> None:
    with stack(tmp_path, f"sqlite:///{tmp_path}/ledger.db") as processes:
        none = {
            f"STORE_{name}": ""
            for name in ("URL", "CONSUMER_KEY", "CONSUMER_SECRET", "WEBHOOK_SECRETS")
        }
        done = processes.flask("store", "check", **none)
    assert done.returncode == os.EX_CONFIG
    assert "STORE_URL" in done.stderr


# --- wrong configuration -----------------------------------------------------------------------------------

WRONG = {
    "BIND": "nowhere",
    "PUBLIC_URL": "ftp://example.com",
    "DATABASE_URL": "mysql://root:hidden-word@localhost/x",
    "STORE_URL": "shop.example.com",
    "STORE_CONSUMER_KEY": "",
    "STORE_WEBHOOK_SECRETS": " , ",
    "PUSH_SETTLE_SECONDS": "soon",
    "RECONCILE_SECONDS": "0",
    "MAX_BODY_BYTES": "-1",
    "SENTRY_DSN": "hidden-word",
    "LOG_LEVEL": "LOUD",
    "LOG_FORMAT": "xml",
}
COMMANDS = [("db", "upgrade"), ("worker",), ("policy", "show")]


@pytest.mark.parametrize("arguments", COMMANDS)
def test_wrong_configuration_exits_with_78_and_names_every_variable(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with stack(tmp_path, f"sqlite:///{tmp_path}/ledger.db") as processes:
        done = processes.flask(*arguments, **WRONG)
    assert (done.returncode, done.stdout) == (os.EX_CONFIG, "")
    named = {line.strip().split(":")[0] for line in done.stderr.splitlines()[1:]}
    assert named >= WRONG.keys()
    check_message(done.stderr)


WEB_WRONG = {
    "variables": WRONG | {"BIND": "127.0.0.1:0"},
    "no such policy": {"POLICY_FILE": "nowhere.toml"},
    "a policy that is none": {"POLICY_FILE": "pyproject.toml"},
}


@pytest.mark.parametrize("wrong", WEB_WRONG.values(), ids=WEB_WRONG)
def test_the_web_process_does_not_start_with_wrong_configuration(
    tmp_path: Path, wrong: dict[str, str]
) -> None:
    """It ends with one message: a process that restarts for ever looks alive to its supervisor."""
    with stack(tmp_path, f"sqlite:///{tmp_path}/ledger.db") as processes:
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "--config",
            "deploy/gunicorn.conf.py",
            "wsgi:app",
        ]
        env = processes._env(**({"BIND": "127.0.0.1:0"} | wrong))
        web = Process(command, env, tmp_path / "web.log").start()
        processes.started.append(web)
        until(
            lambda: web.child is not None and web.child.poll() is not None,
            "the web process to give up",
            20,
        )
        assert web.wait() == os.EX_CONFIG
    output = web.log()
    assert output.count("cannot start") == 1, "one message"
    assert all(name in output or value in output for name, value in wrong.items() if name != "BIND")
    check_message(output)


def check_message(message: str) -> None:
    """One message, without a secret and without a traceback into the service."""
    assert "hidden-word" not in message
    assert SECRET not in message
    assert "cs_test" not in message
    assert "Traceback" not in message


def test_a_missing_policy_file_is_named(tmp_path: Path) -> None:
    with stack(tmp_path, f"sqlite:///{tmp_path}/ledger.db") as processes:
        done = processes.flask("policy", "show", POLICY_FILE=str(tmp_path / "nowhere.toml"))
    assert done.returncode == os.EX_CONFIG
    assert "nowhere.toml" in done.stderr
    assert "Traceback" not in done.stderr
