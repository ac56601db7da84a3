"""The value model of a company: fitted and chosen by backtest on purchases up to a month-end, then kept.

    scores.purchase → fitting → comparison (three models of repeat buying, two of order value, four simple rules against
    what happened) → training (the best of them, fitted again on everything up to the month-end) → decision

A decision is recorded in `scores.model_decision` with its backtest, and every night until the next month-end
scores with it: parameters stay, scores move. Customers who opted out of profiling are in none of it.
"""

from ckm.value_model.comparison import BASELINES, compare, measure_since
from ckm.value_model.decision import ValueModel, from_json, parameters_of, record, recorded
from ckm.value_model.fitting import fit_order_value, fit_orders, histories
from ckm.value_model.training import train

__all__ = [
    "BASELINES", "ValueModel", "compare", "fit_order_value", "fit_orders", "from_json", "histories", "measure_since",
    "parameters_of", "record", "recorded", "train",
]  # fmt: skip
