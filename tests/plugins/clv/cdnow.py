"""Reads the CDNOW purchase logs (Fader and Hardie), the data behind the published figures.

The folder is named by the environment variable CKM_EXAMPLE_DATA, else it is `../shared/data` beside the
repository. Tests that need it are skipped where it is absent.

What reproduces the published fits: an order is a calendar day with at least one purchase record, whatever its
value (days of zero dollars count); several records of one day are one order, their dollars added. The
calibration ends on 1997-09-30. In weeks, T = (1997-09-30 minus day of first order) / 7, t_x = (last order of
the calibration minus first) / 7, x = orders of the calibration minus 1.
"""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

CALIBRATION_END = date(1997, 9, 30)
HOLDOUT_END = date(1998, 6, 30)


@dataclass(frozen=True)
class Customers:
    """One entry per customer; times in weeks, `repeat_value` the mean dollars of the x repeat orders."""

    frequency: np.ndarray
    recency: np.ndarray
    age: np.ndarray
    holdout: np.ndarray
    repeat_value: np.ndarray
    holdout_value: np.ndarray


def folder() -> Path:
    """Folder of the example data; skips the calling test where it is absent."""
    named = os.environ.get("CKM_EXAMPLE_DATA")
    path = Path(named) if named else Path(__file__).resolve().parents[4] / "shared" / "data"
    if not (path / "cdnow_sample.txt").exists() or not (path / "cdnow_master.txt").exists():
        pytest.skip("the CDNOW files are absent; set CKM_EXAMPLE_DATA to the folder that holds them")
    return path


def customers(name: str, zero_value_orders: bool = True) -> Customers:
    """Customers of `sample` or `master`; without zero-value orders where `zero_value_orders` is False."""
    days: dict[str, dict[date, float]] = {}
    for line in (folder() / f"cdnow_{name}.txt").read_text(encoding="ascii").splitlines():
        fields = line.split()
        if not fields or not fields[0].isdigit():
            continue
        key, (day, _, dollars) = fields[0], fields[-3:]
        ordered = date(int(day[:4]), int(day[4:6]), int(day[6:]))
        value = days.setdefault(key, {})
        value[ordered] = value.get(ordered, 0.0) + float(dollars)
    rows = []
    for value in days.values():
        kept = sorted(day for day, dollars in value.items() if zero_value_orders or dollars > 0)
        before = [day for day in kept if day <= CALIBRATION_END]
        after = [day for day in kept if CALIBRATION_END < day <= HOLDOUT_END]
        if not before:
            continue
        repeats = [value[day] for day in before[1:]]
        rows.append(
            (
                len(repeats),
                (before[-1] - before[0]).days / 7,
                (CALIBRATION_END - before[0]).days / 7,
                len(after),
                sum(repeats) / len(repeats) if repeats else 0.0,
                sum(value[day] for day in after),
            )
        )
    return Customers(*np.array(rows, dtype=float).T)
