"""The files in which processes share their counters, in the folder that PROMETHEUS_MULTIPROC_DIR names.

The danger: prometheus-client maps such a file into memory, and does not reserve its space on the disk. On a full disk
the first count then ends the process by SIGBUS, without a message.

The rule: the space is reserved before the file is mapped. Where there is no space, this process counts nothing, and
logs so once.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

from hooks.errors import ConfigurationError

FOLDER = "PROMETHEUS_MULTIPROC_DIR"

FILE_BYTES = 1 << 17
"""Enough for some forty stores. For more stores the library makes the file larger by itself."""

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_COUNTER_FILE = re.compile(r"(?:counter|histogram|summary|gauge_[a-z]+)_(\d+)\.db")
"""The name of a file of the library, with the id of the process that counts in it."""


class _NoCounters:
    """Takes the place of a file for which there is no space on the disk."""

    def read_value(self, _key: str) -> tuple[float, float]:
        return 0.0, 0.0

    def write_value(self, _key: str, _value: float, _timestamp: float) -> None:
        pass

    def close(self) -> None:
        pass


def _open(filename: str) -> Any:
    """Open a counter file as the library does, with its space reserved."""
    path = Path(filename)
    unready = path.with_suffix(".unready")  # other processes would read it under its own name
    try:
        if not path.exists():
            with unready.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, FILE_BYTES)
            unready.rename(path)
    except OSError as error:
        if error.errno in DISK_FULL:  # `prepare_folder` raises any other error
            _log_once(os.getpid(), error.strerror)
            unready.unlink(missing_ok=True)
        return _NoCounters()
    return MmapedDict(filename)  # type: ignore[no-untyped-call]


@cache
def _log_once(process: int, reason: str) -> None:
    """Log once in each process. A process that is forked inherits the cache, but has another id."""
    message = "Process %s counts nothing: %s. Make room in the folder of PROMETHEUS_MULTIPROC_DIR, and restart."
    logging.getLogger(__name__).error(message, process, reason)


def reserve_space_first() -> None:
    """Let the library reserve space for its files. Call it before any counter is made: the first one opens a file."""
    with suppress(ConfigurationError):  # `prepare_metrics` raises it again, when the service starts
        prepare_folder()
    if hasattr(os, "posix_fallocate"):  # macOS does not have it
        setattr(values, "MmapedDict", _open)  # noqa: B010 - mypy: the module only imports the name


def prepare_folder() -> None:
    """Make the folder that PROMETHEUS_MULTIPROC_DIR names, if it names one.

    Raises ConfigurationError where no file can be made in it. A full disk is no fault of the configuration.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        if error.errno in DISK_FULL:
            return
        raise ConfigurationError(
            f"The folder that {FOLDER} names cannot be made or written to. Name one that the service's user may write "
            "to."
        ) from error


def remove_stale(folder: Path) -> None:
    """Remove the counter files of processes that have ended. Leave all other files of the folder alone."""
    for path in folder.iterdir():
        name = _COUNTER_FILE.fullmatch(path.name)
        if name and not _is_running(int(name[1])):
            path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # a process of another user
    return True
