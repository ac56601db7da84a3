"""Fit a model of repeat buying by maximum likelihood: what BG/NBD, MBG/NBD and Pareto/NBD share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Generic, TypeVar

import numpy as np

from ckm.clv.maximum import Evaluation, dot, maximise
from ckm.clv.rows import Floats, States, coarser

MIN_CUSTOMERS = 50
"""Fewer customers than this are never called identified."""
MIN_REPEATERS = 10
"""Fewer customers with a second order than this are never called identified."""
SHAPE_BOUNDS = (1e-5, 1e4)
"""Bounds of parameters without a unit."""
SCALE_BOUNDS = (1e-6, 1e8)
"""Bounds of parameters that are times, in multiples of the mean age."""

Parameters = TypeVar("Parameters")


@dataclass(frozen=True)
class OrderFit(Generic[Parameters]):
    """Result of a fit.

    `customers` is the sum of the weights. `identified` is False where the data do not determine the
    parameters; `note` then says why in one sentence, and is empty otherwise. `standard_errors` come from the
    observed information (delta method) and are None where the fit is not identified, as is `log_covariance`,
    the covariance of the logarithms of the parameters. `enough` is False where there are too few customers
    to say anything at all.
    """

    parameters: Parameters
    log_likelihood: float
    customers: float
    iterations: int
    converged: bool
    identified: bool
    note: str
    standard_errors: Parameters | None
    log_covariance: tuple[tuple[float, ...], ...] | None
    enough: bool


def fit_orders(
    states: States,
    kind: Callable[..., Parameters],
    times: Sequence[bool],
    starts: Sequence[Callable[[float], Sequence[float]]],
    evaluate: Callable[[Parameters, States, int], Evaluation],
) -> OrderFit[Parameters]:
    """Maximum likelihood fit on distinct weighted states; deterministic.

    Args:
        kind: class of the parameters, a dataclass of positive numbers.
        times: which of its fields are times, and so scale with the mean age.
        starts: parameters to start from, given repeat orders per customer; times in mean ages.
        evaluate: log-likelihood, gradient and Hessian in the logarithms, up to an order of 0, 1 or 2.
    """
    customers = float(states.weight.sum())
    mean_age = dot(states.weight, states.age) / customers
    repeaters = float(states.weight[states.frequency > 0].sum())
    scale = mean_age if mean_age > 0 else 1.0
    is_time = np.array(times)
    unit = np.where(is_time, scale, 1.0)
    if repeaters == 0:
        parameters = kind(SHAPE_BOUNDS[0], *unit[1:].tolist())
        return OrderFit(
            parameters=parameters,
            log_likelihood=evaluate(parameters, states, 0)[0],
            customers=customers,
            iterations=0,
            converged=False,
            identified=False,
            note="No customer has ordered a second time, so rates and drop-out cannot be told apart.",
            standard_errors=None,
            log_covariance=None,
            enough=False,
        )
    lower = np.log(np.where(is_time, SCALE_BOUNDS[0], SHAPE_BOUNDS[0]))
    upper = np.log(np.where(is_time, SCALE_BOUNDS[1], SHAPE_BOUNDS[1]))
    coarse = coarser(states)
    orders = dot(states.weight, states.frequency) / customers

    def at(theta: Floats) -> Parameters:
        return kind(*(np.exp(theta) * unit))

    optimum = maximise(
        lambda theta: evaluate(at(theta), states, 2),
        lambda theta: evaluate(at(theta), coarse, 1),
        [np.log(np.asarray(start(orders), dtype=float)) for start in starts],
        lower,
        upper,
        customers,
    )
    values = np.exp(optimum.theta) * unit
    note = ""
    if customers < MIN_CUSTOMERS:
        note = f"{customers:.0f} customers are too few; at least {MIN_CUSTOMERS} are needed."
    elif repeaters < MIN_REPEATERS:
        note = f"{repeaters:.0f} customers ordered a second time; at least {MIN_REPEATERS} are needed."
    enough = not note
    parameters = kind(*values.tolist())
    note = note or optimum.doubt(tuple(field.name for field in fields(parameters)))  # type: ignore[arg-type]
    return OrderFit(
        parameters=parameters,
        log_likelihood=optimum.value,
        customers=customers,
        iterations=optimum.iterations,
        converged=optimum.converged,
        identified=not note,
        note=note,
        standard_errors=None if note else kind(*(values * optimum.log_errors).tolist()),
        log_covariance=None if note else optimum.log_covariance,
        enough=enough,
    )
