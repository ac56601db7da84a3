"""The simulator's own record of a company, before any defect, beside what the pipeline made of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from ckm.contracts import object_contract
from ckm.simulate.company import COMPANY
from ckm.simulate.draws import Draws
from ckm.simulate.life import live

# What a system shows that is sound all the same, if it shows it: the others must be kept out.
HARMLESS = ("duplicate_row", "unknown_product", "late_row", "corrected_row")


@contextmanager
def record_beside(folder: Path, home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """One DuckDB with the company in `folder`, as its truth says it was made, and its `home`:

    <source>.<object>  the rows that must come through: `row_key` as in the raw log, numbers as decimals
    truth.defects      what was planted
    truth.customers    reference `<source>|<object>|<native id>` of a person → the customers that it may stand for
    public, warehouse  the published database and the warehouse
    """
    parameters = json.loads((folder / "truth" / "parameters.json").read_text("utf-8"))
    life = live(
        COMPANY,
        Draws(parameters["seed"]),
        customers=parameters["customers"],
        until=date.fromisoformat(parameters["until"]),
    )
    with duckdb.connect() as connection:
        current = home / "published" / "current" / "ckm.duckdb"
        connection.execute(f"attach '{current}' as public (read_only)")
        connection.execute(f"attach '{home / 'warehouse.duckdb'}' as warehouse (read_only)")
        connection.execute("create schema truth")
        connection.execute(f"create table truth.defects as from '{folder}/truth/defects.parquet'")
        for source, objects in life.objects.items():
            connection.execute(f"create schema {source}")
            for name, columns in objects.items():
                _tell(connection, source, name, columns)
        contacts = life.objects["crm"]["contacts"]  # all of them, as the CRM may not tell
        connection.register("contacts", pa.table({c: contacts[c] for c in ("contact_id", "customer_id")}))
        connection.execute(
            f"""
            create table truth.customers as
            with identity as (
                select *, source || '|' || object || '|' || native_id as reference
                from '{folder}/truth/identity.parquet'
            )
            select person.reference, coalesce(contacts.customer_id, own.native_id) as customer_id
            from identity as person
            join identity as own on own.person_id = person.person_id and own.source = 'crm'
            left join contacts on own.object = 'contacts' and own.native_id = contacts.contact_id
            """
        )
        yield connection


def _tell(connection: duckdb.DuckDBPyConnection, source: str, name: str, columns: dict) -> None:
    """Make `<source>.<object>` of the rows that no planted defect keeps out."""
    keys = [key for key in object_contract(source, name).key if key in columns]
    texts = ", ".join(f"cast({key} as varchar)" for key in keys)
    rows = pa.table({c: pa.array(v) if c == "_uid" else v for c, v in columns.items()})
    numbers = [c for c in rows.column_names if pa.types.is_floating(rows.schema.field(c).type)]
    typed = ", ".join(f"cast({c} as decimal(18, 6)) as {c}" for c in numbers)
    connection.register("rows", rows)
    connection.execute(
        f"""
        create table {source}.{name} as
        select * {f"replace ({typed})" if typed else ""}, concat_ws(chr(31), {texts}) as row_key from rows
        where not exists (
            select 1 from truth.defects
            where source = '{source}' and object = '{name}' and native_key = concat_ws('|', {texts})
                and (kind not in {HARMLESS} or row is null)
        )
        """
    )
    connection.unregister("rows")
