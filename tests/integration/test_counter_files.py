"""Where the counters' folder is full or of no use: a sentence, and never the end of the process by a signal."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from hooks.counter_files import FILE_BYTES, prepare_folder
from hooks.errors import ConfigurationError
from tests.support.processes import ROOT

COUNT = """
import os, sys
from hooks import telemetry
telemetry.prepare_metrics(["shop"], ["recorded"], [])
child = os.fork()
telemetry.DELIVERIES.labels("shop", "recorded").inc()
telemetry.INTAKE_SECONDS.observe(1)
telemetry.metrics()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def _count(folder: Path, room: int) -> subprocess.CompletedProcess[str]:
    """Count in a process, and in one that it forks; no file that they write to can grow beyond `room` bytes."""
    return subprocess.run(
        [sys.executable, "-c", COUNT],
        cwd=ROOT,
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY)
        ),
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_room_nothing_is_counted_and_it_is_said_once_a_process(tmp_path: Path) -> None:
    done = _count(tmp_path, 1024)
    assert done.returncode == 0, done.stderr
    said = done.stderr.splitlines()
    assert len(said) == 2
    assert all("counts nothing: File too large. Make room" in line for line in said)


def test_with_room_it_is_taken_before_the_file_is_used(tmp_path: Path) -> None:
    done = _count(tmp_path, resource.RLIM_INFINITY)
    assert (done.returncode, done.stderr) == (0, "")
    files = [path.stat() for path in tmp_path.iterdir()]
    assert len(files) == 4
    assert all(file.st_blocks * 512 >= file.st_size >= FILE_BYTES for file in files)


def test_a_full_disk_is_no_end(tmp_path: Path) -> None:
    """On a file system of its own, where the test may mount one: the library alone is ended there by SIGBUS."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        (disk / "ballast").write_bytes(b"x" * 65_536)
        done = _count(disk, resource.RLIM_INFINITY)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("No space left on device") == 2


NOT_A_FOLDER = ["file", "file/below", "x" * 300, "/proc/nowhere", "/proc"]


@pytest.mark.parametrize("name", NOT_A_FOLDER, ids=lambda name: name[:20])
def test_a_folder_that_cannot_be_written_to_is_wrong_configuration(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / name))
    with pytest.raises(ConfigurationError, match="PROMETHEUS_MULTIPROC_DIR names cannot be"):
        prepare_folder()


@pytest.mark.parametrize("name", NOT_A_FOLDER, ids=lambda name: name[:20])
def test_such_a_folder_ends_the_start_with_its_sentence_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / name)}
    done = subprocess.run(
        [sys.executable, "-c", "import wsgi"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == os.EX_CONFIG
    assert done.stderr.count("\n") == 1
    assert "PROMETHEUS_MULTIPROC_DIR names cannot be" in done.stderr


def test_a_folder_that_is_not_there_yet_is_made_and_counted_in(tmp_path: Path) -> None:
    done = _count(tmp_path / "new/metrics", resource.RLIM_INFINITY)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((tmp_path / "new/metrics").iterdir())) == 4
