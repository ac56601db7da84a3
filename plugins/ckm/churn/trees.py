"""Gradient boosted trees by LightGBM; contributions are exact Shapley values of the trees (TreeSHAP)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ckm.churn.frame import Floats, Frame
from ckm.errors import ConfigurationError

if TYPE_CHECKING:
    import lightgbm

PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.04,
    "num_leaves": 6,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 127,
    "seed": 20060,
    "deterministic": True,  # equal whatever the number of threads
    "force_row_wise": True,
    "verbosity": -1,
}
LACKING = (
    "LightGBM cannot be loaded on this machine: install its OpenMP runtime (libgomp1 on Debian and Ubuntu, libgomp "
    "elsewhere)."
)
ROUNDS = 200
ROWS_A_THREAD = 100_000
"""Fewer rows are done by one thread: to wait for others takes longer than the work."""


@cache
def available() -> bool:
    """Whether LightGBM can be loaded: its wheel leaves the OpenMP runtime (libgomp) to the system."""
    try:
        import lightgbm  # noqa: F401
    except (ImportError, OSError):
        return False
    return True


@dataclass(frozen=True)
class Trees:
    """A fitted model: log-odds are `base` plus one contribution per feature and row."""

    names: tuple[str, ...]
    text: str
    """The trees as LightGBM writes them."""
    base: float
    """The mean log-odds over the training rows, which TreeSHAP measures from."""

    @cached_property
    def _booster(self) -> lightgbm.Booster:
        if not available():
            raise ConfigurationError(f"the churn model in use holds trees, and {LACKING}")
        import lightgbm

        return lightgbm.Booster(model_str=self.text)

    def contributions(self, frame: Frame) -> Floats:
        """Shape (n, features): what each adds to the log-odds of a row."""
        if not len(frame):
            return np.empty((0, len(self.names)))
        shares = self._booster.predict(
            frame.only(self.names).values, pred_contrib=True, num_threads=_threads(len(frame))
        )
        return np.asarray(shares)[:, :-1]

    def log_odds(self, frame: Frame) -> Floats:
        """Shape (n,)."""
        if not len(frame):
            return np.empty(0)
        return np.asarray(
            self._booster.predict(
                frame.only(self.names).values, raw_score=True, num_threads=_threads(len(frame))
            )
        )

    def to_json(self) -> dict[str, Any]:
        """All that `from_json` needs, in JSON's own types."""
        return {"names": list(self.names), "text": self.text, "base": self.base}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Trees:
        return cls(tuple(stored["names"]), stored["text"], stored["base"])


def fit(frame: Frame, label: Floats, weight: Floats | None = None, offset: Floats | None = None) -> Trees:
    """Boosted trees of few leaves with fixed seeds.

    Args:
        label: 1 where the customer stayed away, else 0; shape (n,).
        weight: of each row; ones for None.
        offset: log-odds of each row that the trees are to correct; they are not part of the trees.

    Raises:
        ValueError: there are no rows, or all have one label.
    """
    import lightgbm

    if len(label) == 0 or label.min() == label.max():
        raise ValueError("all customers have the same outcome, or there are none")
    data = lightgbm.Dataset(
        frame.values,
        label=label,
        weight=weight,
        init_score=offset,
        feature_name=[f"f{k}" for k in range(len(frame.names))],
        categorical_feature=[k for k, name in enumerate(frame.names) if name in frame.categories],
        params={"max_bin": PARAMETERS["max_bin"], "verbosity": -1, "num_threads": _threads(len(frame))},
    )
    settings = PARAMETERS | {"num_threads": _threads(len(frame))}
    text = lightgbm.train(settings, data, num_boost_round=ROUNDS).model_to_string()
    fitted = lightgbm.Booster(model_str=text)
    return Trees(frame.names, text, float(fitted.predict(frame.values[:1], pred_contrib=True)[0, -1]))


def _threads(rows: int) -> int:
    """How many threads do so many rows; 0 leaves it to LightGBM."""
    return 1 if rows <= ROWS_A_THREAD else 0
