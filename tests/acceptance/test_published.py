"""What is published to run the service with: image, compose file, systemd units. Each is taken at its word."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.acceptance.image import Image, exec_form, health_command, steps
from tests.support.checkout import bare_environment, copy_project
from tests.support.postgresql import new_database
from tests.support.processes import ROOT, Process, Web, free_port, until

DOCKERFILE = steps(ROOT / "deploy/Dockerfile")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
UNITS = {
    path.stem.removeprefix("retention-hooks-"): path
    for path in (ROOT / "deploy/systemd").glob("*.service")
}
PREFIX = "/opt/retention-hooks"
"""Where the units expect the project."""

SETTINGS = {
    "STORE_URL": "https://shop.example.test",
    "STORE_CONSUMER_KEY": "ck_test",
    "STORE_CONSUMER_SECRET": "cs_test",
    "STORE_WEBHOOK_SECRETS": "a secret of this test",
}


# --- the Dockerfile and the compose file, read ---


def _exec_lines() -> list[tuple[str, str]]:
    """Every line that has an exec form, or must have one: a shell would take the signals in place of the service."""
    lines = [
        (name, health_command(value) if name == "HEALTHCHECK" else value)
        for name, value in DOCKERFILE
    ]
    return [
        line
        for line in lines
        if line[0] in ("CMD", "ENTRYPOINT", "HEALTHCHECK", "SHELL") or line[1][0] == "["
    ]


@pytest.mark.parametrize(("instruction", "value"), _exec_lines())
def test_every_exec_form_is_json(instruction: str, value: str) -> None:
    assert exec_form(value), instruction


def test_the_image_says_what_it_runs_and_how_it_is() -> None:
    names = [name for name, _ in DOCKERFILE]
    assert names.count("CMD") == names.count("HEALTHCHECK") == 1
    assert [value for name, value in DOCKERFILE if name == "USER"] == ["retention"]


def test_the_image_has_a_supported_python() -> None:
    (base,) = (value for name, value in DOCKERFILE if name == "FROM")
    match = re.fullmatch(r"python:3\.(\d+)-slim", base)
    assert match
    assert 11 <= int(match[1]) <= 13


@pytest.mark.parametrize("name", SERVICES)
def test_compose_waits_for_services_that_can_become_what_it_waits_for(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        service = SERVICES[other]
        if wait["condition"] == "service_healthy":
            form, *words = service["healthcheck"]["test"]
            assert form in ("CMD", "CMD-SHELL")
            assert words
        else:
            assert wait["condition"] == "service_completed_successfully"
            assert service["restart"] == "no"


@pytest.mark.parametrize("name", SERVICES)
def test_compose_names_files_and_volumes_that_are_there(name: str) -> None:
    service, folder = SERVICES[name], ROOT / "deploy"
    if build := service.get("build"):
        context = (folder / build["context"]).resolve()
        assert context == ROOT
        assert (context / build["dockerfile"]).is_file()
    if file := service.get("env_file"):
        # The user makes it, by the example that lies beside it.
        assert (folder / file).resolve() == ROOT / ".env"
        assert (ROOT / ".env.example").is_file()
    for volume in service.get("volumes", []):
        source = volume.partition(":")[0]
        assert source in COMPOSE["volumes"] or (folder / source).exists()
    for kind in ("secrets", "configs", "networks"):
        assert set(service.get(kind, [])) <= set(COMPOSE.get(kind, {}))


def test_every_variable_that_compose_wants_is_told_in_its_first_lines() -> None:
    text = (ROOT / "deploy/compose.yaml").read_text()
    head = text.partition("\nname:")[0]
    wanted = set(re.findall(r"\$\{(\w+)", text))
    assert wanted
    assert all(f"{name}=" in head for name in wanted)


def test_compose_lets_the_service_write_where_it_must() -> None:
    """The root is read-only: what is written lies in a volume or in memory."""
    folders = [mount.partition(":")[0] for mount in SERVICES["web"]["tmpfs"]]
    (variables,) = (value for name, value in DOCKERFILE if name == "ENV")
    metrics = dict(word.split("=", 1) for word in shlex.split(variables))[
        "PROMETHEUS_MULTIPROC_DIR"
    ]
    assert SERVICES["web"]["read_only"]
    assert {metrics, "/tmp"} == set(folders)  # noqa: S108 - in the container
    assert all(
        SERVICES[name]["tmpfs"] == SERVICES["web"]["tmpfs"] for name in ("migrate", "worker")
    )


def test_no_container_shares_its_counters_or_has_a_volume_without_a_name() -> None:
    """In each the first process has the number 1, by which its counters' file is named."""
    assert not any(SERVICES[name].get("volumes") for name in ("migrate", "web", "worker"))
    assert "VOLUME" not in dict(DOCKERFILE)


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_fills_the_disk_or_the_memory(name: str) -> None:
    options = SERVICES[name]["logging"]["options"]
    assert options["max-size"]
    assert int(options["max-file"]) > 1
    assert SERVICES[name]["mem_limit"]


# --- the units, read ---


def _unit(name: str) -> dict[str, list[str]]:
    settings: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", UNITS[name].read_text(), re.MULTILINE):
        settings.setdefault(key, []).append(value)
    return settings


def test_no_unit_is_started_again_with_wrong_configuration() -> None:
    for name in UNITS:
        assert _unit(name)["RestartPreventExitStatus"] == [str(os.EX_CONFIG)]


def test_the_service_comes_up_by_itself_when_the_database_does() -> None:
    """A unit that is required, and fails once, takes those that require it along for good."""
    migrate = _unit("migrate")
    assert migrate["Restart"] == ["on-failure"]
    assert "--wait 300" in migrate["ExecStart"][0]
    for name in ("web", "worker"):
        unit = _unit(name)
        socket = ["retention-hooks-web.socket"] if name == "web" else []
        assert unit.get("Requires", []) == socket
        assert unit["Wants"] == unit["PartOf"] == ["retention-hooks-migrate.service"]
        assert unit["After"] == [" ".join(["retention-hooks-migrate.service", *socket])]
        assert unit["Restart"] == ["always"]
        assert "ReadWritePaths" not in unit, "a folder that may not be there yet"
    assert all(_unit(name)["StartLimitIntervalSec"] == ["0"] for name in UNITS)


def test_units_have_limits() -> None:
    for name in UNITS:
        unit = _unit(name)
        assert int(unit["LimitNOFILE"][0]) >= 8192
        assert unit["MemoryMax"]
        assert unit["TasksMax"]


def test_compose_publishes_the_port_that_the_service_listens_on() -> None:
    web = SERVICES["web"]
    port = web["environment"]["BIND"].rpartition(":")[2]
    assert [published.rpartition(":")[2] for published in web["ports"]] == [port]
    assert f":{port}/healthz" in dict(DOCKERFILE)["HEALTHCHECK"]
    assert dict(DOCKERFILE)["EXPOSE"] == port


# --- and run ---


@dataclass(frozen=True)
class Deployment:
    """The commands of one way to run the service, as it publishes them, for this machine."""

    directory: Path
    env: dict[str, str]
    migrate: list[str]
    web: list[str]
    worker: list[str]
    health: list[str]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image, built from a project in which somebody has worked."""
    folder = tmp_path_factory.mktemp("image")
    context = copy_project(folder / "context")
    (context / ".env").write_text("STATUS_TOKEN=hidden\n")
    (context / "var").mkdir()
    (context / "var/retention.db").touch()
    (context / "hooks/__pycache__").mkdir(exist_ok=True)
    (context / "hooks/__pycache__/stale.pyc").touch()
    return Image.build(context, folder / "root")


def test_the_image_holds_what_runs_and_nothing_of_the_person_who_built_it(image: Image) -> None:
    names = {path.name for path in image.path(".").iterdir()}
    assert names == {"requirements.txt", "wsgi.py", "hooks", "schemas", "deploy", "var"}
    assert {path.name for path in image.path("deploy").iterdir()} == {
        "gunicorn.conf.py",
        "policies",
    }
    assert not [*image.path("var").iterdir(), *image.path("hooks").rglob("*.pyc")]


@pytest.fixture
def containers(image: Image, postgresql: str) -> Iterator[Deployment]:
    """deploy/compose.yaml: the image with the commands and the environment of each service, and PostgreSQL."""
    port = str(free_port())
    with new_database(postgresql) as url:
        env = image.env | SETTINGS | {"BIND": f"127.0.0.1:{port}", "DATABASE_URL": url}
        commands = {
            name: SERVICES[name].get("command", image.command)
            for name in ("migrate", "web", "worker")
        }
        health = [word.replace("8000", port) for word in image.health]
        yield Deployment(image.path("."), env, **commands, health=health)


@pytest.fixture
def units(installed: Path, tmp_path: Path) -> Deployment:
    """deploy/systemd: the command and the environment of each unit, in a project that was installed."""
    port = free_port()
    env = bare_environment() | SETTINGS
    env |= {"BIND": f"127.0.0.1:{port}", "DATABASE_URL": f"sqlite:///{tmp_path}/ledger.db"}
    env |= {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics")}
    (tmp_path / "metrics").mkdir()
    commands = {}
    for name, path in UNITS.items():
        text = path.read_text()
        (command,) = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
        assert re.findall(r"^WorkingDirectory=(.+)$", text, re.MULTILINE) == [PREFIX]
        commands[name] = shlex.split(command.replace(PREFIX, str(installed)))
    probe = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}/healthz', timeout=9)"
    return Deployment(installed, env, **commands, health=[sys.executable, "-c", probe])


@pytest.mark.parametrize("way", ["containers", "units"])
def test_the_published_commands_migrate_serve_and_end(
    way: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    deployment: Deployment = request.getfixturevalue(way)

    def process(name: str, command: list[str]) -> Process:
        return Process(
            command, deployment.env, tmp_path / f"{name}.log", directory=deployment.directory
        )

    migrate = process("migrate", deployment.migrate).start()
    assert migrate.wait() == 0, migrate.log()
    url = f"http://{deployment.env['BIND']}"
    web = Web(
        deployment.web,
        deployment.env,
        tmp_path / "web.log",
        directory=deployment.directory,
        url=url,
    )
    worker = process("worker", deployment.worker)
    with ExitStack() as stack:
        for each in (web, worker):
            stack.callback(each.stop)
            each.start()
        health = subprocess.run(
            deployment.health, env=deployment.env, cwd=deployment.directory, check=False
        )
        assert health.returncode == 0
        ready = web.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ok"), ready.text
        until(
            lambda: "worker.started" in worker.log(),
            f"the worker to start; it printed:\n{worker.log()}",
        )
    assert web.child is not None
    assert worker.child is not None
    assert (web.child.returncode, worker.child.returncode) == (0, 0), web.log() + worker.log()
    assert "Traceback" not in web.log()


def test_the_health_check_fails_where_nothing_answers(containers: Deployment) -> None:
    done = subprocess.run(
        containers.health,
        env=containers.env,
        cwd=containers.directory,
        capture_output=True,
        check=False,
    )
    assert done.returncode


@pytest.mark.parametrize(
    "value",
    [
        '["gunicorn", ""wsgi:app"]',
        "['gunicorn']",
        '["gunicorn",]',
        '"gunicorn"',
        "gunicorn wsgi:app",
        '["gunicorn", 1]',
    ],
)
def test_what_is_no_exec_form_is_refused(value: str) -> None:
    with pytest.raises((ValueError, json.JSONDecodeError)):
        exec_form(value)
