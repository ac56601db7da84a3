"""Customers, labels and features as of a date, in SQL over the star.

    cuts → churn_line, churn_bought (what was known on the cut) → churn_customer (population and label) → blocks of
    features → churn_frame

A cut is a day on which one could have asked. The population are customers who were active on it: a purchase in the
365 days before, or an open subscription. The label looks only behind the cut: 1 where no purchase came in the
next 90 days; for customers with nothing but a subscription, where none was open at their end either. A window that
is not over on the night is censored: its label is null.

Features look only before the cut, and only at what was known then: rows whose date and `known_from` are not after
it. `known_from` is the date that first saw the row; what came with the first load of an object counts as known when
it happened, as nobody can tell any more. States that carry a date are taken back to the cut: a complaint resolved
after it is open, a subscription cancelled after it too. The end of a contract is what was said of it by the cut, as a
renewal moves it. A value corrected later reads as corrected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np

from ckm.churn import known_facts
from ckm.churn.features import BLOCKS, Block
from ckm.churn.frame import Floats, Frame
from ckm.churn.known_facts import exists, has_rows

HORIZON_DAYS = 90
ACTIVE_DAYS = 365
ROWS_TO_LEARN_FROM = 150_000
"""Beyond so many rows, a fixed share of the customers, told by a hash of the key, is learned from."""


@dataclass(frozen=True)
class Rows:
    """Rows of `churn_frame` as arrays, in the order of cut and key."""

    cut: np.ndarray
    """Day of each row, datetime64[D]."""
    key: np.ndarray
    label: Floats
    """1 stayed away, 0 did not, NaN not known yet."""
    frame: Frame


@dataclass(frozen=True)
class States:
    """Distinct purchase states on one cut, for BG/NBD: days, and customers in each."""

    frequency: Floats
    recency: Floats
    age: Floats
    weight: Floats


def first_purchase(connection: duckdb.DuckDBPyConnection) -> date | None:
    """Day of the first sale in the star; None where there is none."""
    return connection.execute(
        "select min(order_date) from about_customers.fct_order_line where line_kind = 'sale' and not is_cancelled"
    ).fetchone()[0]


def present_blocks(connection: duckdb.DuckDBPyConnection) -> list[Block]:
    """The blocks whose facts have rows."""
    filled = {fact: has_rows(connection, fact) for block in BLOCKS for fact in block.needs}
    return [block for block in BLOCKS if all(filled[fact] for fact in block.needs)]


def build(
    connection: duckdb.DuckDBPyConnection,
    cuts: Sequence[date],
    night: date,
    *,
    zero_value_orders: str = "ignored",
    most_rows: int | None = None,
    known_by: date | None = None,
) -> None:
    """Make the temporary tables `churn_frame` and `churn_state` for some cuts.

    Args:
        cuts: none after `night`.
        night: as of when the star was built; labels whose window ends after it are null.
        most_rows: learn from a share of the customers where all would make more rows; None takes all.
        known_by: labels, too, look only at what was known on this day, and windows that end after it are
            null; None stands for the night.

    Raises:
        ValueError: a cut lies after the night.
    """
    known_by = known_by or night
    if any(cut > night for cut in cuts):
        raise ValueError("A cut lies after the night on which the star was built.")
    connection.execute(
        "create or replace temp table churn_cut as select unnest(?::date[]) as cut_date", [list(cuts)]
    )
    share = _share(connection, len(cuts), most_rows)
    sample = "fact.customer_key is not null"
    if share < 1:  # by the key's own hexadecimal digits, which no release of DuckDB changes
        sample += f" and ('0x' || left(md5(fact.customer_key), 4))::int < {round(65_536 * share)}"
    known_facts.make(connection, sample)
    counted = ">=" if zero_value_orders == "counted" else ">"
    _make_population(connection, min(known_by, night), counted)
    _make_frame(connection)


def read(connection: duckdb.DuckDBPyConnection, where: str = "true") -> Rows:
    """The rows of `churn_frame`, all or some."""
    columns = connection.execute(
        f"from churn_frame where {where} order by cut_date, customer_key"
    ).fetchnumpy()
    cut, key, label = columns.pop("cut_date"), columns.pop("customer_key"), columns.pop("label")
    values = [_floats(column) for column in columns.values()]
    return Rows(
        np.asarray(cut).astype("datetime64[D]"), np.asarray(key), _floats(label),
        Frame(tuple(columns), np.column_stack(values) if values else np.empty((len(key), 0))),
    )  # fmt: skip


def states(connection: duckdb.DuckDBPyConnection, cut: date) -> States:
    """The purchase states of everybody who had bought by a cut, active or not."""
    columns = connection.execute(
        "select frequency, recency, age, weight from churn_state where cut_date = ? order by all", [cut]
    ).fetchnumpy()
    return States(*(_floats(column) for column in columns.values()))


def _make_population(connection: duckdb.DuckDBPyConnection, known_by: date, counted: str) -> None:
    connection.execute(
        f"""
        create or replace temp table churn_bought as
        select cut_date, customer_key, day, sum(value) as value
        from churn_cut join churn_line on day <= cut_date and known_from <= cut_date
        where kind = 'sale'
        group by all
        having sum(value) {counted} 0
        """
    )
    connection.execute(
        """
        create or replace temp table churn_state as
        select cut_date, frequency, recency, age, count(*) as weight
        from (
            select cut_date, count(*) - 1 as frequency, max(day) - min(day) as recency, cut_date - min(day) as age
            from churn_bought group by cut_date, customer_key
        )
        group by all
        """
    )
    allowed = (
        "semi join (from core.dim_customer_current where is_profiling_allowed and not is_deleted) using (customer_key)"
        if exists(connection, "core.dim_customer_current")
        else ""
    )
    connection.execute(
        f"""
        create or replace temp table churn_customer as
        with buyers as (
            select cut_date, customer_key from churn_bought
            group by all having max(day) >= cut_date - {ACTIVE_DAYS}
        ),
        subscribers as (
            select distinct cut_date, customer_key from churn_cut join churn_subscription
                on known_from <= cut_date and started_on <= cut_date and over_from > cut_date
        ),
        active as (
            select cut_date, customer_key, buyers.customer_key is null as is_contract_only
            from buyers full join subscribers using (cut_date, customer_key)
        ),
        orders as (
            select customer_key, day from churn_line where kind = 'sale' and known_from <= date '{known_by}'
            group by all having sum(value) {counted} 0
        ),
        came_back as (
            select distinct cut_date, customer_key from active join orders using (customer_key)
            where day > cut_date and day <= cut_date + {HORIZON_DAYS}
        ),
        stayed as (
            select distinct cut_date, customer_key from active join churn_subscription using (customer_key)
            where is_contract_only and started_on <= cut_date + {HORIZON_DAYS}
                and over_from > cut_date + {HORIZON_DAYS}
        )
        select active.cut_date, active.customer_key, is_contract_only,
            case when active.cut_date + {HORIZON_DAYS} > date '{known_by}' then null
                when came_back.customer_key is not null or stayed.customer_key is not null then 0.0 else 1.0 end
                as label
        from (from active {allowed}) as active
        left join came_back using (cut_date, customer_key)
        left join stayed using (cut_date, customer_key)
        """
    )


def _make_frame(connection: duckdb.DuckDBPyConnection) -> None:
    columns, joins = [], []
    for number, block in enumerate(present_blocks(connection)):
        name = f"churn_block_{number}"
        connection.execute(
            f"create or replace temp table {name} as with asked as (select cut_date, customer_key from churn_customer) "
            f"select * from ({block.sql})"
        )
        joins.append(f"left join {name} using (cut_date, customer_key)")
        columns += [
            f"coalesce({name}.{feature}, {absent})::double as {feature}"
            for feature, absent in block.features.items()
        ]
    connection.execute(
        "create or replace temp table churn_frame as select "
        + ", ".join(["cut_date", "customer_key", "label", *columns])
        + " from churn_customer "
        + " ".join(joins)
    )


def _share(connection: duckdb.DuckDBPyConnection, cuts: int, most_rows: int | None) -> float:
    if most_rows is None:
        return 1.0
    (customers,) = connection.execute(
        "select count(distinct customer_key) from about_customers.fct_order_line"
    ).fetchone()
    return min(1.0, most_rows / max(1, customers * cuts))


def _floats(column: np.ndarray) -> Floats:
    """A column of DuckDB as floats, NaN for null."""
    if isinstance(column, np.ma.MaskedArray):
        return column.astype(float).filled(np.nan)
    return np.asarray(column, dtype=float)
