"""What an alert says: what failed, since when, what readers still see and what to do."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from ckm import warehouse
from ckm.alert.composing import Alert, Version, alerts_of, failure, is_late, not_published

BERLIN = ZoneInfo("Europe/Berlin")
PUBLISHED = Version("2025-12-03.1", date(2025, 12, 3))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect(tmp_path / "warehouse.duckdb") as opened:
        warehouse.prepare(opened)
        yield opened


def insert(connection: duckdb.DuckDBPyConnection, table: str, **row: Any) -> None:
    marks = ", ".join("?" for _ in row)
    connection.execute(f"insert into audit.{table} ({', '.join(row)}) values ({marks})", list(row.values()))


def night(connection: duckdb.DuckDBPyConnection, day: int, status: str = "published") -> dict[str, Any]:
    """A run of a night of December; returns what its rows share."""
    row = {"run_id": f"2025-12-{day:02}.1", "as_of_date": date(2025, 12, day)}
    insert(connection, "runs", **row, status=status)
    return row


def freshness(connection: duckdb.DuckDBPyConnection, run: dict[str, Any], name: str, why: str | None) -> None:
    status = "stale" if why else "fresh"
    insert(connection, "source_freshness", **run, source="crm", object=name, status=status, message=why)


def rule(connection: duckdb.DuckDBPyConnection, run: dict[str, Any], outcome: str, **more: Any) -> None:
    row = {"boundary": "raw", "source": "crm", "object": "orders", "rule": "volume_is_usual"}
    said = {"description": "As many rows as usual came.", "observed_value": "3", "expected": "40 to 60"}
    insert(connection, "gate_results", **run, **(row | said | more), outcome=outcome)


def dbt_test(connection: duckdb.DuckDBPyConnection, run: dict[str, Any], status: str) -> None:
    insert(connection, "test_results", **run, node="assert_sums", layer="marts", status=status, failures=7)


def alerts(connection: duckdb.DuckDBPyConnection, run: dict[str, Any]) -> list[Alert]:
    return alerts_of(connection, run["run_id"], company="Tiny", published=PUBLISHED)


def test_a_clean_night_calls_for_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    run = night(connection, 3)
    freshness(connection, run, "orders", None)
    for outcome in ("passed", "quarantined", "skipped"):
        rule(connection, run, outcome)
    dbt_test(connection, run, "pass")
    assert alerts(connection, run) == []


def test_a_stale_object_is_told_with_its_first_bad_and_its_last_good_night(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for day, why in ((1, None), (2, "crm.orders: no file."), (3, "crm.orders: no file.")):
        run = night(connection, day, "published with stale objects")
        freshness(connection, run, "orders", why)
    (alert,) = alerts(connection, run)
    (found,) = alert.findings
    assert alert.kind == "stale_source"
    assert found.what == "crm.orders: no file."
    assert (found.since, found.last_good) == (date(2025, 12, 2), date(2025, 12, 1))


def test_an_object_that_was_good_in_between_is_stale_since_then_only(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for day, why in ((1, "down"), (2, None), (3, "down")):
        run = night(connection, day)
        freshness(connection, run, "orders", why)
    (alert,) = alerts(connection, run)
    assert alert.findings[0].since == date(2025, 12, 3)
    assert alert.findings[0].last_good == date(2025, 12, 2)


def test_the_objects_of_a_dead_system_are_one_finding(connection: duckdb.DuckDBPyConnection) -> None:
    run = night(connection, 3)
    for name in ("customers", "orders", "products"):
        freshness(connection, run, name, f"crm.{name}: the database does not answer.")
    (alert,) = alerts(connection, run)
    assert [found.what for found in alert.findings] == [
        "crm.customers and 2 more: the database does not answer."
    ]
    assert alert.headline == "Night of 2025-12-03: crm is stale, the rest is published."
    assert alert.findings[0].last_good is None


def test_rules_and_dbt_tests_that_only_warn_are_one_alert(connection: duckdb.DuckDBPyConnection) -> None:
    for day, outcome, status in ((1, "passed", "pass"), (2, "warned", "pass"), (3, "warned", "warn")):
        run = night(connection, day)
        rule(connection, run, outcome)
        dbt_test(connection, run, status)
    (alert,) = alerts(connection, run)
    assert alert.kind == "warning_gate"
    assert {(found.what, found.since, found.last_good) for found in alert.findings} == {
        (
            "crm.orders: As many rows as usual came does not hold; observed 3; expected 40 to 60",
            date(2025, 12, 2),
            date(2025, 12, 1),
        ),
        ("assert_sums: this dbt test warns with 7 rows", date(2025, 12, 3), date(2025, 12, 2)),
    }


def test_a_night_without_a_verdict_does_not_end_a_warning(connection: duckdb.DuckDBPyConnection) -> None:
    for day, outcome in ((1, "warned"), (2, "skipped"), (3, "warned")):
        run = night(connection, day)
        rule(connection, run, outcome)
    assert alerts(connection, run)[0].findings[0].since == date(2025, 12, 1)


def test_a_night_that_only_computes_calls_for_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    run = night(connection, 1, "computed")
    rule(connection, run, "warned")
    assert alerts(connection, run) == []


def test_a_failure_says_since_when_readers_wait_and_what_they_see(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for day, status in ((3, "published with stale objects"), (4, "failed"), (5, "stopped at a gate")):
        run = night(connection, day, status)
    alert = failure(
        connection,
        company="Tiny",
        night=run["as_of_date"],
        run_id=run["run_id"],
        sentence="crm.orders is required.",
        what_to_do="Mend it.",
        published=PUBLISHED,
    )
    assert alert.text("http://site/") == (
        "[Tiny] Night of 2025-12-05 failed: nothing was published.\n"
        "- crm.orders is required. Since the night of 2025-12-04; last good night 2025-12-03.\n"
        "Readers see: version 2025-12-03.1, as of 2025-12-03.\n"
        "What to do: Mend it.\n"
        "See: http://site/index.html"
    )


def test_a_first_night_that_fails_has_no_good_night_before(connection: duckdb.DuckDBPyConnection) -> None:
    run = night(connection, 5, "failed")
    told = {
        "company": "Tiny",
        "night": run["as_of_date"],
        "run_id": None,
        "sentence": "No.",
        "what_to_do": "Do.",
    }
    text = failure(connection, **told, published=None).text()
    assert "- No. Since the night of 2025-12-05; no good night before." in text
    assert "Readers see: nothing yet." in text


def test_a_failure_is_told_where_the_record_cannot_be_read() -> None:
    told = {
        "company": "Tiny",
        "night": date(2025, 12, 5),
        "run_id": None,
        "sentence": "No.",
        "what_to_do": "Do.",
    }
    (found,) = failure(None, **told, published=PUBLISHED).findings
    assert (found.since, found.last_good) == (date(2025, 12, 5), date(2025, 12, 3))


def test_of_many_findings_a_message_shows_the_first(connection: duckdb.DuckDBPyConnection) -> None:
    run = night(connection, 3)
    for number in range(25):
        freshness(connection, run, f"object_{number:02}", f"reason {number}")
    (alert,) = alerts(connection, run)
    assert "And 5 more." in alert.text()
    assert len(alert.to_json()["findings"]) == 25


@pytest.mark.parametrize(
    ("last_night", "published", "late"),
    [
        (date(2025, 12, 4), date(2025, 12, 3), True),
        (date(2025, 12, 4), date(2025, 12, 4), False),
        (date(2025, 12, 4), None, True),
        (date(2025, 12, 3), None, False),
        (date(2025, 11, 1), None, False),
    ],
)
def test_only_the_night_that_ended_last_can_be_late(
    last_night: date, published: date | None, late: bool
) -> None:
    now = datetime(2025, 12, 4, 23, 30, tzinfo=UTC)  # already 5 December in Berlin
    version = Version("x", published) if published else None
    assert is_late(last_night, BERLIN, version, now) == late


def test_a_late_night_is_told_with_the_hour_and_its_zone() -> None:
    alert = not_published("Tiny", date(2025, 12, 4), time(6, 30), BERLIN, PUBLISHED)
    assert alert.subject() == "[Tiny] Night of 2025-12-04 is not published by 06:30 (Europe/Berlin)."
    assert "- readers see an older night. Last good night 2025-12-03." in alert.text()
