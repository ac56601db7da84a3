"""What is on record about the rows of a load: ledger, freshness, columns and verdicts in the schema `audit`."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

import duckdb

from ckm.bulk import insert_rows
from ckm.gate.outcome import RuleResult


@dataclass(frozen=True)
class LedgerRow:
    """One object's account of one run.

    `extracted + replayed = loaded + unchanged + duplicate + quarantined + suppressed`, exactly. `deleted`
    and `renewed` stand outside: keys that the system no longer has, and keys whose current version was written
    once more behind an older one that came late. `is_whole` says that every row of the system was asked for. A
    failed object's rows all count as quarantined: none was taken in, and the next night reads them again.
    """

    source: str
    object: str
    extracted: int
    loaded: int = 0
    unchanged: int = 0
    duplicate: int = 0
    quarantined: int = 0
    replayed: int = 0
    suppressed: int = 0
    deleted: int = 0
    renewed: int = 0
    is_whole: bool | None = False
    status: str = "loaded"
    message: str | None = None

    @property
    def balances(self) -> bool:
        taken = self.loaded + self.unchanged + self.duplicate + self.quarantined + self.suppressed
        return self.extracted + self.replayed == taken


def record_ledger(connection: duckdb.DuckDBPyConnection, run_id: str, night: date, row: LedgerRow) -> None:
    """Put one object's account on record.

    Raises:
        RuntimeError: the account does not balance; the caller's transaction must not commit.
    """
    if not row.balances:
        raise RuntimeError(f"the ledger of {row.source}.{row.object} does not balance: {row}")
    connection.execute(
        """insert into audit.load_ledger
        (run_id, as_of_date, source, object, extracted, replayed, loaded, unchanged, duplicate, quarantined,
         suppressed, deleted, renewed, is_whole, status, message)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            run_id, night, row.source, row.object, row.extracted, row.replayed, row.loaded, row.unchanged,
            row.duplicate, row.quarantined, row.suppressed, row.deleted, row.renewed, row.is_whole, row.status,
            row.message,
        ],
    )  # fmt: skip


def last_loaded_on(
    connection: duckdb.DuckDBPyConnection, source: str, name: str, before: date | None = None
) -> date | None:
    """The night of an object's last good load, or of the last one before a night."""
    return connection.execute(
        """select max(as_of_date) from audit.load_ledger
        where source = ? and object = ? and status = 'loaded' and as_of_date < coalesce(?, date '9999-12-31')""",
        [source, name, before],
    ).fetchone()[0]


def last_whole_on(connection: duckdb.DuckDBPyConnection, source: str, name: str, until: date) -> date | None:
    """The last night, up to one, that had read every row of an object."""
    return connection.execute(
        """select max(as_of_date) from audit.load_ledger
        where source = ? and object = ? and status = 'loaded' and is_whole and as_of_date <= ?""",
        [source, name, until],
    ).fetchone()[0]


def record_freshness(connection: duckdb.DuckDBPyConnection, run_id: str, night: date, row: LedgerRow) -> None:
    """Say how old an object's data are: fresh, or stale with the days since its last good load."""
    last = last_loaded_on(connection, row.source, row.object)
    status = "fresh" if row.status == "loaded" else "stale"
    connection.execute(
        """insert into audit.source_freshness
        (run_id, as_of_date, source, object, status, last_loaded_on, stale_days, message)
        values (?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            run_id,
            night,
            row.source,
            row.object,
            status,
            last,
            (night - last).days if last else None,
            row.message,
        ],
    )


def record_fact_customers(connection: duckdb.DuckDBPyConnection, run_id: str, night: date) -> None:
    """Count the rows of each fact that have a customer and that have none, as nobody's customer did them."""
    connection.execute("delete from audit.fact_customers where run_id = ?", [run_id])  # of a first try
    facts = connection.execute(
        """select table_schema || '.' || table_name from information_schema.columns
        where starts_with(table_name, 'fct_') and column_name = 'customer_key' order by 1"""
    ).fetchall()
    for (fact,) in facts:
        connection.execute(
            f"""insert into audit.fact_customers by name
            select ? as run_id, ?::date as as_of_date, ? as fact, count(*) as row_count,
                count(customer_key) as with_customer, count(*) - count(customer_key) as without_customer
            from {fact}""",
            [run_id, night, fact],
        )


def record_columns(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    night: date,
    source: str,
    name: str,
    columns: Iterable[str],
    mapped: Collection[str],
) -> None:
    """Put the source's columns of an object on record; one that an object loaded before did not have is new."""
    seen = [[column, column in mapped] for column in columns]
    connection.execute("create or replace temp table seen_columns (column_name varchar, is_mapped boolean)")
    insert_rows(connection, "seen_columns", ("column_name", "is_mapped"), seen)
    connection.execute(
        """
        update audit.source_columns set is_mapped = seen.is_mapped from seen_columns as seen
        where source = ? and object = ? and source_columns.column_name = seen.column_name
        """,
        [source, name],
    )
    connection.execute(
        """
        with known as (select column_name from audit.source_columns where source = ? and object = ?)
        insert into audit.source_columns
        select ?, ?, column_name, ?, ?, exists (from known), is_mapped
        from seen_columns where column_name not in (select column_name from known)
        """,
        [source, name, source, name, run_id, night],
    )


def record_gate_results(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    night: date,
    boundary: str,
    source: str,
    name: str,
    results: Iterable[RuleResult],
) -> None:
    """Put the verdict of every rule over one table on record; `boundary` is raw, marts or audit."""
    columns = (
        "run_id", "as_of_date", "boundary", "source", "object", "rule", "aspect", "description", "severity", "outcome",
        "evaluated_rows", "failing_rows", "observed_value", "expected", "message", "quarantines",
    )  # fmt: skip
    verdicts = [
        [
            run_id, night, boundary, source, name, r.rule, r.aspect, r.description, r.severity, r.outcome,
            r.evaluated_rows, r.failing_rows, r.observed_value, r.expected, r.message, r.quarantines,
        ]
        for r in results
    ]  # fmt: skip
    insert_rows(connection, "audit.gate_results", columns, verdicts)


def ledger_of(connection: duckdb.DuckDBPyConnection, run_id: str, source: str) -> list[LedgerRow]:
    """The ledger rows of one run and source."""
    names = list(LedgerRow.__dataclass_fields__)
    rows = connection.execute(
        f"select {', '.join(names)} from audit.load_ledger where run_id = ? and source = ?", [run_id, source]
    ).fetchall()
    return [LedgerRow(**dict(zip(names, row, strict=True))) for row in rows]


def verdicts_of(
    connection: duckdb.DuckDBPyConnection, run_id: str, source: str
) -> list[tuple[str, RuleResult]]:
    """(object, verdict) of every rule of one run and source; the source of a mart's rules is `marts`."""
    names = list(RuleResult.__dataclass_fields__)
    rows = connection.execute(
        f"select object, {', '.join(names)} from audit.gate_results where run_id = ? and source = ?",
        [run_id, source],
    ).fetchall()
    return [(row[0], RuleResult(**dict(zip(names, row[1:], strict=True)))) for row in rows]


def new_columns(
    connection: duckdb.DuckDBPyConnection, run_id: str, source: str | None = None
) -> list[tuple[str, str, bool]]:
    """The columns that a run was the first to see, of all objects or one source's: object, column, whether mapped."""
    try:
        return connection.execute(
            """
            select source || '.' || object, column_name, is_mapped from audit.source_columns
            where first_run_id = ? and is_new and source = coalesce(?, source) order by all
            """,
            [run_id, source],
        ).fetchall()
    except duckdb.CatalogException:  # a home that an earlier release has loaded last
        return []


def stale_objects(
    connection: duckdb.DuckDBPyConnection, run_id: str
) -> list[tuple[str, date | None, int | None, str | None]]:
    """The objects that a run could not load: object, night of the last good load, days since, and why."""
    return connection.execute(
        """
        select source || '.' || object, last_loaded_on, stale_days, message from audit.source_freshness
        where run_id = ? and status = 'stale' order by all
        """,
        [run_id],
    ).fetchall()
