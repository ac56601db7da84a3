"""Planted defects: which rows are spoilt, late or corrected, in which way, and where they stand."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckm.contracts import object_contract
from ckm.simulate.clock import DAY, Clock
from ckm.simulate.columns import chosen, joined, moments
from ckm.simulate.draws import Draws
from ckm.simulate.systems.shares import DEFECTS, DUPLICATE, LATE, TEXTS, Defect

FOUND = pa.schema([("native_key", pa.string()), ("kind", pa.string()), ("row", pa.int64())])
_CORRECTED_WITHIN_DAYS = 20


def plant(
    draws: Draws, clock: Clock, source: str, name: str, rows: pa.Table, uid: np.ndarray
) -> tuple[pa.Table, pa.Table]:
    """The rows as the system shows them at the end of the clock, and their defects as FOUND.

    `row` counts the rows shown from 1; it is null for a late row that does not show yet. A row has at most
    one defect. A duplicate follows its original at once and is the defective row. What happens to a row
    depends on nothing but its `uid`, so the rows may come in batches of any size.
    """
    contract = object_contract(source, name)
    u, low = draws.uniform(f"defects.{source}.{name}", uid), 0.0
    native, spoilt = native_keys(rows, contract.key), with_texts(source, name, rows)
    today = clock.end // DAY - 1
    copies = np.ones(u.size, dtype=np.int64)
    found: list[tuple[str, np.ndarray]] = []
    for defect in DEFECTS.get(source, {}).get(name, ()):
        mask = (u >= low) & (u < low + defect.share)
        low += defect.share
        if defect.kind == DUPLICATE:
            copies += mask
        elif defect.kind == LATE:
            copies -= mask & (seconds(rows[contract.cursor]) // DAY == today)
        elif defect.kind == "corrected_row":
            mask &= _is_given(rows[defect.column]) & _is_given(rows[defect.since])
            spoilt = _corrected(draws, clock, rows, spoilt, defect, mask, uid, contract.cursor)
        else:
            if defect.kind == "wrong_encoding":
                mask &= _is_foreign(rows[defect.column])
            spoilt = _replaced(spoilt, defect.column, mask, _bad(draws, rows, defect, mask, uid))
        found.append((defect.kind, np.nonzero(mask)[0]))
    position = np.concatenate([np.empty(0, dtype=np.int64), *(at for _, at in found)])
    kinds = np.repeat(np.array([kind for kind, _ in found], dtype=object), [at.size for _, at in found])
    order = np.argsort(position, kind="stable")
    position = position[order]
    hidden = copies[position] == 0
    defects = pa.table(
        [
            native.take(pa.array(position)),
            pa.array(kinds[order], pa.string()),
            pa.array(np.cumsum(copies)[position], pa.int64(), mask=hidden),
        ],
        schema=FOUND,
    )
    if (copies == 1).all():
        return spoilt, defects
    return spoilt.take(pa.array(np.repeat(np.arange(u.size), copies))), defects


def with_texts(source: str, name: str, rows: pa.Table) -> pa.Table:
    """The rows, with columns into which a defect can write words as text."""
    for column in text_columns(source, name):
        rows = rows.set_column(rows.column_names.index(column), column, as_text(rows[column]))
    return rows


def text_columns(source: str, name: str) -> set[str]:
    """Numbers, days and moments that a system must hold as text, because a defect can write words there."""
    return {d.column for d in DEFECTS.get(source, {}).get(name, ()) if d.kind in TEXTS and d.column}


def native_keys(rows: pa.Table, key: tuple[str, ...]) -> pa.Array:
    """The key of each row as text, parts joined with '|'; parts that the system lacks are left out."""
    texts = [as_text(rows[name]) for name in key if name in rows.column_names]
    return joined(texts[0], *(part for text in texts[1:] for part in ("|", text)))


def as_text(column: pa.ChunkedArray) -> pa.Array:
    """A column as a file writes it."""
    return pc.cast(column, pa.string()).combine_chunks()


def seconds(column: pa.ChunkedArray) -> np.ndarray:
    """Moments as int64 seconds, 0 where null."""
    return pc.fill_null(pc.cast(column, pa.timestamp("s")).cast(pa.int64()), 0).to_numpy()


def mojibake(texts: pa.Array) -> pa.Array:
    """UTF-8 texts as somebody reads them who takes them for Windows-1252: ü becomes Ã¼."""
    read = {text: text.encode().decode("cp1252", "replace") for text in texts.unique().to_pylist() if text}
    return pa.array([read.get(text) for text in texts.to_pylist()], pa.string())


def _bad(draws: Draws, rows: pa.Table, defect: Defect, mask: np.ndarray, uid: np.ndarray) -> pa.Array:
    """What stands in the defect's column on the rows of the mask."""
    where, column = pa.array(mask), rows[defect.column]
    match defect.kind:
        case "missing_key":
            return pa.nulls(int(mask.sum()), pa.string())
        case "negative_price":
            return as_text(pc.negate(column.filter(where)))
        case "wrong_encoding":
            return mojibake(column.filter(where).combine_chunks())
        case kind:
            words = defect.words or TEXTS[kind]
            bad = chosen(words, draws.below(f"defects.{kind}", len(words), uid[mask]))
            at_an_hour = kind == "impossible_date" and pa.types.is_timestamp(column.type)
            return joined(bad, " 10:15:00") if at_an_hour else bad


def _corrected(
    draws: Draws,
    clock: Clock,
    rows: pa.Table,
    spoilt: pa.Table,
    defect: Defect,
    mask: np.ndarray,
    uid: np.ndarray,
    cursor: str,
) -> pa.Table:
    """The rows, wrong on those of the mask until 1 to 20 days after `since`, then right with a new cursor."""
    days = 1 + draws.below("defects.corrected", _CORRECTED_WITHIN_DAYS, uid)
    at = seconds(rows[defect.since]) + days * DAY
    wrong, right = mask & (at >= clock.end), mask & (at < clock.end)
    changed = np.maximum(seconds(rows[cursor]), at)[right]
    spoilt = _replaced(spoilt, cursor, right, moments(changed))
    return _replaced(spoilt, defect.column, wrong, _wrong(draws, rows, defect, wrong, uid))


def _wrong(draws: Draws, rows: pa.Table, defect: Defect, mask: np.ndarray, uid: np.ndarray) -> pa.Array:
    """Plausible values that are not the right ones: another word, a week later, one more."""
    value = rows[defect.column].filter(pa.array(mask)).combine_chunks()
    if defect.words:
        index = draws.below("defects.wrong", len(defect.words), uid[mask])
        word, other = (chosen(defect.words, (index + step) % len(defect.words)) for step in (0, 1))
        same = pc.equal(word, pc.utf8_trim_whitespace(pc.utf8_lower(value)))
        return pc.if_else(same, other, word)
    if pa.types.is_date(value.type):
        return pc.add(value.cast(pa.date32()).cast(pa.int32()), pa.scalar(7, pa.int32())).cast(pa.date32())
    return pc.add(value, 1)


def _replaced(rows: pa.Table, column: str, mask: np.ndarray, values: pa.Array) -> pa.Table:
    """The rows with other values in a column on those of the mask."""
    if not mask.any():
        return rows
    place, old = rows.column_names.index(column), rows[column].combine_chunks()
    new = pc.replace_with_mask(old, pa.array(mask), pc.cast(values, old.type))
    return rows.set_column(place, column, new)


def _is_given(column: pa.ChunkedArray) -> np.ndarray:
    return pc.is_valid(column).to_numpy()


def _is_foreign(column: pa.ChunkedArray) -> np.ndarray:
    """Whether a text holds a letter that UTF-8 writes in more than one byte."""
    return pc.fill_null(pc.greater(pc.binary_length(column), pc.utf8_length(column)), False).to_numpy()
