"""Ledgers to measure on: empty ones and large ones, in SQLite and in PostgreSQL, all on the same disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal
from uuid import uuid4

from hooks.ledger.database import Database
from hooks.ledger.upgrade import head, upgrade
from hooks.retention.policy import Policy
from hooks.retention.tags import tagged_by
from tests.bench import ledgers, sample_shop
from tests.support import postgresql

Backend = Literal["sqlite", "postgresql"]
BACKENDS: tuple[Backend, ...] = ("sqlite", "postgresql")


@dataclass
class Databases:
    """Create ledgers in `directory`. Large SQLite files are kept in `kept` for the next run."""

    directory: Path
    kept: Path
    policy: Policy
    stack: ExitStack
    """Ends the PostgreSQL server, which starts when it is first needed."""

    _server: str | None = field(default=None, init=False)

    @contextmanager
    def new(self, backend: Backend) -> Iterator[str]:
        """Create an empty ledger, yield its URL, and remove it at the end."""
        with self._place(backend) as url:
            with closing(Database(url)) as ledger:
                upgrade(ledger)
            yield url

    @contextmanager
    def large(self, backend: Backend, number: int) -> Iterator[str]:
        """Create a ledger with `number` records, yield its URL, and remove it at the end."""
        with self._place(backend) as url:
            with closing(Database(url)) as ledger:
                if backend == "sqlite":
                    shutil.copyfile(self._template(number), str(ledger.url.database))
                else:
                    ledgers.fill(ledger, self.policy, number)
            yield url

    @contextmanager
    def _place(self, backend: Backend) -> Iterator[str]:
        if backend == "postgresql":
            with postgresql.new_database(self._running()) as url:
                yield url
            return
        place = self.directory / f"ledger-{uuid4().hex}"
        place.mkdir()
        try:
            yield f"sqlite:///{place}/ledger.db"
        finally:
            shutil.rmtree(place)

    def _running(self) -> str:
        if self._server is None:
            place = self.directory / "postgresql"
            place.mkdir(mode=0o700)
            self._server = self.stack.enter_context(postgresql.server(place))
        return self._server

    def _template(self, number: int) -> Path:
        """A large SQLite ledger of this version of the service. It is created if it does not exist."""
        self.kept.mkdir(exist_ok=True)
        path = self.kept / f"{number}-{head()}-{tagged_by(self.policy)}-{_version()}.db"
        if not path.exists():
            for old in self.kept.glob(f"{number}-*"):
                old.unlink()
            making = path.with_suffix(".making")
            with closing(Database(f"sqlite:///{making}")) as ledger:
                ledgers.fill(ledger, self.policy, number)
            making.rename(path)
        return path


def _version() -> str:
    """A hash of the modules that create large ledgers."""
    sources = b"".join(Path(str(module.__file__)).read_bytes() for module in (sample_shop, ledgers))
    return sha256(sources).hexdigest()[:8]


def size(url: str) -> int:
    """The size of the ledger in bytes, without its free pages and without SQLite's log."""
    with closing(Database(url)) as ledger, ledger.read() as connection:
        if not ledger.is_sqlite:
            return int(
                connection.exec_driver_sql(
                    "SELECT pg_database_size(current_database())"
                ).scalar_one()
            )
        pages, free, bytes_each = (
            int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * bytes_each
