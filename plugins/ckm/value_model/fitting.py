"""Histories of customers as of a day, and the models fitted on their distinct states."""

from datetime import date, timedelta

import duckdb
import numpy as np

from ckm.clv import gamma_gamma, shrunken_mean
from ckm.clv.gamma_gamma import GammaGammaFit
from ckm.clv.order_fit import OrderFit
from ckm.clv.orders import MODELS
from ckm.clv.shrunken_mean import ShrunkenMeanParameters

MARGIN_KNOWN = 0.95
"""Where the cost of this share of sales is known, value is margin."""


def histories(
    connection: duckdb.DuckDBPyConnection, name: str, cut: date, horizon: int = 0, *, among: str | None = None
) -> None:
    """Make the temporary table `name`: every customer with a purchase by `cut`, as then, and what came after.

    Columns as in `scores.rfm_state`; with a horizon also `orders` and `spend` in so many days after the cut,
    `last_orders` and `last_spend` in as many days before it. Where a table is named `among`, only of its customers.
    """
    # Without a horizon no row lies after the cut, and conditions cost as much as the sums they stand at.
    past = "filter (order_date <= $cut)" if horizon else ""
    later, earlier = "filter (order_date > $cut)", "filter (order_date > $begin and order_date <= $cut)"
    around = {
        "orders": f"count(*) {later}",
        "spend": f"coalesce(sum(purchase_value) {later}, 0)::double",
        "last_orders": f"count(*) {earlier}",
        "last_spend": f"coalesce(sum(purchase_value) {earlier}, 0)::double",
    }
    sample = f"and customer_key in (select customer_key from {among})" if among else ""
    days = {"cut": cut, "end": cut + timedelta(days=horizon)}
    if horizon:
        days["begin"] = cut - timedelta(days=horizon)
    else:
        around = {}
    names = "".join(f", {name}" for name in around)
    sums = "".join(f", {sql} as {name}" for name, sql in around.items())
    connection.execute(
        f"""
        create or replace temporary table {name} as
        select customer_key,
            frequency, first_to_last_order_days, age_days, valued_repeats,
            case when valued_repeats > 0 then (gross_sales - first_value) / valued_repeats end as repeat_mean_value,
            gross_sales / (frequency + 1) as mean_value{names}
        from (
            select customer_key,
                count(*) {past} - 1 as frequency,
                date_diff('day', min(order_date), max(order_date) {past}) as first_to_last_order_days,
                date_diff('day', min(order_date), $cut) as age_days,
                arg_min(purchase_value, order_date)::double as first_value,
                count(*) filter (order_date <= $cut and purchase_value > 0)
                    - (arg_min(purchase_value, order_date) > 0)::int as valued_repeats,
                (sum(purchase_value) {past})::double as gross_sales{sums}
            from scores.purchase
            where order_date <= $end {sample}
            group by customer_key
            having min(order_date) <= $cut
        )
        where customer_key in (select customer_key from scores.rfm_state where is_profiling_allowed)
        """,
        days,
    )


def distinct(connection: duckdb.DuckDBPyConnection, table: str, *more: str) -> dict[str, np.ndarray]:
    columns = ", ".join(("frequency", "first_to_last_order_days", "age_days", *more))
    found = connection.execute(
        f"select {columns}, count(*) as weight from {table} group by all order by all"
    ).fetchnumpy()
    return {name: np.asarray(column, dtype=float) for name, column in found.items()}


def fit_orders(connection: duckdb.DuckDBPyConnection, table: str, ranking: list[str]) -> OrderFit:
    """The fit of the first model of the ranking whose parameters the data tell, else that of the first."""
    states = distinct(connection, table)
    fits = []
    for name in ranking:
        fit = MODELS[name].fit(*states.values())
        if fit.identified:
            return fit
        fits.append(fit)
        if not fit.enough:
            break
    return fits[0]


def fit_order_value(
    connection: duckdb.DuckDBPyConnection, table: str
) -> tuple[GammaGammaFit, ShrunkenMeanParameters, float]:
    """Both models of order value on repeat purchases, their means binned half a per cent wide within a frequency."""
    bins = connection.execute(
        f"""
        select valued_repeats, count(*) as customers,
            -- added up in decimals, whose sum no number of threads changes
            (sum(repeat_mean_value::decimal(38, 10)) / count(*))::double as mean_value
        from {table}
        where valued_repeats > 0
        group by valued_repeats, round(ln(repeat_mean_value) * 200)
        order by valued_repeats, mean_value
        """
    ).fetchnumpy()
    n, weight, mean = (np.asarray(column, dtype=float) for column in bins.values())
    if not n.size:
        raise ValueError("nobody has bought anything of value a second time")
    return (
        gamma_gamma.fit(n, mean, weight),
        shrunken_mean.fit(n, mean, weight),
        float(np.average(mean, weights=weight * n)),
    )


def rates(connection: duckdb.DuckDBPyConnection, data_until: date) -> tuple[float, float | None]:
    """Shares of sales that stay with the customer, and after their cost with the company."""
    allowed = "customer_key in (select customer_key from scores.rfm_state where is_profiling_allowed)"
    sales, costed, cost = connection.execute(
        f"""select sum(purchase_value)::double, sum(costed_value)::double, sum(purchase_cost)::double
        from scores.purchase where order_date <= ? and {allowed}""",
        [data_until],
    ).fetchone()
    (returned,) = connection.execute(
        f"""select -sum(net_revenue)::double from about_customers.fct_order_line
        where line_kind = 'return' and not is_cancelled and order_date <= $1 and {allowed}
            -- whoever bought only later is none of theirs, on whichever night this is asked
            and customer_key in (select customer_key from scores.purchase where order_date <= $1)""",
        [data_until],
    ).fetchone()
    kept = max(0.0, 1 - (returned or 0) / sales) if sales else 1.0
    known = bool(sales) and costed >= MARGIN_KNOWN * sales and cost > 0
    return kept, max(0.0, 1 - cost / costed) if known else None
