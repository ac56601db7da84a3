"""What customers hold of the company: hidden attitudes, tied to each other by known paths."""

import numpy as np

from ckm.simulate.company import Asking
from ckm.simulate.draws import Draws

ATTITUDES = ("brand", "quality", "switching_cost", "value", "satisfaction", "loyalty")


def attitudes(asking: Asking, draws: Draws, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Each attitude of each customer, standard normal: its paths' causes and a part of its own."""
    own = np.stack([draws.normal(f"attitude.{name}", ids) for name in ATTITUDES])
    return dict(zip(ATTITUDES, _weights(asking) @ own, strict=True))


def _weights(asking: Asking) -> np.ndarray:
    """The weight of each independent part (column) in each attitude (row); a row's squares sum up to 1."""
    paths = {
        "value": asking.value_paths,
        "satisfaction": asking.satisfaction_paths,
        "loyalty": asking.loyalty_paths,
    }
    weights = np.zeros((len(ATTITUDES), len(ATTITUDES)))
    for row, name in enumerate(ATTITUDES):
        for cause, path in paths.get(name, ()):
            weights[row] += path * weights[ATTITUDES.index(cause)]
        weights[row, row] = np.sqrt(1 - np.sum(weights[row] ** 2))
    return weights
