"""Records that can be read and are wrong: what a cell must be, a key, a code, a moment."""

from benchmarks.reliability.records import ORDERS, Kind, Mending, nights, order, product
from benchmarks.reliability.written import text

A, B, C, D = (product(number) for number in (1, 2, 3, 4))
EARLIER = D.but(Changed="2025-06-30 06:00:00")
ONE, TWO, THREE = (order(number) for number in (1, 2, 3))
PRICE, CHANGED, ORDERED = "list_price_is_readable", "updated_at_is_readable", "ordered_at_is_readable"


def cell(what: str, rule: str, is_short: bool = False, **cells: str | None) -> Kind:
    """One product among others has a cell that a rule sets aside; the file is put right."""
    state, mended = text(A, B.broken(rule, **cells), C, D), text(A, B, C, D)
    return Kind(
        what, "csv", nights(state), Mending("file", (B,), mended, leaves="replaced"), is_short=is_short
    )


def of_order(what: str, rule: str, is_short: bool = False, **cells: str | None) -> Kind:
    """One order among others has a cell that a rule sets aside; the row is mended by hand."""
    names = dict(ORDERS.columns.items())
    sound = {names[own]: TWO.cells[own] or "" for own in cells}
    mending = Mending("row", (TWO,), decide=lambda bench: bench.queue(rule, mend=sound), leaves="replayed")
    return Kind(
        what,
        "csv",
        nights(text(ONE, TWO.broken(rule, **cells), THREE)),
        mending,
        table=ORDERS,
        is_short=is_short,
    )


KINDS: tuple[Kind, ...] = (
    cell("a word in a number", PRICE, Price="auf Anfrage", is_short=True),
    cell("a number with its unit", PRICE, Price="2.25 EUR"),
    cell("a thousands separator", PRICE, Price="1.234.567"),
    cell("a number that is none, NaN", PRICE, Price="NaN"),
    cell("a number too large for its column", PRICE, Price="1e30"),
    cell("a negative price", "list_price_is_not_negative", Price="-2.25"),
    cell("a code that nobody knows", "product_kind_is_known", Kind="Ware"),
    cell("a time of change that cannot be read", CHANGED, Changed="neulich"),
    cell(
        "a time of change far ahead",
        "updated_at_is_not_far_ahead",
        Changed="2099-01-01 00:00:00",
    ),
    of_order("a day that no month has, 31 February", ORDERED, Ordered="2025-02-31 10:00:00", is_short=True),
    of_order("a date of zeros", ORDERED, Ordered="0000-00-00 00:00:00"),
    of_order("a date as 1.6.2025", ORDERED, Ordered="1.6.2025"),
    of_order("a date as Excel counts days", ORDERED, Ordered="45809"),
    of_order("an hour that no day has", ORDERED, Ordered="2025-06-02 25:00:00"),
    of_order("an order of the day after tomorrow", "ordered_at_is_plausible", Ordered="2025-07-03 10:00:00"),
    of_order("an order without its day", "ordered_at_is_present", Ordered=None),
    Kind(
        "a decimal comma",
        "csv",
        nights(text(A, B.broken(PRICE, Price="2,25"), C, delimiter=";")),
        Mending(
            "row", (B,), decide=lambda bench: bench.queue(PRICE, mend={"Price": "2.25"}), leaves="replayed"
        ),
        mapping={"delimiter": ";"},
    ),
    Kind(
        "a record without its key",
        "csv",
        nights(text(A, B.broken("product_id_is_present", SKU=None), C)),
        Mending("file", (B,), text(A, B, C)),
    ),
    Kind(
        "two contents under one key",
        "csv",
        nights(text(A, B.broken("one_content_per_key"), B.broken("one_content_per_key", Price="3.00"), C)),
        Mending("file", (B,), text(A, B, C)),
        is_short=True,
    ),
    Kind("the same line twice", "csv", nights(text(A, B, B, C, C, C))),
    Kind(
        "a broken line twice",
        "csv",
        nights(text(A, *[B.broken(PRICE, Price="x")] * 2, C)),
        Mending("file", (B,), text(A, B, C)),
    ),
    Kind(
        "a record of tomorrow, which waits for its night",
        "csv",
        (("2025-06-30", text(EARLIER, A, B)), ("2025-07-01", text(EARLIER, A, B))),
    ),
)
