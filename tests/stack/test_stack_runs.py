"""The stack of docker-compose.yml, started service by service, until its scheduler has published a night."""

import base64
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from stack.nights import DAG, switch_on, tasks
from stack.rest import Rest
from tests.stack.compose import services, variables
from tests.stack.plain import PlainStack, free_ports

pytestmark = pytest.mark.stack

NIGHT = "2025-12-31"
LONGEST_NIGHT = 600  # seconds; far more than a night takes, because other tests may share the machine


@dataclass(frozen=True)
class Ran:
    """A stack that is up and has published a night."""

    stack: PlainStack
    rest: Rest
    run: dict
    tasks: list[dict]
    files_before: set[Path]
    password: str


def env_file(ports: dict[str, int]) -> dict[str, str]:
    """What a person writes into .env, for a small company that has lived until the night to load."""
    secrets = {name: f"{name.lower().replace('_', '')}0123456789abcdef" for name in variables("?")}
    return secrets | {
        "AIRFLOW_FERNET_KEY": base64.urlsafe_b64encode(bytes(range(32))).decode(),
        "AIRFLOW_PORT": str(ports["api-server"]),
        "SITE_PORT": str(ports["site"]),
        "CKM_COMPANY_CUSTOMERS": "200",
        "CKM_COMPANY_UNTIL": NIGHT,
        "CKM_FIRST_NIGHT": NIGHT,
    }


def published(rest: Rest) -> dict:
    """The first run that the scheduler makes by itself once the DAG is known and on, when it has ended."""
    end, is_on = time.monotonic() + LONGEST_NIGHT, False
    while time.monotonic() < end:
        known = [dag["dag_id"] for dag in rest.get("/dags")["dags"]]
        if not is_on and "ckm_nightly" in known:
            switch_on(rest)
            is_on = True
        runs = rest.get(f"{DAG}/dagRuns?order_by=run_after&limit=1")["dag_runs"] if is_on else []
        if runs and runs[0]["state"] in ("success", "failed"):
            return runs[0]
        time.sleep(1)
    raise AssertionError(f"no night has ended; files that Airflow cannot read: {rest.get('/importErrors')}")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """The whole stack, up until the tests of this module are done."""
    ports = free_ports()
    values = env_file(ports)
    stack = PlainStack(tmp_path_factory.mktemp("stack"), services(values), ports)
    before = set(stack.app.rglob("*"))
    try:
        stack.up()
        rest = Rest(f"http://127.0.0.1:{ports['api-server']}", "admin", values["AIRFLOW_ADMIN_PASSWORD"])
        run = published(rest)
        ended = tasks(rest, run["dag_run_id"])
        assert run["state"] == "success", f"{[(t['task_id'], t['state']) for t in ended]}\n{stack.said()}"
        yield Ran(stack, rest, run, ended, before, values["AIRFLOW_ADMIN_PASSWORD"])
    finally:
        left = stack.down()
    assert left == 0


def page(address: str) -> tuple[int, str]:
    """The status and the text of a page."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_the_scheduler_itself_runs_the_first_night_of_the_schedule(ran: Ran) -> None:
    assert ran.run["run_type"] == "scheduled"
    assert {task["state"] for task in ran.tasks} == {"success"}
    assert {task["task_id"] for task in ran.tasks} >= {"prepare", "extract", "publish", "give_verdict"}


def test_what_is_published_is_the_night_and_holds_the_company(ran: Ran) -> None:
    current = ran.stack.folder / "ckm" / "home" / "published" / "current" / "ckm.duckdb"
    with duckdb.connect(str(current), read_only=True) as connection:
        night, customers = connection.execute(
            "select max(as_of_date)::varchar, count(*) from marts.customer_360"
        ).fetchone()
        stale = connection.execute(
            "select count(*) from audit.source_freshness where status = 'stale'"
        ).fetchone()
    assert night == NIGHT
    assert customers > 100
    assert stale == (0,)


def test_the_site_is_served(ran: Ran) -> None:
    status, text = page(f"http://127.0.0.1:{ran.stack.ports['site']}/")
    assert status == 200 and NIGHT in text


def test_every_service_is_still_well(ran: Ran) -> None:
    assert [name for name in ran.stack.services if not ran.stack.is_well(name)] == []


def test_nobody_gets_in_without_the_password(ran: Ran) -> None:
    assert page(f"{ran.rest.url}/api/v2/dags")[0] == 401
    assert page(f"{ran.rest.url}/auth/token")[0] != 201
    for name, password in (("admin", "admin"), ("admin", ""), ("airflow", ran.password)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            Rest(ran.rest.url, name, password).get("/dags")
        assert refused.value.code in (400, 401, 422)


def test_no_service_writes_outside_its_volumes(ran: Ran) -> None:
    assert set(ran.stack.app.rglob("*")) == ran.files_before


def test_no_secret_is_in_a_log(ran: Ran) -> None:
    text = ran.stack.said() + "".join(
        file.read_text(errors="replace") for file in (ran.stack.folder / "ckm" / "logs").rglob("*.log")
    )
    values = env_file(ran.stack.ports)
    secrets = {name: values[name] for name in variables("?") - {"CKM_FIRST_NIGHT"}}
    assert [name for name, value in secrets.items() if value in text] == []
