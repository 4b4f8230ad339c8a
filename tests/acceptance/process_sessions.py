"""Which processes live, by session: so that none can hide behind a parent that ended."""

from __future__ import annotations

from pathlib import Path


def _stat(pid: str) -> list[str]:
    """State, parent, group, session of a process; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:4]
    except OSError:
        return []


def _all() -> dict[int, list[str]]:
    found = {
        int(path.name): _stat(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()
    }
    return {pid: stat for pid, stat in found.items() if stat and stat[0] not in "ZX"}


def living(*sessions: int) -> list[int]:
    """The processes of these sessions that have not ended."""
    return sorted(pid for pid, (_, _, _, session) in _all().items() if int(session) in sessions)


def sessions_under(pid: int) -> set[int]:
    """The sessions of a process and of all that descend from it."""
    everybody = _all()
    family = {pid}
    while True:
        more = {
            child for child, (_, parent, _, _) in everybody.items() if int(parent) in family
        } - family
        if not more:
            return {int(everybody[member][3]) for member in family if member in everybody}
        family |= more
