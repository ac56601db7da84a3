"""The company's clock: local naive moments as int64 seconds since 1970, days as int64 days since 1970.

Nothing happens between midnight and five in the morning, so no moment falls into a change of the clocks.
"""

from datetime import date

import numpy as np

from ckm.simulate.company import Company

DAY = 86_400
NEVER = np.int64(2**53)
"""A moment later than any `until`."""

_EPOCH = date(1970, 1, 1).toordinal()
_HOURS = np.array([6.0, 9.0, 12.0, 14.0, 18.0, 21.0, 23.4])
_HOUR_QUANTILES = np.array([0.0, 0.12, 0.32, 0.45, 0.70, 0.95, 1.0])


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH


def month_starts(days: np.ndarray) -> np.ndarray:
    """The first day of each day's month, as day numbers."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def next_months(days: np.ndarray) -> np.ndarray:
    """The first day of the month after each day's month, as day numbers."""
    months = days.astype("datetime64[D]").astype("datetime64[M]") + 1
    return months.astype("datetime64[D]").astype(np.int64)


def at_any_hour(days: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Moments on `days` at hours when customers order; `u` on (0, 1) orders them within a day."""
    return days * DAY + (np.interp(u, _HOUR_QUANTILES, _HOURS) * 3600).astype(np.int64)


def at_work(days: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Moments on `days` between 8 and 18 o'clock."""
    return days * DAY + (8 * 3600 + u * 10 * 3600).astype(np.int64)


class Clock:
    """Maps operational days (a steady process) to moments, by season and weekday, up to `until`."""

    def __init__(self, company: Company, until: date) -> None:
        self.start = day_number(company.start)
        self.end = (day_number(until) + 1) * DAY
        """The first second after `until`."""
        days = np.arange(self.start, day_number(until) + 1)
        season = 2 * np.pi * (days - day_number(company.start) + 1 - company.season_peak_day) / 365.25
        weights = np.array(company.weekday_weights)[(days + 3) % 7]  # day 0 was a Thursday
        intensity = (1 + company.season_amplitude * np.cos(season)) * weights / weights_mean(company)
        self._edges = np.concatenate([[0.0], np.cumsum(intensity)])
        self._intensity = intensity

    @property
    def horizon(self) -> float:
        """Operational days from the start to `until`."""
        return float(self._edges[-1])

    def moments(self, operational: np.ndarray) -> np.ndarray:
        """Moments of operational days (float, from the start); NEVER where after `until`."""
        known = operational < self.horizon
        inside = np.where(known, operational, 0.0)
        index = np.searchsorted(self._edges, inside, side="right") - 1
        part = (inside - self._edges[index]) / self._intensity[index]
        return np.where(known, at_any_hour(self.start + index, part), NEVER)


def weights_mean(company: Company) -> float:
    """Mean weight of a weekday."""
    return sum(company.weekday_weights) / 7


def periods(first: np.ndarray, last: np.ndarray, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole periods of `days` between the moments `first` and `last` of each owner.

    Returns:
        (owner, k): position of the owner and number of the period, from 0; the period may be under way.
    """
    counts = np.maximum(0, (last - first) // (days * DAY) + 1)
    owner = np.repeat(np.arange(first.size), counts)
    return owner, np.arange(owner.size) - np.repeat(np.cumsum(counts) - counts, counts)
