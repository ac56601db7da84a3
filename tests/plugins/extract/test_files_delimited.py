"""CSV and TSV: every line lands, as a row that is exactly what was written or set aside with its number."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.plugins.extract.landing import Read, read_bytes

from ckm.errors import ConfigurationError, ObjectFailed
from ckm.extract.files import read_line
from ckm.fields import ObjectMapping

HEAD = b"SKU,Name,Price\n"


def read(tmp_path: Path, lines: bytes, **mapping: str) -> Read:
    return read_bytes(tmp_path, "p.csv", HEAD + lines, **mapping)


def refusal(tmp_path: Path, content: bytes, **mapping: object) -> str:
    with pytest.raises(ObjectFailed) as raised:
        read_bytes(tmp_path, "p.csv", content, **mapping)
    assert raised.value.refused == ("p.csv",)
    return str(raised.value)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"A2,x", "has 2 fields where the header has 3"),
        (b"A2", "has 1 field where the header has 3"),
        (b"A2,x,1,2", "has 4 fields where the header has 3"),
        (b'A2,"x" y,1', "has a quote in the wrong place"),
        (b'A2,"x,1', "opens a quote that nothing closes"),
        (b'A2,x,"', "opens a quote that nothing closes"),
        (b"A2,x\0,1", "holds a NUL byte"),
        (b"A2,Gr\xf6\xdfe,1", "is not utf-8 text"),
        (b"SKU,Name,Price", "repeats the header"),
        (b'"SKU",Name,Price', "repeats the header"),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_that_is_no_record_is_set_aside_and_those_around_it_load(
    tmp_path: Path, line: bytes, fault: str, end: bytes
) -> None:
    lines = [b"A1,a,1", line, b"A3,c,3", b'A4,"d, d",4']
    got = read_bytes(tmp_path, "p.csv", end.join([b"SKU,Name,Price", *lines]))
    assert got.rows == {
        "line 2": ("A1", "a", "1"),
        "line 4": ("A3", "c", "3"),
        "line 5": ("A4", "d, d", "4"),
    }
    text = line.decode(errors="backslashreplace").replace("\0", r"\x00")
    assert got.broken == {"line 3": (text, fault)}


def test_last_line_that_was_cut_off_is_set_aside(tmp_path: Path) -> None:
    got = read(tmp_path, b"A1,a,1\nA2,")
    assert (got.cells, got.broken) == (
        [("A1", "a", "1")],
        {"line 3": ("A2,", "has 2 fields where the header has 3")},
    )


def test_text_with_line_breaks_is_one_record_with_its_lines(tmp_path: Path) -> None:
    got = read(tmp_path, b'A1,"one\ntwo\r\n\rthree, ""four""",1\nA2,"x\ny",2\n"A\n3",,3\n')
    assert got.rows == {
        "lines 2 to 5": ("A1", 'one\ntwo\r\n\rthree, "four"', "1"),
        "lines 6 to 7": ("A2", "x\ny", "2"),
        "lines 8 to 9": ("A\n3", None, "3"),
    }
    assert not got.broken


def test_quote_that_a_stray_one_closes_swallows_no_records(tmp_path: Path) -> None:
    got = read(tmp_path, b'A1,"Lamp,1\nA2,b,2\nA3,c,3\nA4,24",4\nA5,e,5\n')
    assert got.broken == {"line 2": ('A1,"Lamp,1', "opens a quote that nothing closes")}
    assert list(got.rows) == ["line 3", "line 4", "line 5", "line 6"]
    assert got.rows["line 5"] == ("A4", '24"', "4")


def test_lines_that_are_one_record_or_several_are_all_set_aside(tmp_path: Path) -> None:
    got = read_bytes(tmp_path, "p.csv", b'SKU,Name\nA1,"one\ntwo, and three"\nA2,b\n')
    fault = "is part of lines 2 to 3: quotes make them one record, without them they would be several"
    assert got.broken == {"line 2": ('A1,"one', fault), "line 3": ('two, and three"', fault)}
    assert got.rows == {"line 4": ("A2", "b")}


def test_record_over_several_lines_with_a_field_too_few_is_set_aside_whole(tmp_path: Path) -> None:
    got = read(tmp_path, b'A1,"please\nsend, it, now\nbye, bye"\nA2,b,2\n')
    assert [line for line, _ in got.broken.values()] == ['A1,"please', "send, it, now", 'bye, bye"']
    assert {fault for _, fault in got.broken.values()} == {
        "is part of lines 2 to 4: quotes make them one record, which has 2 fields where the header has 3"
    }
    assert got.rows == {"line 5": ("A2", "b", "2")}


def test_record_with_an_undecodable_line_in_its_text_is_set_aside_whole(tmp_path: Path) -> None:
    got = read(tmp_path, b'A1,"one\ntw\xf6\nthree",1\nA2,b,2\n')
    assert [(place, line) for place, (line, _) in got.broken.items()] == [
        ("line 2", 'A1,"one'), ("line 3", r"tw\xf6"), ("line 4", 'three",1'),
    ]  # fmt: skip
    assert got.broken["line 3"][1] == "is not utf-8 text"
    assert got.rows == {"line 5": ("A2", "b", "2")}


def test_record_that_never_ends_costs_only_its_first_line(tmp_path: Path) -> None:
    lines = [b"A%d,x,%d\n" % (n, n) for n in range(50_000)]
    lines[20_000] = b'A20000,"x,20000\n'
    got = read(tmp_path, b"".join(lines))
    assert list(got.broken) == ["line 20002"]
    assert len(got.rows) == 49_999


def test_record_across_the_border_of_two_blocks_is_whole(tmp_path: Path) -> None:
    text = b"two\nlines " * 60
    lines = [b'A%d,"%s",%d\n' % (n, text, n) for n in range(5_000)]  # 3 MB
    got = read(tmp_path, b"".join(lines))
    assert not got.broken
    assert got.cells == [(f"A{n}", text.decode(), f"{n}") for n in range(5_000)]
    assert list(got.rows)[-1] == f"lines {2 + 4_999 * 61} to {1 + 5_000 * 61}"


def test_long_field_is_a_field_whatever_stands_beside_it(tmp_path: Path) -> None:
    for other in (b"A2,b,2", b'A2,"b,2'):
        got = read(tmp_path, b"A1," + b"x" * 2_000_000 + b",1\n" + other)
        assert got.rows["line 2"] == ("A1", "x" * 2_000_000, "1")


def test_file_without_line_ends_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, HEAD + b"x" * 20_000_000) == (
        "p.csv has a line of more than 16,777,216 characters."
    )


def test_mixed_line_ends_and_blank_lines_read_alike(tmp_path: Path) -> None:
    got = read_bytes(tmp_path, "p.csv", b"\n\r\nSKU,Name,Price\r\nA1,a,1\n\nA2,b,2\rA3,c,3\r\n  \r\rA4,d,4")
    assert got.rows == {
        "line 4": ("A1", "a", "1"), "line 6": ("A2", "b", "2"),
        "line 7": ("A3", "c", "3"), "line 10": ("A4", "d", "4"),
    }  # fmt: skip
    assert not got.broken


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_what_only_unicode_calls_a_line_end_belongs_to_its_text(tmp_path: Path, separator: str) -> None:
    got = read(tmp_path, f"A1,one{separator}two,1\nA2,b,2\n".encode())
    assert got.rows == {"line 2": ("A1", f"one{separator}two", "1"), "line 3": ("A2", "b", "2")}


def test_blank_cells_are_null_and_blanks_around_text_stay(tmp_path: Path) -> None:
    got = read(tmp_path, b'A1,,""\n , x ,NA\n,,\n')
    assert got.cells == [("A1", None, None), (" ", " x ", "NA"), (None, None, None)]


def test_file_of_one_column_keeps_every_row(tmp_path: Path) -> None:
    got = read_bytes(tmp_path, "p.csv", b'SKU\nA1\n\n"A,2"\nA3,x\n')
    assert got.rows == {"line 2": ("A1",), "line 4": ("A,2",)}
    assert got.broken == {"line 5": ("A3,x", "has 2 fields where the header has 1")}


def test_tabs_and_other_delimiters_cut_where_they_are_said_to(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, "p.tsv", b"SKU\tName\nA1\ta, b\n\t\n").cells == [("A1", "a, b"), (None, None)]
    for delimiter in (";", "|", "§"):
        content = f"SKU{delimiter}Name\nA1{delimiter}a, b\n".encode()
        assert read_bytes(tmp_path, "p.csv", content, delimiter=delimiter).cells == [("A1", "a, b")]


@pytest.mark.parametrize(
    ("content", "mapping", "sentence"),
    [
        (b"", {}, "p.csv is empty: a header with the names of the columns was expected."),
        (b"\n\r\n  \n", {}, "p.csv is empty: a header with the names of the columns was expected."),
        (
            b"SKU,Name,SKU\nA1,x,A2\n", {},
            "p.csv has a header (line 1) with two columns SKU: give each a name of its own.",
        ),
        (
            b"SKU,sku\nA1,A2\n", {},
            "p.csv has a column sku beside SKU: give them names that differ in more.",
        ),
        (b'SKU,"Name\nA1,x\n', {}, "p.csv has a header (line 1) with broken quoting."),
        (
            b"SKU,,Price\nA1,,1\nA2,Leipzig,1\n", {},
            "p.csv has no name for its column 2, which is filled, first in p.csv line 3: name it in the header.",
        ),
        (
            b"SKU;Name\nA1;a,b\n", {"columns": {"product_id": "SKU", "product_name": "Name"}},
            'p.csv has a header (line 1) of a single field: set delimiter: ";".',
        ),
        (
            b"SKU\tName\nA1\ta\n", {},
            r'p.csv has a header (line 1) of a single field: set delimiter: "\t".',
        ),
        (b"PK\x03\x04....", {}, "p.csv is a workbook or a zip archive, not text: its name should end accordingly, or "
         "it be unpacked."),
    ],
)  # fmt: skip
def test_file_that_cannot_be_read_as_a_table_is_refused_whole(
    tmp_path: Path, content: bytes, mapping: dict[str, dict[str, str]], sentence: str
) -> None:
    assert refusal(tmp_path, content, **mapping) == sentence


def test_column_without_a_name_that_holds_nothing_is_left_out(tmp_path: Path) -> None:
    got = read_bytes(tmp_path, "p.csv", b"SKU,Name,\nA1,a,\nA2,b\n")
    assert (got.columns, got.cells, list(got.broken)) == (["SKU", "Name"], [("A1", "a")], ["line 3"])


class TestEncodings:
    """What the bytes of a file stand for."""

    TEXT = "SKU,Name,Price\nA1,Größe,1\nA2,价格,2\n"
    ROWS = (("A1", "Größe", "1"), ("A2", "价格", "2"))

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
    def test_byte_order_mark_is_the_files_own_word(self, tmp_path: Path, encoding: str) -> None:
        got = read_bytes(tmp_path, "p.csv", self.TEXT.encode(encoding))
        assert (got.columns[0], tuple(got.cells)) == ("SKU", self.ROWS)

    @pytest.mark.parametrize("order", ["le", "be"])
    def test_either_byte_order_of_utf_16_is_read(self, tmp_path: Path, order: str) -> None:
        content = ("\ufeff" + self.TEXT).encode(f"utf-16-{order}")
        for said in ({}, {"encoding": "utf-16"}, {"encoding": f"utf-16-{order}"}):
            assert tuple(read_bytes(tmp_path, "p.csv", content, **said).cells) == self.ROWS

    @pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-16-le", "utf-32-be"])
    def test_encoding_that_is_set_is_read(self, tmp_path: Path, encoding: str) -> None:
        got = read_bytes(tmp_path, "p.csv", self.TEXT.encode(encoding), encoding=encoding)
        assert tuple(got.cells) == self.ROWS

    def test_windows_1252_is_read_where_it_is_set(self, tmp_path: Path) -> None:
        got = read_bytes(tmp_path, "p.csv", "SKU,Name\nA1,Größe „L“ €\n".encode("cp1252"), encoding="cp1252")
        assert got.cells == [("A1", "Größe „L“ €")]

    @pytest.mark.parametrize("encoding", ["latin-99", "base64", ""])
    def test_encoding_that_is_none_is_said(self, encoding: str) -> None:
        with pytest.raises(
            ValidationError, match="is no encoding of text; utf-8, utf-16, cp1252 and gb18030"
        ):
            ObjectMapping(file="p.csv", encoding=encoding)

    def test_byte_order_mark_against_the_encoding_that_is_set_is_refused(self, tmp_path: Path) -> None:
        assert refusal(tmp_path, self.TEXT.encode("utf-16"), encoding="cp1252") == (
            "p.csv begins with the byte-order mark of utf-16, but encoding says cp1252: set encoding: utf-16."
        )
        assert "set encoding: utf-8." in refusal(tmp_path, self.TEXT.encode("utf-8-sig"), encoding="gb18030")

    @pytest.mark.parametrize("order", ["le", "be"])
    def test_utf_16_without_a_mark_is_recognised_and_refused(self, tmp_path: Path, order: str) -> None:
        assert refusal(tmp_path, self.TEXT.encode(f"utf-16-{order}")) == (
            f"p.csv is not utf-8 text but UTF-16: set encoding: utf-16-{order}."
        )

    def test_file_that_is_mostly_in_another_encoding_is_refused(self, tmp_path: Path) -> None:
        lines = [f"A{n},Größe,1" for n in range(10)]
        assert refusal(tmp_path, "\n".join(["SKU,Name,Price", *lines]).encode("cp1252")) == (
            "p.csv is for the most part not utf-8 text: set encoding, for example to cp1252 or gb18030."
        )
        assert refusal(tmp_path, "SKU,Größe\nA1,x\n".encode("cp1252")) == (
            "p.csv has a header (line 1) that is not utf-8 text: set encoding to the file's own."
        )

    def test_undecodable_line_keeps_its_bytes(self, tmp_path: Path) -> None:
        lines = [*(f"A{n},x,1".encode() for n in range(5)), "B,Größe,1".encode("cp1252")]
        got = read(tmp_path, b"\n".join(lines))
        ((text, _),) = got.broken.values()
        assert text.encode().decode("unicode_escape") == "B,Größe,1"

    def test_half_a_character_at_the_end_is_set_aside(self, tmp_path: Path) -> None:
        content = "SKU,Name\nA1,a\nA2,b\nA3,价格".encode()
        got = read_bytes(tmp_path, "p.csv", content[:-1])
        assert (len(got.rows), got.broken["line 4"][1]) == (2, "is not utf-8 text")
        wide = "SKU,Name\nA1,a\nA2,b\nA3,c".encode("utf-16")
        got = read_bytes(tmp_path, "p.csv", wide[:-1])
        assert (len(got.rows), got.broken["line 4"][1]) == (2, "is not utf-16 text")


class TestMended:
    """A line that was set aside is read again once somebody has mended it."""

    def test_mended_line_gives_the_cells_of_its_header(self, tmp_path: Path) -> None:
        got = read_bytes(tmp_path, "p.csv", b"SKU;;Name\nA1;;x;y\n", delimiter=";")
        (header,) = got.headers
        assert json.loads(header) == {"delimiter": ";", "columns": ["SKU", "", "Name"]}
        assert read_line(header, 'A1;;"x;y"') == {"SKU": "A1", "Name": "x;y"}
        assert read_line(header, 'A1;;"two\nlines"\n') == {"SKU": "A1", "Name": "two\nlines"}
        assert read_line(header, "A1;;") == {"SKU": "A1", "Name": None}

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("A1", "has 1 field where the header has 3"),
            ('A1,"x,1', "opens a quote that nothing closes"),
            ("A1,x,1\nA2,y,2", "is not one record"),
            ("", "is not one record"),
            ("A1,\0,1", "holds a NUL byte"),
        ],
    )
    def test_line_that_still_is_no_record_says_why(self, text: str, fault: str) -> None:
        header = json.dumps({"delimiter": ",", "columns": ["SKU", "Name", "Price"]})
        with pytest.raises(ConfigurationError) as raised:
            read_line(header, text)
        assert str(raised.value) == f"the mended line {fault}."
