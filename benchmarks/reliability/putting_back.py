"""Rows that were set aside and are put back: as they came, mended, after their rule was mended, or never."""

import json
from dataclasses import replace

from benchmarks.reliability.bench import Bench
from benchmarks.reliability.records import LINE, Kind, Mending, nights, product
from benchmarks.reliability.written import text

A, B, C, D = (product(number) for number in (1, 2, 3, 4))
PRICE, CODE = "list_price_is_readable", "product_kind_is_known"
UNREADABLE = B.broken(PRICE, Price="2.25 EUR")
UNKNOWN = C.broken(CODE, Kind="Ware")
CUT = B.garbled("P2,Lamp no. 002,good,2.25")
KEYLESS = B.broken("product_id_is_present", SKU=None)
AS_IT_CAME = replace(UNKNOWN, fault=None)


def _put_back(what: str, *items: object, mending: Mending, is_short: bool = False) -> Kind:
    return Kind(what, "csv", nights(text(*items)), mending, is_short=is_short)


def allow(bench: Bench) -> None:
    """Mend the rule, so that it knows the code, and put back what it held."""
    suite = json.loads((bench.gate.suites / "raw/crm/products.json").read_text())
    rule = next(rule for rule in suite["expectations"] if rule["meta"]["rule"] == CODE)
    rule["kwargs"]["regex"] = "(?i)^(good|service|fee|Ware)$"
    bench.gate.mend_suite("raw/crm/products", suite)
    bench.queue(CODE)


KINDS: tuple[Kind, ...] = (
    _put_back(
        "a row that a person mends",
        A,
        UNREADABLE,
        C,
        is_short=True,
        mending=Mending(
            "row",
            (B,),
            decide=lambda bench: bench.queue(PRICE, mend={"list_price": "2.25"}),
            leaves="replayed",
        ),
    ),
    _put_back(
        "a line that a person writes anew",
        A,
        CUT,
        C,
        is_short=True,
        mending=Mending(
            "line", (B,), decide=lambda bench: bench.queue(LINE, line=B.line()), leaves="replayed"
        ),
    ),
    _put_back(
        "a row without its key, mended",
        A,
        KEYLESS,
        C,
        mending=Mending("row", (B,), decide=lambda bench: bench.queue(mend={"SKU": "P2"}), leaves="replayed"),
    ),
    _put_back(
        "a row whose rule is mended",
        A,
        B,
        UNKNOWN,
        is_short=True,
        mending=Mending("rule", (AS_IT_CAME,), decide=allow, leaves="replayed"),
    ),
    _put_back(
        "a row that is left out for good",
        A,
        UNREADABLE,
        C,
        is_short=True,
        mending=Mending(
            "left out", decide=lambda bench: bench.discard("a test of the shop"), leaves="discarded"
        ),
    ),
    _put_back(
        "a line that is left out for good",
        A,
        CUT,
        C,
        mending=Mending(
            "left out", decide=lambda bench: bench.discard("cut off, came whole later"), leaves="discarded"
        ),
    ),
    _put_back(
        "a row put back as it came, which fails again",
        A,
        UNREADABLE,
        C,
        is_short=True,
        mending=Mending("nothing", decide=lambda bench: bench.queue(PRICE), leaves="open"),
    ),
    _put_back(
        "a row mended into another fault",
        A,
        UNREADABLE,
        C,
        mending=Mending(
            "row, badly",
            decide=lambda bench: bench.queue(PRICE, mend={"Price": "2.25", "Kind": "Ware"}),
            leaves="open",
        ),
    ),
    _put_back(
        "a whole run put back after two mendings",
        A,
        UNREADABLE,
        UNKNOWN,
        D,
        mending=Mending(
            "row",
            (B, C),
            decide=lambda bench: (
                bench.queue(PRICE, mend={"Price": "2.25"}),
                bench.queue(CODE, mend={"Kind": "good"}),
                bench.queue_run("run-1"),
            ),
            leaves="replayed",
        ),
    ),
    Kind(
        "a row put back on a night that refuses its file",
        "csv",
        nights(text(A, UNREADABLE, C)),
        Mending(
            "row",
            (),
            text(A, UNREADABLE, C, header="SKU,Name,Kind,Price,Price").but_refused("two columns Price"),
            lambda bench: bench.queue(PRICE, mend={"Price": "2.25"}),
            leaves="queued",
        ),
    ),
    Kind(
        "a row that a sound newer version replaces",
        "csv",
        nights(text(A, UNREADABLE, C), text(A, B.but(Changed="2025-07-02 06:00:00", Price="9.00"), C)),
    ),
)
