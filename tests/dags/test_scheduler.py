"""A morning after a night that failed, as a real scheduler and its triggerer live it."""

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from stack.local import Local
from stack.nights import switch_on
from tests.dags.company import write_company
from tests.plugins.alert.listeners import Webhook, running

pytestmark = pytest.mark.stack
BERLIN = ZoneInfo("Europe/Berlin")
PATIENCE = 240  # seconds; half a minute where the machine has nothing else to do


@dataclass(frozen=True)
class Morning:
    """The last night and what was told of it."""

    night: date
    told: list[dict[str, Any]]


def free_port() -> int:
    """A port that is free, and hopefully the one after it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Morning]:
    """The DAG is switched on; the night cannot be prepared and was due at midnight.

    The webhook's address is kept in a variable of Airflow.
    """
    folder = tmp_path_factory.mktemp("scheduler")
    night = datetime.now(BERLIN).date() - timedelta(days=1)
    sources = write_company(folder)
    sources.write_text(sources.read_text().replace("path: .", "path: ${NOWHERE}"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CKM_", "AIRFLOW"))}
    own = {
        "CKM_HOME": str(folder / "home"),
        "CKM_SOURCES": str(sources),
        "CKM_FIRST_NIGHT": night.isoformat(),
        "CKM_PUBLISHED_BY": "00:00",
    }
    with running(Webhook()) as webhook:
        airflow = Local(folder / "airflow", free_port(), kept | own)
        airflow.set_up()
        assert airflow.airflow(["variables", "set", "CKM_ALERT_WEBHOOK", webhook.url]) == 0
        try:
            airflow.start()
            airflow.wait_until_ready()
            switch_on(airflow.rest)
            end = time.monotonic() + PATIENCE
            while {told["kind"] for told in webhook.received} != {"failure", "not_published"}:
                airflow.watch()
                assert time.monotonic() < end, f"only {webhook.received} was told: see {airflow.logs}"
                time.sleep(0.5)
        finally:
            airflow.stop()
    yield Morning(night, webhook.received)


def test_a_night_that_is_late_is_told_once_by_airflow_itself(morning: Morning) -> None:
    (told,) = [told for told in morning.told if told["kind"] == "not_published"]
    assert told["headline"] == f"Night of {morning.night} is not published by 00:00 (Europe/Berlin)."
    assert told["night"] == morning.night.isoformat()
    assert told["published"] is None


def test_a_night_that_failed_is_told_once_by_its_verdict(morning: Morning) -> None:
    (told,) = [told for told in morning.told if told["kind"] == "failure"]
    assert told["company"] == "Tiny"
    assert "NOWHERE is not set, and Airflow does not hold it: set it" in told["findings"][0]["what"]
