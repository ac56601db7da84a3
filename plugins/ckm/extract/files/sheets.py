"""XLSX: a worksheet's rows as text, under the numbers that the sheet gives them.

workbook  →  rows of cells  →  batches of text
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from ckm.errors import ObjectFailed
from ckm.extract.files.json_lines import HEADER
from ckm.extract.files.records import Records
from ckm.extract.files.stored import StoredFile, refused
from ckm.extract.text import as_text
from ckm.fields import ObjectMapping

BATCH_ROWS = 10_000
OLE = b"\xd0\xcf\x11\xe0"  # begins an old .xls and an encrypted .xlsx


class Sheet:
    """One worksheet; its first row that is not empty holds the names of the columns."""

    def __init__(self, file: StoredFile, mapping: ObjectMapping) -> None:
        self.file, self.mapping = file, mapping

    def columns(self) -> list[str]:
        """The names in the header.

        Raises:
            ObjectFailed: the file is no workbook, or its sheet has no header that tells the columns apart.
        """
        rows = self._rows()
        return [name for name in self._header(rows)[1] if name]

    def tables(self) -> Iterator[pa.Table]:
        """The sheet's rows, and beside them those with a cell that holds no value but an error."""
        rows = self._rows()
        header_row, header = self._header(rows)
        names = [name for name in header if name]
        records = Records(f"{self.file.name} row", names, HEADER)
        for number, cells in rows:
            texts, faults = self._read(number, cells, header, header_row)
            if faults:
                records.set_aside(json.dumps(texts, ensure_ascii=False), faults[0], number)
            elif any(texts.values()):
                records.add([texts[name] for name in names], number)
            if len(records) >= BATCH_ROWS:
                yield records.taken()
        yield records.taken()

    def _rows(self) -> Iterator[tuple[int, Sequence[tuple[Any, Any]]]]:
        """Each row's number and its cells, as stored and as formula; whatever breaks is said of the file."""
        with self.file.path.open("rb") as stream:
            if stream.read(4) == OLE:
                raise refused(
                    self.file.name,
                    "is encrypted or in the old format .xls: save it as .xlsx without a password",
                )
        try:
            stored, formulas = self._sheet(data_only=True), self._sheet(data_only=False)
            for number, row in enumerate(zip(stored, formulas, strict=True), 1):
                yield number, list(zip(*row, strict=True))
        except ObjectFailed:
            raise
        except Exception as error:  # zipfile, the XML parser and openpyxl each raise what they like
            raise refused(self.file.name, "is no whole workbook in the format .xlsx") from error

    def _sheet(self, *, data_only: bool) -> Iterator[tuple[Any, ...]]:
        from openpyxl import load_workbook

        workbook = load_workbook(self.file.path, read_only=True, data_only=data_only)
        sheets = {sheet.title: sheet for sheet in workbook.worksheets}
        name = self.mapping.sheet or next(iter(sheets), "")
        if name not in sheets:
            raise refused(self.file.name, f"has no sheet {name}; it has {', '.join(sheets)}")
        sheets[
            name
        ].reset_dimensions()  # what a file says of its own size may be wrong, and rows beyond it be lost
        return sheets[name].iter_rows()

    def _header(self, rows: Iterator[tuple[int, Sequence[tuple[Any, Any]]]]) -> tuple[int, list[str]]:
        for number, cells in rows:
            header = [as_text(cell.value) or "" for cell, _ in cells]
            if any(header):
                twice = sorted({name for name in header if name and header.count(name) > 1})
                if twice:
                    raise refused(
                        self.file.name,
                        f"has two columns {twice[0]} in row {number}: give each a name of its own",
                    )
                return number, header
        raise refused(self.file.name, "has an empty sheet: a row with the names of the columns was expected")

    def _read(
        self, number: int, cells: Sequence[tuple[Any, Any]], header: list[str], header_row: int
    ) -> tuple[dict[str, str | None], list[str]]:
        """The row's texts by column, and what is wrong with them."""
        texts: dict[str, str | None] = dict.fromkeys(name for name in header if name)
        faults = []
        for index, (cell, formula) in enumerate(cells):
            is_uncalculated = cell.value is None and formula.data_type == "f"
            if cell.value is None and not is_uncalculated:
                continue
            name = header[index] if index < len(header) else ""
            if not name:
                raise refused(
                    self.file.name,
                    f"has no name for its column {cell.column_letter} in row {header_row}, but a value in row "
                    f"{number}: put the names of all columns into the sheet's first row, without merged cells",
                )
            texts[name] = as_text(formula.value) if is_uncalculated else _text(cell.value)
            if is_uncalculated:
                faults.append(f"has a formula without a value in column {name}")
            elif cell.data_type == "e":
                faults.append(f"has the error {cell.value} in column {name}")
        return texts, faults


def _text(value: Any) -> str | None:
    """A cell as text; a workbook knows whole numbers as 1.0 too."""
    return as_text(int(value) if isinstance(value, float) and value.is_integer() else value)
