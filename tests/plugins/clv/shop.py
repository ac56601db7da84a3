"""A warehouse with nothing but purchases and the tables of scoring, as `ckm.score` finds them."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from ckm import value_model
from ckm.score import Scored, score
from ckm.warehouse import AUDIT_TABLES, SCORE_TABLES


def shop(purchases: pa.Table) -> duckdb.DuckDBPyConnection:
    """A warehouse of purchases: customer_key, order_date, purchase_value and, where known, purchase_cost."""
    connection = duckdb.connect()
    for schema, tables in (("audit", AUDIT_TABLES), ("scores", SCORE_TABLES)):
        connection.execute(f"create schema {schema}")
        for name, columns in tables.items():
            connection.execute(f"create table {schema}.{name} ({columns})")
    connection.execute("create schema about_customers")
    connection.execute(
        """create table about_customers.fct_order_line (customer_key varchar, order_date date, line_kind varchar,
            is_cancelled boolean, net_revenue decimal(18, 4))"""
    )
    cost = "purchase_cost" if "purchase_cost" in purchases.column_names else "0"
    connection.register("given", purchases)
    connection.execute(
        f"""create table all_purchases as select customer_key, order_date::date as order_date,
            purchase_value::decimal(18, 4) as purchase_value, {cost}::decimal(18, 4) as purchase_cost from given"""
    )
    return connection


def all_known(connection: duckdb.DuckDBPyConnection) -> None:
    """Every purchase is known, and nobody has refused profiling."""
    connection.execute("create table scores.purchase as select *, 0 as costed_value from all_purchases")
    connection.execute(
        """create table scores.rfm_state as select distinct customer_key, true as is_profiling_allowed
        from scores.purchase"""
    )


def night(connection: duckdb.DuckDBPyConnection, day: date, run: str = "run", rate: float = 0.1) -> Scored:
    """What dbt and the step `score` do of a night: the purchases by then, their states, and the scores."""
    connection.execute(
        """create or replace table scores.purchase as
        select customer_key, order_date, purchase_value, purchase_cost,
            case when purchase_cost > 0 then purchase_value else 0 end::decimal(18, 4) as costed_value
        from all_purchases where order_date <= ?""",
        [day],
    )
    connection.execute(
        """create or replace table scores.rfm_state as select distinct customer_key, true as is_profiling_allowed
        from scores.purchase"""
    )
    value_model.histories(connection, "known", day)
    connection.execute(
        """create or replace table scores.rfm_state as
        select customer_key, frequency, first_to_last_order_days, age_days, valued_repeats, repeat_mean_value,
            true as is_profiling_allowed from known"""
    )
    return score(connection, night=day, run_id=run, reporting_currency="EUR", annual_discount_rate=rate)


def bought(
    customers: int, last: date, seed: int, *, days: int = 730, scale: float = 30.0, model: str = "bg"
) -> pa.Table:
    """Purchases of customers who behave as BG/NBD and Gamma-Gamma have it, from so many days ago to a day.

    `r`, `alpha`, `a`, `b` are .8, 60 days, .6 and 2.5, with `model` "mbg" they may leave after the first one;
    `p`, `q`, `gamma` are 4, 4 and `scale`.
    """
    rng = np.random.default_rng(seed)
    rate, leaving = rng.gamma(0.8, 1 / 60, customers), rng.beta(0.6, 2.5, customers)
    nu = rng.gamma(4.0, 1 / scale, customers)
    time = rng.integers(0, days, customers).astype(float)
    active = np.arange(customers)
    who, when = [active.copy()], [time.copy()]
    if model == "mbg":
        active = active[rng.random(customers) >= leaving]
    while active.size:
        time[active] += rng.exponential(size=active.size) / np.maximum(rate[active], 1e-12)
        active = active[time[active] <= days]
        who.append(active.copy())
        when.append(time[active].copy())
        active = active[rng.random(active.size) >= leaving[active]]
    customer, day = np.concatenate(who), np.concatenate(when).astype(int)
    value = rng.gamma(4.0, size=customer.size) / nu[customer]
    table = pa.table(
        {
            "customer_key": pa.array([f"c{number:06}" for number in customer]),
            "order_date": pa.array([last - timedelta(days=days - int(d)) for d in day]),
            "purchase_value": pa.array(np.maximum(np.round(value, 2), 0.01)),
        }
    )
    grouped = table.group_by(["customer_key", "order_date"]).aggregate([("purchase_value", "sum")])
    return grouped.rename_columns(["customer_key", "order_date", "purchase_value"])
