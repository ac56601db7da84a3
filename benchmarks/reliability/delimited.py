"""CSV and TSV that are broken as text: quotes, delimiters, encodings, line ends and headers."""

from typing import Any

from benchmarks.reliability.records import Kind, Mending, Record, State, nights, product
from benchmarks.reliability.written import content, text

A, B, C, D = (product(number) for number in (1, 2, 3, 4))
SOUND = text(A, B, C)
CUT = "P2,Lamp no. 002,good,2.25,2025-07-01 06:00:00"  # the line of B
INCHES = product(5, Name='Lamp of 24" no. 5').as_written(
    'P5,"Lamp of 24"" no. 5",good,5.25,2025-07-01 06:00:00'
)
STRAY = product(5, Name='Lamp 24"').as_written('P5,Lamp 24",good,5.25,2025-07-01 06:00:00')
UMLAUTS = product(2, Name="Leuchte Größe 2"), product(3, Name="Weiße Leuchte 3")
CHINESE = product(2, Name="台灯 2"), product(3, Name="吊灯 3")
LONG = product(2, Name="x" * 1_000_000)
COMMA = product(2, Name="Lamp, white").as_written('P2,"Lamp, white",good,2.25,2025-07-01 06:00:00')
BREAK = product(2, Name="Lamp,\nwhite\r\nand round").as_written(
    'P2,"Lamp,\nwhite\r\nand round",good,2.25,2025-07-01 06:00:00'
)


def line(what: str, *lines: str, written: bytes | str | None = None, is_short: bool = False) -> Kind:
    """One line among sound ones is no record; it is mended in the file."""
    state = text(A, B.garbled(*lines, written=written), C, D)
    mending = Mending("file", (B,), text(A, B, C, D), leaves="open")  # nothing says that the two are one
    return Kind(what, "csv", nights(state), mending, is_short=is_short)


def loads(what: str, *items: Record | str, transport: str = "csv", mapping: Any = None, **how: str) -> Kind:
    """What looks broken and is not: every record must be loaded."""
    return Kind(what, transport, nights(text(*items, **how)), mapping=mapping or {})


def refused(what: str, state: State, sentence: str, mended: State = SOUND, **how: Any) -> Kind:
    """The file is refused whole, and loads when it is put right."""
    mending = Mending("file", mended.records, mended)
    return Kind(what, "csv", nights(state.but_refused(sentence)), mending, **how)


KINDS: tuple[Kind, ...] = (
    line("a quote that is never closed", CUT.replace("Lamp", '"Lamp'), is_short=True),
    line("a quote in the middle of a field", CUT.replace("Lamp", '"Lamp"')),
    Kind(
        "a quote that a stray one closes three lines on",
        "csv",
        nights(text(A, B.garbled(CUT.replace("Lamp", '"Lamp')), C, D, STRAY)),
        Mending("file", (B,), text(A, B, C, D, STRAY)),
    ),
    line(
        "two lines that a pair of quotes may make one", 'P2,"Lamp', 'no. 002,good,2.25,2025-07-01 06:00:00"'
    ),
    line("a line with a field too few", "P2,Lamp no. 002,good,2.25"),
    line("a line with a delimiter too many", CUT.replace(" no", ", no")),
    line("a line that was cut off", "P2,Lam"),
    line("two records that ran into one line", f"{CUT}P3,Lamp,good,1,2025-07-01"),
    line("a NUL byte", CUT.replace(" no", r"\x00no"), written=CUT.replace(" no", "\0no")),
    line(
        "bytes that are no UTF-8",
        CUT.replace("Lamp", r"Gr\xf6\xdfe"),
        written=CUT.encode().replace(b"Lamp", b"Gr\xf6\xdfe") + b"\n",
    ),
    line("the header once more in the middle", "SKU,Name,Kind,Price,Changed"),
    line("a line of a report below the table", "Total: 3 products"),
    refused(
        "a file in Windows-1252 read as UTF-8",
        text(*UMLAUTS, encoding="cp1252"),
        "for the most part not utf-8 text: set encoding",
        text(*UMLAUTS),
        is_short=True,
    ),
    refused(
        "UTF-16 without its mark, read as UTF-8",
        text(A, B, C, encoding="utf-16-le"),
        "is not utf-8 text but UTF-16: set encoding: utf-16-le",
    ),
    loads("UTF-16 with its mark", A, *UMLAUTS, encoding="utf-16"),
    loads("UTF-8 with its mark", A, *UMLAUTS, encoding="utf-8-sig"),
    loads(
        "GB18030 that sources.yml declares", A, *CHINESE, encoding="gb18030", mapping={"encoding": "gb18030"}
    ),
    loads(
        "mixed line ends, and one that is a lone carriage return",
        A.as_written(A.line() + "\r\n" + "\n"),
        B,
        C,
        end="\r",
    ),
    loads("blank lines", "", A, "", "  ", B, "", C, ""),
    loads("delimiters in quotes", A, COMMA, C),
    loads("line breaks in quotes", A, BREAK, C),
    loads(
        "quotes within a text, doubled and bare",
        A,
        INCHES,
        STRAY.but(SKU="P6").as_written('P6,Lamp 24",good,5.25,2025-07-01 06:00:00'),
    ),
    loads("a field of a million characters", A, LONG, C),
    loads("blanks around every field", A, B.as_written(B.line(" , "))),
    loads(
        "TSV with commas in its fields", A, product(2, Name="Lamp, white"), transport="tsv", delimiter="\t"
    ),
    refused(
        "a line without end",
        content(b"SKU,Name,Kind,Price,Changed\n" + b"x" * 17_000_000, A),
        "has a line of more than 16,777,216 characters",
        text(A),
    ),
    refused(
        "semicolons where commas should be",
        text(A, B, C, delimiter=";"),
        'of a single field: set delimiter: ";"',
    ),
    refused("an empty file", content(b"", A, B, C), "is empty: a header"),
    refused(
        "a header with the same name twice",
        text(A, B, C, header="SKU,Name,Kind,Price,Price"),
        "with two columns Price",
    ),
    refused(
        "a header without a mapped column",
        text(A, B, C, header="SKU,Name,Kind,Betrag,Changed"),
        "column Price (mapped to list_price) is not in products.csv",
    ),
    refused(
        "a filled column without a name",
        content(f"SKU,Name,Kind,Price,Changed,\n{CUT},x\n".encode(), B),
        "has no name for its column 6, which is filled",
        text(B),
    ),
    refused(
        "a workbook under the name of a CSV",
        content(b"PK\x03\x04" + bytes(99), A, B, C),
        "is a workbook or a zip archive, not text",
    ),
    refused(
        "a file packed with gzip", content(b"\x1f\x8b" + bytes(99), A, B, C), "is packed with gzip, not text"
    ),
)
