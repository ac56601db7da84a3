"""# ckm_nightly

Loads one night of the company: every source's new rows are extracted, judged, built into star and marts,
judged again and published, or nothing is published and readers keep the last good version.

**When.** Every midnight in the company's time zone, for the day that has just ended. The business date is
the start of the data interval. Missed nights are caught up in order, one at a time; a night waits until the
one before it could be prepared. The first night is `CKM_FIRST_NIGHT` (YYYY-MM-DD) in the environment of the
DAG processor: set it before you switch the DAG on, or all nights since 2025-01-01 are caught up. Trigger a
run with `{"date": "2025-12-31"}` to load any other night, with `{"full_refresh": true}` to rebuild
everything from the raw log without reading the sources, and with `{"accept": ["crm.orders.row_count_is_possible"]}`
to let a rule fail that you have looked at.

**Output.** `published/current` in the home (`CKM_HOME`): DuckDB file, Parquet folders and site.

**A source that cannot be read** is tried again, then its objects are stale: the night is published without
their news and `give_verdict` warns. **A gate that fails** stops the night; `give_verdict` fails with the
reason and puts it on record in `audit.runs`.

**A task whose process dies**, or that something unexpected hits, is tried again up to twice, with growing
pauses, and so is one that finds the home held by another load. What trying again cannot mend ends at once.

**Alerts** of failures, stale sources and rules that warn are sent by `give_verdict`. Where `CKM_PUBLISHED_BY`
(HH:MM) is set, the scheduler itself sends one when readers do not have the night by then.

**Secrets** that `sources.yml` names and the environment lacks are looked up in Airflow's variables, then in
its connections.

**After a failure** read the sentence at the end of the failed task's log. Clear the failed task with
everything downstream, as the table says. A night that a raw gate has stopped begins again at `prepare`,
which opens a new run; so does one that another load has overtaken.
"""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from airflow.sdk import (
    AsyncCallback,
    CronDataIntervalTimetable,
    DeadlineAlert,
    Param,
    TriggerRule,
    chain,
    dag,
    task,
    task_group,
)

from ckm.errors import CkmError
from ckm.nightly import STEPS, Step
from ckm.settings import expand_variables, load_settings, set_tool_defaults
from ckm_airflow.deadline import PublishedBy, tell_if_late
from ckm_airflow.links import SitePage
from ckm_airflow.tasks import (
    PREPARE,
    PREPARE_ON_FAILURE,
    VERDICT,
    VERDICT_ON_FAILURE,
    give_verdict,
    prepare,
    run_step,
)

set_tool_defaults()

WRITER_POOL = "duckdb_writer"  # one slot: DuckDB takes one writer, and a second would fail rather than wait
OWNER = "data-engineering"
DEFAULT_FIRST_NIGHT = date(2025, 1, 1)
TRIED_AGAIN = {  # the code decides what is given up at once: `ckm_airflow.failing`
    "retries": 2,
    "retry_delay": timedelta(seconds=15),
    "retry_exponential_backoff": 4,
    "max_retry_delay": timedelta(minutes=10),
}
HOURS = {
    "extract": 3,
    "match": 3,
    "build_star": 3,
}  # a first night reads and builds all history; other tasks have one
PAGES = {
    "gate_raw": {"Gates": "gates.html", "Data Docs": "data_docs/index.html"},
    "build_records": {"dbt docs": "dbt_docs/index.html"},
    "build_star": {"dbt docs": "dbt_docs/index.html"},
    "build_marts": {"dbt docs": "dbt_docs/index.html"},
    "gate_marts": {"Gates": "gates.html", "Data Docs": "data_docs/index.html"},
    "publish": {"Site": "index.html"},
    "give_verdict": {"Site": "index.html", "Gates": "gates.html"},
}


def page() -> str:
    """The DAG's page: the module's docstring and a table of the tasks, from the declared steps."""
    rows = [
        ("prepare", PREPARE, PREPARE_ON_FAILURE),
        *((step.name, step.purpose, step.on_failure) for step in STEPS),
        ("give_verdict", VERDICT, VERDICT_ON_FAILURE),
    ]
    table = "\n".join(f"| `{name}` | {purpose} | {cure} |" for name, purpose, cure in rows)
    return f"{__doc__}\n| task | what it does | when it fails |\n|---|---|---|\n{table}\n"


def company_zone() -> str:
    """The company's zone from sources.yml, read cheaply; UTC while the file is absent or broken.

    `prepare` reads the same file in full and refuses to run on a broken one, so no night is ever loaded by
    the fallback.
    """
    try:
        document = yaml.safe_load(load_settings().sources.read_text("utf-8"))
        zone = expand_variables(document["company"].get("time_zone", "UTC"), "company.time_zone")
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError, CkmError):
        return "UTC"
    return zone


def first_night(zone: str) -> datetime:
    """Local midnight of the first night to schedule: with the zone, all that the environment decides here.

    Airflow refuses `catchup=True` without a start, and a start fixed in the code would have each installation
    catch up with the same past. A logical date before it makes a run without tasks, so the default is early;
    whoever switches the schedule on sets his own.
    """
    night = load_settings().first_night or DEFAULT_FIRST_NIGHT
    return datetime(night.year, night.month, night.day, tzinfo=ZoneInfo(zone))


def task_of(step: Step) -> Any:
    """The Airflow task of a declared step."""
    return task(
        task_id=step.name,
        owner=OWNER,
        doc_md=f"{step.purpose}\n\n**When it fails:** {step.on_failure}",
        pool=WRITER_POOL if step.uses_warehouse else "default_pool",
        execution_timeout=timedelta(hours=HOURS.get(step.name, 1)),
    )(run_step)


def task_around(function: Any, purpose: str, on_failure: str, **options: Any) -> Any:
    """The Airflow task that opens or closes a night."""
    return task(
        owner=OWNER,
        doc_md=f"{purpose}\n\n**When it fails:** {on_failure}",
        pool=WRITER_POOL,
        execution_timeout=timedelta(minutes=15),
        **options,
    )(function)


def with_pages(task_call: Any) -> Any:
    """A task with buttons to the pages of the site that tell more of it, where there is a site."""
    if load_settings().site_url:
        operator = task_call.operator
        pages = PAGES.get(operator.task_id, {})
        operator.operator_extra_links = [SitePage(name, page) for name, page in pages.items()]
    return task_call


def hour_of_publication(zone: str) -> DeadlineAlert | None:
    """What has the scheduler see, each morning, whether readers have the night by `CKM_PUBLISHED_BY`."""
    by = load_settings().published_by
    if by is None:
        return None
    told = {"by": f"{by:%H:%M}", "zone": zone}
    return DeadlineAlert(
        reference=PublishedBy(**told), interval=timedelta(0), callback=AsyncCallback(tell_if_late, told)
    )


ZONE = company_zone()


@dag(
    dag_id="ckm_nightly",
    doc_md=page(),
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone=ZONE),
    start_date=first_night(ZONE),
    catchup=True,
    max_active_runs=1,
    default_args=TRIED_AGAIN,
    deadline=hour_of_publication(ZONE),
    params={
        "date": Param(None, type=["null", "string"], format="date", description="Night; default: the run's."),
        "full_refresh": Param(False, type="boolean", description="Rebuild from the raw log alone."),
        "accept": Param(
            [],
            type="array",
            items={"type": "string"},
            description="Rules that may fail: source.object.rule or marts.mart.rule.",
        ),
    },
    tags=["ckm", "nightly"],
)
def ckm_nightly() -> None:
    """prepare → (extract → gate_raw) per source → build_records → match → build_star → … → publish → give_verdict."""
    sources = task_around(prepare, PREPARE, PREPARE_ON_FAILURE, depends_on_past=True)()

    @task_group(prefix_group_id=False)
    def load_source(source: str) -> None:
        chain(*(with_pages(task_of(step)(step.name, source)) for step in STEPS if step.per_source))

    loaded = load_source.expand(source=sources)
    built = [with_pages(task_of(step)(step.name)) for step in STEPS if not step.per_source]
    verdict = with_pages(
        task_around(give_verdict, VERDICT, VERDICT_ON_FAILURE, trigger_rule=TriggerRule.ALL_DONE)()
    )
    chain(sources, loaded, *built, verdict)
    loaded >> verdict


ckm_nightly()
