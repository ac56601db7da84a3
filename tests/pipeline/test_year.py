"""What the benchmark of a year makes of its nights, on nights whose truth is known."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from benchmarks.year import report
from benchmarks.year.measures import Measured, keep, measured_in

ONE = Measured(
    night="2024-12-31", number=0, process=1, seconds=60, cpu_seconds=50, step_seconds={"publish": 5},
    step_cpu_seconds={"publish": 4}, extracted=9000, new_rows=9000, log_rows=9000, audit_rows=2000,
    published_rows=20_000, resident_mb=400, descriptors=11, sockets=2, threads=9, files=2000, version_mb=30,
    sizes={"warehouse.duckdb": 20, "published": 70},
)  # fmt: skip


@pytest.fixture
def year() -> list[Measured]:
    """Each night adds 10 rows and costs 20 s and 2 ms per row of the log; on 1 February another process goes on."""
    nights = [ONE]
    for number in range(1, 60):
        day, rows = date(2024, 12, 31) + timedelta(days=number), 9000 + 10 * number
        nights.append(
            replace(
                ONE, night=day.isoformat(), number=number, process=1 if number < 32 else 2, log_rows=rows,
                cpu_seconds=20 + 0.002 * rows + 30 * (number == 32), new_rows=10, descriptors=11 + number,
                step_cpu_seconds={"publish": 4 + 0.1 * number},
            )
        )  # fmt: skip
    return nights


def test_fit_finds_what_a_night_and_a_row_cost(year: list[Measured]) -> None:
    nights = report.warm(year)
    assert len(nights) == 58  # all but the history and the first night of the other process
    assert report.line_of(nights, "log_rows", "cpu_seconds") == pytest.approx((20, 0.002, 0), abs=1e-9)


def test_growing_step_and_leaking_descriptors_are_told(year: list[Measured]) -> None:
    so_far, _, steps, held = report.sentences(year)
    assert so_far == "The first 59 nights of the year."
    assert "publish +4.0" in steps  # 40 nights apart
    assert "descriptors +1.000 ± 0.000 a night" in held and re.search(
        r"sockets .0\.000 ± 0\.000 a night", held
    )


def test_process_that_goes_on_begins_at_a_level_of_its_own(year: list[Measured]) -> None:
    """Two that both grow by a megabyte a night, the second from below where the first one ended."""
    grown = [replace(n, resident_mb=400 + n.number - 40 * (n.process == 2)) for n in year]
    assert report.rise_of(report.warm(grown), "resident_mb") == pytest.approx((1, 0), abs=1e-9)
    held = report.sentences(grown)[-1]
    assert "2 of which" in held and "memory +1.000 ± 0.000 a night, 393 to 431" in held


def test_months_table_and_plot_are_written_between_the_marks(year: list[Measured], tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    document = tmp_path / "reliability.md"
    document.write_text(f"before\n{report.BEGIN}\nof last time\n{report.END}\nafter\n")
    report.write(year, tmp_path)
    text = document.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "of last time" not in text
    assert "| 2025-01 | 31 |" in text and "| 2025-02 | 28 |" in text
    drawn = ET.parse(tmp_path / "images" / "year.svg").getroot()
    curves = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    assert [len(curve.get("points", "").split()) for curve in curves] == [59] * 6


def test_nights_are_kept_for_the_next_run(year: list[Measured], tmp_path: Path) -> None:
    for night in year[:3]:
        keep(night, tmp_path / "var" / "year.jsonl")
    assert measured_in(tmp_path / "var" / "year.jsonl") == year[:3]
    assert measured_in(tmp_path / "none.jsonl") == []
