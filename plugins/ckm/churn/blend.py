"""A churn model as it is kept: members whose log-odds are averaged, and a calibration on top.

The average is taken of log-odds and not of probabilities, so that reasons stay exact: base plus contributions equal
the log-odds before calibration.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from scipy.optimize import minimize

from ckm.churn import linear, trees
from ckm.churn.frame import Floats, Frame
from ckm.churn.linear import Logistic
from ckm.churn.measures import probability_of
from ckm.churn.trees import Trees

RHYTHM = "no_order_by_rhythm"
"""The feature that holds the log-odds of no order in the horizon by BG/NBD."""

KINDS: dict[str, tuple[str, ...]] = {
    "rhythm": ("rhythm",),
    "corrected rhythm": ("corrected",),
    "logistic": ("logistic",),
    "trees": ("trees",),
    "corrected rhythm and trees": ("corrected", "trees"),
    "logistic and trees": ("logistic", "trees"),
    "rhythm, logistic and trees": ("rhythm", "logistic", "trees"),
}
"""Every kind of model with its members, the simplest first. The corrected rhythm is BG/NBD's log-odds with what a
strongly regularised logistic regression adds: with few customers it stays near BG/NBD."""
CORRECTION_RIDGE = 60.0


def hyperparameters(kind: str) -> dict[str, float]:
    """What is set and not learned of the members of a kind, by name."""
    found: dict[str, float] = {}
    if "logistic" in KINDS[kind]:
        found |= {"logistic_ridge": linear.RIDGE}
    if "corrected" in KINDS[kind]:
        found |= {"correction_ridge": CORRECTION_RIDGE}
    if "trees" in KINDS[kind]:
        numbers = {
            k: v for k, v in trees.PARAMETERS.items() if isinstance(v, int | float) and k != "verbosity"
        }
        found |= {"trees_rounds": trees.ROUNDS, **{f"trees_{name}": value for name, value in numbers.items()}}
    return {name: float(value) for name, value in found.items()}


class Member(Protocol):
    """One fitted model whose log-odds are its base plus one contribution per feature."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def base(self) -> float: ...
    def contributions(self, frame: Frame) -> Floats: ...
    def log_odds(self, frame: Frame) -> Floats: ...
    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Rhythm:
    """BG/NBD as it is: its log-odds of no order; `base`, their mean in training, stands where there are none."""

    base: float
    names: tuple[str, ...] = (RHYTHM,)

    def contributions(self, frame: Frame) -> Floats:
        """Shape (n, 1)."""
        return np.nan_to_num(frame.only(self.names).values - self.base)

    def log_odds(self, frame: Frame) -> Floats:
        """Shape (n,)."""
        return self.base + self.contributions(frame)[:, 0]

    def to_json(self) -> dict[str, Any]:
        return {"base": self.base}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Rhythm:
        return cls(stored["base"])


@dataclass(frozen=True)
class Corrected:
    """BG/NBD's log-odds with a regression on the other features on top."""

    rhythm: Rhythm
    correction: Logistic

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.rhythm.names, *self.correction.names)

    @property
    def base(self) -> float:
        return self.rhythm.base + self.correction.base

    def contributions(self, frame: Frame) -> Floats:
        """Shape (n, features)."""
        return np.hstack([self.rhythm.contributions(frame), self.correction.contributions(frame)])

    def log_odds(self, frame: Frame) -> Floats:
        """Shape (n,)."""
        return self.rhythm.log_odds(frame) + self.correction.log_odds(frame)

    def to_json(self) -> dict[str, Any]:
        return {"rhythm": self.rhythm.to_json(), "correction": self.correction.to_json()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Corrected:
        return cls(Rhythm.from_json(stored["rhythm"]), Logistic.from_json(stored["correction"]))


@dataclass(frozen=True)
class Calibration:
    """log-odds → intercept + slope × log-odds; as it stands, none."""

    intercept: float = 0.0
    slope: float = 1.0

    def __call__(self, log_odds: Floats) -> Floats:
        return self.intercept + self.slope * log_odds


@dataclass(frozen=True)
class Model:
    """Members by name and the calibration of the mean of their log-odds."""

    kind: str
    members: dict[str, Member]
    calibration: Calibration = Calibration()

    @property
    def names(self) -> tuple[str, ...]:
        """Every feature that a member uses, once."""
        return tuple(dict.fromkeys(name for member in self.members.values() for name in member.names))

    def log_odds(self, frame: Frame) -> Floats:
        """Before calibration, shape (n,)."""
        return np.mean([member.log_odds(frame) for member in self.members.values()], axis=0)

    def probability(self, frame: Frame) -> Floats:
        """Calibrated, shape (n,)."""
        return probability_of(self.calibration(self.log_odds(frame)))

    def explain(self, frame: Frame) -> tuple[float, Floats]:
        """Base, and the contribution of each of `names`: shape (n, names). They add up to `log_odds`."""
        total = np.zeros((len(frame), len(self.names)))
        for member in self.members.values():
            columns = [self.names.index(name) for name in member.names]
            total[:, columns] += member.contributions(frame) / len(self.members)
        return sum(member.base for member in self.members.values()) / len(self.members), total

    def calibrated(self, calibration: Calibration) -> Model:
        return replace(self, calibration=calibration)

    def to_json(self) -> str:
        """The whole model as text."""
        return json.dumps(
            {
                "kind": self.kind,
                "members": {name: member.to_json() for name, member in self.members.items()},
                "calibration": vars(self.calibration),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Model:
        stored = json.loads(text)
        members = {name: _READ[name](member) for name, member in stored["members"].items()}
        return cls(stored["kind"], members, Calibration(**stored["calibration"]))


_READ: dict[str, Callable[[dict[str, Any]], Member]] = {
    "rhythm": Rhythm.from_json,
    "corrected": Corrected.from_json,
    "logistic": Logistic.from_json,
    "trees": Trees.from_json,
}


def fit_members(
    names: Sequence[str], frame: Frame, label: Floats, weight: Floats | None = None
) -> dict[str, Member]:
    """Fit the members asked for; those that the rows do not allow are left out.

    Raises:
        ValueError: there are no rows, or all have one label.
    """
    made: dict[str, Member] = {}
    known = frame.only((RHYTHM,)).values[:, 0]
    rhythm = None if np.isnan(known).all() else Rhythm(float(np.nanmean(known)))
    for name in names:
        if name == "logistic":
            made[name] = linear.fit(frame, label, weight)
        elif name == "trees":
            if trees.available():
                made[name] = trees.fit(frame, label, weight)
        elif rhythm is not None and name == "rhythm":
            made[name] = rhythm
        elif rhythm is not None:
            others = frame.only([other for other in frame.names if other != RHYTHM])
            correction = linear.fit(others, label, weight, CORRECTION_RIDGE, rhythm.log_odds(frame))
            made[name] = Corrected(rhythm, correction)
    return made


def assemble(kind: str, members: dict[str, Member]) -> Model | None:
    """A model of a kind from fitted members; None where one is missing."""
    wanted = KINDS[kind]
    if any(name not in members for name in wanted):
        return None
    return Model(kind, {name: members[name] for name in wanted})


def fit_calibration(log_odds: Floats, label: Floats, weight: Floats | None = None) -> Calibration:
    """Intercept and slope (Platt) of greatest likelihood on rows that the model was not fitted on.

    A slight pull towards no calibration keeps few rows from saying much; the slope stays positive.
    """
    w = np.ones(len(label)) if weight is None else weight

    def loss(theta: Floats) -> tuple[float, Floats]:
        slope = np.exp(theta[1])
        odds = theta[0] + slope * log_odds
        rest = w * (probability_of(odds) - label)
        value = w @ (np.logaddexp(0, odds) - label * odds) + 2 * theta @ theta
        return float(value), np.array([rest.sum(), slope * (rest @ log_odds)]) + 4 * theta

    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(-5, 5), (-2, 2)])
    return Calibration(float(found.x[0]), float(np.exp(found.x[1])))
