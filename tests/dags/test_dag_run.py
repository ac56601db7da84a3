"""Whole nights of the DAG over a tiny company of CSV files, run by Airflow itself."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.dags.company import write_company
from tests.plugins.alert.listeners import Webhook, running

from ckm.nightly import STEPS

PROJECT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow

NIGHTS = """
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo
import duckdb
from airflow.dag_processing.dagbag import DagBag
from airflow.utils.db import initdb

initdb()
dag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags["ckm_nightly"]
for operator in dag.tasks:
    operator.retries = 0
home, company = Path(os.environ["CKM_HOME"]), Path(os.environ["CKM_SOURCES"]).parent

def run(night, by_interval=False):
    day = datetime.fromisoformat(night)
    conf = {} if by_interval else {"date": night}
    after = (day + timedelta(days=1, seconds=1)).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    ended = dag.test(logical_date=after, run_conf=conf)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        record = warehouse.execute(
            "select run_id, status, message from audit.runs order by started_at desc, run_id desc limit 1"
        ).fetchone()
    current = home / "published" / "current"
    return {
        "state": ended.state,
        "tasks": {ti.task_id: ti.state for ti in ended.get_task_instances()},
        "record": record,
        "version": current.resolve().name if current.exists() else None,
    }

found = {"first": run("2025-11-28", by_interval=True), "second": run("2025-11-29")}

customers = company / "customers.csv"
sound = customers.read_text()
customers.write_text(sound.replace("customer_id", "client", 1))
found["stopped"] = run("2025-11-30")

from ckm.errors import CkmError
from ckm.night import Night
from ckm_airflow.tasks import BY_NAME
from ckm_airflow.turn import refuse_if_overtaken
night = Night(found["stopped"]["record"][0], None, None, home, None, False, True)
try:
    refuse_if_overtaken(night, BY_NAME["gate_raw"])
except CkmError as error:
    found["cleared_alone"] = str(error)

customers.write_text(sound)
(company / "products.csv").rename(company / "products.away")
found["stale"] = run("2025-12-01")

sources = Path(os.environ["CKM_SOURCES"])
sound = sources.read_text()
sources.write_text(sound.replace("required", "requird"))
found["misconfigured"] = run("2025-12-02")
sources.write_text(sound)
(company / "products.away").rename(company / "products.csv")

from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select
with create_session() as session:
    found["xcoms"] = [[x.run_id, x.task_id, x.key, x.value] for x in session.scalars(select(XComModel))]

from airflow.api_fastapi.app import create_app
from fastapi.testclient import TestClient
with TestClient(create_app()) as client:
    token = client.get("/auth/token").json()["access_token"]
    run_id = found["xcoms"][0][0]
    found["links"] = {
        task: client.get(
            f"/api/v2/dags/ckm_nightly/dagRuns/{run_id}/taskInstances/{task}/links?map_index={index}",
            headers={"Authorization": f"Bearer {token}"},
        ).json()
        for task in ("gate_raw", "build_records", "build_star", "give_verdict", "prepare")
        for index in [0 if task == "gate_raw" else -1]  # one task of each source
    }
answer(found | {"environment": {name: os.environ[name] for name in ("AIRFLOW_HOME", "CKM_HOME", "CKM_SOURCES")}})
"""


@pytest.fixture(scope="module")
def nights(in_airflow: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Five nights in a row: two good ones, a failed gate, a missing object, a broken configuration."""
    sources = write_company(tmp_path_factory.mktemp("company"))
    info = {"AIRFLOW__LOGGING__NAMESPACE_LEVELS": "task=INFO ckm=INFO"}
    with running(Webhook()) as webhook:
        ran = in_airflow(
            NIGHTS,
            CKM_SOURCES=str(sources),
            CKM_ALERT_WEBHOOK=webhook.url,
            CKM_SITE_URL="http://site",
            AIRFLOW__API_AUTH__JWT_SECRET="a key of this test, which signs its tokens alone",
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True",
            **info,
        )
    return ran | {"alerts": webhook.received}


def test_a_night_is_published_under_the_date_of_its_interval(nights: dict[str, Any]) -> None:
    assert nights["first"]["state"] == "success"
    assert set(nights["first"]["tasks"].values()) == {"success"}
    assert nights["first"]["version"] == "2025-11-28.1"


def test_a_manual_run_loads_the_date_it_is_given(nights: dict[str, Any]) -> None:
    assert nights["second"]["state"] == "success"
    assert nights["second"]["record"][:2] == ["2025-11-29.1", "published"]
    assert nights["second"]["version"] == "2025-11-29.1"


def test_a_failed_gate_stops_the_night_and_keeps_the_last_version(nights: dict[str, Any]) -> None:
    stopped = nights["stopped"]
    assert stopped["state"] == "failed"
    assert stopped["tasks"]["extract"] == "success"
    assert stopped["tasks"]["gate_raw"] == stopped["tasks"]["give_verdict"] == "failed"
    assert stopped["tasks"]["build_star"] == stopped["tasks"]["publish"] == "upstream_failed"
    assert stopped["version"] == nights["second"]["version"]


def test_a_stopped_night_is_closed_on_record_with_its_sentence(nights: dict[str, Any]) -> None:
    run_id, status, message = nights["stopped"]["record"]
    assert (run_id, status) == ("2025-11-30.1", "stopped at a gate")
    assert "crm.customers is required, so nothing is published." in message


def test_the_log_of_a_stopped_night_names_the_page_of_its_rules(nights: dict[str, Any]) -> None:
    page = Path(nights["environment"]["CKM_HOME"]).resolve() / "report" / "gates.html"
    assert nights["log"].count(f"Every rule with what it found: {page}") == 1


def test_a_stopped_night_cannot_pass_its_gate_by_clearing_the_task(nights: dict[str, Any]) -> None:
    assert nights["cleared_alone"] == "run 2025-11-30.1 is over (stopped at a gate): clear from prepare."


def test_an_object_that_cannot_be_read_is_stale_and_the_rest_is_published(nights: dict[str, Any]) -> None:
    stale = nights["stale"]
    assert stale["state"] == "success"
    assert stale["record"][:2] == ["2025-12-01.1", "published with stale objects"]
    assert stale["version"] == "2025-12-01.1"
    assert "Stale: crm.products; the marts show what was known of them before." in nights["log"]


def test_a_broken_configuration_fails_before_anything_has_changed(nights: dict[str, Any]) -> None:
    broken = nights["misconfigured"]
    assert broken["state"] == "failed"
    assert broken["tasks"]["prepare"] == broken["tasks"]["give_verdict"] == "failed"
    assert broken["record"] == nights["stale"]["record"]
    assert broken["version"] == nights["stale"]["version"]
    assert "requird is not a known field; did you mean required?" in nights["log"]


def test_the_log_shows_results_and_sentences_but_no_traceback(nights: dict[str, Any]) -> None:
    for shown in ("rows in and out", "crm.order_lines", "fct_order_line", "customer_360", "published"):
        assert shown in nights["log"]
    assert "Traceback" not in nights["log"]


def alerts(nights: dict[str, Any], night: str) -> dict[str, dict[str, Any]]:
    return {told["kind"]: told for told in nights["alerts"] if told["night"] == night}


def test_a_night_that_is_stopped_is_told_with_what_readers_see_and_what_to_do(nights: dict[str, Any]) -> None:
    told = alerts(nights, "2025-11-30")["failure"]
    (found,) = told["findings"]
    assert told["run_id"] == "2025-11-30.1"
    assert "crm.customers is required, so nothing is published." in found["what"]
    assert (found["since"], found["last_good"]) == ("2025-11-30", "2025-11-29")
    assert told["published"] == {"name": "2025-11-29.1", "as_of_date": "2025-11-29"}
    assert told["what_to_do"] == next(step.on_failure for step in STEPS if step.name == "gate_raw")
    assert "Nothing was published; readers see version 2025-11-29.1." in nights["log"]


def test_a_stale_object_is_told_of_a_night_that_is_published(nights: dict[str, Any]) -> None:
    (found,) = alerts(nights, "2025-12-01")["stale_source"]["findings"]
    assert found["what"].startswith("crm.products: no file matches products.csv")
    assert (found["since"], found["last_good"]) == ("2025-12-01", "2025-11-30")  # the gate had taken it in


def test_a_broken_configuration_is_told_although_no_run_was_opened(nights: dict[str, Any]) -> None:
    told = alerts(nights, "2025-12-02")["failure"]
    assert told["run_id"] is None
    assert "did you mean required?" in told["findings"][0]["what"]


def test_a_night_without_trouble_is_not_told(nights: dict[str, Any]) -> None:
    assert not {"failure", "stale_source"} & set(alerts(nights, "2025-11-28"))


def test_the_models_of_a_night_can_be_read_in_the_task(nights: dict[str, Any]) -> None:
    models = [value for _, task, key, value in nights["xcoms"] if (task, key) == ("build_marts", "models")]
    first = models[0] if isinstance(models[0], list) else json.loads(models[0])
    assert "customer_360" in {model["name"] for model in first}
    assert all(model["status"] == "success" and model["seconds"] >= 0 for model in first)


def test_tasks_link_to_the_pages_of_the_site(nights: dict[str, Any]) -> None:
    found = {task: links["extra_links"] for task, links in nights["links"].items()}
    assert found == {
        "gate_raw": {"Gates": "http://site/gates.html", "Data Docs": "http://site/data_docs/index.html"},
        "build_records": {"dbt docs": "http://site/dbt_docs/index.html"},
        "build_star": {"dbt docs": "http://site/dbt_docs/index.html"},
        "give_verdict": {"Site": "http://site/index.html", "Gates": "http://site/gates.html"},
        "prepare": {},
    }


def run_nights(nights: dict[str, Any], first: str, last: str) -> subprocess.CompletedProcess[str]:
    """The driver without a scheduler, on the same home."""
    return subprocess.run(
        [sys.executable, PROJECT / "dags" / "run_nights.py", "--from", first, "--to", last],
        capture_output=True,
        text=True,
        env={**os.environ, **nights["environment"]},
        timeout=600,
    )


def test_driver_passes_over_published_nights(nights: dict[str, Any]) -> None:
    done = run_nights(nights, "2025-11-28", "2025-11-29")
    assert done.returncode == 0
    assert "2025-11-28 is already published.\n2025-11-29 is already published.\nNothing to do." in done.stdout


def test_driver_shows_each_task_and_the_end_of_the_run(nights: dict[str, Any]) -> None:
    done = run_nights(nights, "2025-12-02", "2025-12-02")
    assert done.returncode == 0, done.stderr
    for task in ("prepare", "extract crm", "gate_raw crm", "build_star", "publish", "give_verdict"):
        assert re.search(rf"^  {task} +[\d.]+ s", done.stdout, re.M), task
    assert "Rows in and out" in done.stdout
    assert "published/current/ckm.duckdb" in done.stdout
    assert "[info" not in done.stdout + done.stderr


def test_driver_says_wrong_dates_in_a_sentence(nights: dict[str, Any]) -> None:
    done = run_nights(nights, "2025-12-02", "2025-12-01")
    assert done.returncode == 2
    assert done.stderr == "ckm: --to 2025-12-01 is before --from 2025-12-02.\n"
