"""The private warehouse file: the only module that opens DuckDB, and the tables that exist before any load."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path

import duckdb

from ckm import __version__, runs
from ckm.contracts import source_contracts
from ckm.errors import ConfigurationError, LoadRunning

SCHEMA_VERSION = 5  # of the tables below; each change to them is a step in ckm.migrations
MEMORY_LIMIT = "2GB"  # of DuckDB, where CKM_MEMORY_LIMIT does not say

LOG_COLUMNS: dict[str, str] = {
    "row_key": "varchar not null",
    "version_number": "bigint not null",
    "content_hash": "varchar not null",
    "known_on": "date not null",
    "is_deleted": "boolean not null",
    "source_pointer": "varchar",
    "run_id": "varchar not null",
    "unmapped": "varchar",
}

AUDIT_TABLES: dict[str, str] = {
    "runs": """run_id varchar, as_of_date date, status varchar, started_at timestamp, finished_at timestamp,
        published_version varchar, message varchar, ckm_version varchar, configuration_hash varchar,
        duration_seconds double, driver varchar, full_refresh boolean, git_commit varchar, is_dirty boolean,
        versions varchar, rules_hash varchar""",
    "run_steps": """run_id varchar, as_of_date date, step varchar, source varchar, status varchar,
        started_at timestamp, seconds double, result varchar, message varchar""",
    "publications": """number bigint, version varchar, run_id varchar, as_of_date date, kind varchar,
        version_before varchar, switched_at timestamp, reason varchar""",
    "published_tables": """run_id varchar, as_of_date date, schema_name varchar, table_name varchar,
        row_count bigint""",
    "load_ledger": """run_id varchar, as_of_date date, source varchar, object varchar, extracted bigint,
        replayed bigint, loaded bigint, unchanged bigint, duplicate bigint, quarantined bigint,
        suppressed bigint, deleted bigint, renewed bigint, is_whole boolean, status varchar, message varchar""",
    "source_freshness": """run_id varchar, as_of_date date, source varchar, object varchar, status varchar,
        last_loaded_on date, stale_days bigint, message varchar""",
    "source_columns": """source varchar, object varchar, column_name varchar, first_run_id varchar,
        first_seen_on date, is_new boolean, is_mapped boolean""",
    "gate_results": """run_id varchar, as_of_date date, boundary varchar, source varchar, object varchar,
        rule varchar, aspect varchar, description varchar, severity varchar, outcome varchar,
        evaluated_rows bigint, failing_rows bigint, observed_value varchar, expected varchar,
        message varchar, quarantines boolean""",
    "gate_profiles": """run_id varchar, as_of_date date, boundary varchar, source varchar, object varchar,
        metric varchar, column_name varchar, category varchar, value double""",
    "fact_customers": """run_id varchar, as_of_date date, fact varchar, row_count bigint, with_customer bigint,
        without_customer bigint""",
    "test_results": """run_id varchar, as_of_date date, node varchar, resource_type varchar, layer varchar,
        status varchar, duration_seconds double, failures bigint, message varchar""",
    "model_runs": """model_run_id varchar, run_id varchar, as_of_date date, model varchar, parameter varchar,
        parameter_value double, standard_error double, is_identified boolean, log_likelihood double,
        customers bigint, distinct_states bigint, remark varchar""",
    "column_lineage": """run_id varchar, as_of_date date, table_name varchar, column_name varchar,
        upstream_table varchar, upstream_column varchar,
        expression varchar""",
    "erasures": "run_id varchar, as_of_date date, customer_key varchar, reason varchar, rows_erased bigint",
    "schema_versions": """version bigint, ckm_version varchar, migrated_at timestamp, says varchar,
        asks_full_refresh boolean""",
    "retention": "run_id varchar, as_of_date date, what varchar, cutoff date, rows bigint",
}

QUARANTINE_TABLE = """quarantine_id varchar, source varchar, object varchar, rule varchar, other_rules varchar,
    severity varchar, description varchar, detail varchar, row_key varchar, content_hash varchar, content varchar,
    source_pointer varchar, first_run_id varchar, first_seen_on date, last_run_id varchar,
    last_seen_on date, status varchar, mended varchar, reason varchar, decided_at timestamp,
    replayed_as varchar, replayed_hash varchar, settled_on date"""

SCORE_TABLES: dict[str, str] = {
    "clv": """customer_key varchar, p_alive double, expected_orders_90d double, expected_orders_365d double,
        expected_order_value double, clv_365d double, clv_365d_low double, clv_365d_high double,
        clv_lifetime double, value_basis varchar, currency_code varchar, scored_as_of_date date,
        model_run_id varchar, clv_90d double, remark varchar""",
    "churn": """customer_key varchar, churn_probability_90d double, scored_as_of_date date,
        model_run_id varchar""",
    # what the model in use says of each customer as of the last month-ends
    "month_end": "as_of_date date, customer_key varchar, clv_365d double, churn_probability_90d double",
    # the model made on purchases up to a day: recorded, and used until the next month-end
    "model_decision": """data_until date, run_id varchar, order_model varchar, value_model varchar,
        decision varchar""",
    "backtest": """data_until date, model varchar, cut_date date, horizon_days bigint, is_chosen boolean,
        metric varchar, metric_value double, baseline varchar, baseline_value double""",
    "calibration": """data_until date, model varchar, cut_date date, kind varchar, bin bigint, bin_date date,
        customers bigint, predicted double, actual double""",
    "churn_driver": "customer_key varchar, driver varchar, contribution double, value double",
    "churn_model": """model_run_id varchar, fitted_on date, kind varchar, is_calibrated boolean, model varchar,
        rhythm varchar, spreads varchar, base double, intercept double, slope double, rows_learned bigint""",
    "churn_backtest": """model_run_id varchar, model varchar, is_calibrated boolean, cut_date date, rows bigint,
        rows_learned bigint, metric varchar, metric_value double""",
    "churn_calibration": "model_run_id varchar, bin bigint, rows bigint, said double, happened double",
    "churn_prediction": "cut_date date, customer_key varchar, probability double, model_run_id varchar",
    "model_drift": """as_of_date date, model_run_id varchar, subject varchar, name varchar, measure varchar,
        value double, alarm_above double, is_alarm boolean, customers bigint""",
}

IDENTITY_TABLES: dict[str, str] = {
    # link between two records, with what speaks for it: a rule, or the match weight (log2) by field and the
    # probability; doubtful with the reason why it was not made; strength 0 is the strongest
    "link": """left_ref varchar, right_ref varchar, rule varchar, status varchar, reason varchar, remark varchar,
        match_probability double, match_weight double, field_weights map(varchar, double), model varchar,
        run_id varchar, strength double""",
    # term of a name column and its share among the records of the night on which a model was taken into use
    "term_frequency": "model varchar, taken_on date, column_name varchar, term varchar, frequency double",
    # record and night that found it in another cluster, or for another customer, than the night before it
    "cluster_change": "record_ref varchar, founder_ref varchar, customer_ref varchar, changed_on date",
    # night of which `cluster_change` has what it found
    "matched_night": "night date",
    # record, the founder of the cluster to which it belongs from valid_from to valid_to, exclusive, and the founder
    # of that of the customer for whom it stands, as of the night that was run last
    "cluster": """record_ref varchar, founder_ref varchar, customer_ref varchar, valid_from date,
        valid_to date""",
    # what the links were made of last: as long as it stays, they do
    "match_state": "fingerprint varchar",
    # record and field whose value stands for none
    "placeholder": "record_ref varchar, field varchar, value varchar",
}


OTHER_KEY = (
    "the key behind customer_key is not the one this home was built with, and every key would change: "
    "set CKM_SECRET, or restore secret.key in the home."
)


_patience: ContextVar[timedelta] = ContextVar("patience", default=timedelta(seconds=10))


@contextmanager
def patience(longest: timedelta) -> Iterator[None]:
    """Inside, a file that another program has open is waited for so long; else for ten seconds, as whoever looks
    closes it soon."""
    before = _patience.set(longest)
    try:
        yield
    finally:
        _patience.reset(before)


@contextmanager
def connect(path: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB file for the length of a `with`; the session's clock is UTC.

    It takes no more of the machine than `limit` lets it, and puts what does not fit into memory beside the file.

    Raises:
        LoadRunning: another process holds the file and does not let go of it.
    """
    connection = _opened(path, read_only)
    try:
        connection.execute("set time zone 'UTC'")
        limit(connection)
        yield connection
    finally:
        connection.close()


def _opened(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    """An open file, as soon as other processes let go of it."""
    deadline = time.monotonic() + _patience.get().total_seconds()
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.IOException as error:
            if "Could not set lock" not in str(error):
                raise
            if time.monotonic() >= deadline:
                raise _held_by_another(path, str(error)) from error
        time.sleep(0.2)


def _held_by_another(path: Path, message: str) -> LoadRunning:
    """The sentence on a file that another process has open, with its number as far as DuckDB's message has it."""
    holder = re.search(r"held in (.+?) \(PID (\d+)\)", message)
    who = f"another program ({Path(holder[1]).name}, process {holder[2]})" if holder else "another program"
    return LoadRunning(f"{path} is open in {who}, which blocks the load: close it and run again.")


def limit(connection: duckdb.DuckDBPyConnection) -> None:
    """Let DuckDB take no more memory than `CKM_MEMORY_LIMIT`, and as many cores as `CKM_THREADS`, else all."""
    connection.execute(f"set memory_limit = {literal(os.environ.get('CKM_MEMORY_LIMIT') or MEMORY_LIMIT)}")
    if threads := os.environ.get("CKM_THREADS"):
        connection.execute(f"set threads = {int(threads)}")


def quoted(name: str) -> str:
    """A name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def prepare(connection: duckdb.DuckDBPyConnection, hmac_pads: tuple[str, str] | None = None) -> None:
    """Make a new home's schemas and tables: all that the load or dbt reads before something fills it.

    An object that the company lacks has an empty raw table, so that all that is downstream is empty
    rather than broken.

    Args:
        hmac_pads: inner and outer pad of the key behind `customer_key`, which stay in the private file;
            None leaves what is there.

    Raises:
        ConfigurationError: the home was built with another key, or by a release with other tables.
    """
    if fault := schema_fault(connection):
        raise ConfigurationError(fault)
    connection.begin()  # half a new home would look like one of an earlier release
    try:
        is_new = schema_version(connection) is None
        _create(connection)
        if is_new:
            record_version(connection, SCHEMA_VERSION, "A new home.")
        if hmac_pads:
            if has_other_key(connection, hmac_pads):
                raise ConfigurationError(OTHER_KEY)
            if not connection.execute("from secrets.customer_key_pads").fetchall():
                connection.execute("insert into secrets.customer_key_pads values (?, ?)", list(hmac_pads))
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    for schema in ("audit", "gate", "identity", "quarantine", "scores", "secrets"):
        connection.execute(f"create schema if not exists {schema}")
    for name, columns in AUDIT_TABLES.items():
        connection.execute(f"create table if not exists audit.{name} ({columns})")
    for name, columns in SCORE_TABLES.items():
        connection.execute(f"create table if not exists scores.{name} ({columns})")
    for name, columns in IDENTITY_TABLES.items():
        connection.execute(f"create table if not exists identity.{name} ({columns})")
    connection.execute(f"create table if not exists quarantine.rows ({QUARANTINE_TABLE})")
    connection.execute(
        "create table if not exists secrets.customer_key_pads (inner_pad varchar, outer_pad varchar)"
    )
    log_columns = ", ".join(f"{name} {sql_type}" for name, sql_type in LOG_COLUMNS.items())
    for source, contract in source_contracts().items():
        connection.execute(f"create schema if not exists raw_{source}")
        for name, spec in contract.objects.items():
            columns = ", ".join(f"{quoted(c)} {column.duckdb_type}" for c, column in spec.columns.items())
            connection.execute(f"create table if not exists raw_{source}.{name} ({log_columns}, {columns})")


def schema_version(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The version of a home's tables; None where there are none yet."""
    tables = connection.execute(
        "select table_name from duckdb_tables() where schema_name = 'audit'"
    ).fetchall()
    if ("schema_versions",) in tables:
        return connection.execute("select max(version) from audit.schema_versions").fetchone()[0]
    return 1 if ("runs",) in tables else None  # the first release kept no record of it


def schema_fault(connection: duckdb.DuckDBPyConnection) -> str | None:
    """The sentence on a home whose tables are not those that this release reads and writes."""
    version = schema_version(connection)
    if version is None or version == SCHEMA_VERSION:
        return None
    if version < SCHEMA_VERSION:
        return (
            f"this home was made by an earlier release (schema {version}, this one needs {SCHEMA_VERSION}): "
            "back it up with ckm backup and run ckm migrate."
        )
    (release,) = connection.execute(
        "select max_by(ckm_version, version) from audit.schema_versions"
    ).fetchone()
    return (
        f"this home was made by a newer release (schema {version}, this one knows {SCHEMA_VERSION}): "
        f"install ckm {release} or a later one."
    )


def record_version(
    connection: duckdb.DuckDBPyConnection, version: int, says: str, *, asks_full_refresh: bool = False
) -> None:
    """Put on record that the home's tables are of a version from now on, and whether the next night must rebuild."""
    connection.execute(
        """insert into audit.schema_versions (version, ckm_version, migrated_at, says, asks_full_refresh)
        values (?, ?, ?, ?, ?)""",
        [version, __version__, runs.now(), says, asks_full_refresh],
    )


def has_other_key(connection: duckdb.DuckDBPyConnection, hmac_pads: tuple[str, str] | None) -> bool:
    """Whether this home was built with a key, and not with the one of these pads."""
    known = connection.execute("from secrets.customer_key_pads").fetchall()
    return bool(known) and known != [hmac_pads]
