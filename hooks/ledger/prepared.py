"""Prepared statements: compiled by SQLAlchemy once, and then run on the driver itself.

They are for the statements that every delivery needs. SQLAlchemy still says what the SQL is, and how values are written
and read. What is saved is its work for each execution, which takes as long as SQLite's own work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import ColumnElement, Connection, Dialect, Executable, Select

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.types import TypeEngine

Row = dict[str, Any]
"""The values of a row, by the names of the columns."""

Raw = tuple[Any, ...]
"""A row as the driver returns it: some values still have to be read."""

Bind = Callable[[int], Any]
"""Returns the parameters of one run, given the one number that differs."""

Process = Callable[[Any], Any]
"""Writes a value for the driver, or reads one of the driver's."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement in the SQL of one database, with the functions that write its parameters and read its columns."""

    sql: str
    # The parameters in order: the name, and the function that writes the value, if it needs one.
    parameters: tuple[tuple[str, Process | None], ...]
    names: tuple[str, ...]
    positional: bool
    columns: tuple[str, ...]
    # The places of the columns whose values need a function that reads them.
    readers: tuple[tuple[int, Process], ...]
    # Parameters whose values stand in the statement itself.
    constants: Mapping[str, Any]

    def bound(self, values: Mapping[str, Any]) -> Sequence[Any] | dict[str, Any]:
        """Return the parameters as the driver takes them. `values` need not hold the statement's constants."""
        if self.constants:
            values = {**self.constants, **values}
        bound = [write(values[name]) if write else values[name] for name, write in self.parameters]
        if self.positional:
            return bound
        return dict(zip(self.names, bound, strict=True))

    def read(self, raw: Sequence[Any]) -> Row:
        """Read a row of the driver's: its values, by the names of the columns."""
        row = list(raw)
        for place, process in self.readers:
            row[place] = process(row[place])
        return dict(zip(self.columns, row, strict=True))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that is compiled once for each kind of database.

    `statement` builds it, given the name of the dialect.
    """

    statement: Callable[[str], Executable]
    _compiled: dict[str, _Compiled] = field(default_factory=dict)

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[Row]:
        """Run a query and return its rows."""
        return self.ask(connection, values)()

    def ask(self, connection: Connection, values: Mapping[str, Any]) -> Callable[[], list[Row]]:
        """Send a query, and return a function that returns its rows. Call that once the whole pipeline was sent."""
        compiled = self._for(connection)
        cursor = _cursor(connection).execute(compiled.sql, compiled.bound(values))
        return lambda: [compiled.read(row) for row in cursor.fetchall()]

    def raw(self, connection: Connection, values: Mapping[str, Any]) -> list[Raw]:
        """Run a query and return its rows as the driver gives them: to be compared, or read one by one with `read`."""
        compiled = self._for(connection)
        return list(_cursor(connection).execute(compiled.sql, compiled.bound(values)).fetchall())

    def read(self, connection: Connection, row: Raw) -> Row:
        """Read a row that `raw` returned: its values, by the names of the columns."""
        return self._for(connection).read(row)

    def bind_except(self, connection: Connection, values: Mapping[str, Any], name: str) -> Bind:
        """Return a function from the number `name` to the parameters of `run_bound`; all other values are fixed."""
        compiled = self._for(connection)
        bound = compiled.bound({**values, name: None})
        if isinstance(bound, dict):
            return lambda number: {**bound, name: number}
        place = compiled.names.index(name)
        before, after = bound[:place], bound[place + 1 :]
        return lambda number: [*before, number, *after]

    def run_bound(self, connection: Connection, parameters: Sequence[Any]) -> None:
        """Run the statement once for each of these parameters, which a function of `bind_except` has returned."""
        if parameters:
            _cursor(connection).executemany(self._for(connection).sql, parameters)

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Callable[[], int]:
        """Run the statement once for each of `rows`, and return a function that returns the number of rows changed."""
        if not rows:
            return lambda: 0
        compiled = self._for(connection)
        cursor = _cursor(connection)
        if len(rows) == 1:
            cursor.execute(compiled.sql, compiled.bound(rows[0]))
        else:
            cursor.executemany(compiled.sql, [compiled.bound(values) for values in rows])
        return lambda: int(cursor.rowcount)

    def returned(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Run the statement once for each of `rows`, and return the first value of each; None if it returns no row."""
        if not rows:
            return []
        compiled = self._for(connection)
        cursor = _cursor(connection)
        if compiled.positional:
            first_rows: Iterable[Any] = (
                cursor.execute(compiled.sql, compiled.bound(values)).fetchone() for values in rows
            )
        else:
            parameters = [compiled.bound(values) for values in rows]
            cursor.executemany(compiled.sql, parameters, returning=True)
            first_rows = _first_rows(cursor)
        return [row[0] if row else None for row in first_rows]

    def _for(self, connection: Connection) -> _Compiled:
        name = connection.dialect.name
        compiled = self._compiled.get(name)
        if compiled is None:
            compiled = _compile(self.statement(name), connection.dialect)
            self._compiled[name] = compiled
        return compiled


@contextmanager
def pipelined(connection: Connection) -> Iterator[None]:
    """Send the statements of this block without waiting for the answers between them, on PostgreSQL."""
    if connection.dialect.name == "postgresql":
        with cast("Any", connection.connection.driver_connection).pipeline():
            yield
    else:
        yield


def _first_rows(cursor: Any) -> Iterable[Any]:
    """Yield the first row of each result set of the cursor."""
    has_more = True
    while has_more:
        yield cursor.fetchone()
        has_more = cursor.nextset()


def _cursor(connection: Connection) -> Any:
    return connection.connection.cursor()


def _compile(statement: Executable, dialect: Dialect) -> _Compiled:
    compiled = cast("SQLCompiler", statement.compile(dialect=dialect))  # type: ignore[attr-defined]
    names = compiled.positiontup or list(compiled.binds)
    columns: list[ColumnElement[Any]] = []
    if isinstance(statement, Select):
        columns += statement.selected_columns
    readers = []
    for place, column in enumerate(columns):
        process = _reader(column.type, dialect)
        if process:
            readers.append((place, process))
    constants = {}
    for name, parameter in compiled.binds.items():
        if not parameter.required:
            constants[name] = parameter.value
    writers = [_writer(compiled.binds[name].type, dialect) for name in names]
    return _Compiled(
        sql=compiled.string,
        parameters=tuple(zip(names, writers, strict=True)),
        names=tuple(names),
        positional=compiled.positional,
        columns=tuple(column.name for column in columns),
        readers=tuple(readers),
        constants=constants,
    )


def _writer(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
