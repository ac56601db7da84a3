"""The files of an object: which they are, that they hold still, and that none counts twice."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from tests.plugins.extract.landing import ALL, read_files

from ckm.errors import ObjectFailed
from ckm.extract.files import FilesReader
from ckm.extract.window import Window
from ckm.fields import ObjectMapping


def refusal(tmp_path: Path, file: str) -> tuple[str, tuple[str, ...]]:
    with pytest.raises(ObjectFailed) as raised:
        read_files(tmp_path, file=file)
    return str(raised.value), raised.value.refused


def test_same_file_under_another_name_is_said_of_all_its_lines(tmp_path: Path) -> None:
    (tmp_path / "p_1.csv").write_text("SKU\nA1\nA2\n")
    (tmp_path / "p_2.csv").write_text("SKU\nA1\nA3\n")
    (tmp_path / "p_3.csv").write_text("SKU\nA1\nA2\n")
    (tmp_path / "p_4.csv").write_text("SKU\nA4\n")
    got = read_files(tmp_path, file="p_*.csv")
    assert got.repeated == [False] * 4 + [True, True, False]
    assert list(got.rows)[4:6] == ["p_3.csv line 2", "p_3.csv line 3"]


def test_broken_lines_of_several_files_say_their_file(tmp_path: Path) -> None:
    (tmp_path / "p_1.csv").write_text("SKU\nA1\nA2,x\n")
    (tmp_path / "p_2.csv").write_text("SKU,Name\nA1\nA3,c\n")
    got = read_files(tmp_path, file="p_*.csv")
    assert got.rows == {"p_1.csv line 2": ("A1", None), "p_2.csv line 3": ("A3", "c")}
    assert list(got.broken) == ["p_1.csv line 3", "p_2.csv line 2"]
    assert got.headers == [
        '{"delimiter": ",", "columns": ["SKU", "Name"]}', '{"delimiter": ",", "columns": ["SKU"]}',
    ]  # fmt: skip


class TestStill:
    """A file must be the same at the end of reading as when it was found."""

    SENTENCE = (
        "p.csv changed while it was read, as if it were still being written: it is read the next night."
    )

    @pytest.fixture
    def reading(self, tmp_path: Path) -> Iterator[object]:
        (tmp_path / "p.csv").write_text("SKU\nA1\n")
        reader, mapping = FilesReader(tmp_path), ObjectMapping(file="p.csv")
        reader.columns(mapping)
        return reader.batches(mapping, None, ALL)

    REFUSAL = (SENTENCE, ("p.csv",))

    def refused(self, reading: Iterator[object]) -> tuple[str, tuple[str, ...]]:
        with pytest.raises(ObjectFailed) as raised:
            list(reading)
        return str(raised.value), raised.value.refused

    def test_file_that_grows_is_read_the_next_night(self, tmp_path: Path, reading: Iterator[object]) -> None:
        with (tmp_path / "p.csv").open("a") as file:
            file.write("A2\n")
        assert self.refused(reading) == self.REFUSAL

    def test_file_that_is_written_anew_is_read_the_next_night(
        self, tmp_path: Path, reading: Iterator[object]
    ) -> None:
        (tmp_path / "p.csv").write_text("SKU\nB1\n")
        os.utime(tmp_path / "p.csv", (1, 1))
        assert self.refused(reading) == self.REFUSAL

    def test_file_that_goes_away_is_read_the_next_night(
        self, tmp_path: Path, reading: Iterator[object]
    ) -> None:
        (tmp_path / "p.csv").unlink()
        assert self.refused(reading) == self.REFUSAL

    def test_file_that_changes_before_its_last_line_is_refused(
        self, tmp_path: Path, reading: Iterator[object]
    ) -> None:
        next(reading)
        next(reading)
        (tmp_path / "p.csv").write_text("SKU\nA1\nA2\n")
        assert self.refused(reading) == self.REFUSAL

    def test_file_that_holds_still_is_read(self, reading: Iterator[object]) -> None:
        assert sum(len(table) for table in reading) == 1


class TestNames:
    """What a name or glob can stand for."""

    def test_folder_under_the_name_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "p.csv").mkdir()
        expected = ("p.csv is a folder, not a file.", ("p.csv",))
        assert refusal(tmp_path, "p.csv") == refusal(tmp_path, "*.csv") == expected

    def test_folders_beside_files_are_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "p.csv").write_text("SKU\nA1\n")
        (tmp_path / "old").mkdir()
        assert read_files(tmp_path, file="*").cells == [("A1",)]

    def test_link_that_leads_nowhere_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "p_1.csv").write_text("SKU\nA1\n")
        (tmp_path / "p_2.csv").symlink_to(tmp_path / "gone.csv")
        expected = ("p_2.csv is a link that leads to no file.", ("p_2.csv",))
        assert refusal(tmp_path, "p_*.csv") == refusal(tmp_path, "p_2.csv") == expected

    def test_name_that_is_no_text_is_said(self, tmp_path: Path) -> None:
        (tmp_path / os.fsdecode(b"p_\xf6.csv")).write_text("SKU\nA1\n")
        expected = (r"p_\udcf6.csv has a name that is not UTF-8 text: rename it.", (r"p_\udcf6.csv",))
        assert refusal(tmp_path, "p_*.csv") == expected

    def test_file_that_may_not_be_read_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "p.csv").write_text("SKU\nA1\n")
        (tmp_path / "p.csv").chmod(0)
        if os.access(tmp_path / "p.csv", os.R_OK):
            pytest.skip("this user may read everything")
        assert refusal(tmp_path, "p.csv") == ("p.csv may not be read: permission denied.", ("p.csv",))

    def test_no_file_is_said(self, tmp_path: Path) -> None:
        assert refusal(tmp_path, "p_*.csv") == (f"no file matches p_*.csv in {tmp_path}.", ())


class TestWindow:
    """A file is read whole; the window thins what is handed on."""

    WINDOW = Window(datetime(2025, 1, 20, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC))

    def test_rows_outside_the_window_are_left_and_broken_lines_are_not(self, tmp_path: Path) -> None:
        (tmp_path / "p.csv").write_text(
            "SKU,Changed\nA1,2025-01-01\nA2,2025-02-01 10:00:00\nA3,\nA4,2025-12-01\nA5,soon\nA6\nA7,2999-01-01\n"
        )
        got = read_files(tmp_path, "Changed", self.WINDOW, file="p.csv")
        assert [sku for sku, _ in got.cells] == ["A2", "A3", "A5", "A7"]
        assert list(got.broken) == ["line 7"]

    def test_parquet_is_thinned_too(self, tmp_path: Path) -> None:
        rows = "(values (1, timestamp '2025-01-01'), (2, timestamp '2025-02-01')) as t(SKU, Changed)"
        duckdb.sql(f"copy (from {rows}) to '{tmp_path}/p.parquet'")
        got = read_files(tmp_path, "Changed", self.WINDOW, file="p.parquet")
        assert got.rows == {"row 2": ("2", "2025-02-01 00:00:00")}


class TestParquet:
    """A Parquet file is read whole or not at all."""

    def test_rows_have_their_numbers(self, tmp_path: Path) -> None:
        duckdb.sql(f"copy (select range as n from range(250000)) to '{tmp_path}/p.parquet'")
        got = read_files(tmp_path, file="p.parquet")
        assert (got.rows["row 1"], got.rows["row 250000"]) == (("0",), ("249999",))
        assert len(got.rows) == 250_000

    @pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
    def test_file_that_was_cut_off_is_refused(self, tmp_path: Path, share: float) -> None:
        file = tmp_path / "p.parquet"
        duckdb.sql(f"copy (select range as n, 'x' || range as t from range(10000)) to '{file}'")
        file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
        sentence, names = refusal(tmp_path, "p.parquet")
        assert sentence.startswith("DuckDB cannot read p.parquet: ") and names == ("p.parquet",)

    def test_file_whose_pages_are_broken_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "p.parquet"
        duckdb.sql(f"copy (select range as n, 'x' || range as t from range(10000)) to '{file}'")
        content = bytearray(file.read_bytes())
        content[4:4000] = bytes(3996)
        file.write_bytes(content)
        sentence, names = refusal(tmp_path, "p.parquet")
        assert sentence.startswith("DuckDB cannot read p.parquet: ") and names == ("p.parquet",)
