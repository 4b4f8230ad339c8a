"""The processor time and memory of processes, as Linux counts them."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import ROOT, Stack

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage of a finished command. `cpu` is in seconds of one core, `peak` is the largest memory in MiB."""

    status: int
    seconds: float
    cpu: float
    peak: float


def run(started: Stack, *arguments: str, limit: float, **env: str) -> Usage:
    """Run one `flask --app wsgi …` command to its end, or for `limit` seconds; what it prints is in the stack's
    directory."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
    output = started.directory / f"{arguments[0]}.log"
    with output.open("ab") as sink:
        began = time.monotonic()
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=started._env(**env),
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    try:
        status, used, most = _ended(child.pid, began + limit)
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise
    child.returncode = os.waitstatus_to_exitcode(
        status
    )  # `wait4` has reaped the child, which `subprocess` does not know
    cpu = used.ru_utime + used.ru_stime
    return Usage(child.returncode, time.monotonic() - began, cpu, most)


def _ended(pid: int, deadline: float) -> tuple[int, resource.struct_rusage, float]:
    """Wait for the end. Return the status, the usage, and the largest memory seen.

    `ru_maxrss` cannot be used: it includes the memory of this process before the fork.
    """
    ended, most = 0, 0.0
    while not ended:
        time.sleep(0.02)
        most = max(most, peak(pid))
        ended, status, used = os.wait4(pid, os.WNOHANG)
        if not ended and time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
    return status, used, most


def memory(pid: int) -> float:
    """The current memory of a process in MiB."""
    return _status(pid, "VmRSS")


def peak(pid: int) -> float:
    """The largest memory of a process so far in MiB."""
    return _status(pid, "VmHWM")


def _status(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), 0.0)


def cpu_seconds(pid: int) -> float:
    """The processor time of a process so far, in seconds of one core."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICKS


def children(pid: int) -> list[int]:
    """The child processes of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
