"""Which physical lines are a record: told by the quotes, and by what the lines would be without them.

A quote that is never closed, or closed by a stray one far below, must not swallow the records between; a text with
line breaks in quotes is one record. Where both readings are possible, no line is taken for a record.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ckm.extract.files.encoded import LONGEST_LINE

MOST_LINES = 1_000  # of one record
csv.field_size_limit(2 * LONGEST_LINE)  # so that no single line exceeds it


@dataclass(frozen=True)
class Piece:
    """So many physical lines: one record by its `fields`, or lines that are none, with a fault for each.

    A blank line has neither.
    """

    lines: int
    fields: list[str] | None = None
    faults: list[str] = field(default_factory=list)


class LineReader:
    """Reads records of `width` fields from physical lines.

    Args:
        text_fault: why a line is no text at all, if so.
    """

    def __init__(self, width: int, delimiter: str, text_fault: Callable[[str], str | None]) -> None:
        self.width, self.delimiter, self.text_fault = width, delimiter, text_fault
        self._feed = _Feed()
        self._reader = csv.reader(self._feed, delimiter=delimiter, strict=True)

    def pieces(self, lines: list[str], number: int, *, is_last: bool) -> Iterator[Piece]:
        """The pieces that the lines, of which the first has this number, are made of.

        Ends before a record that is still open at the end of the lines, where others follow.
        """
        at = 0
        while at < len(lines):
            fields, fault, taken = self._next(lines, at)
            if fields is None and self._feed.ran_out and len(lines) - at < MOST_LINES and not is_last:
                return
            if fields is None:
                piece = Piece(1, None, [self.text_fault(lines[at]) or fault])
            elif taken == 1:
                piece = self._of_line(lines[at], fields)
            else:
                piece = self._of_span(lines[at : at + taken], fields, number + at)
            yield piece
            at += piece.lines

    def _next(self, lines: list[str], at: int) -> tuple[list[str] | None, str, int]:
        """The fields of the record that begins at a line, or why there is none, and how many lines were looked at."""
        self._feed.start(lines, at, min(at + MOST_LINES, len(lines)))
        try:
            return next(self._reader), "", self._feed.at - at
        except csv.Error:
            goes_on = self._feed.at - at > 1 or self._feed.ran_out
            fault = "opens a quote that nothing closes" if goes_on else "has a quote in the wrong place"
            return None, fault, self._feed.at - at

    def _of_line(self, line: str, fields: list[str]) -> Piece:
        if fault := self.text_fault(line):
            return Piece(1, None, [fault])
        if len(fields) == self.width:
            return Piece(1, fields)
        return Piece(1, None, [self._ragged(fields)] if line.strip() else [])

    def _of_span(self, lines: list[str], fields: list[str], number: int) -> Piece:
        """One record over several lines, unless the lines look like records of their own."""
        text_faults = [self.text_fault(line) for line in lines]
        wholes = [self._is_whole(line) for line in lines[1:]]
        fits_first = lines[0].count(self.delimiter) == self.width - 1
        if all(wholes) and self.width > 2 and len(wholes) + fits_first > 2:
            return Piece(1, None, [text_faults[0] or "opens a quote that nothing closes"])
        where = f"lines {number} to {number + len(lines) - 1}"
        inner = wholes[:-1]
        looks_like_several = (all(wholes) and (fits_first or len(wholes) > 1)) or (
            sum(inner) > 2 and sum(inner) * 2 > len(inner)
        )
        if any(text_faults):
            fault = f"is part of {where}, one of which is no text"
        elif len(fields) != self.width:
            fault = f"is part of {where}: quotes make them one record, which {self._ragged(fields)}"
        elif looks_like_several:
            fault = f"is part of {where}: quotes make them one record, without them they would be several"
        else:
            return Piece(len(lines), fields)
        return Piece(len(lines), None, [text_fault or fault for text_fault in text_faults])

    def _is_whole(self, line: str) -> bool:
        """Whether a line is a record by itself."""
        try:
            return len(next(csv.reader([line], delimiter=self.delimiter, strict=True))) == self.width
        except csv.Error:
            return False

    def _ragged(self, fields: list[str]) -> str:
        has = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
        return f"has {has} where the header has {self.width}"


class _Feed:
    """Lines for Python's reader, which takes as many as a record needs, up to a stop."""

    def __init__(self) -> None:
        self.start([], 0, 0)

    def start(self, lines: list[str], at: int, stop: int) -> None:
        self.lines, self.at, self.stop, self.ran_out = lines, at, stop, False

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self.at >= self.stop:
            self.ran_out = True
            raise StopIteration
        self.at += 1
        return self.lines[self.at - 1]
