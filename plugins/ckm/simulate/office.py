"""Business hours: Monday to Friday, 9 to 17 o'clock."""

import numpy as np

from ckm.simulate.clock import DAY

_OPENS, _LENGTH = 9 * 3600, 8 * 3600
_MONDAY = 4  # 1970-01-05


def after(moments: np.ndarray, hours: np.ndarray | float) -> np.ndarray:
    """The moments at which so many business hours have passed since `moments`."""
    return _moment(_worked(moments) + np.rint(np.asarray(hours) * 3600).astype(np.int64))


def _worked(moments: np.ndarray) -> np.ndarray:
    """Business seconds since the first Monday."""
    week, weekday = np.divmod(moments // DAY - _MONDAY, 7)
    today = np.where(weekday < 5, np.clip(moments % DAY - _OPENS, 0, _LENGTH), 0)
    return (week * 5 + np.minimum(weekday, 5)) * _LENGTH + today


def _moment(worked: np.ndarray) -> np.ndarray:
    days, seconds = np.divmod(worked, _LENGTH)
    week, weekday = np.divmod(days, 5)
    return (week * 7 + weekday + _MONDAY) * DAY + _OPENS + seconds
