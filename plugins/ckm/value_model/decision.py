"""What was decided of a company's value, and its place on record: `scores.model_decision`."""

import json
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

import duckdb

from ckm.clv.gamma_gamma import GammaGammaFit, GammaGammaParameters
from ckm.clv.order_fit import OrderFit
from ckm.clv.orders import PARAMETERS
from ckm.clv.shrunken_mean import ShrunkenMeanParameters


@dataclass(frozen=True)
class ValueModel:
    """What was decided on purchases up to `data_until`. Times are days, values of the reporting currency.

    `kept` is the share of sales that did not come back, by which value is netted (a return names no order, so it
    cannot be taken off the one it belongs to); `margin_rate` what is left of sales after their cost, None where
    too few costs are known. `typical_value` is the mean of a repeat purchase, `level_error` how far
    all customers together missed what was expected of them (`ckm.value_model.level`).
    """

    data_until: date
    orders: OrderFit
    order_value: GammaGammaFit
    shrunken: ShrunkenMeanParameters
    value_model: str
    kept: float
    margin_rate: float | None
    typical_value: float
    note: str
    level_error: float = 0.0

    @property
    def model_run_id(self) -> str:
        return f"{self.orders.parameters.model}.{self.data_until}"

    @property
    def value_basis(self) -> str:
        return "revenue" if self.margin_rate is None else "margin"

    @property
    def money(self) -> float:
        """What of a purchase's value counts."""
        return self.kept * (1.0 if self.margin_rate is None else self.margin_rate)

    def value_sql(self, money: float | None = None) -> str:
        """Expected value of one order of a customer, as SQL over `valued_repeats` and `repeat_mean_value`."""
        share = self.money if money is None else money
        spent = "valued_repeats * coalesce(repeat_mean_value, 0)::double"
        p, q, gamma = (getattr(self.order_value.parameters, name) for name in ("p", "q", "gamma"))
        if self.value_model == "gamma_gamma":
            return f"({share!r}::double * {p!r}::double * ({gamma!r}::double + {spent}) / ({p!r}::double * valued_repeats + {q - 1!r}::double))"  # noqa: E501
        if self.value_model == "shrunken_mean":
            mean, k = self.shrunken.mean, self.shrunken.strength
            return (
                f"({share!r}::double * ({spent} + {mean * k!r}::double) / (valued_repeats + {k!r}::double))"
            )
        return f"({share!r}::double * {self.typical_value!r}::double)"

    def as_json(self) -> str:
        return json.dumps(
            asdict(self)
            | {"data_until": self.data_until.isoformat(), "order_model": self.orders.parameters.model}
        )


def from_json(text: str) -> ValueModel:
    """The decision that `as_json` wrote."""
    told = json.loads(text)
    kind = PARAMETERS[told.pop("order_model")]
    return ValueModel(
        **told
        | {
            "data_until": date.fromisoformat(told["data_until"]),
            "orders": _fit_from(OrderFit, kind, told["orders"]),
            "order_value": _fit_from(GammaGammaFit, GammaGammaParameters, told["order_value"]),
            "shrunken": ShrunkenMeanParameters(**told["shrunken"]),
        }
    )


def _fit_from(fit: Any, kind: Any, told: dict[str, Any]) -> Any:
    covariance, errors = told["log_covariance"], told["standard_errors"]
    return fit(
        **told
        | {
            "parameters": kind(**told["parameters"]),
            "standard_errors": kind(**errors) if errors else None,
            "log_covariance": tuple(tuple(row) for row in covariance) if covariance else None,
        }
    )


def recorded(
    connection: duckdb.DuckDBPyConnection, data_until: date, *, or_before: bool = False
) -> ValueModel | None:
    """The decision on purchases up to a day; the last one before where there is none and `or_before`."""
    found = connection.execute(
        f"""select decision from scores.model_decision
        where data_until {"<=" if or_before else "="} ? order by data_until desc limit 1""",
        [data_until],
    ).fetchone()
    return from_json(found[0]) if found else None


def record(connection: duckdb.DuckDBPyConnection, model: ValueModel, run_id: str) -> None:
    """Put a decision on record; its backtest is already there."""
    connection.execute("delete from scores.model_decision where data_until = ?", [model.data_until])
    connection.execute(
        "insert into scores.model_decision values (?, ?, ?, ?, ?)",
        [model.data_until, run_id, model.orders.parameters.model, model.value_model, model.as_json()],
    )


def parameters_of(model: ValueModel) -> list[tuple[str, str, float, float | None, Any]]:
    """Model, parameter, value, standard error and fit of everything that was estimated."""
    rows: list[tuple[str, str, float, float | None, Any]] = []
    for name, fit in ((model.orders.parameters.model, model.orders), ("gamma_gamma", model.order_value)):
        for field in fields(fit.parameters):
            error = getattr(fit.standard_errors, field.name) if fit.standard_errors else None
            rows.append((name, field.name, getattr(fit.parameters, field.name), error, fit))
    rows.append((model.orders.parameters.model, "level_error", model.level_error, None, model.orders))
    return rows
