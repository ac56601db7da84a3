"""What a kind of bad input is made of: records that are known cell by cell, the states of a source, and a mending."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

LINE = "line_is_readable"


@dataclass(frozen=True)
class Table:
    """An object of the contracts as the company's system calls its columns: system's column → canonical column."""

    name: str
    columns: Mapping[str, str]

    def values(self, cells: Mapping[str, str | None]) -> dict[str, Any]:
        """What sound cells must be in the warehouse, by canonical column; told by the columns' names alone."""
        return {self.columns[c]: _value(self.columns[c], t) for c, t in cells.items() if c in self.columns}

    def waits(self, record: "Record", end: datetime) -> bool:
        """Whether a sound record waits for a later night than the one that ends then."""
        return not record.fault and (self.values(record.cells).get("updated_at") or end) > end


PRODUCTS = Table(
    "products",
    {
        "SKU": "product_id", "Name": "product_name", "Kind": "product_kind", "Price": "list_price",
        "Changed": "updated_at",
    },
)  # fmt: skip
ORDERS = Table(
    "orders",
    {
        "No": "order_id", "Status": "status", "Ordered": "ordered_at", "Promised": "promised_on",
        "Changed": "updated_at",
    },
)  # fmt: skip
LINES = Table(
    "order_lines",
    {"Order": "order_id", "Item": "product_id", "Quantity": "quantity", "Price": "unit_price"},
)


@dataclass(frozen=True, eq=False)
class Record:
    """One record of a system, told from every other by the number in its cells.

    `cells` are its texts as they are received, by the system's columns. `fault` is the rule that must set it aside;
    without one it must be loaded, as `values` says by canonical column where the cells do not. `lines` are its
    physical lines where they are no record; each must then be kept. `written` is how it stands in a file of text,
    where that is not its cells or lines as they are.
    """

    cells: Mapping[str, str | None]
    fault: str | None = None
    lines: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    written: bytes | str | None = None

    def but(self, **cells: str | None) -> "Record":
        """The record with other cells, which should be loaded."""
        return Record({**self.cells, **cells})

    def broken(self, fault: str, **cells: str | None) -> "Record":
        """The record with other cells, which a rule should set aside."""
        return Record({**self.cells, **cells}, fault)

    def garbled(self, *lines: str, written: bytes | str | None = None) -> "Record":
        """The record where these lines arrive in its place, which are none."""
        return Record(self.cells, LINE, lines, written=written)

    def as_written(self, text: bytes | str) -> "Record":
        """The record under another spelling, which should be loaded all the same."""
        return replace(self, written=text)

    def meaning(self, **values: Any) -> "Record":
        """The record where some canonical columns are not what the cells' own text says."""
        return replace(self, values=values)

    def line(self, delimiter: str = ",") -> str:
        """As a line of CSV; a cell in need of quotes is not written by this."""
        return delimiter.join(text or "" for text in self.cells.values())


def product(number: int, **cells: str | None) -> Record:
    """A sound product, or one with other cells."""
    sound = {
        "SKU": f"P{number}", "Name": f"Lamp no. {number:03}", "Kind": "good", "Price": f"{number}.25",
        "Changed": "2025-07-01 06:00:00",
    }  # fmt: skip
    return Record({**sound, **cells})


def order(number: int, **cells: str | None) -> Record:
    """A sound order, or one with other cells."""
    sound = {
        "No": f"A{number}", "Status": "completed", "Ordered": f"2025-06-{number:02} 10:00:00",
        "Promised": f"2025-06-{number + 7:02}", "Changed": "2025-07-01 06:00:00",
    }  # fmt: skip
    return Record({**sound, **cells})


def order_line(number: int, **cells: str | None) -> Record:
    """A sound line of an order, which has no number of its own."""
    return Record(
        {"Order": f"A{number}", "Item": f"P{number}", "Quantity": "2", "Price": f"{number}.25", **cells}
    )


@dataclass(frozen=True)
class State:
    """What a source holds on a night: its records, and how to bring them there.

    `place` gets the bench; the context it returns, where it does, lasts for as long as the night reads. `refused`
    is a part of the sentence with which the object is refused whole.
    """

    records: tuple[Record, ...]
    place: Callable[[Any], AbstractContextManager[None] | None]
    refused: str | None = None

    def but_refused(self, sentence: str) -> "State":
        return replace(self, refused=sentence)


@dataclass(frozen=True)
class Mending:
    """What is done about it: in the source, or to the rows that were set aside.

    `state` is the source from then on, None where it goes on as it was. `decide` gets the bench and queues or
    discards rows. `records` must stand in the warehouse after the next night, and what was set aside must have the
    status `leaves`, where that is said.
    """

    what: str
    records: tuple[Record, ...] = ()
    state: State | None = None
    decide: Callable[[Any], None] = lambda bench: None
    leaves: str | None = None


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of bad input: what the source holds night by night, and how it is mended.

    `nights` are (day, state); in the end the warehouse must have what the source has, but for what was set aside,
    and besides what `stays` of earlier nights. `source` and `mapping` are added to sources.yml. `is_short` has it in
    the short form.
    """

    what: str
    transport: str
    nights: tuple[tuple[str, State], ...]
    mending: Mending | None = None
    table: Table = PRODUCTS
    source: Mapping[str, Any] = field(default_factory=dict)
    mapping: Mapping[str, Any] = field(default_factory=dict)
    stays: tuple[Record, ...] = ()
    is_short: bool = False


def nights(*states: State, first: int = 1) -> tuple[tuple[str, State], ...]:
    """States on consecutive nights of July."""
    return tuple((f"2025-07-{first + n:02}", state) for n, state in enumerate(states))


def _value(column: str, text: str | None) -> Any:
    """A text as its column means it; all times of the company are UTC."""
    text = text.strip(" \t\r\n\xa0") if text else None
    if not text:
        return None
    if column.endswith("_at"):
        return datetime.fromisoformat(text)
    if column.endswith("_on"):
        return datetime.fromisoformat(text).date()
    return Decimal(text) if column.endswith(("_price", "quantity")) else text
