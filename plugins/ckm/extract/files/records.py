"""Records of one file on their way to Arrow, read ones and unreadable ones, in the order of the file."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ckm.extract.columns import FAULT, HEADER, LINE, POINTER


class Unreadable(Exception):
    """A line or record cannot be read: the text says why, as the end of a sentence, without its values."""


class Records:
    """Collects records under their numbers.

    Args:
        place: what the numbers count within, such as `orders.csv line`.
        names: the columns, one for each cell of a record.
        header: what it takes to read a mended record (`ckm.extract.files.read_line`).
    """

    def __init__(self, place: str, names: Sequence[str], header: str) -> None:
        self.place, self.names, self.header = place, list(names), header
        self._rows: list[Sequence[str | None]] = []
        self._numbers: list[int] = []
        self._last: dict[int, int] = {}
        self._broken: dict[int, tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, cells: Sequence[str | None], number: int, last: int | None = None) -> None:
        """A record, which may span lines up to the `last`."""
        if last is not None and last > number:
            self._last[len(self._rows)] = last
        self._rows.append(cells)
        self._numbers.append(number)

    def set_aside(self, text: str, fault: str, number: int) -> None:
        """A record that cannot be read, as received."""
        self._broken[len(self._rows)] = (text, fault)
        self.add([None] * len(self.names), number)

    def taken(self) -> pa.Table:
        """What was collected since the last time, a blank cell as null."""
        cells = list(zip(*self._rows, strict=True)) if self._rows else [()] * len(self.names)
        columns = {
            name: blank_as_null(pa.array(values, pa.string()))
            for name, values in zip(self.names, cells, strict=True)
        }
        pointers = pointers_to(self.place, pa.array(self._numbers, pa.int64()))
        if self._last:
            spans = [
                f"{self.place}s {number} to {self._last[index]}" if index in self._last else None
                for index, number in enumerate(self._numbers)
            ]
            pointers = pc.coalesce(pa.array(spans, pa.string()), pointers)
        broken = [self._broken.get(index, (None, None)) for index in range(len(self))]
        columns |= {
            POINTER: pointers,
            LINE: pa.array([line for line, _ in broken], pa.string()),
            FAULT: pa.array([fault for _, fault in broken], pa.string()),
            HEADER: pa.array([None if line is None else self.header for line, _ in broken], pa.string()),
        }
        self._rows, self._numbers, self._last, self._broken = [], [], {}, {}
        return pa.table(columns)


def pointers_to(place: str, numbers: pa.Array) -> pa.Array:
    """`orders.csv line 17` for 17."""
    return pc.binary_join_element_wise(f"{place} ", pc.cast(numbers, pa.string()), "")


def blank_as_null(cells: pa.Array) -> pa.Array:
    """Empty text as null."""
    return pc.if_else(pc.equal(cells, ""), None, cells)
