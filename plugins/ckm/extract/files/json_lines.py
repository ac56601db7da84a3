"""JSON lines: an object a line, every number as it is written; what is no object is set aside.

blocks of lines  →  objects  →  batches of text
"""

import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import pyarrow as pa

from ckm.extract.files.encoded import EncodedText, is_clean, lines_of, received
from ckm.extract.files.records import Records, Unreadable
from ckm.extract.files.stored import StoredFile
from ckm.extract.text import Number, as_text
from ckm.fields import ObjectMapping

BATCH_ROWS = 50_000
HEADER = json.dumps({"format": "json"})


class JsonLines:
    """One file of JSON objects; its columns are the keys of all of them."""

    def __init__(self, file: StoredFile, mapping: ObjectMapping) -> None:
        self.file, self.mapping = file, mapping
        self.text = EncodedText(file, mapping)

    def columns(self) -> list[str]:
        """The keys of all objects; a file without any says nothing of its columns, so it has the mapped ones."""
        return self._names

    @cached_property
    def _names(self) -> list[str]:
        keys = dict.fromkeys(key for _, _, found, _ in self._lines() for key in found or ())
        return list(keys or dict.fromkeys((self.mapping.columns or {}).values()))

    def tables(self) -> Iterator[pa.Table]:
        """The file's lines, objects and what is none."""
        names = self._names
        records = Records(f"{self.file.name} line", names, HEADER)
        number = 0
        for number, line, found, fault in self._lines():
            if found is None:
                records.set_aside(received(line), fault, number)
            else:
                records.add([found.get(name) for name in names], number)
            if len(records) >= BATCH_ROWS:
                yield records.taken()
        yield records.taken()
        self.text.demand_encoding(number)

    def _lines(self) -> Iterator[tuple[int, str, dict[str, str | None] | None, str]]:
        """Each line that is not blank with its number, and its object or why it is none."""
        number = 0
        for block in self.text.blocks():
            for line in lines_of(block):
                number += 1
                fault = None if is_clean(line) else self.text.fault(line)
                if fault:
                    yield number, line, None, fault
                elif line.strip():
                    try:
                        yield number, line, record(line), ""
                    except Unreadable as error:
                        yield number, line, None, str(error)


def record(text: str) -> dict[str, str | None]:
    """A line as key → text.

    Raises:
        Unreadable: it is no JSON object.
    """
    try:
        found = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = "it ends too early" if error.pos >= len(text.rstrip()) else f"character {error.pos + 1}"
        raise Unreadable(f"is not JSON: {where}") from None
    except RecursionError:
        raise Unreadable("is nested too deep") from None
    if not isinstance(found, dict):
        raise Unreadable("is no JSON object")
    if "" in found:
        raise Unreadable("has a key without a name")
    cells = {key: value if type(value) is str else as_text(value) for key, value in found.items()}
    if "\\u" in text:
        try:
            "".join([*cells, *(cell or "" for cell in cells.values())]).encode()
        except UnicodeEncodeError:
            raise Unreadable("holds half of a surrogate pair") from None
    return cells


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unreadable("has a key twice in one object")
    return found


def _no_number(text: str) -> None:
    raise Unreadable(f"is not JSON: {text} is no number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Number, parse_int=Number, parse_constant=_no_number
)
