"""XLSX: rows land under the sheet's own numbers; what is no value or no table is said."""

import json
import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from tests.plugins.extract.landing import Read, read_files

from ckm.errors import ObjectFailed
from ckm.extract.files import read_line


def write(tmp_path: Path, *rows: Sequence[Any]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "p.xlsx")
    return book


def read(tmp_path: Path, **mapping: Any) -> Read:
    return read_files(tmp_path, file="p.xlsx", **mapping)


def refusal(tmp_path: Path, **mapping: Any) -> str:
    with pytest.raises(ObjectFailed) as raised:
        read(tmp_path, **mapping)
    assert raised.value.refused == ("p.xlsx",)
    return str(raised.value)


def test_rows_have_the_sheets_own_numbers_and_empty_ones_are_none(tmp_path: Path) -> None:
    write(tmp_path, [], ["SKU", "Price"], ["A1", 1], [], ["", None], [None, 4.0], ["A3"])
    assert read(tmp_path).rows == {"row 3": ("A1", "1"), "row 6": (None, "4"), "row 7": ("A3", None)}


def test_values_land_as_text_also_where_they_are_stored_as_text(tmp_path: Path) -> None:
    write(
        tmp_path,
        ["a", "b", "c", "d", "e", "f", "g"],
        [4711.0, 2.5, True, datetime(2025, 7, 1, 10, 30), date(2025, 7, 1), time(10, 30), 12345678901],
        ["0815", "2,5", "WAHR", "01.07.2025", "2025-07-01", " x ", "1e3"],
    )
    assert read(tmp_path).cells == [
        ("4711", "2.5", "true", "2025-07-01 10:30:00", "2025-07-01 00:00:00", "10:30:00", "12345678901"),
        ("0815", "2,5", "WAHR", "01.07.2025", "2025-07-01", " x ", "1e3"),
    ]


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!"])
def test_row_with_an_error_is_set_aside_whole(tmp_path: Path, error: str) -> None:
    write(tmp_path, ["SKU", "Price"], ["A1", 1], ["A2", error], ["A3", 3])
    got = read(tmp_path)
    assert got.rows == {"row 2": ("A1", "1"), "row 4": ("A3", "3")}
    assert got.broken == {
        "row 3": (f'{{"SKU": "A2", "Price": "{error}"}}', f"has the error {error} in column Price")
    }
    assert read_line(got.headers[0], '{"SKU": "A2", "Price": "2"}') == {"SKU": "A2", "Price": "2"}


def test_formula_that_was_never_calculated_is_set_aside(tmp_path: Path) -> None:
    write(tmp_path, ["SKU", "Price"], ["A1", "=1+1"], ["A2", 2])
    got = read(tmp_path)
    assert got.rows == {"row 3": ("A2", "2")}
    ((text, fault),) = got.broken.values()
    assert json.loads(text) == {"SKU": "A1", "Price": "=1+1"}
    assert fault == "has a formula without a value in column Price"


def test_value_of_a_formula_lands(tmp_path: Path) -> None:
    write(tmp_path, ["SKU", "Price"], ["A1", "=1+1"])
    _rewrite(tmp_path / "p.xlsx", rb"<f>1\+1</f><v ?/>", b"<f>1+1</f><v>2</v>")
    assert read(tmp_path).cells == [("A1", "2")]


def test_hidden_rows_are_rows(tmp_path: Path) -> None:
    book = write(tmp_path, ["SKU"], ["A1"], ["A2"])
    book.active.row_dimensions[2].hidden = True
    book.save(tmp_path / "p.xlsx")
    assert read(tmp_path).cells == [("A1",), ("A2",)]


def test_rows_beyond_what_the_file_says_of_its_size_are_rows(tmp_path: Path) -> None:
    write(tmp_path, ["SKU", "Price"], ["A1", 1], ["A2", 2])
    _rewrite(tmp_path / "p.xlsx", rb'<dimension ref="[^"]*"', b'<dimension ref="A1:A2"')
    assert read(tmp_path).cells == [("A1", "1"), ("A2", "2")]


def test_merged_header_is_refused(tmp_path: Path) -> None:
    book = write(tmp_path, ["SKU", "Address", None], ["A1", "Street", "Town"])
    book.active.merge_cells("B1:C1")
    book.save(tmp_path / "p.xlsx")
    assert refusal(tmp_path) == (
        "p.xlsx has no name for its column C in row 1, but a value in row 2: put the names of all columns into the "
        "sheet's first row, without merged cells."
    )


def test_header_of_two_rows_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ["Orders 2025"], ["SKU", "Price"], ["A1", 1])
    assert refusal(tmp_path).startswith(
        "p.xlsx has no name for its column B in row 1, but a value in row 2: "
    )


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    write(tmp_path, ["SKU", "Price", "SKU"])
    assert refusal(tmp_path) == "p.xlsx has two columns SKU in row 1: give each a name of its own."


def test_empty_sheet_and_missing_sheet_are_refused(tmp_path: Path) -> None:
    write(tmp_path)
    assert refusal(tmp_path) == (
        "p.xlsx has an empty sheet: a row with the names of the columns was expected."
    )
    assert refusal(tmp_path, sheet="Data") == "p.xlsx has no sheet Data; it has Sheet."


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "p.xlsx"
    file.write_text("SKU\nA1\n")
    assert refusal(tmp_path) == "p.xlsx is no whole workbook in the format .xlsx."
    file.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504))
    assert refusal(tmp_path) == (
        "p.xlsx is encrypted or in the old format .xls: save it as .xlsx without a password."
    )


def test_workbook_that_was_cut_off_or_broken_inside_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ["SKU"], *([f"A{n}"] for n in range(1_000)))
    file = tmp_path / "p.xlsx"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert refusal(tmp_path) == "p.xlsx is no whole workbook in the format .xlsx."
    file.write_bytes(whole)
    _rewrite(file, rb'<row r="700".*', b'<row r="700"')
    assert refusal(tmp_path) == "p.xlsx is no whole workbook in the format .xlsx."


def _rewrite(file: Path, pattern: bytes, by: bytes) -> None:
    """Change the XML of the first sheet of a workbook."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet], count = re.subn(pattern, by, parts[sheet], flags=re.DOTALL)
    assert count
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
