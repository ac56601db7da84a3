"""The maximum of a log-likelihood in a few parameters, with what the data say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ckm.clv.rows import Floats

Evaluation = tuple[float, Floats, Floats]

MAX_LOG_ERROR = 3.0
"""A parameter whose logarithm has a larger standard error than this (a factor of 20) lies on a flat ridge."""


def dot(left: Floats, right: Floats) -> float:
    """Inner product by pairwise summation.

    Not by BLAS: its threads wait on each other when the machine is busy, and its rounding depends on them.
    """
    return float((left * right).sum())


@dataclass(frozen=True)
class Optimum:
    """Result of `maximise`: point, value, Hessian there, and which coordinates rest on a bound."""

    theta: Floats
    value: float
    hessian: Floats
    at_bound: NDArray[np.bool_]
    iterations: int
    converged: bool

    @property
    def log_covariance(self) -> tuple[tuple[float, ...], ...] | None:
        """Inverse of the observed information in theta; None where it is not positive definite."""
        try:
            np.linalg.cholesky(-self.hessian)
            return tuple(tuple(row) for row in np.linalg.inv(-self.hessian).tolist())
        except np.linalg.LinAlgError:
            return None

    @property
    def log_errors(self) -> Floats:
        """Standard errors of theta from the observed information; NaN where it is not positive definite."""
        covariance = self.log_covariance
        return np.full(len(self.theta), np.nan) if covariance is None else np.sqrt(np.diag(covariance))

    def doubt(self, names: tuple[str, ...]) -> str:
        """One sentence on why the optimum does not determine the parameters, empty where it does."""
        if self.at_bound.any():
            listed = ", ".join(name for name, bound in zip(names, self.at_bound, strict=True) if bound)
            return f"The likelihood is flat or still rising where {listed} meets its bound."
        errors = self.log_errors
        if not np.isfinite(errors).all():
            return "The likelihood has no strict maximum (its Hessian is not negative definite)."
        if errors.max() > MAX_LOG_ERROR:
            return f"The likelihood is almost flat along {names[int(errors.argmax())]}."
        if not self.converged:
            return "The search for the maximum did not settle."
        return ""


def maximise(
    exact: Callable[[Floats], Evaluation],
    coarse: Callable[[Floats], Evaluation],
    starts: list[Floats],
    lower: Floats,
    upper: Floats,
    total: float,
) -> Optimum:
    """Maximum of a log-likelihood inside bounds: L-BFGS-B on `coarse` from every start, Newton on `exact`.

    `exact` returns value, gradient and Hessian; of `coarse` the first two are used. `total` is the sum of
    weights, by which the coarse search is scaled. Newton steps are damped until they raise the value,
    coordinates pressed against a bound stay there, and the search ends when a step promises less than 1e-11
    in log-likelihood.
    """
    best: Floats | None = None
    best_value, iterations = np.inf, 0

    def negative(theta: Floats) -> tuple[float, Floats]:
        value, slope, _ = coarse(theta)
        return -value / total, -slope / total

    for start in starts:
        found = minimize(
            negative,
            np.clip(start, lower, upper),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(lower, upper, strict=True)),
            options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-7},
        )
        iterations += int(found.nit)
        if best is None or found.fun < best_value - 1e-9:
            best, best_value = found.x, float(found.fun)
    assert best is not None

    theta, converged, damping = np.clip(best, lower, upper), False, 0.0
    value, slope, curvature = exact(theta)
    for _ in range(100):
        pressed = ((theta <= lower + 1e-9) & (slope <= 0)) | ((theta >= upper - 1e-9) & (slope >= 0))
        free = ~pressed
        if not free.any():
            converged = True
            break
        information = -curvature[np.ix_(free, free)]
        spectrum, axes = np.linalg.eigh(information)
        # Negative curvature is turned around and near-zero curvature lifted, so every step climbs.
        lifted = np.maximum(np.abs(spectrum), 1e-12 * total) + damping
        move = axes @ ((axes.T @ slope[free]) / lifted)
        gain = 0.5 * float(slope[free] @ move)
        if gain < 1e-11 and damping == 0:
            converged = True
            break
        proposal = theta.copy()
        proposal[free] += move * min(1.0, 3.0 / float(np.abs(move).max()))
        proposal = np.clip(proposal, lower, upper)
        tried = exact(proposal)
        iterations += 1
        if np.isfinite(tried[0]) and tried[0] >= value - 1e-13 * abs(value):
            theta, (value, slope, curvature) = proposal, tried
            damping = 0.0 if damping < 1e-6 * total else damping / 10
        elif gain < 1e-8:
            converged = True
            break
        else:
            damping = max(10 * damping, 1e-4 * total)
    at_bound = (theta <= lower + 1e-6) | (theta >= upper - 1e-6)
    return Optimum(theta, value, curvature, at_bound, iterations, converged)
