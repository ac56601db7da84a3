"""Policy over all DAGs: what a data engineer may rely on without opening the file."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ckm.nightly import STEPS

PROJECT = Path(__file__).resolve().parents[2]
FACTS = """
from airflow.dag_processing.dagbag import DagBag
heavy = {"dlt", "dbt", "great_expectations", "pandas", "scipy", "sklearn"}
bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
loaded = sorted(heavy & set(sys.modules))
from airflow.plugins_manager import get_plugin_info, get_import_errors
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.base import TimeRestriction

def nights(dag):
    timetable, last, found = coerce_to_core_timetable(dag.timetable), None, []
    for _ in range(800):
        run = timetable.next_dagrun_info(
            last_automated_data_interval=last, restriction=TimeRestriction(dag.start_date, None, dag.catchup))
        last = run.data_interval
        found.append(str(last.start.astimezone(dag.timezone).date()))
    return found

os.environ["CKM_FIRST_NIGHT"] = "tomorrow"
wrong = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).import_errors

answer({
    "errors_of_a_wrong_first_night": list(wrong.values()),
    "import_errors": bag.import_errors,
    "plugin_errors": get_import_errors(),
    "plugins": {plugin["name"]: str(plugin["source"]) for plugin in get_plugin_info()},
    "heavy_modules": loaded,
    "dags": {dag_id: {
        "file": Path(dag.fileloc).name,
        "doc_md": dag.doc_md,
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "tags": sorted(dag.tags),
        "zone": dag.timezone.name,
        "schedule": [type(dag.timetable).__name__, dag.timetable.expression],
        "params": {name: param.schema for name, param in dag.params.items()},
        "nights": nights(dag),
        "tasks": {task.task_id: {
            "downstream": sorted(task.downstream_task_ids),
            "doc_md": task.doc_md,
            "owner": task.owner,
            "pool": task.pool,
            "retries": task.retries,
            "backs_off": bool(task.retry_exponential_backoff),
            "timeout": task.execution_timeout and task.execution_timeout.total_seconds(),
            "trigger_rule": task.trigger_rule.value,
            "depends_on_past": task.depends_on_past,
        } for task in dag.topological_sort()},
    } for dag_id, dag in bag.dags.items()},
})
"""


@pytest.fixture(scope="module")
def facts(in_airflow: Callable[..., Any]) -> dict[str, Any]:
    """The DAGs as parsed where no source is configured."""
    return in_airflow(FACTS, CKM_SOURCES="absent.yml")


@pytest.fixture(scope="module")
def elsewhere(in_airflow: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The DAGs as parsed at a company in Santiago, where clocks are changed at midnight."""
    file = tmp_path_factory.mktemp("santiago") / "sources.yml"
    file.write_text("company:\n  name: Lejos\n  time_zone: America/Santiago\nsources: {}\n")
    return in_airflow(FACTS, CKM_SOURCES=str(file), CKM_FIRST_NIGHT="2024-02-28", CKM_HOME="/elsewhere")


def tasks(facts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{d}.{t}": task for d, dag in facts["dags"].items() for t, task in dag["tasks"].items()}


def test_every_file_is_parsed_into_the_dag_of_its_name(facts: dict[str, Any]) -> None:
    ignored = (PROJECT / "dags" / ".airflowignore").read_text().split()
    files = {file.stem for file in (PROJECT / "dags").glob("*.py") if file.name not in ignored}
    assert facts["import_errors"] == {}
    assert set(facts["dags"]) == files
    assert all(dag["file"] == f"{dag_id}.py" for dag_id, dag in facts["dags"].items())


def test_airflow_does_not_take_our_packages_for_plugins(facts: dict[str, Any]) -> None:
    assert not facts["plugin_errors"]
    packages = {f"{file.parent.name}/" for file in (PROJECT / "plugins").glob("*/__init__.py")}
    assert set((PROJECT / "plugins" / ".airflowignore").read_text().split()) == packages


def test_the_one_plugin_is_found(facts: dict[str, Any]) -> None:
    assert list(facts["plugins"]) == ["ckm"]
    assert "ckm_plugin.py" in facts["plugins"]["ckm"]


def test_parsing_loads_no_heavy_library(facts: dict[str, Any]) -> None:
    assert facts["heavy_modules"] == []


def test_every_dag_has_a_page_that_names_every_task(facts: dict[str, Any]) -> None:
    for dag in facts["dags"].values():
        for name in dag["tasks"]:
            assert f"`{name}`" in dag["doc_md"]


def test_the_page_says_what_each_step_is_for_and_what_to_do(facts: dict[str, Any]) -> None:
    for step in STEPS:
        assert step.purpose in facts["dags"]["ckm_nightly"]["doc_md"]
        assert step.on_failure in facts["dags"]["ckm_nightly"]["doc_md"]


def test_every_task_has_a_page_an_owner_and_a_timeout(facts: dict[str, Any]) -> None:
    for name, task in tasks(facts).items():
        assert task["doc_md"], name
        assert task["owner"] not in ("", "airflow"), name
        assert task["timeout"], name


def test_dags_run_one_at_a_time_in_order_and_are_tagged(facts: dict[str, Any]) -> None:
    for dag in facts["dags"].values():
        assert dag["catchup"] and dag["max_active_runs"] == 1
        assert "ckm" in dag["tags"]
        first, *others = dag["tasks"].values()
        assert first["depends_on_past"]
        assert not any(task["depends_on_past"] for task in others), "a failed night must not block the next"


def test_pools_exist_in_the_set_up(facts: dict[str, Any]) -> None:
    made = re.search(r'^POOL = "(\w+)"$', (PROJECT / "stack" / "local.py").read_text(), re.M)
    assert made is not None
    assert {task["pool"] for task in tasks(facts).values()} == {"default_pool", made[1]}


def test_every_task_is_tried_again_a_few_times_with_back_off(facts: dict[str, Any]) -> None:
    for name, task in tasks(facts).items():
        assert 1 <= task["retries"] <= 3, name
        assert task["backs_off"], name


def test_what_uses_the_warehouse_shares_the_one_slot(facts: dict[str, Any]) -> None:
    found = facts["dags"]["ckm_nightly"]["tasks"]
    for step in STEPS:
        assert (found[step.name]["pool"] == "duckdb_writer") == step.uses_warehouse


def test_tasks_follow_the_declared_steps(facts: dict[str, Any]) -> None:
    found = facts["dags"]["ckm_nightly"]["tasks"]
    order = ["prepare", *(step.name for step in STEPS), "give_verdict"]
    assert list(found) == order
    for earlier, later in pairwise(order):
        assert later in found[earlier]["downstream"]
    assert [step.per_source for step in STEPS] == sorted((s.per_source for s in STEPS), reverse=True)


def test_the_verdict_is_given_whatever_happened(facts: dict[str, Any]) -> None:
    found = facts["dags"]["ckm_nightly"]["tasks"]
    assert {name for name, t in found.items() if t["trigger_rule"] != "all_success"} == {"give_verdict"}
    assert found["give_verdict"]["trigger_rule"] == "all_done"


def test_graph_is_the_same_in_every_environment(facts: dict[str, Any], elsewhere: dict[str, Any]) -> None:
    for dag_id, dag in facts["dags"].items():
        for name in ("tasks", "doc_md", "schedule", "params", "catchup", "tags"):
            assert dag[name] == elsewhere["dags"][dag_id][name]


def test_schedule_is_in_the_zone_of_the_company(facts: dict[str, Any], elsewhere: dict[str, Any]) -> None:
    assert facts["dags"]["ckm_nightly"]["schedule"] == ["CronDataIntervalTimetable", "0 0 * * *"]
    assert facts["dags"]["ckm_nightly"]["zone"] == "UTC"
    assert elsewhere["dags"]["ckm_nightly"]["zone"] == "America/Santiago"


def test_each_day_is_one_night_also_where_midnight_is_skipped(elsewhere: dict[str, Any]) -> None:
    nights = elsewhere["dags"]["ckm_nightly"]["nights"]
    assert nights[0] == "2024-02-28"
    assert nights[1:3] == ["2024-02-29", "2024-03-01"]
    assert len(nights) == len(set(nights)) == 800
    assert nights == sorted(nights)
    assert nights[-1] == "2026-05-07"


def test_a_wrong_first_night_is_said_in_a_sentence(facts: dict[str, Any]) -> None:
    (error,) = facts["errors_of_a_wrong_first_night"]
    assert "the environment variable CKM_FIRST_NIGHT is wrong: " in error
