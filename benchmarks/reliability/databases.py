"""Databases whose rows come late, change in silence, are deleted, or break off while they are read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from benchmarks.reliability.bench import Bench
from benchmarks.reliability.records import Kind, Mending, Record, State, product
from benchmarks.reliability.written import table

A, B, C, D = (product(number) for number in (1, 2, 3, 4))
NEWEST = product(9, Changed="2025-07-10 06:00:00")
LATE = product(5, Changed="2025-07-09 06:00:00")
VERY_LATE = product(6, Changed="2025-06-01 06:00:00")
UNDATED = product(7, Changed=None)
WIDER = Record({**A.cells, "Changed": "2025-07-02 06:00:00", "Size": "XL"})
MANY = [product(number) for number in range(1, 61)]
SILENT = C.but(Price="99.00")
NUMERIC = {"Price": "numeric(18, 4)"}


def days(*given: tuple[int, State]) -> tuple[tuple[str, State], ...]:
    """States by day of July."""
    return tuple((f"2025-07-{day:02}", state) for day, state in given)


def broken_off(*records: Record) -> State:
    """A table that is read through a view whose second row ends the reading."""

    def view(bench: Bench) -> None:
        end = (
            "pg_terminate_backend(pg_backend_pid())::text"
            if bench.kind.transport == "postgresql"
            else "abs(-9223372036854775807 - 1)"
        )
        names = ", ".join(f'"{name}"' for name in records[0].cells)
        bench.run(
            f'create view shown as select {names}, case when "SKU" = \'P2\' then {end} end as "Size" from items'
        )

    return table(*records, then=view)


def reshaped(*records: Record, statement: str) -> State:
    """A table that somebody has changed."""
    return table(*records, then=lambda bench: bench.run(statement))


@contextmanager
def uncommitted(bench: Bench, record: Record) -> Iterator[None]:
    """A transaction that has written a row and commits when the night has read."""
    with bench.database.begin() as connection:
        names = ", ".join(f'"{name}"' for name in record.cells)
        values = ", ".join(f":{name}" for name in record.cells)
        connection.execute(sa.text(f"insert into items ({names}) values ({values})"), dict(record.cells))
        yield


def _late(records: tuple[Record, ...], late: Record) -> State:
    return table(*records, then=lambda bench: uncommitted(bench, late))


def _gone(bench: Bench) -> None:
    bench.database.dispose()
    (bench.folder / "crm.db").unlink()


def sqlite(what: str, *given: tuple[int, State], is_short: bool = False, **how: Any) -> Kind:
    """A SQLite database by day of July."""
    return Kind(what, "sqlite", days(*given), is_short=is_short, **how)


KINDS: tuple[Kind, ...] = (
    sqlite("a late commit within lag_days", (10, table(A, NEWEST)), (11, table(A, NEWEST, LATE))),
    sqlite(
        "a commit later than lag_days, found by the full comparison",
        (10, table(A, NEWEST)),
        (11, table(A, NEWEST)),
        (17, table(A, NEWEST, VERY_LATE)),
        is_short=True,
    ),
    Kind(
        "a transaction that commits after the night has read",
        "postgresql",
        days((10, _late((A, NEWEST), LATE)), (11, table(A, NEWEST, LATE))),
    ),
    sqlite(
        "rows without a time of change",
        (10, table(A, UNDATED, NEWEST)),
        (11, table(A, UNDATED.but(Price="8.00"), product(8, Changed=None), NEWEST)),
    ),
    sqlite("equal times of change at the border", (1, table(A)), (2, table(A, B, C)), source={"lag_days": 0}),
    sqlite(
        "a row changed without a new time of change",
        (10, table(A, B, C, NEWEST)),
        (17, table(A, B, SILENT, NEWEST)),
        is_short=True,
    ),
    sqlite(
        "a row deleted in the system", (10, table(A, B, C, NEWEST)), (17, table(A, C, NEWEST)), is_short=True
    ),
    sqlite(
        "a deleted row that comes back",
        (10, table(A, B, NEWEST)),
        (17, table(A, NEWEST)),
        (24, table(A, B, NEWEST)),
    ),
    sqlite(
        "a table that is emptied and filled while it is read",
        (1, table(*MANY)),
        (2, table(MANY[-1]).but_refused("as if its table were being reloaded")),
        mending=Mending("database", state=table(*MANY)),
        source={"full_comparison_days": 1},
    ),
    sqlite(
        "a clock that steps back",
        (10, table(A, NEWEST)),
        (11, table(A, NEWEST.but(Price="1.00", Changed="2025-07-09 05:00:00"))),
    ),
    sqlite(
        "a value that returns to what it was",
        (1, table(A, B)),
        (2, table(A, B.but(Price="7.00", Changed="2025-07-02 06:00:00"))),
        (3, table(A, B.but(Changed="2025-07-03 06:00:00"))),
    ),
    sqlite(
        "a time of change far ahead",
        (1, table(A, B.broken("updated_at_is_not_far_ahead", Changed="2099-01-01 06:00:00"))),
        mending=Mending("database", (B,), table(A, B), leaves="replaced"),
    ),
    sqlite(
        "a text in a column of numbers",
        (1, table(A, B.broken("list_price_is_readable", Price="on request"), C, types=NUMERIC)),
        mending=Mending(
            "row", (B,), decide=lambda bench: bench.queue(mend={"Price": "2.25"}), leaves="replayed"
        ),
        is_short=True,
    ),
    sqlite(
        "a column that is gone",
        (1, table(A, B)),
        (
            2,
            reshaped(A, B, statement="alter table items rename column Price to Cost").but_refused(
                "column Price (mapped to list_price) is not in table items"
            ),
        ),
    ),
    sqlite("a column more than before", (1, table(A, B)), (2, table(WIDER, B, C))),
    sqlite(
        "a table that is gone",
        (1, table(A, B)),
        (2, reshaped(A, B, statement="drop table items").but_refused("table items is not in")),
    ),
    sqlite("a database that is gone", (1, table(A, B)), (2, State((A, B), _gone, "does not exist"))),
    sqlite(
        "a row that breaks off the reading",
        (1, broken_off(A, B, C).but_refused("refuses: integer overflow")),
        mapping={"query": "select * from shown"},
        mending=Mending(
            "database",
            (A, B, C),
            State(
                (A, B, C),
                lambda bench: bench.run(
                    "drop view shown", "create view shown as select *, null as Size from items"
                ),
            ),
        ),
    ),
    Kind(
        "a database that is gone while it is read",
        "postgresql",
        days((1, broken_off(A, B, C).but_refused("does not answer"))),
        Mending(
            "database",
            (A, B, C),
            State(
                (A, B, C),
                lambda bench: bench.run(
                    "drop view shown", 'create view shown as select *, null as "Size" from items'
                ),
            ),
        ),
        mapping={"table": "shown"},
    ),
)
