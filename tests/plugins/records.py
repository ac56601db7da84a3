"""A home with what three nights left on record, written by the functions that write it at night, without a load."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from tests.conftest import PROJECT

from ckm import audit, runs, warehouse
from ckm.audit import LedgerRow
from ckm.gate.outcome import RuleResult
from ckm.home import Home
from ckm.night import Night
from ckm.warehouse import connect

NIGHTS = tuple(date(2025, 1, day) for day in (1, 2, 3))
SECRET_ROW = '{"name": "Erika Mustermann"}'
STALE = LedgerRow(
    "complaints", "complaints", 0, status="failed", message="complaints.complaints: nobody answers."
)


@dataclass(frozen=True)
class Recorded:
    """The home and its last night, whose run is still open."""

    home: Home
    night: Night


def rule(name: str, outcome: str, **more: object) -> RuleResult:
    values = {
        "aspect": "range", "description": f"The {name.replace('_', ' ')}.", "severity": "warning",
        "evaluated_rows": 10, "failing_rows": 0, "observed_value": None, "expected": None, "message": None,
    }  # fmt: skip
    return RuleResult(rule=name, outcome=outcome, **values | more)


def recorded(folder: Path) -> Recorded:
    """Three nights: the second with a stale source, the third with a rule that warns and one that sets rows aside."""
    home = Home(folder / "home")
    home.make()
    (folder / "sources.yml").write_text(
        "company: {name: 'Sturm & <b>Drang</b>'}\nsources: {crm: {transport: files, path: ., objects: "
        "{products: {file: p.csv, columns: {product_id: ID}}}}}\n"
    )
    with connect(home.warehouse) as connection:
        warehouse.prepare(connection)
        for number, night in enumerate(NIGHTS):
            run_id = runs.start_run(
                connection, night, "c0ffee", driver="ckm run", full_refresh=False, project=PROJECT
            )
            steps = [runs.StepRecord("extract", "crm", "done", datetime(2025, 1, 4), 1.5, "12 rows landed")]
            runs.record_steps(connection, run_id, night, steps)
            complaints = STALE if number == 1 else LedgerRow("complaints", "complaints", 2, loaded=2)
            for row in (LedgerRow("crm", "orders", 12, loaded=10, quarantined=2), complaints):
                audit.record_ledger(connection, run_id, night, row)
                audit.record_freshness(connection, run_id, night, row)
            columns = ["order_id", "mood"] if number == 2 else ["order_id"]
            audit.record_columns(connection, run_id, night, "crm", "orders", columns, ["order_id"])
            rules = [
                rule("order_id_is_present", "passed", aspect="completeness", severity="critical"),
                rule("price_is_positive", "quarantined", failing_rows=2, quarantines=True),
                rule("orders_are_as_many_as_usual", "warned" if number == 2 else "skipped", aspect="volume",
                     observed_value="12", expected="20 to 40", evaluated_rows=None, failing_rows=None),
            ]  # fmt: skip
            audit.record_gate_results(connection, run_id, night, "raw", "crm", "orders", rules)
            counts = {("marts", "clv"): 100 + number, ("core", "dim_date"): 5}
            runs.record_published_tables(connection, run_id, night, counts)
            if night != NIGHTS[-1]:
                status = "published with stale objects" if number == 1 else "published"
                runs.finish_run(connection, run_id, status, None, run_id)
        connection.execute(
            "insert into quarantine.rows (source, object, rule, content, first_run_id, status) "
            "select 'crm', 'orders', 'price_is_positive', ?, ?, 'open' from range(2)",
            [SECRET_ROW, run_id],
        )
        connection.execute(
            "insert into audit.test_results (run_id, node, resource_type, layer, status, failures) "
            "values (?, 'one_row_per_customer', 'test', 'marts', 'warn', 3)",
            [run_id],
        )
    night = Night(run_id, NIGHTS[-1], folder / "sources.yml", home.folder, PROJECT, False, True)
    return Recorded(home, night)
