"""Any table in any quoting with any lines broken in between: each line is accounted for, each row is a true one."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.plugins.extract.landing import Read, read_bytes

from ckm.extract.files import delimited

ENDS = ("\n", "\r\n", "\r")
# A quote before a delimiter or a line end would close what a broken line above has opened, as any reader must take it.
PLAIN = st.text(st.sampled_from('ab,";\t 价\u2028é#'), max_size=6).filter(
    lambda text: not text.lstrip('"').startswith(",")
)
LONG = st.lists(st.text(st.sampled_from('ab"; é'), max_size=4), min_size=2, max_size=4).flatmap(
    lambda parts: st.sampled_from(ENDS).map(lambda end: "a" + end.join(parts))
)
Cells = tuple[str | None, ...]
Piece = tuple[bytes, Cells | None]
OPENING = [b'x,"y', b'"y', b'x,"y""']  # a quote that nothing closes


def quoted(cell: str, always: bool) -> str:
    """A cell as CSV."""
    needs = always or any(character in cell for character in ',"\r\n')
    return '"' + cell.replace('"', '""') + '"' if needs else cell


@st.composite
def tables(draw: Any, faults: list[bytes]) -> tuple[int, list[Piece]]:
    """The number of columns, and pieces of a file: a record and its cells, or a broken line and None."""
    width = draw(st.integers(2, 5))
    cells = st.one_of(PLAIN, PLAIN, LONG)
    pieces: list[Piece] = []
    for _ in range(draw(st.integers(1, 12))):
        end = draw(st.sampled_from(ENDS))
        if draw(st.integers(0, 3)) == 0:
            broken = draw(st.sampled_from(faults))
            extra = [b"a"] * draw(st.sampled_from([width - 1, width + 1]))
            pieces.append(((broken or b",".join(extra)) + end.encode(), None))
            continue
        row = draw(st.lists(cells, min_size=width, max_size=width))
        always = draw(st.booleans())
        text = ",".join(quoted(cell, always or draw(st.booleans())) for cell in row) + end
        pieces.append((text.encode(), tuple(cell or None for cell in row)))
    return width, pieces


def read(folder: Path, width: int, pieces: list[Piece]) -> tuple[Read, dict[str, Cells | None]]:
    """What was read of the pieces below a header, and each piece's cells by the place it stands at."""
    header = ",".join(f"column {n}" for n in range(width)) + "\r\n"
    places: dict[str, Cells | None] = {}
    number = 1
    for piece, cells in pieces:
        last = number + len(io.StringIO(piece.decode("latin-1"), newline="").readlines())
        places[f"line {last}" if last == number + 1 else f"lines {number + 1} to {last}"] = cells
        number = last
    return read_bytes(folder, "p.csv", header.encode() + b"".join(piece for piece, _ in pieces)), places


@pytest.fixture(params=[500, 2], ids=["at once", "line by line"])
def doubtful_lines(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "DOUBTFUL_LINES", request.param)


SLOW = settings(
    max_examples=100, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip


@pytest.mark.usefixtures("doubtful_lines")
@given(file=tables([b"", b"a\0,b", b"\xff,b", b'"a" b,c', *OPENING]))
@SLOW
def test_every_sound_record_lands_whatever_lines_are_broken_beside_it(tmp_path: Path, file: Any) -> None:
    width, pieces = file
    sound = [(b",".join([b"x"] * width) + b"\n", ("x",) * width)] * len(pieces)  # most of the file is text
    got, places = read(tmp_path, width, sound + pieces)
    assert got.rows == {place: cells for place, cells in places.items() if cells is not None}
    assert set(got.broken) == {place for place, cells in places.items() if cells is None}


@given(file=tables([b""]))
@example(file=(2, []))
@SLOW
def test_sound_files_read_as_pythons_reader_reads_them(tmp_path: Path, file: Any) -> None:
    width, pieces = file
    sound = [piece for piece in pieces if piece[1] is not None]
    got, _ = read(tmp_path, width, sound)
    text = b"".join(piece for piece, _ in sound).decode()
    expected = [
        tuple(cell or None for cell in row) for row in csv.reader(io.StringIO(text, newline="")) if row
    ]
    assert got.cells == expected and not got.broken
