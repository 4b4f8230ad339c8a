"""The files in which processes share their counters, in the folder that PROMETHEUS_MULTIPROC_DIR names.

prometheus-client maps such a file into memory, and makes it without asking the disk for the room. On a full disk the
first count would end the process by SIGBUS, without a word. So the room is taken before the file is mapped; where there
is none, this process counts nothing, and says so once.
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
"""Enough for some forty stores; beyond it the library makes the file larger by itself."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_COUNTER_FILE = re.compile(r"(?:counter|histogram|summary|gauge_[a-z]+)_(\d+)\.db")
"""A file of the library, by the id of the process that counts in it."""


class _Uncounted:
    """Stands in for a file for which there is no room."""

    def read_value(self, _key: str) -> tuple[float, float]:
        return 0.0, 0.0

    def write_value(self, _key: str, _value: float, _timestamp: float) -> None:
        pass

    def close(self) -> None:
        pass


def _open(filename: str) -> Any:
    path = Path(filename)
    unready = path.with_suffix(".unready")  # under its own name others would read it
    try:
        if not path.exists():
            with unready.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, FILE_BYTES)
            unready.rename(path)
    except OSError as error:
        if error.errno in NO_ROOM:  # what else is wrong, `prepare_folder` says
            _say_once(os.getpid(), error.strerror)
            unready.unlink(missing_ok=True)
        return _Uncounted()
    return MmapedDict(filename)  # type: ignore[no-untyped-call]


@cache
def _say_once(process: int, reason: str) -> None:
    words = "Process %s counts nothing: %s. Make room in the folder of PROMETHEUS_MULTIPROC_DIR, and restart."
    logging.getLogger(__name__).error(words, process, reason)


def take_room_first() -> None:
    """Have the library open its files in this way. Before any counter is made: the first ones open a file at once."""
    with suppress(ConfigurationError):  # it is raised again where the service is wired
        prepare_folder()
    if hasattr(os, "posix_fallocate"):  # macOS has none
        setattr(values, "MmapedDict", _open)  # noqa: B010 - to the type checker it is none of the module's own


def prepare_folder() -> None:
    """Make the folder if one is named and not there. Raises ConfigurationError where no file can be made in it.

    A full disk is no wrong configuration.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        if error.errno not in NO_ROOM:
            words = f"The folder that {FOLDER} names cannot be made or written to"
            raise ConfigurationError(
                f"{words}. Name one that the service's user may write to."
            ) from error


def remove_stale(folder: Path) -> None:
    """Remove the counter files of processes that have ended, and nothing else that may be in this folder."""
    for path in folder.iterdir():
        name = _COUNTER_FILE.fullmatch(path.name)
        if name and not _lives(int(name[1])):
            path.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # another user's
    return True
