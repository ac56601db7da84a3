"""The tables of the identity layer in a home's private file, one row per what their comment says."""

import duckdb

TABLES: dict[str, str] = {
    # source reference by which a source names a person or a company
    "person_record": """record_ref varchar, source varchar, object varchar, native_id varchar, kind varchar,
        first_name varchar, last_name varchar, full_name varchar, company_name varchar,
        registration_number varchar, email varchar, phone varchar, street varchar, postal_code varchar,
        city varchar, country varchar, birth_date date, birth_year integer, parent_ref varchar,
        stated_ref varchar, known_on date, changed_on date""",
    # two records of which the sources' own documents state that they are one person
    "stated_pair": "left_ref varchar, right_ref varchar, basis varchar",
    # link between two records, with what speaks for it: a rule, or the match weight (log2) by field and the
    # probability; doubtful with the reason why it was not made; strength 0 is the strongest
    "link": """left_ref varchar, right_ref varchar, rule varchar, status varchar, reason varchar, remark varchar,
        match_probability double, match_weight double, field_weights map(varchar, double), model varchar,
        run_id varchar, strength double""",
    # term of a name column and its share among the records with which a model was taken into use
    "term_frequency": "model varchar, column_name varchar, term varchar, frequency double",
    # record and the founder of the cluster to which it belongs from valid_from to valid_to, exclusive
    "cluster": "record_ref varchar, founder_ref varchar, valid_from date, valid_to date",
}


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that are not there yet."""
    connection.execute("create schema if not exists identity")
    for name, columns in TABLES.items():
        connection.execute(f"create table if not exists identity.{name} ({columns})")
