"""JSON lines: every object lands with its numbers as written, every other line is set aside with its number."""

from pathlib import Path

import pytest
from tests.plugins.extract.landing import Read, read_bytes

from ckm.errors import ConfigurationError, ObjectFailed
from ckm.extract.files import read_line


def read(tmp_path: Path, *lines: bytes, **mapping: object) -> Read:
    return read_bytes(tmp_path, "p.jsonl", b"\n".join(lines), **mapping)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"SKU": "A2", "Name": "x"', "is not JSON: it ends too early"),
        (b'{"SKU": "A2", "Na', "is not JSON: it ends too early"),
        (b'{"SKU": "A2" "Name": 1}', "is not JSON: character 14"),
        (b"{'SKU': 'A2'}", "is not JSON: character 2"),
        (b'{"SKU": "A2"}{"SKU": "A3"}', "is not JSON: character 14"),
        (b'{"SKU": NaN}', "is not JSON: NaN is no number"),
        (b'["A2", "x"]', "is no JSON object"),
        (b'"A2"', "is no JSON object"),
        (b"null", "is no JSON object"),
        (b'{"SKU": "A2", "SKU": "A3"}', "has a key twice in one object"),
        (b'{"SKU": {"a": 1, "a": 2}}', "has a key twice in one object"),
        (b'{"": 1}', "has a key without a name"),
        (b'{"SKU": "A\0"}', "holds a NUL byte"),
        (b'{"SKU": "Gr\xf6\xdfe"}', "is not utf-8 text"),
        (b'{"SKU": "\\ud83d"}', "holds half of a surrogate pair"),
        (b"[" * 100_000, "is nested too deep"),
    ],
    ids=range(16),
)
def test_line_that_is_no_object_is_set_aside_and_those_around_it_load(
    tmp_path: Path, line: bytes, fault: str
) -> None:
    got = read(tmp_path, b'{"SKU": "A1"}', line, b'{"SKU": "A3"}', b'{"SKU": "A4"}\r')
    assert got.rows == {"line 1": ("A1",), "line 3": ("A3",), "line 4": ("A4",)}
    text = line.decode(errors="backslashreplace").replace("\0", r"\x00")
    assert got.broken == {"line 2": (text, fault)}


def test_line_that_was_cut_off_at_the_end_is_set_aside(tmp_path: Path) -> None:
    got = read(tmp_path, b'{"SKU": "A1"}', b'{"SKU": "A')
    assert (got.rows, list(got.broken)) == ({"line 1": ("A1",)}, ["line 2"])


def test_values_land_as_they_are_written(tmp_path: Path) -> None:
    got = read(
        tmp_path,
        b'{"a": 1.10, "b": 12345678901234567890123, "c": -0, "d": 1E5, "e": true, "f": null, "g": "", "h": "1.10"}',
    )
    assert got.cells == [("1.10", "12345678901234567890123", "-0", "1E5", "true", None, None, "1.10")]


def test_objects_and_lists_within_a_record_keep_their_numbers(tmp_path: Path) -> None:
    got = read(
        tmp_path,
        '{"a": {"x": 1.10, "y": [1, 2.50, null, true, "ü\\n"]}, "b": [], "c": [{"z": 1e2}]}'.encode(),
    )
    assert got.cells == [('{"x": 1.10, "y": [1, 2.50, null, true, "ü\\n"]}', "[]", '[{"z": 1e2}]')]


def test_columns_are_those_of_all_lines(tmp_path: Path) -> None:
    got = read(tmp_path, b'{"SKU": "A1", "x": 1}', b"", b'{"y": 2, "SKU": "A2"}', b"  ", b"{}")
    assert got.columns == ["SKU", "x", "y"]
    assert got.rows == {
        "line 1": ("A1", "1", None),
        "line 3": ("A2", None, "2"),
        "line 5": (None, None, None),
    }


def test_separators_of_unicode_within_text_end_no_line(tmp_path: Path) -> None:
    got = read(tmp_path, '{"SKU": "a\u2028b\x85c"}'.encode())
    assert got.cells == [("a\u2028b\x85c",)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_mark_is_the_files_own_word(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, '{"SKU": "价格"}\n{"SKU": 2}'.encode(encoding)).cells == [("价格",), ("2",)]


def test_empty_file_has_no_rows_and_the_mapped_columns(tmp_path: Path) -> None:
    for content in (b"", b"\n\n", b"\xef\xbb\xbf"):
        got = read(tmp_path, content, columns={"product_id": "SKU"})
        assert (got.columns, got.rows, got.broken) == (["SKU"], {}, {})


def test_file_of_broken_lines_only_has_the_mapped_columns(tmp_path: Path) -> None:
    got = read(tmp_path, b"{", columns={"product_id": "SKU"})
    assert (got.columns, got.rows, list(got.broken)) == (["SKU"], {}, ["line 1"])


def test_keys_that_differ_only_in_capitals_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ObjectFailed, match=r"^p.jsonl has a column sku beside SKU") as raised:
        read(tmp_path, b'{"SKU": 1}', b'{"sku": 1}')
    assert raised.value.refused == ("p.jsonl",)


def test_mended_line_is_read_again(tmp_path: Path) -> None:
    (header,) = read(tmp_path, b'{"SKU": "A1"').headers
    assert read_line(header, '{"SKU": "A1", "Price": 1.10}') == {"SKU": "A1", "Price": "1.10"}
    with pytest.raises(ConfigurationError, match=r"^the mended line is not JSON: it ends too early\.$"):
        read_line(header, '{"SKU": "A1"')
