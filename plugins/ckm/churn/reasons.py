"""Which drivers raise each customer's risk most, and how many of them are still there a night later."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ckm.churn.blend import Model
from ckm.churn.frame import Frame
from ckm.churn.population import Rows

SHOWN = 3
Reasons = Mapping[str, tuple[str, ...]]
"""Customer → the drivers that raise the risk, the strongest first, at most `SHOWN`."""


def reasons(model: Model, rows: Rows) -> Reasons:
    """The reasons of each row's customer; equal ones stand by name, as `churn_driver` ranks them."""
    names = sorted(model.names)
    order = [model.names.index(name) for name in names]
    shares = model.explain(rows.frame)[1][:, order]
    ranked = np.argsort(-shares, axis=1, kind="stable")[:, :SHOWN]
    return {
        key: tuple(names[k] for k in first if share[k] > 0)
        for key, first, share in zip(rows.key.tolist(), ranked, shares, strict=True)
    }


def kept(before: Reasons, after: Reasons) -> tuple[float, float, int]:
    """How much of what was said one night is said the next.

    Returns:
        The share of customers who keep their first reason, the mean share of the reasons before that are still among
        those shown, and the number of customers with a reason before and a row after; NaN where there is none.
    """
    both = [(told, after[key]) for key, told in before.items() if told and key in after]
    if not both:
        return float("nan"), float("nan"), 0
    first = np.mean([told[0] == now[0] if now else False for told, now in both])
    shown = np.mean([len({*told} & {*now}) / len(told) for told, now in both])
    return float(first), float(shown), len(both)


def of(rows: Rows, keys: Mapping[str, object]) -> Rows:
    """The rows of some customers."""
    which = np.array([key in keys for key in rows.key.tolist()], dtype=bool)
    frame: Frame = rows.frame.rows(which)
    return Rows(rows.cut[which], rows.key[which], rows.label[which], frame)
