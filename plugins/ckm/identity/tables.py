"""The tables of the identity layer in a home's private file, one row per what their comment says."""

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
