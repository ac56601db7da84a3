"""JSON APIs whose pages repeat, overlap or skip, whose records are none, and which refuse, break off or are busy."""

from typing import Any

from tests.plugins.extract.api import Answer, Asked

from benchmarks.reliability.bench import Bench
from benchmarks.reliability.records import Kind, Mending, Record, State, nights, product
from benchmarks.reliability.written import always, once, pages

A, B, C, D, E, F = (product(number) for number in range(1, 7))
SOUND = pages([A, B], [C])
BY_OFFSET = {
    "page": {
        "style": "offset",
        "parameter": "offset",
        "size_parameter": "limit",
        "size": 2,
        "total": "meta.total",
    }
}
BY_NUMBER = {"page": {"style": "number", "parameter": "page", "total": "meta.pages"}}
BY_LINK = {"page": {"style": "link", "next": "next"}}
CREDENTIALS = {"auth": {"token_url": "{api}/oauth/token", "client_id": "ckm", "client_secret": "secret"}}
OBJECT = (
    '{"SKU": "P2", "Name": "Lamp no. 002", "Kind": "good", "Price": "2.25", "Changed": "2025-07-01 06:00:00"}'
)


def refused(
    what: str, state: State, sentence: str, mended: State = SOUND, is_short: bool = False, **how: Any
) -> Kind:
    """The endpoint is refused whole, and loads when the API is put right."""
    mending = Mending("API", mended.records, mended)
    return Kind(what, "rest", nights(state.but_refused(sentence)), mending, is_short=is_short, **how)


def heals(what: str, state: State, is_short: bool = False, **how: Any) -> Kind:
    """What goes wrong is got over within the night: every record must be loaded."""
    return Kind(what, "rest", nights(state), is_short=is_short, **how)


def no_record(what: str, item: str) -> Kind:
    """One record among sound ones is no object; a person writes what it should have been."""
    mending = Mending(
        "line", (B,), decide=lambda bench: bench.queue("line_is_readable", line=OBJECT), leaves="replayed"
    )
    return Kind(what, "rest", nights(pages([A, B.garbled(item)], [C])), mending)


def by_offset(*records: Record, total: int, readings_that_skip: int = 0) -> State:
    """Records by offset; in the first readings one is deleted behind the first page, so that the next skips one."""

    def answer(asked: Asked) -> Answer:
        at = int(asked.query.get("offset", 0))
        at += at > 0 and asked.number <= 3 * readings_that_skip
        return Answer(
            {"data": [dict(record.cells) for record in records[at : at + 2]], "meta": {"total": total}}
        )

    def place(bench: Bench) -> None:
        bench.api.asked.clear()
        bench.api.reply = answer

    return State(records, place)


def with_token(asked: Asked) -> Answer | None:
    """The first token is no longer accepted on page 2."""
    is_first = asked.headers.get("Authorization") == "Bearer token-1"
    return (
        Answer({"error": "expired"}, status=401)
        if asked.path.endswith("items") and asked.page > 1 and is_first
        else None
    )


def repeating(asked: Asked) -> Answer | None:
    """Page 1, whichever is asked for."""
    return Answer({"data": [dict(A.cells), dict(B.cells)]})


def linked(to: str) -> State:
    """A first page whose link leads elsewhere, and no second one."""
    return pages(
        [A, B], [C], reply=lambda asked: Answer({"data": [dict(A.cells), dict(B.cells)], "next": to})
    )


BUSY = Answer({"error": "busy"}, status=429, headers={"Retry-After": "0"})
BROKEN = Answer({"error": "down"}, status=503)
ELEVEN = [product(number) for number in range(1, 12)]
UNPRICED = [Record({name: text for name, text in one.cells.items() if name != "Price"}) for one in ELEVEN]
NULL = Record({**B.cells, "Maker": None})
MADE = Record({**A.cells, "Maker.Land": "DE"}).as_written(
    OBJECT.replace("P2", "P1")
    .replace("no. 002", "no. 001")
    .replace("2.25", "1.25")
    .replace("}", ', "Maker": {"Land": "DE"}}')
)
LONG = product(2, Price="0.1000", Name="9007199254740993.10").as_written(
    OBJECT.replace('"Lamp no. 002"', "9007199254740993.10").replace('"2.25"', "0.1000")
)

KINDS: tuple[Kind, ...] = (
    refused(
        "a page that is another one again",
        pages([A, B], [C], reply=repeating),
        "page 2 is page 1 again",
    ),
    heals("pages that overlap", pages([A, B], [B, C], [C, D]), is_short=True),
    heals(
        "a page that skips a record, which the total gives away",
        by_offset(A, B, C, D, E, total=5, readings_that_skip=1),
        mapping=BY_OFFSET,
        is_short=True,
    ),
    refused(
        "pages that skip a record whenever they are read",
        by_offset(A, B, C, D, E, total=5, readings_that_skip=2),
        "stated 5 records and gave 4, so it was being changed while it was read",
        by_offset(A, B, C, D, E, total=5),
        mapping=BY_OFFSET,
    ),
    refused(
        "a total that lies",
        pages([A, B], [C], pages=3),
        "stated 3 pages and gave 2",
        pages([A, B], [C], pages=2),
        mapping=BY_NUMBER,
    ),
    refused(
        "a total that is no number",
        pages([A, B], [C], pages="many"),
        "has no number at meta.pages",
        pages([A, B], [C], pages=2),
        mapping=BY_NUMBER,
    ),
    refused(
        "a next page on another server",
        linked("http://127.0.0.2:9/items"),
        "names a next page on another server",
        pages([A, B, C]),
        mapping=BY_LINK,
    ),
    no_record("a text where a record should be", '"out of order"'),
    no_record("a null where a record should be", "null"),
    no_record("a list where a record should be", '["P2", "Lamp"]'),
    heals(
        "a token that expires between two pages",
        pages([A, B], [C], reply=with_token),
        source=CREDENTIALS,
    ),
    refused(
        "credentials that are refused",
        pages([A, B], [C], reply=always(Answer({}, status=401))),
        "answers 401: it does not accept the credentials under auth",
    ),
    heals(
        "a page that breaks off, once",
        pages([A, B], [C], reply=once(None, Answer({"data": [dict(C.cells)]}, cut=30))),
    ),
    refused(
        "a page that breaks off every time",
        pages(
            [A, B],
            [C],
            reply=lambda asked: None if asked.page == 1 else Answer({"data": [dict(C.cells)]}, cut=30),
        ),
        "page 2 breaks off before its end, after 2 attempts",
        is_short=True,
    ),
    refused(
        "JSON that ends too early",
        pages([A, B], [C], reply=always(Answer('{"data": [{"SKU": "P1"'))),
        "page 1 breaks off before its end, after 2 attempts",
    ),
    refused(
        "a page of HTML with status 200",
        pages([A, B], [C], reply=always(Answer("<html>Login</html>", kind="text/html"))),
        "page 1 is text/html, not JSON",
    ),
    refused(
        "an answer without its list",
        pages([A, B], [C], reply=always(Answer({"items": []}))),
        "has no list at data",
    ),
    heals("an API that is busy, once", pages([A, B], [C], reply=once(BUSY))),
    refused(
        "an API that is down after its first page",
        pages([A, B], [C], reply=lambda asked: BROKEN if asked.page > 1 else None),
        "page 2 answers 503, after 2 attempts",
    ),
    refused(
        "a mapped column that no record has any more",
        pages(UNPRICED),
        "column Price (mapped to list_price) is not in",
        pages(ELEVEN),
    ),
    heals("a null where an object should be", pages([MADE, NULL])),
    heals("numbers beyond what a double holds", pages([A, LONG])),
    Kind("a record that is gone from the API", "rest", nights(SOUND, pages([A, C]))),
)
