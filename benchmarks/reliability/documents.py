"""JSON lines, workbooks and Parquet files that are broken, or keep their values as no one should."""

from datetime import datetime
from typing import Any

from benchmarks.reliability.bench import Bench
from benchmarks.reliability.records import Kind, Mending, Record, State, nights, order, product
from benchmarks.reliability.written import content, json_lines, parquet, sheet

A, B, C, D = (product(number) for number in (1, 2, 3, 4))
ONE, TWO, THREE = (order(number) for number in (1, 2, 3))
NAMES = list(A.cells)
OBJECT = (
    '{"SKU": "P2", "Name": "Lamp no. 002", "Kind": "good", "Price": 2.25, "Changed": "2025-07-01 06:00:00"}'
)
LARGE = product(2, Name="9007199254740993", Price="0.1000")
NESTED = Record({**B.cells, "Sizes": '[1, 2.50, "XL"]', "Maker": '{"Land": "DE"}'})


def line(what: str, *lines: str, is_short: bool = False) -> Kind:
    """One line among sound ones is no object; a person writes what it should have been."""
    state = json_lines(A, B.garbled(*lines), C)
    mending = Mending(
        "line", (B,), decide=lambda bench: bench.queue("line_is_readable", line=OBJECT), leaves="replayed"
    )
    return Kind(what, "jsonl", nights(state), mending, is_short=is_short)


def loads(what: str, *records: Record) -> Kind:
    """What looks odd and is not: every record must be loaded."""
    return Kind(what, "jsonl", nights(json_lines(*records)))


def rows(*records: Record, header: list[Any] | None = None) -> list[list[Any]]:
    """A sheet's rows: the header, and the records' cells as texts."""
    return [header or list(records[0].cells), *(list(record.cells.values()) for record in records)]


def workbook(what: str, transport: str, state: State, mended: State, sentence: str, **how: Any) -> Kind:
    """The file is refused whole, and loads when it is put right."""
    mending = Mending("file", mended.records, mended)
    return Kind(what, transport, nights(state.but_refused(sentence)), mending, **how)


def typed(record: Record) -> list[Any]:
    """A product's cells as a workbook should hold them."""
    cells = list(record.cells.values())
    return [*cells[:3], float(cells[3] or 0), datetime.fromisoformat(cells[4] or "")]


def formula(sheet: Any) -> None:
    """The price of the second product is an error, as a formula leaves it."""
    sheet["D3"] = "#DIV/0!"
    sheet["D3"].data_type = "e"


def uncalculated(sheet: Any) -> None:
    """The price of the second product is a formula that no program has calculated."""
    sheet["D3"] = "=2+0.25"


def merged(sheet: Any) -> None:
    """Name and kind stand under one merged cell."""
    sheet.merge_cells("B1:C1")


SHEET = sheet(A, B, C, rows=rows(A, B, C))
PARQUET = parquet(A, B, C)
TWELVE = [product(number) for number in range(1, 13)]
DEARER = [one.but(Price="50.00") for one in TWELVE]
RETYPED = [one.broken("list_price_is_readable", Price="on request") for one in TWELVE]

KINDS: tuple[Kind, ...] = (
    line("a line that is no JSON", OBJECT.replace(":", "=", 1)),
    line("a last line that was cut off", OBJECT[:40], is_short=True),
    line("a list where an object should be", '["P2", "Lamp no. 002", 2.25]'),
    line("a key twice in one object", OBJECT.replace("}", ', "Price": 3}')),
    line("a number that is none, NaN", OBJECT.replace("2.25", "NaN")),
    line("two objects on one line", OBJECT + OBJECT),
    line("half of a surrogate pair", OBJECT.replace("Lamp", "\\ud83d")),
    loads(
        "numbers beyond what a double holds",
        A,
        LARGE.as_written(OBJECT.replace('"Lamp no. 002"', "9007199254740993").replace("2.25", "0.1000")),
    ),
    loads(
        "nested values and keys that others lack",
        A,
        NESTED.as_written(OBJECT.replace("}", ', "Sizes": [1, 2.50, "XL"], "Maker": {"Land": "DE"}}')),
    ),
    Kind("dates and numbers as texts", "xlsx", nights(SHEET), is_short=True),
    Kind("dates and numbers as such", "xlsx", nights(sheet(A, B, rows=[NAMES, typed(A), typed(B)]))),
    Kind(
        "empty rows between the others",
        "xlsx",
        nights(sheet(A, B, rows=[[], NAMES, typed(A), [], [None] * 5, typed(B)])),
    ),
    Kind(
        "an error in a formula's cell",
        "xlsx",
        nights(
            sheet(
                A,
                B.garbled(OBJECT.replace("2.25", '"#DIV/0!"')),
                C,
                rows=rows(A, B, C),
                change=formula,
            )
        ),
        Mending("line", (B,), decide=lambda bench: bench.queue(line=OBJECT), leaves="replayed"),
        is_short=True,
    ),
    Kind(
        "a formula that was never calculated",
        "xlsx",
        nights(
            sheet(
                A,
                B.garbled(OBJECT.replace("2.25", '"=2+0.25"')),
                C,
                rows=rows(A, B, C),
                change=uncalculated,
            )
        ),
        Mending("line", (B,), decide=lambda bench: bench.queue(line=OBJECT), leaves="replayed"),
    ),
    workbook(
        "a merged cell in the header",
        "xlsx",
        sheet(A, B, C, rows=rows(A, B, C), change=merged),
        SHEET,
        "column Kind (mapped to product_kind) is not in products.xlsx",
    ),
    workbook(
        "a title above the header",
        "xlsx",
        sheet(A, B, C, rows=[["Products of 2025"], *rows(A, B, C)]),
        SHEET,
        "column SKU (mapped to product_id) is not in products.xlsx",
    ),
    workbook("an empty sheet", "xlsx", sheet(A, B, C, rows=[]), SHEET, "has an empty sheet"),
    workbook(
        "a workbook that is none",
        "xlsx",
        content(b"SKU,Name\nP1,Lamp\n", A, B, C),
        SHEET,
        "is no whole workbook in the format .xlsx",
    ),
    workbook(
        "a workbook with a password",
        "xlsx",
        content(b"\xd0\xcf\x11\xe0" + bytes(99), A, B, C),
        SHEET,
        "is encrypted or in the old format .xls",
    ),
    workbook(
        "a workbook that was cut off",
        "xlsx",
        State(SHEET.records, lambda bench: cut(bench)),
        SHEET,
        "is no whole workbook in the format .xlsx",
    ),
    workbook(
        "a file that was cut off",
        "parquet",
        parquet(A, B, C, cut=50),
        PARQUET,
        "DuckDB cannot read products.parquet",
        is_short=True,
    ),
    Kind(
        "a column that is of another type from one night on",
        "parquet",
        nights(parquet(*TWELVE), parquet(*RETYPED).but_refused("list_price_is_readable")),
        Mending("file", tuple(DEARER), parquet(*DEARER)),
        source={"full_comparison_days": 1},
    ),
)


def cut(bench: Bench) -> None:
    """A workbook without its end."""
    SHEET.place(bench)
    bench.file.write_bytes(bench.file.read_bytes()[:-200])
