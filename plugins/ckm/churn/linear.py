"""Regularised logistic regression on features bent at quantiles; its log-odds are a sum of one term per feature.

A numeric feature enters as a piecewise linear function with knots at its quintiles, held constant outside the
range seen in training; what is not known has a level of its own. A category has a level per label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

from ckm.churn.frame import Floats, Frame

KNOTS = (0.1, 0.3, 0.5, 0.7, 0.9)
RIDGE = 10.0
_STEPS = 50


@dataclass(frozen=True)
class Term:
    """How one feature becomes columns: its range and knots, or its labels; `middle` and `spread` standardise."""

    name: str
    low: float
    high: float
    knots: tuple[float, ...]
    labels: int
    has_missing: bool
    middle: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...] = ()

    def columns(self, values: Floats) -> Floats:
        """The standardised columns of the feature, shape (n, number of weights)."""
        raw = _raw(values, self.low, self.high, self.knots, self.labels, self.has_missing)
        return (raw - np.array(self.middle)) / np.array(self.spread)


@dataclass(frozen=True)
class Logistic:
    """A fitted model: log-odds are `base` plus one contribution per feature."""

    base: float
    terms: tuple[Term, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(term.name for term in self.terms)

    def contributions(self, frame: Frame) -> Floats:
        """Shape (n, features): what each adds to the log-odds, 0 on average over the training rows."""
        values = frame.only(self.names).values
        parts = [term.columns(values[:, k]) @ np.array(term.weights) for k, term in enumerate(self.terms)]
        return np.column_stack(parts) if parts else np.empty((len(frame), 0))

    def log_odds(self, frame: Frame) -> Floats:
        """Shape (n,)."""
        return self.base + self.contributions(frame).sum(axis=1)

    def to_json(self) -> dict[str, Any]:
        """All that `from_json` needs, in JSON's own types."""
        return {"base": self.base, "terms": [vars(term) for term in self.terms]}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Logistic:
        return cls(
            stored["base"],
            tuple(
                Term(**{k: tuple(v) if isinstance(v, list) else v for k, v in term.items()})
                for term in stored["terms"]
            ),
        )


def fit(
    frame: Frame,
    label: Floats,
    weight: Floats | None = None,
    ridge: float = RIDGE,
    offset: Floats | None = None,
) -> Logistic:
    """Penalised maximum likelihood by Newton's method; deterministic.

    Args:
        label: 1 where the customer stayed away, else 0; shape (n,).
        weight: of each row; ones for None.
        ridge: penalty on half the squared weights of the standardised columns; the base bears none.
        offset: log-odds of each row that the model is to correct; it is not part of the model.

    Raises:
        ValueError: there are no rows, or all have one label.
    """
    if len(label) == 0 or label.min() == label.max():
        raise ValueError("all customers have the same outcome, or there are none")
    terms = list(_terms(frame))
    design = np.column_stack(
        [np.ones(len(frame)), *(term.columns(frame.values[:, k]) for k, term in enumerate(terms))]
    )
    beta = _newton(
        design, label, np.ones(len(label)) if weight is None else weight, ridge,
        np.zeros(len(label)) if offset is None else offset,
    )  # fmt: skip
    weighted, at = [], 1
    for term in terms:
        width = len(term.middle)
        weighted.append(Term(**{**vars(term), "weights": tuple(beta[at : at + width].tolist())}))
        at += width
    return Logistic(float(beta[0]), tuple(weighted))


def _newton(design: Floats, label: Floats, weight: Floats, ridge: float, offset: Floats) -> Floats:
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 0.0
    beta = np.zeros(design.shape[1])
    loss = _loss(design, label, weight, penalty, beta, offset)
    for _ in range(_STEPS):
        p = expit(offset + design @ beta)
        gradient = design.T @ (weight * (p - label)) + penalty * beta
        curvature = (design.T * (weight * p * (1 - p))) @ design + np.diag(penalty + 1e-9)
        step = cho_solve(cho_factor(curvature), gradient)
        if gradient @ step < 1e-9 * (1 + loss):  # twice what is left to gain
            break
        size = 1.0
        while (tried := _loss(design, label, weight, penalty, beta - size * step, offset)) > loss:
            size /= 2
        beta, loss = beta - size * step, tried
    return beta


def _loss(
    design: Floats, label: Floats, weight: Floats, penalty: Floats, beta: Floats, offset: Floats
) -> float:
    odds = offset + design @ beta
    return float(weight @ (np.logaddexp(0, odds) - label * odds) + penalty @ beta**2 / 2)


def _terms(frame: Frame) -> Iterator[Term]:
    for k, name in enumerate(frame.names):
        values = frame.values[:, k]
        known = values[~np.isnan(values)]
        labels = len(frame.categories.get(name, ()))
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
        inner = (
            np.unique(np.quantile(known, KNOTS, method="inverted_cdf"))
            if known.size and not labels
            else np.empty(0)
        )
        knots = tuple(float(knot) for knot in inner if low < knot < high)
        raw = _raw(values, low, high, knots, labels, known.size < values.size)
        spread = raw.std(axis=0)
        yield Term(
            name, low, high, knots, labels, known.size < values.size,
            tuple(raw.mean(axis=0).tolist()), tuple(np.where(spread > 0, spread, 1.0).tolist()),
        )  # fmt: skip


def _raw(
    values: Floats, low: float, high: float, knots: tuple[float, ...], labels: int, has_missing: bool
) -> Floats:
    missing = np.isnan(values)
    if labels:
        columns = [(values == label).astype(float) for label in range(labels)]
    else:
        held = np.clip(np.where(missing, low, values), low, high)
        columns = [held, *(np.maximum(held - knot, 0.0) for knot in knots)]
    if has_missing:
        columns.append(missing.astype(float))
    return np.column_stack(columns)
