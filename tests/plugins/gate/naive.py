"""What must become of a company's order lines, worked out row by row in plain Python from the stated rules alone.

Nothing here knows of hashes, versions or SQL: a key stands for what the system last said of it, and a row that was set
aside for what a person decided about it. A row is a dict of texts by column, null where empty.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

LAG_DAYS, FULL_COMPARISON_DAYS, FAR_AHEAD_DAYS = 1, 3, 366
CONTRADICTION, FAR_AHEAD = "one_content_per_key", "updated_at_is_not_far_ahead"

Row = dict[str, str | None]
Key = tuple[str, str]


class Seen(NamedTuple):
    """What a night sees."""

    extracted: int
    replayed: int
    is_whole: bool


@dataclass
class Aside:
    """A row that was set aside, with the rule that it broke."""

    row: Row
    rule: str
    status: str = "open"
    mended: Row | None = None

    @property
    def again(self) -> Row:
        """What is judged when it is put back."""
        return self.mended or self.row


@dataclass
class Book:
    """The order lines as they must stand after every night."""

    standing: dict[Key, Row] = field(default_factory=dict)
    history: list[Row] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)
    last_whole: date | None = None
    prices_may_be_negative: bool = False

    def night(self, day: date, table: list[Row]) -> Seen:
        """Take in a night on which the system's table holds these rows."""
        newest = max((m for row in self.history if (m := moment(row))), default=None)
        is_whole = (
            newest is None or not self.last_whole or (day - self.last_whole).days >= FULL_COMPARISON_DAYS
        )
        shown = [row for row in table if not waits(row, day) and (is_whole or _is_read(row, newest))]
        queued = [one for one in self.aside if one.status == "queued"]
        replays, present = _distinct(one.again for one in queued), _distinct(shown)
        fates = [(row, self._fate(row, present, replays)) for row in present]
        held, known = ([row for row, fate in fates if fate == wanted] for wanted in ("held", "known"))
        judged = [row for row, fate in fates if fate == "judged" and row not in replays]

        beside = _distinct([*replays, *judged, *held, *known])
        broken, sound = [], []
        for row in [*replays, *judged]:
            rule = None if self._is_known(row, present, replays) else self._broken(row, beside, day)
            broken += [(row, rule)] if rule else []
            sound += [] if rule else [row]
        nameless = [row for row in [*held, *(row for row, _ in broken)] if key_of(row) is None]
        gone = set(self.standing) - {key_of(row) for row in [*table, *replays]}
        gone -= {key_of(one.again) for one in self._mended(present)}

        self._set_aside(broken, queued)
        self._take_in(sound, replays, present)
        self._close([row for row in sound if row not in replays], [*present, *replays])
        if is_whole:
            self.last_whole = day
            for key in gone if not nameless else ():
                del self.standing[key]
        return Seen(len(shown), len(queued), is_whole)

    def waiting(self, number: int) -> Aside | None:
        """One of the rows about which a person has not decided."""
        waiting = sorted((one for one in self.aside if one.status == "open"), key=lambda one: str(one.row))
        return waiting[number % len(waiting)] if waiting else None

    def _fate(self, row: Row, present: list[Row], replays: list[Row]) -> str:
        """What the system's row is, by what is known of it and what a person decided."""
        decided = [one for one in self.aside if one.row == row]
        if any(one.status == "discarded" for one in decided):
            return "left out"
        if any(one.status == "queued" and one.mended for one in decided):
            return "mended"
        if any(one.mended and self._is_known(one.mended, present, replays) for one in self._mended([row])):
            return "mended"
        if any(one.status == "open" and one.rule not in (CONTRADICTION, FAR_AHEAD) for one in decided):
            return "held"
        return "known" if self._is_known(row, present, replays) else "judged"

    def _is_known(self, row: Row, present: list[Row], replays: list[Row]) -> bool:
        """Whether a row stands, or is history of what stands and is shown beside it."""
        stands = self.standing.get(key_of(row))
        if stands is None or row == stands:
            return row == stands
        return row in self.history and is_older(row, stands) and self._is_shown(stands, [*present, *replays])

    def _is_shown(self, stands: Row, present: list[Row]) -> bool:
        """Whether the system shows it, or the row that a person has mended into it."""
        return stands in present or stands in [one.mended for one in self._mended(present)]

    def _mended(self, present: list[Row]) -> list[Aside]:
        return [one for one in self.aside if one.status == "replayed" and one.mended and one.row in present]

    def _broken(self, row: Row, beside: list[Row], day: date) -> str | None:
        """The first rule that a row breaks."""
        if not row["quantity"].isdigit():
            return "quantity_is_readable"
        if not _is_dated(row):
            return "updated_at_is_readable"
        if key_of(row) is None:
            return "order_id_is_present"
        for other in beside:
            is_rival = other != row and key_of(other) == key_of(row) and _is_dated(other)
            if is_rival and (moment(other) == moment(row) or None in (moment(other), moment(row))):
                return CONTRADICTION
        if moment(row) and moment(row) >= _end(day) + timedelta(days=FAR_AHEAD_DAYS):
            return FAR_AHEAD
        if row["unit_price"].startswith("-") and not self.prices_may_be_negative:
            return "unit_price_is_not_negative"
        return None

    def _set_aside(self, broken: list[tuple[Row, str]], queued: list[Aside]) -> None:
        for one in queued:
            now = [rule for row, rule in broken if row == one.again]
            one.status, one.rule = ("open", now[0]) if now else ("replayed", one.rule)
        replays = [one.again for one in queued]
        for row, rule in broken:
            is_kept = any(one.row == row and one.status == "open" for one in self.aside)
            if row not in replays and not is_kept:
                self.aside.append(Aside(row, rule))

    def _take_in(self, sound: list[Row], replays: list[Row], present: list[Row]) -> None:
        """The newest that the system shows stands; what comes late or out of the quarantine is history."""
        for key in _distinct(key_of(row) for row in sound):
            fresh = [row for row in sound if key_of(row) == key and row != self.standing.get(key)]
            fresh = [row for row in fresh if not self._is_known(row, present, replays)]
            stands = self.standing.get(key)
            is_history = stands and all(is_older(row, stands) for row in fresh)
            is_late = all(row in replays for row in fresh) or (
                stands is not None and self._is_shown(stands, [*present, *replays])
            )
            if fresh and not (is_history and is_late):
                self.standing[key] = max(fresh, key=lambda row: moment(row) or datetime.max)
            self.history += fresh

    def _close(self, taken: list[Row], present: list[Row]) -> None:
        """A row that waits is settled when it is in after all, or when a sound one has taken its place."""
        for one in self.aside:
            is_replaced = one.row not in present and key_of(one.row) in [key_of(row) for row in taken]
            if one.status == "open" and (one.row in taken or (key_of(one.row) and is_replaced)):
                one.status = "closed"


def key_of(row: Row) -> Key | None:
    return (row["order_id"], row["line_number"]) if row["order_id"] else None


def moment(row: Row) -> datetime | None:
    """When the row last changed; null where it does not say, or not readably."""
    return datetime.fromisoformat(row["updated_at"]) if row["updated_at"] and _is_dated(row) else None


def is_older(row: Row, other: Row) -> bool:
    return moment(row) is not None and moment(other) is not None and moment(row) < moment(other)


def _is_dated(row: Row) -> bool:
    return row["updated_at"] is None or row["updated_at"][:2] == "20"


def _end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min)


def waits(row: Row, day: date) -> bool:
    """Whether its night has not come; what lies far ahead waits for nothing."""
    changed = moment(row)
    return changed is not None and _end(day) <= changed < _end(day) + timedelta(days=FAR_AHEAD_DAYS)


def _is_read(row: Row, newest: datetime) -> bool:
    """Whether a night that reads what has changed reads a row: the lag before the newest, and a day for doubt."""
    changed = moment(row)
    return changed is None or changed.date() >= newest.date() - timedelta(days=LAG_DAYS + 1)


def _distinct(items: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found
