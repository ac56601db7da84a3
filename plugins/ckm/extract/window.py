"""The span of a cursor column that one night reads."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Window:
    """Half-open span [start, end) in UTC; `start` None reads from the beginning.

    Transports narrow what they read by the span, generously where a system's own types or zones leave
    doubt; the gate then cuts exactly. Rows without a cursor value are always read.
    """

    start: datetime | None
    end: datetime

    @classmethod
    def until(cls, night: date, zone: ZoneInfo, newest: datetime | None, lag_days: int) -> "Window":
        """From `lag_days` before the newest cursor known to the end of the night's local day.

        The lag re-reads what was committed late under an older cursor value.
        """
        end = datetime.combine(night + timedelta(days=1), time.min, zone).astimezone(UTC)
        start = None if newest is None else newest.replace(tzinfo=UTC) - timedelta(days=lag_days)
        return cls(start=start, end=end)
