"""CSV and TSV: a line that is no record is set aside, and the lines around it load.

blocks of lines  →  Arrow's parser where a block leaves no doubt, line by line where it does  →  batches of text
"""

import csv
import io
import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from ckm.extract.columns import POINTER
from ckm.extract.files.encoded import EncodedText, is_clean, lines_of, received, text_fault
from ckm.extract.files.quoting import LineReader
from ckm.extract.files.records import Records, Unreadable, blank_as_null, pointers_to
from ckm.extract.files.stored import StoredFile, refused
from ckm.fields import ObjectMapping

BATCH_ROWS = 50_000
DOUBTFUL_LINES = 500
DELIMITERS = {",": '","', ";": '";"', "\t": r'"\t"', "|": '"|"'}  # as they are written in sources.yml
_UNNAMED = "\0"  # begins what a column without a name is called here; no header holds it


class Delimited:
    """One file of records that a delimiter cuts into fields; its first line that is not blank has their names."""

    def __init__(self, file: StoredFile, mapping: ObjectMapping) -> None:
        self.file, self.mapping = file, mapping
        self.delimiter = mapping.delimiter or ("\t" if file.path.suffix.lower() in (".tsv", ".tab") else ",")
        self.text = EncodedText(file, mapping)

    def columns(self) -> list[str]:
        """The names in the header.

        Raises:
            ObjectFailed: there is no header, or none that tells the columns apart.
        """
        header, _, _ = self._start(self.text.blocks())
        return [name for name in header if name]

    def tables(self) -> Iterator[pa.Table]:
        """The file's records, read and unreadable."""
        blocks = self.text.blocks()
        header, start, rest = self._start(blocks)
        lines = _Lines(self, header, start)
        for block in (rest, *blocks) if rest else blocks:
            yield from lines.taken(block)
        yield from lines.taken("", is_last=True)
        self.text.demand_encoding(lines.number - start)

    def _start(self, blocks: Iterator[str]) -> tuple[list[str], int, str]:
        """The header, the number of its last line, and what follows it in its block."""
        lines = lines_of(next(blocks, ""))
        first = next((index for index, line in enumerate(lines) if line.strip()), None)
        if first is None:
            raise refused(self.file.name, "is empty: a header with the names of the columns was expected")
        where = f"has a header (line {first + 1})"
        reader = csv.reader(lines[first:], delimiter=self.delimiter, strict=True)
        try:
            header = next(reader)
        except csv.Error:
            raise refused(self.file.name, f"{where} with broken quoting") from None
        number = first + reader.line_num
        for line in lines[first:number]:
            if fault := self.text.fault(line):
                raise refused(self.file.name, f"{where} that {fault}: set encoding to the file's own")
        twice = sorted({name for name in header if name and header.count(name) > 1})
        if twice:
            raise refused(self.file.name, f"{where} with two columns {twice[0]}: give each a name of its own")
        if len(header) == 1 and header[0] not in (self.mapping.columns or {}).values():
            for delimiter, shown in DELIMITERS.items():
                if delimiter in header[0]:
                    raise refused(self.file.name, f"{where} of a single field: set delimiter: {shown}")
        return header, number, "".join(lines[number:])


class _Lines:
    """The lines below the header of one file; `number` is that of the last line read."""

    def __init__(self, file: Delimited, header: list[str], number: int) -> None:
        self.header, self.number = header, number
        self._name, self._delimiter = file.file.name, file.delimiter
        self._columns = [name or f"{_UNNAMED}{index + 1}" for index, name in enumerate(header)]
        facts = {"delimiter": file.delimiter, "columns": header}
        self._place = f"{self._name} line"
        self._records = Records(self._place, self._columns, json.dumps(facts, ensure_ascii=False))
        self._reader = LineReader(len(header), file.delimiter, file.text.fault)
        self._held: list[str] = []
        self._tables: list[pa.Table] = []

    def taken(self, block: str, *, is_last: bool = False) -> Iterator[pa.Table]:
        """The records of a block, and of what was held back of those before it, once they are enough for a table."""
        self._take(block, is_last)
        if is_last or sum(map(len, self._tables)) + len(self._records) >= BATCH_ROWS:
            self._tables.append(self._records.taken())
            yield self._named(pa.concat_tables(self._tables, promote_options="default"))
            self._tables = []

    def _take(self, block: str, is_last: bool) -> None:
        table = None if self._held or is_last else self._at_once(block)
        if table is not None:
            self._tables += [self._records.taken(), table] if len(self._records) else [table]
            return
        lines = lines_of(block)
        if len(lines) <= DOUBTFUL_LINES:
            self._one_by_one(self._held + lines, is_last)
        else:  # so that what is around a broken line still is quick
            for start in range(0, len(lines), DOUBTFUL_LINES):
                self._take("".join(lines[start : start + DOUBTFUL_LINES]), is_last)

    def _at_once(self, block: str) -> pa.Table | None:
        """The records of a block that leaves no doubt: a line each, as many fields as the header; else None."""
        data = block.encode() if is_clean(block) else b""
        if not _leaves_no_doubt(data, self._delimiter):
            return None
        try:
            table = arrow_csv.read_csv(
                io.BytesIO(data),
                arrow_csv.ReadOptions(
                    column_names=self._columns, block_size=len(data) + 1, use_threads=False
                ),
                arrow_csv.ParseOptions(delimiter=self._delimiter, ignore_empty_lines=False),
                arrow_csv.ConvertOptions(column_types=dict.fromkeys(self._columns, pa.string())),
            )
        except pa.ArrowInvalid:
            return None
        lines = (
            block.count("\n") + block.count("\r") - block.count("\r\n") + (not block.endswith(("\n", "\r")))
        )
        if len(table) != lines:
            return None
        if self.header[0] in block and pc.any(pc.equal(table[0], self.header[0])).as_py():
            return None  # the header once more, perhaps
        numbers = pa.array(np.arange(self.number + 1, self.number + 1 + lines))
        self.number += lines
        cells = {name: blank_as_null(table[name]) for name in self._columns}
        return pa.table(cells | {POINTER: pointers_to(self._place, numbers)})

    def _one_by_one(self, lines: list[str], is_last: bool) -> None:
        at = 0
        for piece in self._reader.pieces(lines, self.number + 1, is_last=is_last):
            number = self.number + 1
            self.number += piece.lines
            if piece.fields == self.header:
                line = "".join(lines[at : at + piece.lines])
                self._records.set_aside(received(line), "repeats the header", number)
            elif piece.fields is not None:
                self._records.add(piece.fields, number, self.number)
            else:
                for index, fault in enumerate(piece.faults):
                    self._records.set_aside(received(lines[at + index]), fault, number + index)
            at += piece.lines
        self._held = lines[at:]

    def _named(self, table: pa.Table) -> pa.Table:
        """The table without the columns that have no name, which must hold nothing."""
        for name in self._columns:
            if name.startswith(_UNNAMED):
                filled = table.filter(pc.is_valid(table[name]))
                if len(filled):
                    raise refused(
                        self._name,
                        f"has no name for its column {name[1:]}, which is filled, "
                        f"first in {filled[POINTER][0].as_py()}: name it in the header",
                    )
                table = table.drop_columns([name])
        return table


def record(text: str, delimiter: str, header: list[str]) -> dict[str, str | None]:
    """A mended line as column → text.

    Raises:
        Unreadable: it still is no record.
    """
    lines = lines_of(text)
    reader = LineReader(len(header), delimiter, lambda line: text_fault(line, "utf-8"))
    pieces = list(reader.pieces(lines, 1, is_last=True))
    fault = next((fault for piece in pieces for fault in piece.faults), None)
    if fault or len(pieces) != 1 or pieces[0].fields is None:
        raise Unreadable(fault or "is not one record")
    if any(cell and not name for name, cell in zip(header, pieces[0].fields, strict=True)):
        raise Unreadable("fills a column that has no name")
    return {name: cell or None for name, cell in zip(header, pieces[0].fields, strict=True) if name}


def _leaves_no_doubt(data: bytes, delimiter: str) -> bool:
    """Whether Arrow and Python must read a block alike: no blank line, every quote encloses a field of one line."""
    if not data or not delimiter.isascii() or any(ends in data for ends in (b"\n\n", b"\n\r", b"\r\r")):
        return False
    if data.startswith((b"\n", b"\r")):
        return False
    if b'"' not in data:
        return True
    quotes = np.flatnonzero(np.frombuffer(data, np.uint8) == ord('"'))
    characters = np.frombuffer(b"\n" + data + b"\n", np.uint8)
    borders = np.frombuffer(f'{delimiter}\r\n"'.encode(), np.uint8)
    ends = np.flatnonzero(np.isin(characters[1:-1], np.frombuffer(b"\r\n", np.uint8)))
    return bool(
        len(quotes) % 2 == 0
        and np.isin(characters[quotes[::2]], borders).all()  # what stands before one that opens
        and np.isin(characters[quotes[1::2] + 2], borders).all()  # and behind one that closes
        and (np.searchsorted(quotes, ends) % 2 == 0).all()
    )
