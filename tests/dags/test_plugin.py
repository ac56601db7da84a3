"""What Airflow finds outside the DAG's file: secrets it keeps, and the hour at which readers rely on a night."""

from collections.abc import Callable
from typing import Any

import pytest

ASKING = """
from airflow.sdk import dag, task
from ckm_airflow.secrets import find_secret, look_into_airflow

@dag(schedule=None)
def asks():
    @task(show_return_value_in_logs=False)
    def ask():
        from ckm.errors import ConfigurationError
        from ckm.settings import expand_variables, load_settings
        found = {name: find_secret(name) for name in ("DESK_TOKEN", "CRM_DATABASE", "CRM_PASSWORD", "ABSENT")}
        look_into_airflow()
        found["url"] = expand_variables("postgresql://reader:${CRM_PASSWORD}@db/crm", "here")
        found["default"] = expand_variables("${ABSENT:-otherwise}", "here")
        found["webhook"] = load_settings().alert_webhook.get_secret_value()
        try:
            expand_variables("${ABSENT}", "here")
        except ConfigurationError as error:
            found["sentence"] = str(error)
        return found
    ask()
asks()
"""
ASK = """
from airflow.dag_processing.dagbag import DagBag
from airflow.models import Connection, Variable
from airflow.utils.db import initdb
from airflow.utils.session import create_session
initdb()
Variable.set("DESK_TOKEN", "t0ken-of-the-desk")
Variable.set("CKM_ALERT_WEBHOOK", "https://chat.example/hook")
with create_session() as session:
    session.add(Connection(conn_id="crm_database", uri="postgres://reader:aus%20Versehen@db:5433/crm"))
    session.add(Connection(conn_id="crm", conn_type="generic", password="aus Absicht"))
ended = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags["asks"].test()
answer(ended.get_task_instances()[0].xcom_pull(task_ids="ask", key="return_value"))
"""
HOURS = """
from datetime import datetime
from ckm_airflow.deadline import PublishedBy

def deadline(night, now, zone="Europe/Berlin"):
    hour = PublishedBy.deserialize_reference(PublishedBy("06:30", zone).serialize_reference())
    found = hour.deadline(datetime.fromisoformat(night), datetime.fromisoformat(now))
    return found and found.isoformat()

answer({
    "ordinary": deadline("2025-12-03T23:00:00+00:00", "2025-12-04T23:01:00+00:00"),
    "clocks_forward": deadline("2026-03-28T23:00:00+00:00", "2026-03-29T22:01:00+00:00"),
    "clock_changes_in_the_night": deadline("2026-03-27T23:00:00+00:00", "2026-03-28T23:01:00+00:00"),
    "already_past": deadline("2025-12-03T23:00:00+00:00", "2025-12-05T20:00:00+00:00"),
    "caught_up_the_day_after": deadline("2025-12-03T23:00:00+00:00", "2025-12-05T23:30:00+00:00"),
    "caught_up_long_after": deadline("2025-12-03T23:00:00+00:00", "2026-02-01T00:00:00+00:00"),
})
"""


@pytest.fixture(scope="module")
def asked(in_airflow: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a task finds, and its log."""
    dags = tmp_path_factory.mktemp("dags")
    (dags / "asks.py").write_text(ASKING)
    return in_airflow(
        ASK, AIRFLOW__CORE__DAGS_FOLDER=str(dags), AIRFLOW__LOGGING__NAMESPACE_LEVELS="task=INFO ckm=INFO"
    )


@pytest.mark.slow
def test_a_variable_of_airflow_stands_in_for_the_environment(asked: dict[str, Any]) -> None:
    assert asked["DESK_TOKEN"] == "t0ken-of-the-desk"
    assert asked["webhook"] == "https://chat.example/hook"


@pytest.mark.slow
def test_a_connection_gives_its_uri_as_sqlalchemy_reads_it(asked: dict[str, Any]) -> None:
    assert asked["CRM_DATABASE"] == "postgresql://reader:aus%20Versehen@db:5433/crm"


@pytest.mark.slow
def test_a_connection_gives_its_password_alone(asked: dict[str, Any]) -> None:
    assert asked["CRM_PASSWORD"] == "aus Absicht"
    assert asked["url"] == "postgresql://reader:aus Absicht@db/crm"


@pytest.mark.slow
def test_what_is_nowhere_is_said_or_has_its_default(asked: dict[str, Any]) -> None:
    assert asked["ABSENT"] is None
    assert asked["default"] == "otherwise"
    assert "variable ABSENT is not set, and Airflow does not hold it: set it" in asked["sentence"]


@pytest.mark.slow
def test_looking_up_a_secret_writes_it_into_no_log(asked: dict[str, Any]) -> None:
    assert "Post Execute" in asked["log"]
    for secret in ("t0ken-of-the-desk", "aus Absicht", "Versehen"):
        assert secret not in asked["log"]


@pytest.fixture(scope="module")
def hours(in_airflow: Callable[..., Any]) -> dict[str, Any]:
    return in_airflow("sys.path.append(os.environ['AIRFLOW__CORE__PLUGINS_FOLDER'])\n" + HOURS)


def test_the_hour_is_that_of_the_morning_after_in_the_companys_zone(hours: dict[str, Any]) -> None:
    assert hours["ordinary"] == "2025-12-05T05:30:00+00:00"


def test_the_hour_is_the_same_on_days_on_which_clocks_are_changed(hours: dict[str, Any]) -> None:
    assert hours["clock_changes_in_the_night"] == "2026-03-29T04:30:00+00:00"
    assert hours["clocks_forward"] == "2026-03-30T04:30:00+00:00"


def test_a_late_start_on_the_same_day_is_late_at_once(hours: dict[str, Any]) -> None:
    assert hours["already_past"] == "2025-12-05T05:30:00+00:00"


def test_nights_that_are_caught_up_later_have_no_hour(hours: dict[str, Any]) -> None:
    assert hours["caught_up_the_day_after"] is None
    assert hours["caught_up_long_after"] is None
