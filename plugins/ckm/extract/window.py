"""The span of a cursor column that one night reads."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FAR_AHEAD_DAYS = 366  # a cursor that lies so far after the night is no early row but a wrong one


@dataclass(frozen=True)
class Window:
    """Half-open span [start, end) in UTC; `start` None reads from the beginning.

    Transports narrow what they read by the span, generously where a system's own types or zones leave
    doubt; the gate then cuts exactly. Always read are rows without a cursor value, and those far ahead, which
    the gate sets aside. `is_whole` asks for every row that there is, so that what is not there is gone: the
    transport cuts nothing, because a row that waits for its night is not gone.
    """

    start: datetime | None
    end: datetime
    is_whole: bool = False

    @classmethod
    def until(
        cls, night: date, zone: ZoneInfo, newest: datetime | None, lag_days: int, *, is_whole: bool = False
    ) -> "Window":
        """From `lag_days` before the newest cursor known to the end of the night's local day.

        The lag re-reads what was committed late under an older cursor value.
        """
        end = datetime.combine(night + timedelta(days=1), time.min, zone).astimezone(UTC)
        start = None
        if newest is not None and not is_whole:
            start = newest.replace(tzinfo=UTC) - timedelta(days=lag_days)
        return cls(start=start, end=end, is_whole=is_whole)

    @property
    def far_ahead(self) -> datetime:
        """From here on a cursor is wrong."""
        return self.end + timedelta(days=FAR_AHEAD_DAYS)
