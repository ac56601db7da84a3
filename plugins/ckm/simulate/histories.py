"""What happens again and again to an owner, and what happened to it last before a moment."""

import numpy as np

from ckm.simulate.clock import DAY, at_any_hour
from ckm.simulate.draws import Draws

_SPAN = np.int64(1) << 34
"""Longer than any moment, so that owner * _SPAN + moment orders by owner, then by moment."""


def recurring(
    draws: Draws, name: str, ids: np.ndarray, first: np.ndarray, rate: np.ndarray, end: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A Poisson process per owner, from the day after the moment `first` until `end`; `rate` is per day.

    Returns:
        (owner, k, moment): position of the owner, number of the event, from 0, and its moment.
    """
    owner, k = np.arange(first.size), 0
    day = (first // DAY + 1).astype(np.float64)
    rounds = [(owner[:0], owner[:0], owner[:0])]
    while owner.size:
        day = day + draws.exponential(name, 1 / rate[owner], ids[owner], k)
        moment = at_any_hour(day.astype(np.int64), draws.uniform(f"{name}.hour", ids[owner], k))
        going_on = moment < end
        owner, day = owner[going_on], day[going_on]
        rounds.append((owner, np.full(owner.size, k), moment[going_on]))
        k += 1
    owner, number, moment = (np.concatenate(part) for part in zip(*rounds, strict=True))
    return owner, number, moment


class Histories:
    """Events of owners (integers from 0), asked for the newest one before a moment."""

    def __init__(self, owner: np.ndarray, moment: np.ndarray) -> None:
        key = owner.astype(np.int64) * _SPAN + moment
        self._order = np.argsort(key, kind="stable")
        self._key, self._owner, self._moment = key[self._order], owner, moment

    def last(self, owner: np.ndarray, before: np.ndarray, within: int | None = None) -> np.ndarray:
        """Position of each owner's newest event earlier than `before`, at most `within` seconds earlier;
        -1 where there is none."""
        if not self._order.size:
            return np.full(owner.size, -1)
        place = np.searchsorted(self._key, owner.astype(np.int64) * _SPAN + before) - 1
        event = self._order[np.maximum(place, 0)]
        found = (place >= 0) & (self._owner[event] == owner)
        if within is not None:
            found &= self._moment[event] >= before - within
        return np.where(found, event, -1)
