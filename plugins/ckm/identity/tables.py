"""The tables of the identity layer in a home's private file, one row per what their comment says."""

from collections.abc import Sequence

import duckdb

from ckm.warehouse import IDENTITY_TABLES

TABLES: dict[str, str] = {
    # source reference by which a source names a person or a company
    "person_record": """record_ref varchar, source varchar, object varchar, native_id varchar, kind varchar,
        first_name varchar, last_name varchar, full_name varchar, company_name varchar,
        registration_number varchar, email varchar, phone varchar, street varchar, postal_code varchar,
        city varchar, country varchar, birth_date date, birth_year integer, parent_ref varchar,
        stated_ref varchar, known_on date, changed_on date""",
    # two records of which the sources' own documents state that they are one person
    "stated_pair": "left_ref varchar, right_ref varchar, basis varchar",
    **IDENTITY_TABLES,
}


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that are not there yet."""
    connection.execute("create schema if not exists identity")
    for name, columns in TABLES.items():
        connection.execute(f"create table if not exists identity.{name} ({columns})")


KEPT = (
    "normal", "shared_value", "ruled_pair", "comparable", "scored_pair", "scored_state", "component", "cluster_night",
)  # fmt: skip
"""What is kept from night to night only so that a night makes again no more than what changes."""
_NO_LONGER_KEPT = ("reading", "stated_link", "candidate")


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the next steps start from all records, as on a first night."""
    for table in (*KEPT, *_NO_LONGER_KEPT):
        connection.execute(f"drop table if exists identity.{table}")
    connection.execute("delete from identity.placeholder")


def keep(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    wanted: str,
    key: Sequence[str],
    *,
    aside: Sequence[str] = (),
) -> None:
    """Make a table of the schema what another one is, and write only rows that differ: writing costs most of a night.

    The temporary table `differing` then has the keys of those rows.

    Args:
        wanted: the other table, with the same columns.
        key: columns that tell its rows apart.
        aside: columns in which alone a row that stays may differ.
    """
    columns = connection.table(f"identity.{table}").columns
    told = ", ".join(column for column in columns if column not in aside)
    keys = ", ".join(key)
    here = " and ".join(f"{table}.{column} = differing.{column}" for column in key)
    connection.execute(
        f"""create or replace temp table differing as
        select {keys}
        from (select {keys}, hash({told}) as row from identity.{table}) as before
        full join (select {keys}, hash({told}) as row from {wanted}) as now using ({keys})
        where before.row is distinct from now.row;
        delete from identity.{table} where exists (from differing where {here});
        insert into identity.{table} by name
        select {", ".join(columns)} from {wanted} semi join differing using ({keys}) order by {keys}"""
    )
