"""What models see: one row per customer and cut, one column per feature, and nothing of SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """Features of n rows.

    `values` has shape (n, number of names); what is not known is NaN. A feature with `categories` holds
    positions in its tuple of labels.
    """

    names: tuple[str, ...]
    values: Floats
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            raise ValueError("A frame needs one column of values for each name.")
        if len(set(self.names)) != len(self.names):
            raise ValueError("A feature stands twice in a frame.")
        if np.isinf(self.values).any():
            raise ValueError("A feature is infinite.")

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Frame:
        """Some of the rows."""
        return Frame(self.names, self.values[which], self.categories)

    def only(self, names: Sequence[str]) -> Frame:
        """Some of the features, in the order asked for; a name that the frame lacks is unknown in every row."""
        columns = [
            self.values[:, self.names.index(name)] if name in self.names else np.full(len(self), np.nan)
            for name in names
        ]
        kept = {name: labels for name, labels in self.categories.items() if name in names}
        return Frame(tuple(names), np.column_stack(columns) if columns else np.empty((len(self), 0)), kept)


def telling(frame: Frame) -> tuple[str, ...]:
    """The features that differ between rows; of a dimension that a company lacks there is none."""
    known = ~np.isnan(frame.values)
    return tuple(
        name
        for column, name in enumerate(frame.names)
        if known[:, column].any() and (not known[:, column].all() or np.ptp(frame.values[:, column]) > 0)
    )
