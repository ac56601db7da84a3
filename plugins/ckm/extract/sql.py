"""Transport `sql`: any database that SQLAlchemy reaches.

table or query  →  SELECT, narrowed by the cursor in the database  →  batches of text with `_pointer`
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ckm.errors import ObjectFailed, SourceDown, safe_reason
from ckm.extract.pointer import key_of_each
from ckm.extract.text import as_text
from ckm.extract.window import Window
from ckm.fields import ObjectMapping

BATCH_ROWS = 50_000
CONNECT_SECONDS = 15
CONNECT_OPTIONS = {"postgresql": "connect_timeout", "mysql": "connect_timeout", "mariadb": "connect_timeout"}
# How drivers say that no server answers. Another server's refusal (a wrong password, no such database) comes
# in the server's own language; these are the client's words.
NO_ANSWER = re.compile(
    r"refused|timed? ?out|timeout expired|unreachable|no route|translate host|resolve|name or service|can't connect"
    r"|no such file|reset by peer|broken pipe|closed the connection|connection already closed|lost connection"
    r"|gone away|starting up|shutting down|too many (clients|connections)",
    re.IGNORECASE,
)


class SqlReader:
    """Reads tables and queries of one database.

    Args:
        url: SQLAlchemy URL; a relative SQLite path is taken from `base`.
        key: the columns by which a row is named in its pointer.
        base: folder of `sources.yml`.
        zone: the zone in which the database writes times without an offset.
    """

    evidence: None = None  # the columns are known without looking at rows

    def __init__(self, url: str, key: Sequence[str] = (), *, base: Path, zone: str) -> None:
        self.url = sa.make_url(url)
        if self.url.get_backend_name() == "sqlite" and self.url.database and self.url.database != ":memory:":
            path = Path(self.url.database)
            self.url = self.url.set(database=str(path if path.is_absolute() else base / path))
        self.zone, self.key = ZoneInfo(zone), key

    def place(self, mapping: ObjectMapping) -> str:
        """Where the object lies, for a sentence."""
        return "the query" if mapping.query else f"table {mapping.table}"

    def columns(self, mapping: ObjectMapping) -> dict[str, list[str]]:
        """The columns of the table or of the query's result, as they are called there.

        Raises:
            SourceDown: the database does not answer.
            ObjectFailed: it refuses, or there is no such table.
        """
        with self._connection() as connection:
            selectable = self._selectable(connection, mapping)
            return {self.place(mapping): list(selectable.selected_columns.keys())}

    def batches(self, mapping: ObjectMapping, cursor: str | None, window: Window) -> Iterator[pa.Table]:
        """The rows inside the window, every column as text."""
        with self._connection() as connection:
            select = self._selectable(connection, mapping)
            names = list(select.selected_columns.keys())
            inner = select.subquery("landed")
            # As the driver gives them: SQLAlchemy's own conversions break on a text in a number.
            select = sa.select(*(sa.type_coerce(c, sa.types.NullType()).label(c.key) for c in inner.c))
            if cursor:
                select = select.where(_inside(inner.c[cursor], window, self.zone))
            result = connection.execution_options(stream_results=True).execute(select)
            start = 1
            yield self._text_table(names, [], mapping, start)
            for rows in result.partitions(BATCH_ROWS):
                yield self._text_table(names, rows, mapping, start)
                start += len(rows)

    def _text_table(
        self, names: list[str], rows: Sequence[Any], mapping: ObjectMapping, start: int
    ) -> pa.Table:
        columns = list(zip(*rows, strict=True)) if rows else [() for _ in names]
        table = pa.table(
            {
                name: pa.array([as_text(v) for v in values], pa.string())
                for name, values in zip(names, columns, strict=True)
            }
        )
        numbers = pc.cast(pa.array(range(start, start + len(rows)), pa.int64()), pa.string())
        row = pc.coalesce(key_of_each(table, self.key), pc.binary_join_element_wise("row ", numbers, ""))
        where = "query" if mapping.query else f"table {mapping.table}"
        return table.append_column("_pointer", pc.binary_join_element_wise(where, row, " "))

    @contextmanager
    def _connection(self) -> Iterator[sa.Connection]:
        if self.url.get_backend_name() == "sqlite" and not Path(self.url.database or "").is_file():
            raise ObjectFailed(f"the SQLite file {self.url.database} does not exist.", "Correct url.")
        shown = self.url.render_as_string(hide_password=True)
        try:
            engine = sa.create_engine(self.url, connect_args=self._connect_options())
        except ImportError as error:
            raise ObjectFailed(
                f"the driver for {shown} is not installed: {error}.", "Install it, or name another in url."
            ) from error
        hint = "Correct url: the user, the password or the name of the database."
        try:
            with engine.connect() as connection:
                hint = ""
                try:
                    yield connection
                except GeneratorExit:
                    # Nobody reads on: there is nothing to roll back, and perhaps nobody to ask.
                    connection.invalidate()
                    raise
        except sa.exc.DBAPIError as error:
            reason = safe_reason(error.orig or error)
            is_down = isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
            if is_down and self.url.get_backend_name() != "sqlite" and NO_ANSWER.search(reason):
                raise SourceDown(f"{shown} does not answer: {reason}.", reaches_nothing=True) from error
            if isinstance(error, sa.exc.DataError):  # here even double quotes hold values
                reason = re.sub(r'"[^"]*"', '"…"', reason)
            raise ObjectFailed(f"{shown} refuses: {reason}.", hint) from error
        finally:
            engine.dispose()

    def _connect_options(self) -> dict[str, int]:
        """How long to wait for a connection, where the driver's own word for it is known and not in the URL."""
        option = CONNECT_OPTIONS.get(self.url.get_backend_name())
        return {option: CONNECT_SECONDS} if option and option not in self.url.query else {}

    def _selectable(self, connection: sa.Connection, mapping: ObjectMapping) -> sa.Select:
        if mapping.query:
            text = mapping.query.strip().rstrip(";").replace(":", r"\:")  # a colon is no parameter
            probe = connection.execute(sa.text(f"select * from ({text}) as probe where 1 = 0"))
            columns = [sa.column(name) for name in probe.keys()]  # noqa: SIM118 - a result's keys, not a dict's
            return sa.select(sa.text(text).columns(*columns).subquery("source_query"))
        schema, _, table = (mapping.table or "").rpartition(".")
        try:
            return sa.select(
                sa.Table(
                    table, sa.MetaData(), schema=schema or None, autoload_with=connection, resolve_fks=False
                )
            )
        except sa.exc.NoSuchTableError as error:
            raise ObjectFailed(
                f"table {mapping.table} is not in {self.url.render_as_string(hide_password=True)}."
            ) from error


def _inside(column: sa.ColumnElement, window: Window, zone: ZoneInfo) -> sa.ColumnElement[bool]:
    """The window as a condition that the database can answer from an index, a day wider on each side.

    Text cursors compare by their leading date, which sorts alike in every ISO notation.
    """

    def bound(moment: datetime) -> Any:
        local = moment.astimezone(zone)
        match column.type:
            case sa.DateTime(timezone=True):
                return local
            case sa.DateTime():
                return local.replace(tzinfo=None)
            case sa.Date():
                return date(local.year, local.month, local.day)
            case _:
                return local.strftime("%Y-%m-%d")

    within = column < bound(window.end + timedelta(days=1))
    if window.start:
        within = sa.and_(within, column >= bound(window.start - timedelta(days=1)))
    within = sa.or_(within, column >= bound(window.far_ahead - timedelta(days=1)))
    if isinstance(column.type, sa.DateTime | sa.Date):
        return sa.or_(column.is_(None), within)
    # What does not begin like an ISO date is not for the database to judge, but for the gate.
    return sa.or_(column.is_(None), sa.not_(sa.cast(column, sa.String).like("____-__-__%")), within)
