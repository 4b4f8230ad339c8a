"""The web processes as gunicorn runs them: those that answer requests, and among them one that commits for all.

So it is gunicorn that starts the committer, watches over it, and puts another one in its place when it ends.
"""

from __future__ import annotations

import time
from typing import ClassVar

from gunicorn.workers.sync import SyncWorker

from hooks.group_commit import Group
from hooks.service import service

BEAT_SECONDS = 1.0


class Worker(SyncWorker):  # type: ignore[misc]  # gunicorn publishes no types
    """A process that becomes the committer if there is none, and answers requests otherwise.

    `group` is made before the first process is forked; without one each delivery is committed by itself.
    """

    group: ClassVar[Group | None] = None

    def run(self) -> None:
        """Until gunicorn says stop."""
        if self.group is None:
            super().run()
            return
        with self.group.committing() as alone:
            if alone:
                self._commit(self.group)
                return
        self.wsgi.extensions["group"] = self.group.member(self.age)
        super().run()

    def _commit(self, group: Group) -> None:
        group.ask_again()
        beat_at = 0.0
        with self.wsgi.app_context():
            while self.alive and self.is_parent_alive():
                if time.monotonic() >= beat_at:
                    self.notify()
                    beat_at = time.monotonic() + BEAT_SECONDS
                group.commit(service().ingest.receive_all, wait=True)
