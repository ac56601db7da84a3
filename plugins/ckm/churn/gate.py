"""The score gate of churn: chances unlike those of the nights before are not shown, and the last good ones stay."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import numpy as np

from ckm.churn.frame import Floats

LEAST_JUDGED = 100
"""Fewer chances than this are not judged by those that stand."""
CUSTOMERS_BAND = (0.8, 1.5)
MEAN_BAND = 0.15
"""Tonight's customers over those of the chances that stand, and how far the mean chance may lie from theirs."""
STANDS_FOR = timedelta(days=31)
"""Chances of an older night, or of a later one, judge nothing."""


def keep_standing(connection: duckdb.DuckDBPyConnection) -> None:
    """Put aside the chances that stand, before anything of tonight is written over them; what is put aside stays."""
    connection.execute(
        """create temp table if not exists churn_standing as
        select * from scores.churn where starts_with(model_run_id, 'churn.')"""
    )


def out_of_band(connection: duckdb.DuckDBPyConnection, probability: Floats, night: date) -> str | None:
    """One sentence on what of tonight's chances cannot be, or is far from those that stand; None where all is well."""
    if not np.isfinite(probability).all():
        return f"{(~np.isfinite(probability)).sum():,} chances of no order are no numbers"
    before, mean, day = connection.execute(
        """select count(*), avg(churn_probability_90d), max(scored_as_of_date) from churn_standing
        where scored_as_of_date between ? and ?""",
        [night - STANDS_FOR, night],
    ).fetchone()
    if before < LEAST_JUDGED:
        return None
    if not CUSTOMERS_BAND[0] <= len(probability) / before <= CUSTOMERS_BAND[1]:
        return f"{len(probability):,} customers were to be scored, of {day} {before:,} are"
    if abs(float(probability.mean()) - mean) > MEAN_BAND:
        return f"the mean chance of no order would go from {mean:.2f} of {day} to {probability.mean():.2f}"
    return None


def stand(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the chances that stood take the place of tonight's."""
    connection.execute(
        "delete from scores.churn where customer_key in (select customer_key from churn_standing)"
    )
    connection.execute("insert into scores.churn by name from churn_standing order by customer_key")


def record(
    connection: duckdb.DuckDBPyConnection, run_id: str, night: date, note: str | None, customers: int
) -> None:
    """Put the verdict beside those of the other gates; chances that are held are a warning, and stale."""
    for table in ("gate_results", "source_freshness"):
        connection.execute(
            f"delete from audit.{table} where run_id = ? and source = 'scores' and object = 'churn'", [run_id]
        )
    connection.execute(
        """insert into audit.gate_results by name select ? as run_id, ?::date as as_of_date, 'scores' as boundary,
            'scores' as source, 'churn' as object, 'chances_are_usual' as rule, 'drift' as aspect,
            'Chances of no order are possible, and near those of the night before.' as description,
            'warning' as severity, ? as outcome, ? as evaluated_rows, ? as message, false as quarantines""",
        [run_id, night, "warned" if note else "passed", customers, note],
    )
    if note:
        connection.execute(
            """insert into audit.source_freshness by name
            select ? as run_id, ?::date as as_of_date, 'scores' as source, 'churn' as object, 'stale' as status,
                max(scored_as_of_date) as last_loaded_on, date_diff('day', max(scored_as_of_date), ?::date)
                as stale_days, ? as message from scores.churn""",
            [run_id, night, night, note],
        )
