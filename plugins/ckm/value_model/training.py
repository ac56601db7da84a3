"""The making of a model: chosen by backtest, then fitted again on everything up to the month-end."""

from datetime import date

import duckdb

from ckm.clv.orders import MODELS
from ckm.value_model.comparison import Choice, compare
from ckm.value_model.decision import ValueModel
from ckm.value_model.fitting import fit_order_value, fit_orders, histories, rates
from ckm.value_model.level import level_error

HORIZON_DAYS = 90
"""A backtest looks so far ahead, or a third of the history where that is less."""
SMALLEST_HORIZON_DAYS = 14


def train(connection: duckdb.DuckDBPyConnection, data_until: date) -> ValueModel | str:
    """Choose and fit on purchases up to a day, and leave the backtest in `scores.backtest` and `scores.calibration`.

    Returns the sentence that says why, where there is too little to fit.
    """
    choice = Choice("bg_nbd", "gamma_gamma", list(MODELS), "no backtest: the history is too short")
    first_day = connection.execute("select min(order_date) from scores.purchase").fetchone()[0]
    for table in ("backtest", "calibration"):
        connection.execute(f"delete from scores.{table} where data_until = ?", [data_until])
    if first_day is None or first_day > data_until:
        return "nobody has bought anything yet"
    horizon = min(HORIZON_DAYS, (data_until - first_day).days // 3)
    if horizon >= SMALLEST_HORIZON_DAYS:
        choice = compare(connection, data_until, horizon) or choice
    histories(connection, "history", data_until)
    try:
        fitted = fit_orders(connection, "history", choice.ranking)
        order_value, shrunken, typical = fit_order_value(connection, "history")
    except ValueError as error:
        return str(error)
    if not fitted.enough:
        return fitted.note
    value_model = choice.value_model
    if value_model == "gamma_gamma" and order_value.parameters.q <= 1:
        value_model = "typical_value"  # the population's mean is infinite under the fit
    kept, margin_rate = rates(connection, data_until)
    return ValueModel(
        data_until, fitted, order_value, shrunken, value_model, kept, margin_rate, typical, choice.note,
        level_error(connection, fitted.parameters.model, data_until),
    )  # fmt: skip
