"""Random draws that are pure functions of (seed, name of the draw, ids of the entity).

A draw does not depend on which other draws were made before it, so a customer, an order or a day has the
same fate whatever `until` is, and whole arrays of entities are drawn at once. Sequential generators would
need one stream per customer to promise the same.
"""

from hashlib import blake2b

import numpy as np
from scipy.special import betaincinv, gammaincinv, ndtri

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def _mixed(x: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 over an array of uint64 (wraps around by design)."""
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    return x ^ (x >> np.uint64(31))


class Draws:
    """Named draws of one seed. Every method takes integer arrays of ids that broadcast together."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def uid(self, name: str, *ids: np.ndarray | int) -> np.ndarray:
        """A uint64 per entity: the id of a thing that belongs to `ids`."""
        digest = blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest()
        h = np.array([int.from_bytes(digest, "little")], dtype=np.uint64)
        for values in ids:
            h = _mixed(h + (np.atleast_1d(values).astype(np.uint64) + np.uint64(1)) * _GOLDEN)
        return h

    def uniform(self, name: str, *ids: np.ndarray | int) -> np.ndarray:
        """Uniform on (0, 1)."""
        return ((self.uid(name, *ids) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def happens(self, name: str, rate: float | np.ndarray, *ids: np.ndarray | int) -> np.ndarray:
        """True with probability `rate`."""
        return self.uniform(name, *ids) < rate

    def between(self, name: str, low: float, high: float, *ids: np.ndarray | int) -> np.ndarray:
        """Uniform on (low, high)."""
        return low + (high - low) * self.uniform(name, *ids)

    def below(self, name: str, count: int | np.ndarray, *ids: np.ndarray | int) -> np.ndarray:
        """Integers 0 to count - 1."""
        return (self.uniform(name, *ids) * count).astype(np.int64)

    def pick(self, name: str, shares: tuple[float, ...], *ids: np.ndarray | int) -> np.ndarray:
        """Indices into `shares`, each with its share."""
        edges = np.cumsum(shares)[:-1] / np.sum(shares)
        return np.searchsorted(edges, self.uniform(name, *ids), side="right")

    def normal(self, name: str, *ids: np.ndarray | int) -> np.ndarray:
        """Standard normal."""
        return ndtri(self.uniform(name, *ids))

    def exponential(self, name: str, mean: float | np.ndarray, *ids: np.ndarray | int) -> np.ndarray:
        """Exponential with `mean`."""
        return -np.log(self.uniform(name, *ids)) * mean

    def gamma(self, name: str, shape: float, rate: float | np.ndarray, *ids: np.ndarray | int) -> np.ndarray:
        """Gamma with `shape` and `rate` (mean shape / rate)."""
        return gammaincinv(shape, self.uniform(name, *ids)) / rate

    def beta(self, name: str, a: float, b: float, *ids: np.ndarray | int) -> np.ndarray:
        """Beta(a, b)."""
        return betaincinv(a, b, self.uniform(name, *ids))
