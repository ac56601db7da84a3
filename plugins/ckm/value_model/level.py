"""How far all customers together order more or less than expected: what they share and no model of one customer knows.

Season, fashion and campaigns move everybody at once. A total of many customers, whose own luck evens out, is as
uncertain as this level.
"""

from datetime import date, timedelta

import duckdb
import numpy as np

from ckm.clv.maximum import dot
from ckm.clv.orders import MODELS
from ckm.value_model.fitting import distinct, histories

WINDOW_DAYS = 30
MOST_WINDOWS = 12
"""A year of windows, so that each season counts once."""
LEAST_WINDOWS = 3
YOUNGEST_DAYS = 60
"""A window is tried where so much history lies before it."""
CUSTOMERS = 50_000
"""Totals of so many customers show the level to better than a hundredth; of more a fixed sample is taken."""


def level_error(connection: duckdb.DuckDBPyConnection, order_model: str, until: date) -> float:
    """Root mean square of log(orders / expected orders) of all customers in the months before a day.

    The model is fitted on what was known before each window and held against the 30 days after it (a rolling
    origin: Tashman 2000, Out-of-sample tests of forecasting accuracy, International Journal of Forecasting 16).
    0 where fewer than three windows can be tried.
    """
    (first_day,) = connection.execute("select min(order_date) from scores.purchase").fetchone()
    if first_day is None:
        return 0.0
    connection.execute(
        f"""create or replace temporary table sampled as
        select customer_key from (select distinct customer_key from scores.purchase where order_date <= ?)
        order by md5(customer_key) limit {CUSTOMERS}""",
        [until],
    )
    errors = []
    for window in range(1, MOST_WINDOWS + 1):
        cut = until - timedelta(days=WINDOW_DAYS * window)
        if (cut - first_day).days < YOUNGEST_DAYS:
            break
        histories(connection, "earlier", cut, WINDOW_DAYS, among="sampled")
        states = distinct(connection, "earlier", "orders")
        x, t_x, age, orders, weight = states.values()
        fit = MODELS[order_model].fit(x, t_x, age, weight)
        if not fit.enough:
            break
        expected = MODELS[order_model].expected_orders(fit.parameters, x, t_x, age, float(WINDOW_DAYS))
        expected_total, total = dot(weight, expected), dot(weight, orders)
        if expected_total > 0 and total > 0:
            errors.append(np.log(total / expected_total))
    return float(np.sqrt(np.mean(np.square(errors)))) if len(errors) >= LEAST_WINDOWS else 0.0
