"""From one release's home to the next one's: what changes in the tables of a home, in order.

A migration is never changed once it is released, and names what it makes itself: `ckm.warehouse` says what the
newest release needs. Each is one transaction with its row in `audit.schema_versions`, so that a kill leaves the home at
one version or the next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb

from ckm.errors import ConfigurationError
from ckm.warehouse import quoted, record_version, schema_fault, schema_version


@dataclass(frozen=True)
class Migration:
    """The step to schema version `number`; `says` tells a person what it does.

    `asks_full_refresh` where dbt must build its incremental tables anew: the next night then does.
    """

    number: int
    says: str
    apply: Callable[[duckdb.DuckDBPyConnection], None]
    asks_full_refresh: bool = False


def _to_2(connection: duckdb.DuckDBPyConnection) -> None:
    """Until here each night added what a home of an even earlier commit lacked."""
    for table, columns in {
        "audit.runs": """duration_seconds double, driver varchar, full_refresh boolean, git_commit varchar,
            is_dirty boolean, versions varchar, rules_hash varchar""",
        "audit.load_ledger": "renewed bigint, is_whole boolean",
        "audit.gate_results": "aspect varchar, expected varchar, quarantines boolean",
        "quarantine.rows": """other_rules varchar, detail varchar, mended varchar, reason varchar,
            decided_at timestamp, replayed_as varchar, replayed_hash varchar, settled_on date""",
        **{f"{schema}.{name}": "unmapped varchar" for schema, name in _raw_logs(connection)},
    }.items():
        for column in columns.split(","):
            connection.execute(f"alter table {table} add column if not exists {column}")
    for table, columns in {
        "audit.run_steps": """run_id varchar, as_of_date date, step varchar, source varchar, status varchar,
            started_at timestamp, seconds double, result varchar, message varchar""",
        "audit.published_tables": """run_id varchar, as_of_date date, schema_name varchar, table_name varchar,
            row_count bigint""",
        "audit.source_columns": """source varchar, object varchar, column_name varchar, first_run_id varchar,
            first_seen_on date, is_new boolean, is_mapped boolean""",
        "audit.gate_profiles": """run_id varchar, as_of_date date, boundary varchar, source varchar,
            object varchar, metric varchar, column_name varchar, category varchar, value double""",
        "audit.schema_versions": """version bigint, ckm_version varchar, migrated_at timestamp, says varchar,
            asks_full_refresh boolean""",
        "audit.publications": """number bigint, version varchar, run_id varchar, as_of_date date, kind varchar,
            version_before varchar, switched_at timestamp, reason varchar""",
        "audit.retention": "run_id varchar, as_of_date date, what varchar, cutoff date, rows bigint",
    }.items():
        connection.execute(f"create table if not exists {table} ({columns})")
    connection.execute(
        """
        insert into audit.publications (number, version, run_id, as_of_date, kind, version_before, switched_at)
        select row_number() over in_order, published_version, run_id, as_of_date, 'published',
            lag(published_version) over in_order, finished_at
        from audit.runs where published_version is not null
        window in_order as (order by finished_at, as_of_date, run_id)
        """
    )
    connection.execute(
        """
        update quarantine.rows set settled_on = coalesce(cast(decided_at as date), last_seen_on)
        where status in ('replayed', 'released', 'replaced', 'discarded')
        """
    )


def _to_3(connection: duckdb.DuckDBPyConnection) -> None:
    """Until here no night matched records, and three objects had no name of a person."""
    connection.execute("create schema if not exists identity")
    for table, columns in {
        "link": """left_ref varchar, right_ref varchar, rule varchar, status varchar, reason varchar,
            remark varchar, match_probability double, match_weight double, field_weights map(varchar, double),
            model varchar, run_id varchar, strength double""",
        "term_frequency": "model varchar, taken_on date, column_name varchar, term varchar, frequency double",
        "cluster_change": "record_ref varchar, founder_ref varchar, customer_ref varchar, changed_on date",
        "matched_night": "night date",
        "cluster": "record_ref varchar, founder_ref varchar, customer_ref varchar, valid_from date, valid_to date",
        "match_state": "fingerprint varchar",
        "placeholder": "record_ref varchar, field varchar, value varchar",
    }.items():
        connection.execute(f"create table if not exists identity.{table} ({columns})")
    for log in ("raw_knowledge.deliveries", "raw_knowledge.searches", "raw_surveys.invitations"):
        connection.execute(f"alter table {log} add column if not exists full_name varchar")
    connection.execute(
        """create table if not exists audit.fact_customers (run_id varchar, as_of_date date, fact varchar,
        row_count bigint, with_customer bigint, without_customer bigint)"""
    )


def _to_4(connection: duckdb.DuckDBPyConnection) -> None:
    """Until here the value model was fitted each night, and no decision was kept."""
    for column in ("clv_90d double", "remark varchar"):
        connection.execute(f"alter table scores.clv add column if not exists {column}")
    for table, columns in {
        "month_end": "as_of_date date, customer_key varchar, clv_365d double, churn_probability_90d double",
        "model_decision": """data_until date, run_id varchar, order_model varchar, value_model varchar,
            decision varchar""",
        "backtest": """data_until date, model varchar, cut_date date, horizon_days bigint, is_chosen boolean,
            metric varchar, metric_value double, baseline varchar, baseline_value double""",
        "calibration": """data_until date, model varchar, cut_date date, kind varchar, bin bigint, bin_date date,
            customers bigint, predicted double, actual double""",
    }.items():
        connection.execute(f"create table if not exists scores.{table} ({columns})")


def _to_5(connection: duckdb.DuckDBPyConnection) -> None:
    """Until here BG/NBD alone said who stays away, and nothing of it was kept."""
    for table, columns in {
        "churn_driver": "customer_key varchar, driver varchar, contribution double, value double",
        "churn_model": """model_run_id varchar, fitted_on date, kind varchar, is_calibrated boolean, model varchar,
            rhythm varchar, spreads varchar, base double, intercept double, slope double, rows_learned bigint""",
        "churn_backtest": """model_run_id varchar, model varchar, is_calibrated boolean, cut_date date, rows bigint,
            rows_learned bigint, metric varchar, metric_value double""",
        "churn_calibration": "model_run_id varchar, bin bigint, rows bigint, said double, happened double",
        "churn_prediction": "cut_date date, customer_key varchar, probability double, model_run_id varchar",
        "model_drift": """as_of_date date, model_run_id varchar, subject varchar, name varchar, measure varchar,
            value double, alarm_above double, is_alarm boolean, customers bigint""",
    }.items():
        connection.execute(f"create table if not exists scores.{table} ({columns})")


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        2,
        "Record schema versions, switches of readers, what retention removes and when a quarantined row was settled.",
        _to_2,
    ),
    Migration(
        3, "Keep what the matching of records finds, and which facts have a customer, night by night.", _to_3
    ),
    Migration(4, "Keep the value model of each month-end, its backtest and the scores of month-ends.", _to_4),
    Migration(5, "Keep churn models, their backtests, reasons, predictions and drift.", _to_5),
)


def outstanding(
    connection: duckdb.DuckDBPyConnection, migrations: Sequence[Migration] = MIGRATIONS
) -> list[Migration]:
    """The migrations that a home lacks, in their order.

    Raises:
        ConfigurationError: it holds no home, or one of a newer release.
    """
    version = schema_version(connection)
    if version is None:
        raise ConfigurationError(
            "this home has not loaded a night yet: ckm run makes it as this release needs it."
        )
    if version > max(migration.number for migration in migrations):
        raise ConfigurationError(schema_fault(connection) or "")
    return [migration for migration in migrations if migration.number > version]


def migrate(connection: duckdb.DuckDBPyConnection, migration: Migration) -> None:
    """Take one step, wholly or not at all."""
    connection.begin()
    try:
        migration.apply(connection)
        record_version(
            connection, migration.number, migration.says, asks_full_refresh=migration.asks_full_refresh
        )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def asks_full_refresh(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a migration asked for a rebuild that no night has finished since."""
    return connection.execute(
        """
        select exists (
            from audit.schema_versions as made
            where asks_full_refresh and not exists (
                from audit.runs
                where full_refresh and (status like 'published%' or status in ('computed', 'rolled back'))
                    and started_at >= made.migrated_at
            )
        )
        """
    ).fetchone()[0]


def _raw_logs(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return [
        (quoted(schema), quoted(name))
        for schema, name in connection.execute(
            "select schema_name, table_name from duckdb_tables() where starts_with(schema_name, 'raw_') order by all"
        ).fetchall()
    ]
