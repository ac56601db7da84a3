"""What is tried again and what is given up at once, as Airflow itself decides it."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow

FAILING = """
import os, time
from datetime import timedelta
from airflow.sdk import dag, task
from ckm.errors import CkmError, ConfigurationError, GateFailed, LoadRunning
from ckm_airflow.failing import plain_failure

def raising(error):
    with plain_failure():
        raise error

@dag(schedule=None, default_args={"retries": 1, "retry_delay": timedelta(0)})
def fails():
    for error in (ConfigurationError("mend it"), GateFailed("it stops"), CkmError("it is so"), LoadRunning("wait"),
                  RuntimeError("a connection broke")):
        task(task_id=type(error).__name__)(raising)(error)

    @task(execution_timeout=timedelta(seconds=1))
    def is_slow():
        with plain_failure():
            time.sleep(30)

    is_slow()
fails()
"""
FAIL = """
from airflow.dag_processing.dagbag import DagBag
from airflow.utils.db import initdb
initdb()
ended = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags["fails"].test()
answer({"tries": {ti.task_id: ti.try_number for ti in ended.get_task_instances()},
        "states": {ti.task_id: ti.state for ti in ended.get_task_instances()},
        "said": ended.get_task_instance("is_slow").xcom_pull(task_ids="is_slow", key="failure")})
"""
LASTING = {"ConfigurationError", "GateFailed", "CkmError", "is_slow"}
PASSING = {"LoadRunning", "RuntimeError"}


@pytest.fixture(scope="module")
def failed(in_airflow: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """How often each way to fail was tried, where each may be tried twice."""
    dags = tmp_path_factory.mktemp("dags")
    (dags / "fails.py").write_text(FAILING)
    return in_airflow(FAIL, AIRFLOW__CORE__DAGS_FOLDER=str(dags))


def test_what_trying_again_cannot_mend_ends_at_once(failed: dict[str, Any]) -> None:
    assert {name for name, tries in failed["tries"].items() if tries == 1} == LASTING


def test_what_nobody_expects_and_a_home_that_is_held_are_tried_again(failed: dict[str, Any]) -> None:
    assert {name for name, tries in failed["tries"].items() if tries == 2} == PASSING
    assert set(failed["states"].values()) == {"failed"}


def test_a_task_that_takes_too_long_says_so_in_a_sentence(failed: dict[str, Any]) -> None:
    assert failed["said"]["sentence"] == "is_slow took longer than 0:00:01, which is all that it may take."
