"""Arrow columns from numpy arrays: ids, texts, codes, moments and dates."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckm.simulate.draws import Draws


def label(prefix: str, numbers: np.ndarray, present: np.ndarray | None = None) -> pa.Array:
    """Ids such as KD-100017."""
    return joined(prefix, pc.cast(nullable(numbers, present), pa.string()))


def chosen(
    words: tuple[str, ...] | list[str], index: np.ndarray, present: np.ndarray | None = None
) -> pa.Array:
    """The words at `index`, null where not present."""
    return pa.array(words, pa.string()).take(nullable(index.astype(np.int64), present))


def joined(*parts: pa.Array | str) -> pa.Array:
    """Parts written one after the other; null where any part is."""
    return pc.binary_join_element_wise(*parts, "")


def nullable(values: np.ndarray, present: np.ndarray | None = None) -> pa.Array:
    """Numbers, null where not present."""
    return pa.array(values, mask=None if present is None else ~present)


def moments(seconds: np.ndarray, present: np.ndarray | None = None) -> pa.Array:
    """Local naive timestamps of int64 seconds."""
    return nullable(seconds.astype("datetime64[s]"), present)


def dates(days: np.ndarray, present: np.ndarray | None = None) -> pa.Array:
    """Dates of int64 day numbers."""
    return nullable(days.astype("datetime64[D]"), present)


def money(values: np.ndarray) -> np.ndarray:
    """Amounts to the cent."""
    return np.round(values, 2)


def untidy(draws: Draws, name: str, codes: pa.Array, uid: np.ndarray, share: float) -> pa.Array:
    """Codes as people typed them: a `share` in capitals, capitalised or with a blank at the end."""
    u = draws.uniform(f"untidy.{name}", uid)
    for part, written in enumerate((pc.utf8_upper, pc.utf8_capitalize, lambda texts: joined(texts, " "))):
        mask = (u >= share * part / 3) & (u < share * (part + 1) / 3)
        codes = pc.replace_with_mask(codes, pa.array(mask), written(codes.filter(pa.array(mask))))
    return codes
