"""Cursors: whatever the transport, nothing that the system has is missed for longer than until the full comparison."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.gate.loading import Gate
from tests.plugins.gate.systems import KINDS, System, running

from ckm import quarantine
from ckm.audit import LedgerRow


@pytest.fixture(params=KINDS)
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[System]:
    with running(request.param, tmp_path) as one:
        yield one


@pytest.fixture
def csv(tmp_path: Path) -> Iterator[System]:
    with running("csv", tmp_path) as one:
        yield one


def night(gate: Gate, file: Path, day: str) -> LedgerRow:
    return gate.load(file, day, {})["products"]


def log(gate: Gate) -> list[tuple[Any, ...]]:
    """(number, name, deleted, night) of every version in its order."""
    return gate.rows(
        "select product_id, product_name, is_deleted, known_on::varchar from raw_crm.products "
        "order by product_id, version_number"
    )


def names(gate: Gate) -> dict[str, str]:
    """What stands in the end: number and name."""
    return dict(
        gate.rows(
            "select product_id, arg_max(product_name, version_number) from raw_crm.products "
            "group by all having not arg_max(is_deleted, version_number)"
        )
    )


def test_row_without_a_cursor_is_read_every_night(gate: Gate, system: System) -> None:
    file = system.sources()
    system.put(("1", "dated", "2025-07-01 10:00:00"), ("2", "undated", None))
    night(gate, file, "2025-07-01")
    system.put(("1", "dated", "2025-07-01 10:00:00"), ("2", "renamed", None), ("3", "new", None))
    row = night(gate, file, "2025-07-02")
    assert (row.loaded, row.unchanged, row.is_whole) == (2, 1, False)
    assert names(gate) == {"1": "dated", "2": "renamed", "3": "new"}


def test_same_moment_at_the_start_and_the_next_microsecond_are_read(gate: Gate, system: System) -> None:
    file = system.sources(lag_days=0)
    first = ("1", "first", "2025-07-01 10:00:00.000001")
    system.put(first)
    night(gate, file, "2025-07-01")
    system.put(
        first, ("2", "same", "2025-07-01 10:00:00.000001"), ("3", "next", "2025-07-01 10:00:00.000002")
    )
    row = night(gate, file, "2025-07-02")
    assert (row.loaded, row.unchanged) == (2, 1)


@pytest.mark.parametrize("day", ["2025-07-01", "2025-03-30", "2025-10-26"], ids=["24 h", "23 h", "25 h"])
def test_night_ends_with_the_last_microsecond_of_its_local_day(gate: Gate, system: System, day: str) -> None:
    file, after = system.sources(), day[:-2] + f"{int(day[-2:]) + 1:02}"
    system.put(("1", "in", f"{day} 23:59:59.999999"), ("2", "out", f"{after} 00:00:00"))
    assert night(gate, file, day).extracted == 1
    row = night(gate, file, after)
    assert (row.loaded, row.unchanged) == (1, 1)


def test_hour_that_comes_twice_loses_nothing(gate: Gate, system: System) -> None:
    file = system.sources(lag_days=1)
    first = ("1", "first pass", "2025-10-26 02:45:00")
    system.put(first)
    night(gate, file, "2025-10-26")
    system.put(first, ("2", "second pass", "2025-10-26 02:15:00"))
    row = night(gate, file, "2025-10-27")
    assert (row.loaded, row.unchanged, row.is_whole) == (1, 1, False)


def test_late_commit_is_found_within_the_lag(gate: Gate, system: System) -> None:
    file = system.sources(lag_days=3)
    newest = ("1", "newest", "2025-07-10 08:00:00")
    system.put(newest)
    night(gate, file, "2025-07-10")
    system.put(newest, ("2", "late", "2025-07-07 08:00:00"))
    row = night(gate, file, "2025-07-11")
    assert (row.loaded, row.unchanged, row.is_whole) == (1, 1, False)


def test_full_comparison_finds_what_no_timestamp_tells(gate: Gate, system: System) -> None:
    file = system.sources()
    newest = ("9", "newest", "2025-07-20 08:00:00")
    system.put(
        ("1", "kept", "2025-01-01 08:00:00"),
        ("2", "to change", "2025-01-02 08:00:00"),
        ("3", "to go", "2025-01-03 08:00:00"),
        newest,
    )
    assert night(gate, file, "2025-07-20").is_whole
    system.put(
        ("1", "kept", "2025-01-01 08:00:00"),
        ("2", "changed", "2025-01-02 08:00:00"),
        ("4", "late", "2025-01-04 08:00:00"),
        newest,
    )
    for day in range(21, 27):
        row = night(gate, file, f"2025-07-{day}")
        assert (row.loaded, row.deleted, row.is_whole) == (0, 0, False)
    row = night(gate, file, "2025-07-27")
    assert (row.extracted, row.loaded, row.unchanged, row.deleted, row.is_whole) == (4, 2, 2, 1, True)
    assert names(gate) == {"1": "kept", "2": "changed", "4": "late", "9": "newest"}
    assert ("3", "to go", True, "2025-07-27") in log(gate)
    assert not night(gate, file, "2025-07-28").is_whole


def test_cursor_far_ahead_is_set_aside_and_does_not_move_the_start(gate: Gate, system: System) -> None:
    file = system.sources()
    system.put(("1", "sound", "2025-07-01 10:00:00"), ("2", "wrong clock", "2099-01-01 00:00:00"))
    row = night(gate, file, "2025-07-01")
    assert (row.extracted, row.loaded, row.quarantined) == (2, 1, 1)
    system.put(("3", "next", "2025-07-02 10:00:00"), ("4", "wrong again", "2099-01-01 00:00:00"))
    row = night(gate, file, "2025-07-02")
    assert (row.extracted, row.loaded, row.quarantined, row.is_whole) == (2, 1, 1, False)
    assert gate.rows("select row_key, rule, status from quarantine.rows order by all") == [
        ("2", "updated_at_is_not_far_ahead", "open"), ("4", "updated_at_is_not_far_ahead", "open"),
    ]  # fmt: skip


def test_key_in_a_pointer_is_masked_with_the_other_values(gate: Gate, tmp_path: Path) -> None:
    with running("sqlite", tmp_path) as system:
        file = system.sources()
        system.put(("Meyer Anna", "wrong clock", "2099-01-01 00:00:00"))
        night(gate, file, "2025-07-01")

    def pointers(**how: bool) -> list[str]:
        _, found = quarantine.rows(gate.connection, None, quarantine.Choice("crm.products"), limit=9, **how)
        return [row.source_pointer for row in found]

    assert pointers(reveal=True) == ["table items SKU=Meyer Anna"]
    assert pointers() == [f"table items SKU={quarantine.MASK}"]


def test_row_that_waits_for_its_night_is_neither_loaded_nor_gone(gate: Gate, system: System) -> None:
    file = system.sources(full_comparison_days=1)
    system.put(("1", "old", "2025-07-01 10:00:00"), ("2", "stays", "2025-07-01 10:00:00"))
    night(gate, file, "2025-07-01")
    system.put(("1", "changed since", "2025-07-05 00:10:00"), ("2", "stays", "2025-07-01 10:00:00"))
    row = night(gate, file, "2025-07-02")
    assert (row.extracted, row.unchanged, row.deleted, row.is_whole) == (1, 1, 0, True)
    assert night(gate, file, "2025-07-05").loaded == 1
    assert names(gate) == {"1": "changed since", "2": "stays"}


def test_far_ahead_begins_after_366_days_and_ends_when_the_night_has_come(gate: Gate, csv: System) -> None:
    file = csv.sources()
    csv.put(("1", "waits", "2026-07-02 23:59:59"), ("2", "wrong", "2026-07-03 00:00:00"))
    row = night(gate, file, "2025-07-01")
    assert (row.extracted, row.quarantined) == (1, 1)
    row = night(gate, file, "2026-07-03")
    assert (row.loaded, row.quarantined) == (2, 0)
    assert gate.rows("select status from quarantine.rows") == [("released",)]


class TestOlderVersions:
    """Rows of one key whose cursors are not in the order in which they come."""

    NEW, OLD = ("1", "new", "2025-07-02 10:00:00"), ("1", "old", "2025-07-01 10:00:00")

    def test_older_version_beside_the_current_one_is_history(self, gate: Gate, csv: System) -> None:
        file = csv.sources()
        csv.put(self.NEW)
        night(gate, file, "2025-07-02")
        csv.put(self.NEW, self.OLD)
        row = night(gate, file, "2025-07-03")
        assert (row.loaded, row.unchanged, row.renewed) == (1, 1, 1)
        assert log(gate) == [
            ("1", "new", False, "2025-07-02"), ("1", "old", False, "2025-07-03"), ("1", "new", False, "2025-07-03"),
        ]  # fmt: skip
        again = night(gate, file, "2025-07-04")
        assert (again.loaded, again.unchanged, again.renewed) == (0, 2, 0)

    def test_older_version_alone_is_what_the_system_says_now(self, gate: Gate, csv: System) -> None:
        file = csv.sources()
        csv.put(self.NEW)
        night(gate, file, "2025-07-02")
        csv.put(self.OLD)
        assert (night(gate, file, "2025-07-03").renewed, names(gate)) == (0, {"1": "old"})

    def test_older_version_is_history_where_the_system_removes_old_rows(
        self, gate: Gate, csv: System
    ) -> None:
        file = csv.sources(purged=True)
        csv.put(self.NEW)
        night(gate, file, "2025-07-02")
        csv.put(self.OLD)
        assert (night(gate, file, "2025-07-03").renewed, names(gate)) == (1, {"1": "new"})

    def test_newer_version_beside_a_late_one_is_current(self, gate: Gate, csv: System) -> None:
        file = csv.sources()
        csv.put(self.NEW)
        night(gate, file, "2025-07-02")
        csv.put(self.OLD, self.NEW, ("1", "newest", "2025-07-03 10:00:00"))
        assert (night(gate, file, "2025-07-03").renewed, names(gate)) == (0, {"1": "newest"})
        assert [name for _, name, *_ in log(gate)] == ["new", "old", "newest"]

    def test_older_version_that_is_put_back_is_what_the_system_says_now(
        self, gate: Gate, csv: System
    ) -> None:
        """As after a restored backup: it is in the log already, and stands again."""
        file = csv.sources()
        for day, row in (("2025-07-01", self.OLD), ("2025-07-02", self.NEW), ("2025-07-03", self.OLD)):
            csv.put(row)
            assert night(gate, file, day).loaded == 1
        assert names(gate) == {"1": "old"}

    def test_version_without_a_moment_contradicts_any_other(self, gate: Gate, csv: System) -> None:
        """Which of the two is newer cannot be known; each would take the other's place night after night."""
        file = csv.sources()
        csv.put(
            self.NEW, ("1", "undated", None), ("2", "wrong clock", "yesterday"), ("2", "sound", self.NEW[2])
        )
        row = night(gate, file, "2025-07-02")
        assert (row.loaded, row.quarantined, names(gate)) == (1, 3, {"2": "sound"})
        assert gate.rows("select rule, count(*) from quarantine.rows group by all order by all") == [
            ("one_content_per_key", 2), ("updated_at_is_readable", 1),
        ]  # fmt: skip


class TestDeletions:
    """What a whole read does not find is gone, and may come back."""

    A, B = ("1", "a", "2025-07-01 10:00:00"), ("2", "b", "2025-07-01 10:00:00")

    @pytest.mark.parametrize("cursor", ["2025-07-01 10:00:00", "2025-06-30 10:00:00"], ids=["same", "older"])
    def test_row_that_comes_back_stands_again(self, gate: Gate, csv: System, cursor: str) -> None:
        """Also as it was before it last changed, as out of a backup."""
        file, before = csv.sources(full_comparison_days=1), ("2", "b before", "2025-06-30 10:00:00")
        csv.put(self.A, before)
        night(gate, file, "2025-06-30")
        csv.put(self.A, self.B)
        night(gate, file, "2025-07-01")
        csv.put(self.A)
        assert night(gate, file, "2025-07-02").deleted == 1
        assert (night(gate, file, "2025-07-03").deleted, names(gate)) == (0, {"1": "a"})
        back = self.B if cursor == self.B[2] else before
        csv.put(self.A, back)
        row = night(gate, file, "2025-07-04")
        assert (row.loaded, names(gate)) == (1, {"1": "a", "2": back[1]})

    def test_system_that_removes_old_rows_deletes_nothing(self, gate: Gate, csv: System) -> None:
        file = csv.sources(full_comparison_days=1, purged=True)
        csv.put(self.A, self.B)
        night(gate, file, "2025-07-01")
        csv.put(self.A)
        row = night(gate, file, "2025-07-02")
        assert (row.deleted, row.is_whole, names(gate)) == (0, True, {"1": "a", "2": "b"})

    def test_never_is_never(self, gate: Gate, csv: System) -> None:
        file = csv.sources(full_comparison_days=0)
        csv.put(self.A, self.B)
        night(gate, file, "2025-07-01")
        csv.put(self.A)
        row = night(gate, file, "2026-06-30")
        assert (row.deleted, row.is_whole) == (0, False)

    def test_night_that_failed_has_compared_nothing(self, gate: Gate, csv: System) -> None:
        file = csv.sources(full_comparison_days=2)
        csv.put(self.A, self.B)
        night(gate, file, "2025-07-01")
        (gate.folder / "products.csv").write_text("SKU\n1\n")
        assert night(gate, file, "2025-07-03").status == "failed"
        csv.put(self.A)
        row = night(gate, file, "2025-07-04")
        assert (row.deleted, row.is_whole) == (1, True)

    def test_night_that_is_loaded_again_deletes_nothing_twice(self, gate: Gate, csv: System) -> None:
        file = csv.sources(full_comparison_days=1)
        csv.put(self.A, self.B)
        night(gate, file, "2025-07-01")
        csv.put(self.A)
        assert [night(gate, file, "2025-07-02").deleted for _ in range(2)] == [1, 0]

    def test_object_without_cursor_is_compared_every_night(self, gate: Gate, write_sources: Any) -> None:
        products = {"file": "p.csv", "columns": {"product_id": "SKU", "product_name": "Name"}}
        file = write_sources({"products": products})
        gate.load(file, "2025-07-01", {"p.csv": "SKU,Name\n1,a\n2,b\n"})
        row = gate.load(file, "2025-07-02", {"p.csv": "SKU,Name\n1,a\n"})["products"]
        assert (row.deleted, row.is_whole) == (1, True)

    def test_file_that_is_archived_takes_no_row_with_it(self, gate: Gate, write_sources: Any) -> None:
        columns = {"product_id": "SKU", "product_name": "Name"}
        file = write_sources({"products": {"file": "p-*.csv", "columns": columns}})
        files = {"p-1.csv": "SKU,Name\n1,a\n2,b\n", "p-2.csv": "SKU,Name\n3,c\n4,d\n"}
        gate.load(file, "2025-07-01", files)
        (gate.folder / "p-1.csv").unlink()
        row = gate.load(file, "2025-07-02", {"p-2.csv": "SKU,Name\n3,c\n"})["products"]
        assert (row.unchanged, row.deleted, row.is_whole) == (1, 1, True)
        assert names(gate) == {"1": "a", "2": "b", "3": "c"}
        whole = write_sources({"products": {"file": "p-*.csv", "columns": columns, "snapshot": True}})
        assert gate.load(whole, "2025-07-03", {})["products"].deleted == 2

    def test_corrected_line_without_a_key_is_one_gone_and_one_new(
        self, gate: Gate, write_sources: Any
    ) -> None:
        file = write_sources({"order_lines": {"file": "lines.csv"}})
        lines = "order_id,product_id,quantity,unit_price\nO1,A,1,2\nO1,A,1,2\nO1,B,1,2\n"
        gate.load(file, "2025-07-01", {"lines.csv": lines})
        corrected = lines.replace("O1,A,1,2\nO1,B", "O1,A,3,2\nO1,B")
        row = gate.load(file, "2025-07-02", {"lines.csv": corrected})["order_lines"]
        assert (row.loaded, row.unchanged, row.deleted) == (1, 2, 1)
        assert gate.rows(
            "select any_value(product_id), any_value(quantity)::int from raw_crm.order_lines group by row_key "
            "having not arg_max(is_deleted, version_number) order by all"
        ) == [("A", 1), ("A", 3), ("B", 1)]
