"""Month-ends: the days as of which models are made and kept."""

from datetime import date, timedelta


def month_ends(first: date, last: date) -> list[date]:
    """The last days of months from `first` to `last`."""
    found, day = [], last.replace(day=1) - timedelta(days=1)
    if (last + timedelta(days=1)).day == 1:
        day = last
    while day >= first:
        found.append(day)
        day = day.replace(day=1) - timedelta(days=1)
    return found[::-1]


def last_month_ends(night: date, count: int) -> list[date]:
    """The last month-ends up to a night, the night included, from the latest to the earliest."""
    found, day = [], night + timedelta(days=1)
    while len(found) < count:
        day = day.replace(day=1)
        found.append(day - timedelta(days=1))
        day = found[-1]
    return found
