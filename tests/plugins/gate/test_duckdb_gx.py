"""GX on DuckDB, and suites that stock GX loads by itself."""

import json
from pathlib import Path

import duckdb
import great_expectations as gx
import pytest
from tests.conftest import PROJECT

import ckm.gate.duckdb_gx  # noqa: F401 - registers the data source

SUITES = sorted((PROJECT / "expectations").rglob("*.json"))


@pytest.mark.parametrize("file", SUITES, ids=lambda f: f.stem)
def test_suite_is_a_stock_gx_suite_with_unique_rules(file: Path) -> None:
    suite = gx.ExpectationSuite(**json.loads(file.read_text()))
    assert suite.name == ".".join(file.relative_to(PROJECT / "expectations").with_suffix("").parts)
    rules = [expectation.meta["rule"] for expectation in suite.expectations]
    assert len(rules) == len(set(rules)) == len(suite.expectations)


def test_data_source_works_with_an_address_as_users_write_it(tmp_path: Path) -> None:
    file = tmp_path / "some.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table t as select i, 'code-' || i as code from range(10) r(i)")
    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_duckdb("some", connection_string=f"duckdb:///{file}")
    batch = source.add_table_asset("t", table_name="t").add_batch_definition_whole_table("all").get_batch()
    good = batch.validate(gx.expectations.ExpectColumnValuesToMatchRegex(column="code", regex=r"^code-\d$"))
    bad = batch.validate(gx.expectations.ExpectColumnValuesToNotMatchRegex(column="code", regex=r"-[0-4]$"))
    source.get_execution_engine().close()
    assert good.success
    assert (bad.success, bad.result["unexpected_count"]) == (False, 5)


def test_row_condition_and_pair_rules_mark_the_rows_they_count(tmp_path: Path) -> None:
    from ckm import warehouse
    from ckm.gate.check import gate_session

    with warehouse.connect(tmp_path / "w.duckdb") as connection:
        warehouse.prepare(connection)
        connection.execute(
            "create table gate.candidates as from (values "
            r"(1, 'a\1', 5, 3), (2, 'b', 2, 3), (3, 'a\2', null, 3), (4, 'b', 1, null)) t(landed_row, code, high, low)"
        )
        pair = {
            "column_A": "high",
            "column_B": "low",
            "or_equal": True,
            "ignore_row_if": "either_value_is_missing",
        }
        suite = gx.ExpectationSuite(
            name="odd",
            expectations=[
                rule("expect_column_values_to_match_regex", "letter_only", column="code", regex=r"^[^\\]+$"),
                rule("expect_column_pair_values_a_to_be_greater_than_b", "high_over_low", **pair),
                rule("expect_column_values_to_not_be_null", "absent", column="nowhere"),
            ],
        )
        with gate_session(connection, tmp_path / "gx") as session:
            results = session.run(suite, "gate", "candidates")
        marked = connection.execute("from gate.broken order by all").fetchall()
    assert [(r.rule, r.outcome, r.failing_rows) for r in results] == [
        ("letter_only", "quarantined", 2), ("high_over_low", "quarantined", 1), ("absent", "failed", None),
    ]  # fmt: skip
    assert marked == [(1, 0), (2, 1), (3, 0)]
    assert "nowhere" in (results[2].message or "")


def rule(kind: str, name: str, **kwargs: object) -> dict:
    return {
        "type": kind,
        "kwargs": kwargs,
        "severity": "critical",
        "meta": {"rule": name, "quarantine": True},
    }


def test_what_a_killed_process_was_writing_is_written_anew(tmp_path: Path) -> None:
    from ckm import warehouse
    from ckm.gate.check import build_data_docs, gate_session

    store = tmp_path / "gx"

    def suite() -> gx.ExpectationSuite:
        meta = {"rule": "code_is_filled", "aspect": "completeness", "severity": "critical"}
        rule = gx.expectations.ExpectColumnValuesToNotBeNull(column="code", meta=meta)
        return gx.ExpectationSuite(name="raw.crm.orders", expectations=[rule])

    with warehouse.connect(tmp_path / "w.duckdb") as connection:
        warehouse.prepare(connection)
        connection.execute("create table gate.candidates as select 1 as landed_row, 'a' as code")
        for _ in range(2):
            with gate_session(connection, store) as session:
                (result,) = session.run(suite(), "gate", "candidates")
            assert result.outcome == "passed"
            written = [file for file in store.rglob("*.json") if file.stat().st_size]
            assert len(written) == 3  # the suite, its definition and its result
            for file in written:
                file.write_text(file.read_text()[: file.stat().st_size // 2])
        with gate_session(connection, store) as session:
            session.run(suite(), "gate", "candidates")
    assert (build_data_docs(store) / "index.html").exists()
