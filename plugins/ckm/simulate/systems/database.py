"""The company's database: the tables of CRM and knowledge portal, written anew as one change."""

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import sqlalchemy as sa

from ckm.contracts import object_contract
from ckm.errors import ConfigurationError, safe_reason
from ckm.simulate.systems.defects import text_columns
from ckm.simulate.systems.described import Described

ROW_NUMBER = "SatzNr"
"""Every table's own number of a row, from 1: native keys are no primary keys in a grown system."""

PASSWORD = "CKM_COMPANY_DATABASE_PASSWORD"
_TYPES: dict[str, Callable[[], sa.types.TypeEngine]] = {
    "string": sa.Text,
    "integer": sa.BigInteger,
    "decimal": lambda: sa.Numeric(18, 6),
    "money": lambda: sa.Numeric(18, 6),
    "boolean": sa.Boolean,
    "date": sa.Date,
    "timestamp": sa.DateTime,
}


@dataclass(frozen=True)
class Filling:
    """A table to write, the rows it gets, and its cursor column, which is indexed."""

    table: sa.Table
    batches: Iterable[pa.Table]
    cursor: str


def table(source: str, name: str, described: Described, columns: dict[str, str]) -> sa.Table:
    """An object's table; where a defect can write words, the column is of text."""
    contract, texts = object_contract(source, name), text_columns(source, name)
    number = sa.Column(
        ROW_NUMBER,
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),  # SQLite's own row id
        primary_key=True,
        autoincrement=False,
    )
    own = [
        sa.Column(column, sa.Text() if canonical in texts else _TYPES[contract.columns[canonical].type]())
        for canonical, column in columns.items()
    ]
    further = [sa.Column(column, sa.Text()) for column in described.unmapped]
    return sa.Table(described.place, sa.MetaData(), number, *own, *further)


def database_url(folder: Path, database: str | None) -> sa.URL:
    """Where the company's database is: `crm.db` in its folder, or what `database` says.

    Raises:
        ConfigurationError: `database` is no SQLAlchemy address, or nothing here speaks to such a database.
    """
    if database is None:
        return sa.URL.create("sqlite", database=str((folder / "crm.db").resolve()))
    try:
        url = sa.make_url(database)
        url.get_dialect().import_dbapi()
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
        raise ConfigurationError(
            "--database must be the SQLAlchemy address of a database whose driver is installed, "
            "like postgresql://user:password@host/database."
        ) from error
    if url.get_backend_name() != "sqlite":
        return url
    if url.database in (None, "", ":memory:"):
        raise ConfigurationError("--database must name a file: a database in memory is gone when ckm ends.")
    return url.set(database=str(Path(url.database).resolve()))


def address(folder: Path, database: str | None) -> str:
    """The database's address for `sources.yml`: `${CKM_COMPANY_DATABASE_PASSWORD}` in the password's place.

    The variable holds the password as it stands in an address, with `%40` for `@`.
    """
    if database is None:
        return "sqlite:///crm.db"
    url = database_url(folder, database)
    if not url.password:
        return url.render_as_string(hide_password=False)
    masked = url.set(password="PASSWORD").render_as_string(hide_password=False)
    return masked.replace(":PASSWORD@", f":${{{PASSWORD}}}@", 1)


def write_database(url: sa.URL, fillings: Iterable[Filling]) -> None:
    """Write the tables in one transaction: a reader sees all of the old ones or all of the new.

    A SQLite file is written beside the old one and put in its place at the end, so that readers never wait.

    Raises:
        ConfigurationError: the database refuses, or a SQLite file is not the company's own.
    """
    if url.get_backend_name() == "sqlite":
        file, fillings = Path(url.database or ""), list(fillings)
        _refuse_strange(file, url, {filling.table.name for filling in fillings})
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f"{file.name}.new")
        new.unlink(missing_ok=True)
        with _transaction(url.set(database=str(new))) as connection:
            _fill(connection, fillings)
        new.replace(file)
        return
    with _transaction(url) as connection:
        _fill(connection, fillings)


def _fill(connection: sa.Connection, fillings: Iterable[Filling]) -> None:
    for filling in fillings:
        filling.table.drop(connection, checkfirst=True)
        filling.table.create(connection)
        done = 0
        for batch in filling.batches:
            numbers = pa.array(range(done + 1, done + 1 + batch.num_rows), pa.int64())
            _insert(connection, filling.table, batch.add_column(0, ROW_NUMBER, numbers))
            done += batch.num_rows
        index = f"ix_{filling.table.name}_{filling.cursor}"
        sa.Index(index, filling.table.c[filling.cursor]).create(connection)


def _insert(connection: sa.Connection, into: sa.Table, rows: pa.Table) -> None:
    """Add rows, the quick way where the database has one."""
    if rows.num_rows == 0:
        return
    names = ", ".join(f'"{name}"' for name in rows.column_names)
    match connection.dialect.name:
        case "sqlite":
            places = ", ".join("?" * rows.num_columns)
            columns = [column.to_numpy() for column in _texts(rows).columns]
            connection.connection.cursor().executemany(
                f'insert into "{into.name}" ({names}) values ({places})', zip(*columns, strict=True)
            )
        case "postgresql":
            file = io.BytesIO()
            options = pacsv.WriteOptions(include_header=False, quoting_style="all_valid")
            pacsv.write_csv(_texts(rows), file, options)
            file.seek(0)
            connection.connection.cursor().copy_expert(
                f'copy "{into.name}" ({names}) from stdin (format csv)', file
            )
        case _:
            connection.execute(into.insert(), rows.to_pylist())


def _texts(rows: pa.Table) -> pa.Table:
    """The rows as text, which both databases read as their columns' types; true is 1."""
    return pa.table(
        {
            field.name: (rows[field.name].cast(pa.int8()) if pa.types.is_boolean(field.type) else rows[field.name])
            .cast(pa.string())
            for field in rows.schema
        }
    )  # fmt: skip


@contextmanager
def _transaction(url: sa.URL) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.DBAPIError as error:
        raise _refused(url, error.orig or error) from error
    except engine.dialect.loaded_dbapi.Error as error:
        raise _refused(url, error) from error
    finally:
        engine.dispose()


def _refused(url: sa.URL, error: BaseException) -> ConfigurationError:
    shown = url.render_as_string(hide_password=True)
    return ConfigurationError(f"{shown} refuses or does not answer: {safe_reason(error)}.")


def _refuse_strange(file: Path, url: sa.URL, tables: set[str]) -> None:
    """Refuse to replace a SQLite file that holds anything but the company's tables."""
    if not file.exists():
        return
    with _transaction(url) as connection:
        strange = set(sa.inspect(connection).get_table_names()) - tables
    if strange:
        raise ConfigurationError(
            f"{file} holds the table {min(strange)}, which is not the company's: name another file."
        )
