"""Planted defects: which rows are spoilt, in which way, and where they stand in the file."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckm.simulate.columns import chosen, joined
from ckm.simulate.draws import Draws

BAD_DATES = ("2024-02-31", "2025-06-31", "2025-13-05", "2024-00-17")
BAD_NUMBERS = ("siehe Notiz", "zwei", "12,5O", "ca. 3")
UNKNOWN_PRODUCTS = ("XX-9999", "TEST", "P-0000", "ALT-0815")
FUTURE_DATES = ("2099-12-31 00:00:00", "2199-01-01 12:00:00", "2077-07-07 07:07:00")
_WORDS = {
    "impossible_date": BAD_DATES,
    "text_in_number": BAD_NUMBERS,
    "unknown_product": UNKNOWN_PRODUCTS,
    "future_date": FUTURE_DATES,
}
DUPLICATE = "duplicate_row"


@dataclass(frozen=True)
class Defect:
    """One kind of defect: its share of an object's rows and the canonical column it spoils (or none)."""

    kind: str
    share: float
    column: str | None = None


def _usual(key: str, missing: float, duplicate: float, *others: Defect) -> tuple[Defect, ...]:
    return (Defect("missing_key", missing, key), Defect(DUPLICATE, duplicate), *others)


DEFECTS: dict[str, tuple[Defect, ...]] = {
    "customers": _usual("customer_id", 0.006, 0.018, Defect("impossible_date", 0.012, "birth_date")),
    "contacts": _usual("contact_id", 0.008, 0.020),
    "consents": _usual("customer_id", 0.009, 0.024, Defect("impossible_date", 0.008, "stated_at")),
    "orders": _usual(
        "order_id",
        0.008,
        0.018,
        Defect("impossible_date", 0.009, "ordered_at"),
        Defect("future_date", 0.006, "ordered_at"),
    ),
    "order_lines": _usual(
        "order_id",
        0.006,
        0.018,
        Defect("text_in_number", 0.004, "quantity"),
        Defect("text_in_number", 0.005, "unit_price"),
        Defect("unknown_product", 0.008, "product_id"),
        Defect("negative_price", 0.006, "unit_price"),
    ),
    "shipments": _usual(
        "shipment_id",
        0.007,
        0.019,
        Defect("impossible_date", 0.010, "shipped_at"),
        Defect("text_in_number", 0.006, "failed_attempts"),
    ),
    "subscriptions": _usual(
        "subscription_id",
        0.007,
        0.019,
        Defect("impossible_date", 0.010, "started_on"),
        Defect("text_in_number", 0.008, "monthly_fee"),
    ),
    "usage_events": (
        Defect(DUPLICATE, 0.022),
        Defect("text_in_number", 0.012, "quantity"),
        Defect("unknown_product", 0.008, "product_id"),
    ),
    "interactions": _usual(
        "interaction_id",
        0.008,
        0.019,
        Defect("impossible_date", 0.008, "started_at"),
        Defect("text_in_number", 0.008, "duration_seconds"),
    ),
    "workroom_items": _usual("item_id", 0.008, 0.019, Defect("impossible_date", 0.012, "due_on")),
    "service_costs": _usual("customer_id", 0.006, 0.022, Defect("text_in_number", 0.012, "amount")),
    "exchange_rates": (Defect(DUPLICATE, 0.010),),
}


def plant(
    draws: Draws, name: str, rows: pa.Table, uid: np.ndarray, key: tuple[str, ...]
) -> tuple[pa.Table, dict[str, pa.Array | np.ndarray]]:
    """The rows with their defects, and the defects: native_key, kind, line.

    A row has at most one defect. A duplicate follows its original at once and is the defective line; line 1
    is the header. Columns that a defect touches become text.
    """
    u, low = draws.uniform(f"defects.{name}", uid), 0.0
    native = native_keys(rows, key)
    found: list[tuple[str, np.ndarray]] = []
    copies = np.ones(u.size, dtype=np.int64)
    for defect in DEFECTS.get(name, ()):
        mask = (u >= low) & (u < low + defect.share)
        low += defect.share
        if defect.kind == DUPLICATE:
            copies += mask
        else:
            rows = _spoilt(draws, rows, defect, mask, uid)
        found.append((defect.kind, np.nonzero(mask)[0]))
    line_of_last = 1 + np.cumsum(copies)  # of a row's last copy
    position = np.concatenate([at for _, at in found]) if found else np.empty(0, dtype=np.int64)
    kinds = [kind for kind, at in found for _ in range(at.size)]
    order = np.argsort(position, kind="stable")
    defects = {
        "native_key": native.take(pa.array(position[order])),
        "kind": pa.array(kinds, pa.string()).take(pa.array(order)),
        "line": line_of_last[position[order]],
    }
    return rows.take(pa.array(np.repeat(np.arange(u.size), copies))), defects


def native_keys(rows: pa.Table, key: tuple[str, ...]) -> pa.Array:
    """The key of each row as text, parts joined with '|'; parts that the CRM lacks are left out."""
    texts = [as_text(rows[name]) for name in key if name in rows.column_names]
    return joined(texts[0], *(part for text in texts[1:] for part in ("|", text)))


def as_text(column: pa.ChunkedArray) -> pa.Array:
    """A column as the file writes it."""
    return pc.cast(column, pa.string()).combine_chunks()


def _spoilt(draws: Draws, rows: pa.Table, defect: Defect, mask: np.ndarray, uid: np.ndarray) -> pa.Table:
    """The rows with one kind of defect on those of the mask."""
    place = rows.column_names.index(defect.column)
    text, where = as_text(rows[defect.column]), pa.array(mask)
    if defect.kind == "missing_key":
        bad = pa.nulls(int(mask.sum()), pa.string())
    elif defect.kind == "negative_price":
        bad = joined("-", text.filter(where))
    else:
        words = _WORDS[defect.kind]
        bad = chosen(words, draws.below(f"defects.{defect.kind}", len(words), uid[mask]))
        if defect.kind == "impossible_date" and pa.types.is_timestamp(rows.schema.field(place).type):
            bad = joined(bad, " 10:15:00")
    return rows.set_column(place, defect.column, pc.replace_with_mask(text, where, bad))
