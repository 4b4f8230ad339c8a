"""A full or unusable folder of counters leads to a sentence, and never ends the process by a signal."""

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
    """Count in a process and in a fork of it; no file that they write may grow beyond `room` bytes."""
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


def test_without_disk_space_a_process_says_so_once(tmp_path: Path) -> None:
    done = _count(tmp_path, 1024)
    assert done.returncode == 0, done.stderr
    said = done.stderr.splitlines()
    assert len(said) == 2
    assert all("counts nothing: File too large. Make room" in line for line in said)


def test_disk_space_is_reserved_before_the_file_is_used(tmp_path: Path) -> None:
    done = _count(tmp_path, resource.RLIM_INFINITY)
    assert (done.returncode, done.stderr) == (0, "")
    files = [path.stat() for path in tmp_path.iterdir()]
    assert len(files) == 4
    assert all(file.st_blocks * 512 >= file.st_size >= FILE_BYTES for file in files)


def test_a_full_disk_does_not_end_the_process(tmp_path: Path) -> None:
    """Needs a file system of its own, where the test may mount one. There the library alone would be ended by
    SIGBUS."""
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
def test_an_unwritable_folder_is_wrong_configuration(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / name))
    with pytest.raises(ConfigurationError, match="PROMETHEUS_MULTIPROC_DIR names cannot be"):
        prepare_folder()


@pytest.mark.parametrize("name", NOT_A_FOLDER, ids=lambda name: name[:20])
def test_an_unwritable_folder_ends_the_start_with_one_sentence(name: str, tmp_path: Path) -> None:
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


def test_a_missing_folder_is_created_and_used(tmp_path: Path) -> None:
    done = _count(tmp_path / "new/metrics", resource.RLIM_INFINITY)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((tmp_path / "new/metrics").iterdir())) == 4
