"""A prepared warehouse in a temporary home, dbt on it, and a few nights of a small company's data."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from ckm import identity
from ckm.contracts import object_contract
from ckm.transform import LAYERS_BEFORE_MATCH, LAYERS_BEFORE_SCORES
from ckm.warehouse import connect, prepare, quoted

REPOSITORY = Path(__file__).parents[2]
PROJECT = REPOSITORY / "dbt_project"
SECRET = b"a secret of thirty-two bytes !!!"
PUBLISHED_SCHEMAS = ("core", "about_customers", "for_customers", "from_customers", "co_created", "marts")
FIRST_HALF = (
    *LAYERS_BEFORE_MATCH,
    *LAYERS_BEFORE_SCORES,
)  # the CRM's customers alone are known without a match
LATIN_AMERICA = {"time_zone": "America/Sao_Paulo"}


class Warehouse:
    """A home with a prepared `warehouse.duckdb`, into whose raw log tests write versions."""

    def __init__(self, home: Path, variables: dict[str, Any] | None = None) -> None:
        self.home = home
        self.variables = variables or {}
        self.versions: Counter[tuple[str, str, str]] = Counter()
        home.mkdir(parents=True, exist_ok=True)
        block = SECRET.ljust(64, b"\0")
        with self.connect() as connection:
            prepare(connection)
            connection.execute("delete from secrets.customer_key_pads")
            connection.execute(
                "insert into secrets.customer_key_pads values (?, ?)",
                [bytes(b ^ 0x36 for b in block).hex(), bytes(b ^ 0x5C for b in block).hex()],
            )

    def connect(self) -> Any:
        return connect(self.home / "warehouse.duckdb")

    def insert(
        self,
        name: str,
        known_on: date,
        *rows: dict[str, Any],
        source: str = "crm",
        is_deleted: bool = False,
    ) -> None:
        """Append one version per row to the log of an object; columns not named are null."""
        contract = object_contract(source, name)
        with self.connect() as connection:
            for row in rows:
                row_key = "|".join(str(row[column]).strip() for column in contract.key)
                self.versions[source, name, row_key] += 1
                content = hashlib.md5(json.dumps(row, default=str, sort_keys=True).encode()).hexdigest()
                log = {
                    "row_key": row_key,
                    "version_number": self.versions[source, name, row_key],
                    "content_hash": content,
                    "known_on": known_on,
                    "is_deleted": is_deleted,
                    "run_id": f"run of {known_on}",
                }
                values = {**log, **row}
                connection.execute(
                    f"insert into raw_{source}.{name} ({', '.join(map(quoted, values))}) "
                    f"values ({', '.join('?' * len(values))})",
                    list(values.values()),
                )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(sql).fetchall()

    def table(self, name: str) -> list[tuple[Any, ...]]:
        """All rows of a table in one order, so that two tables compare."""
        return self.rows(f"select * from {name} order by all")

    def vars(self, as_of_date: date) -> dict[str, Any]:
        return {"as_of_date": as_of_date.isoformat(), **self.variables}

    def dbt(self, command: str, as_of_date: date, *arguments: str) -> dict[str, str]:
        """Run a dbt command in this process; the status of each node, all of them good."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        os.environ["CKM_HOME"] = str(self.home)
        try:
            outcome = dbtRunner().invoke(
                ["--quiet", "--log-path", str(self.home / "logs"), command,
                 "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
                 "--target-path", str(self.home / "target"), "--vars", yaml.safe_dump(self.vars(as_of_date)),
                 *arguments]
            )  # fmt: skip
        finally:
            DuckDBConnectionManager.close_all_connections()
        if outcome.exception:
            raise outcome.exception
        statuses = {result.node.unique_id: str(result.status) for result in outcome.result}
        bad = {node: status for node, status in statuses.items() if status not in ("success", "pass")}
        assert not bad, bad
        return statuses

    def match(self, as_of_date: date) -> None:
        """Do as the nightly step does: find out who is who among all that stands in raw."""
        no_tests = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
        self.dbt("build", as_of_date, *no_tests, "--select", *LAYERS_BEFORE_MATCH)
        with self.connect() as connection:
            identity.resolve(connection, identity.read_model(None), night=as_of_date)

    def manifest(self) -> dict[str, Any]:
        return json.loads((self.home / "target" / "manifest.json").read_text("utf-8"))

    def compiled(self) -> dict[str, str]:
        """The compiled SQL of each model that the last command built."""
        return {
            node["name"]: node["compiled_code"]
            for node in self.manifest()["nodes"].values()
            if node["resource_type"] == "model" and node.get("compiled_code")
        }


@pytest.fixture(scope="session", autouse=True)
def _environment() -> Iterator[None]:
    before = os.environ.get("CKM_HOME")
    os.environ["DO_NOT_TRACK"] = "1"
    yield
    if before is None:
        os.environ.pop("CKM_HOME", None)
    else:
        os.environ["CKM_HOME"] = before


@pytest.fixture(scope="session")
def empty_build(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A plain `dbt build`, by dbt's own command, on a warehouse that has never seen a row."""
    warehouse = Warehouse(tmp_path_factory.mktemp("empty"))
    outcome = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--log-path", warehouse.home / "logs",
         "build", "--project-dir", PROJECT, "--profiles-dir", PROJECT,
         "--target-path", warehouse.home / "target",
         "--vars", yaml.safe_dump(warehouse.vars(date(2024, 3, 31)))],
        env={**os.environ, "CKM_HOME": str(warehouse.home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stdout
    return warehouse


NIGHT_1, NIGHT_2, NIGHT_3, NIGHT_4 = (date(2024, 3, day) for day in (1, 2, 5, 6))


def at(day: str, time: str = "12:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{time}")


def order(order_id: str, customer_id: str | None, ordered_at: datetime, **more: Any) -> dict[str, Any]:
    return {"order_id": order_id, "customer_id": customer_id, "ordered_at": ordered_at, **more}


def line(order_id: str, number: int, quantity: float = 1, price: float = 10, **more: Any) -> dict[str, Any]:
    values = {"order_id": order_id, "line_number": str(number), "quantity": quantity, "unit_price": price}
    return {"product_id": "P1", "updated_at": at("2024-02-20"), **values, **more}


def first_night(w: Warehouse) -> None:
    customers = [
        {"customer_id": "C1", "first_name": "Ada", "segment": "gold", "customer_type": " Person "},
        {
            "customer_id": "C2",
            "company_name": "Pumps",
            "customer_type": "COMPANY",
            "account_manager_id": "E9",
        },
        {"customer_id": "C3", "segment": "new"},
        {
            "customer_id": "C4",
            "parent_customer_id": "C2",
            "postal_code": "",
            "birth_date": date(1999, 12, 31),
        },
    ]
    w.insert("customers", NIGHT_1, *customers)
    w.insert("products", NIGHT_1, {"product_id": "P1", "product_name": "Pump"}, {"product_id": "P3"})
    w.insert(
        "exchange_rates",
        NIGHT_1,
        {"rate_date": date(2024, 1, 1), "from_currency": "EUR", "to_currency": "usd", "rate": 1.25},
    )
    w.insert(
        "orders",
        NIGHT_1,
        order("O1", "C1", at("2024-01-10"), channel=" Web "),
        order("O2", "C2", at("2024-02-01", "01:30"), currency_code="usd"),
        order("O3", "C3", at("2024-02-10"), status="CANCELLED"),
        order("O4", None, at("2024-02-11")),
        order("O5", "C1", at("2023-11-11")),
        order("O6", "C9 unknown", at("2024-02-12")),
    )
    w.insert(
        "order_lines",
        NIGHT_1,
        line("O1 ", 1, 2, 10.5),
        line("O1", 2, discount_amount=1),
        line("O2", 1, unit_cost=4),
        line("O3", 1),
        line("O4", 1, -3, 0),
        line("O5", 1, 1, 99),
        line("O6", 1),
        line("no header", 1),
        line("no header", 2, updated_at=None),
    )
    w.insert("shipments", NIGHT_1, {"shipment_id": "S1", "order_id": "O1", "shipped_at": at("2024-01-12")})
    w.insert("shipments", NIGHT_1, {"shipment_id": "S2", "order_id": "O5", "status": "lost"})
    w.insert("contacts", NIGHT_1, {"contact_id": "K1", "customer_id": "C2"})
    w.insert(
        "interactions",
        NIGHT_1,
        {"interaction_id": "I1", "contact_id": "K1", "channel": "Call", "started_at": at("2024-02-02")},
        {"interaction_id": "I2", "customer_id": "C1", "channel": "mail", "started_at": at("2024-02-03")},
    )
    w.insert(
        "subscriptions",
        NIGHT_1,
        {"subscription_id": "A1", "customer_id": "C4", "started_on": date(2023, 6, 1), "product_id": "P2"},
    )
    w.insert("usage_events", NIGHT_1, {"usage_id": "U1", "customer_id": "C4", "used_at": at("2024-02-09")})
    w.insert(
        "workroom_items",
        NIGHT_1,
        {"item_id": "W1", "customer_id": "C2", "item_type": "contract", "opened_at": at("2024-01-09")},
    )


def second_night(w: Warehouse) -> None:
    """A late line, a corrected one, an order that moves to another month, a customer who changes."""
    w.insert("order_lines", NIGHT_2, line("O5", 2, 1, 5), line("O1", 2, discount_amount=2))
    w.insert("orders", NIGHT_2, order("O2", "C2", at("2023-10-05"), currency_code="usd"))
    w.insert("customers", NIGHT_2, {"customer_id": "C1", "first_name": "Ada", "segment": "silver"})
    w.insert("customers", NIGHT_2, {"customer_id": "C3", "segment": "passing"})
    w.insert("customers", NIGHT_2, {"customer_id": "C3", "segment": "regular"})
    w.insert("usage_events", NIGHT_2, {"usage_id": "U1", "customer_id": "C4", "used_at": at("2024-01-09")})
    w.insert("consents", NIGHT_2, {"customer_id": "C2", "purpose": "Profiling ", "is_granted": False,
                                   "stated_at": at("2024-03-01")})  # fmt: skip


def third_night(w: Warehouse) -> None:
    """Only headers change: a status, a customer, one is deleted; a missing one and a missing rate arrive."""
    w.insert("orders", NIGHT_3, order("O3", "C3", at("2024-02-10"), status="completed"))
    w.insert("orders", NIGHT_3, order("O6", "C4", at("2024-02-12")))
    w.insert("orders", NIGHT_3, order("no header", "C1", at("2023-01-15")))
    w.insert("orders", NIGHT_3, order("O1", "C1", at("2024-01-10")), is_deleted=True)
    w.insert("contacts", NIGHT_3, {"contact_id": "K1", "customer_id": "C1"})
    w.insert("subscriptions", NIGHT_3, {"subscription_id": "A1", "customer_id": "C4",
                                        "started_on": date(2023, 7, 1)})  # fmt: skip
    w.insert(
        "exchange_rates",
        NIGHT_3,
        {"rate_date": date(2023, 10, 1), "from_currency": "USD", "to_currency": "EUR", "rate": 0.9},
    )


def third_night_again(w: Warehouse) -> None:
    """What the same night finds when it runs once more: rows known on a day that was already loaded."""
    w.insert("order_lines", NIGHT_3, line("O4", 2, 4, 2.5))
    w.insert("shipments", NIGHT_3, {"shipment_id": "S3", "order_id": "O6", "delivered_at": at("2024-02-20")})


def fourth_night(w: Warehouse) -> None:
    """Deletions: of a month's only line, and of a customer; an order to come."""
    w.insert("order_lines", NIGHT_4, line("O2", 1), is_deleted=True)
    w.insert("order_lines", NIGHT_4, line("O3", 1), is_deleted=True)
    w.insert("customers", NIGHT_4, {"customer_id": "C3"}, is_deleted=True)
    gone = {"interaction_id": "I2", "started_at": at("2024-02-03")}
    w.insert("interactions", NIGHT_4, gone, is_deleted=True)
    w.insert("orders", NIGHT_4, order("O7", "C4", at("2024-04-01")))
    w.insert("order_lines", NIGHT_4, line("O7", 1))


STATE_TABLES = (
    "core.dim_customer",
    "core.dim_product",
    "core.dim_employee",
    "core.dim_channel",
    "core.bridge_customer_identity",
    "about_customers.fct_order_line",
    "about_customers.fct_shipment",
    "about_customers.fct_usage",
    "about_customers.fct_interaction",
    "about_customers.fct_subscription",
    "about_customers.fct_workroom_item",
    "scores.purchase",
    "scores.rfm_history",
    "scores.rfm_state",
)


def state(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    return {table: warehouse.table(table) for table in STATE_TABLES}


class Nights:
    """Four nights loaded one by one, the third twice: what stood after each, and the warehouse at the end."""

    def __init__(self, home: Path) -> None:
        w = self.warehouse = Warehouse(home, LATIN_AMERICA)
        self.states: dict[date, dict[str, list[tuple[Any, ...]]]] = {}
        w.dbt("seed", NIGHT_1)
        first_night(w)
        w.dbt("run", NIGHT_1, "--select", *FIRST_HALF)
        self.states[NIGHT_1] = state(w)
        second_night(w)
        w.dbt("run", NIGHT_2, "--select", *FIRST_HALF)
        self.states[NIGHT_2] = state(w)
        third_night(w)
        w.dbt("run", NIGHT_3, "--select", *FIRST_HALF)
        self.states[NIGHT_3] = state(w)
        third_night_again(w)
        w.dbt("run", NIGHT_3, "--select", *FIRST_HALF)
        fourth_night(w)
        build = ("build", NIGHT_4, "--exclude-resource-type", "unit_test")  # they ran on the empty warehouse
        self.first_half = w.dbt(*build, "--select", *FIRST_HALF)
        self.compiled = w.compiled()
        self.states[NIGHT_4] = state(w)
        self.columns = {table: [row[0] for row in w.rows(f"describe {table}")] for table in STATE_TABLES}
        with w.connect() as connection:  # stands for the scoring step
            _score(connection)
        self.second_half = w.dbt(*build, "--select", "marts")
        self.manifest = w.manifest()

    def copy(self, home: Path) -> Warehouse:
        shutil.copytree(self.warehouse.home, home, ignore=shutil.ignore_patterns("target", "logs"))
        twin = Warehouse(home, self.warehouse.variables)
        twin.versions = self.warehouse.versions.copy()
        return twin


def _score(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        insert into scores.clv by name
        select customer_key, 0.5 as p_alive, 1 as expected_orders_90d, 4 as expected_orders_365d,
            10 * frequency + 1 as clv_365d, 'revenue' as value_basis, 'EUR' as currency_code
        from scores.rfm_state where is_profiling_allowed
        """
    )
    connection.execute(
        """
        insert into scores.churn by name
        select customer_key, 0.75 as churn_probability_90d from scores.rfm_state where is_profiling_allowed
        """
    )


@pytest.fixture(scope="session")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    return Nights(tmp_path_factory.mktemp("nights"))
