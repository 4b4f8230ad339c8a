"""Core statements that are compiled once and run on the driver itself: for those that every delivery needs.

SQLAlchemy says what the statement is, and how its values are written and read; only its work of finding that out
anew for each execution is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Dialect, Executable, Select

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.types import TypeEngine

Row = dict[str, Any]
Raw = tuple[Any, ...]
Bind = Callable[[int], Any]
Process = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement in the words of one database: how to hand its parameters over, and how to read its columns."""

    sql: str
    parameters: tuple[tuple[str, Process | None], ...]
    positional: bool
    columns: tuple[str, ...]
    readers: tuple[tuple[int, Process], ...]
    own: Mapping[str, Any]
    """Parameters that have their values from the statement itself."""

    def bound(self, values: Mapping[str, Any]) -> Sequence[Any] | dict[str, Any]:
        """The parameters as the driver takes them; what the statement says itself need not be among the `values`."""
        if self.own:
            values = {**self.own, **values}
        if self.positional:
            return [
                write(values[name]) if write else values[name] for name, write in self.parameters
            ]
        return {
            name: write(values[name]) if write else values[name] for name, write in self.parameters
        }

    def read(self, found: Sequence[Any]) -> Row:
        """A row of the driver's, by the names of its columns."""
        row = list(found)
        for place, process in self.readers:
            row[place] = process(row[place])
        return dict(zip(self.columns, row, strict=True))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that is compiled once for each kind of database. `statement` makes it, given the dialect's name."""

    statement: Callable[[str], Executable]
    _compiled: dict[str, _Compiled] = field(default_factory=dict)

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[Row]:
        """What a query finds."""
        return self.ask(connection, values)()

    def ask(self, connection: Connection, values: Mapping[str, Any]) -> Callable[[], list[Row]]:
        """Begin a query; what it finds is there to be called for, once those that share a pipeline were sent."""
        compiled = self._for(connection)
        cursor = _cursor(connection).execute(compiled.sql, compiled.bound(values))
        return lambda: [compiled.read(row) for row in cursor.fetchall()]

    def raw(self, connection: Connection, values: Mapping[str, Any]) -> list[Raw]:
        """What a query finds, as the driver gives it: to be compared, or read with `read` where it matters."""
        compiled = self._for(connection)
        return list(_cursor(connection).execute(compiled.sql, compiled.bound(values)).fetchall())

    def read(self, connection: Connection, row: Raw) -> Row:
        """A row that `raw` gave, by the names of its columns."""
        return self._for(connection).read(row)

    def but(self, connection: Connection, values: Mapping[str, Any], name: str) -> Bind:
        """Makes the parameters of runs that differ in nothing but one number, for `run_bound`."""
        compiled = self._for(connection)
        bound = compiled.bound({**values, name: None})
        if isinstance(bound, dict):
            return lambda number: {**bound, name: number}
        place = [of for of, _ in compiled.parameters].index(name)
        before, after = bound[:place], bound[place + 1 :]
        return lambda number: [*before, number, *after]

    def run_bound(self, connection: Connection, parameters: Sequence[Any]) -> None:
        """Run it once for each of these."""
        if parameters:
            _cursor(connection).executemany(self._for(connection).sql, parameters)

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Callable[[], int]:
        """Run it once for each of `rows`; how many rows of the table that has touched is there to be called for."""
        compiled = self._for(connection)
        cursor = _cursor(connection)
        if len(rows) == 1:
            cursor.execute(compiled.sql, compiled.bound(rows[0]))
        elif rows:
            cursor.executemany(compiled.sql, [compiled.bound(values) for values in rows])
        return lambda: int(cursor.rowcount) if rows else 0

    def returned(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Run it once for each of `rows`; of each the first value that it returns, None where it returns nothing."""
        if not rows:
            return []
        compiled = self._for(connection)
        cursor = _cursor(connection)
        if compiled.positional:
            found = (
                cursor.execute(compiled.sql, compiled.bound(values)).fetchone() for values in rows
            )
            return [row[0] if row else None for row in found]
        cursor.executemany(
            compiled.sql, [compiled.bound(values) for values in rows], returning=True
        )
        return [row[0] if row else None for row in _results(cursor)]

    def _for(self, connection: Connection) -> _Compiled:
        found = self._compiled.get(connection.dialect.name)
        if found is None:
            found = self._compiled[connection.dialect.name] = _compile(
                self.statement(connection.dialect.name), connection.dialect
            )
        return found


@contextmanager
def pipelined(connection: Connection) -> Iterator[None]:
    """Statements that are sent without waiting for one another's answer, where the database is not in this process."""
    if connection.dialect.name == "postgresql":
        with cast("Any", connection.connection.driver_connection).pipeline():
            yield
    else:
        yield


def _results(cursor: Any) -> Iterable[Any]:
    """The first row of each result set that the driver holds."""
    more = True
    while more:
        yield cursor.fetchone()
        more = cursor.nextset()


def _cursor(connection: Connection) -> Any:
    return connection.connection.cursor()


def _compile(statement: Executable, dialect: Dialect) -> _Compiled:
    compiled = cast("SQLCompiler", statement.compile(dialect=dialect))  # type: ignore[attr-defined]
    names = compiled.positiontup or list(compiled.binds)
    columns = list(statement.selected_columns) if isinstance(statement, Select) else []
    readers = [(place, _reader(column.type, dialect)) for place, column in enumerate(columns)]
    return _Compiled(
        sql=compiled.string,
        parameters=tuple((name, _writer(compiled.binds[name].type, dialect)) for name in names),
        positional=compiled.positional,
        columns=tuple(column.name for column in columns),
        readers=tuple((place, process) for place, process in readers if process),
        own={
            name: parameter.value
            for name, parameter in compiled.binds.items()
            if not parameter.required
        },
    )


def _writer(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
