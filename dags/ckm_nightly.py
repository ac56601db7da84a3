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

**Alerts** of failures, stale sources and rules that warn are sent by `give_verdict`. Where `CKM_PUBLISHED_BY`
(HH:MM) is set, the scheduler itself sends one when readers do not have the night by then.

**Secrets** that `sources.yml` names and the environment lacks are looked up in Airflow's variables, then in
its connections.

**After a failure** read the sentence at the end of the failed task's log. Clear the failed task with
everything downstream, as the table says. A night that a raw gate has stopped begins again at `prepare`,
which opens a new run; so does one that another load has overtaken.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn
from zoneinfo import ZoneInfo

import structlog
import yaml
from airflow.sdk import (
    AsyncCallback,
    CronDataIntervalTimetable,
    DeadlineAlert,
    Param,
    TriggerRule,
    chain,
    dag,
    get_current_context,
    task,
    task_group,
)
from airflow.sdk.exceptions import AirflowFailException
from rich.console import Console

from ckm.settings import expand_variables, load_settings, set_tool_defaults
from ckm_airflow import PublishedBy, SitePage, look_into_airflow, tell_if_late

set_tool_defaults()

from ckm.errors import (  # noqa: E402
    CkmError,
    ConfigurationError,
    GateFailed,
    LoadRunning,
    ObjectFailed,
    sentence_of,
)
from ckm.nightly import STEPS, Night, Step  # noqa: E402

if TYPE_CHECKING:
    from ckm.alert import Failure
    from ckm.home import Home

log = structlog.get_logger("ckm.nightly")  # the one kind whose level can be set apart from Airflow's own

WRITER_POOL = "duckdb_writer"  # one slot: DuckDB takes one writer, and a second would fail rather than wait
OWNER = "data-engineering"
DEFAULT_FIRST_NIGHT = date(2025, 1, 1)
LOCK_PATIENCE = timedelta(minutes=5)  # somebody's `ckm status` holds the home for a moment
PREPARE = "Check the configuration, make the home ready and open a run."
VERDICT = "Fail the run unless the night was published, put its end on record and send its alerts."
PREPARE_ON_FAILURE = "The sentence names the file and the field, and nothing has changed: mend it and clear."
VERDICT_ON_FAILURE = "It repeats what stopped the night: mend that; clearing it downstream runs this again."
BY_NAME: dict[str, Step] = {step.name: step for step in STEPS}
CURES = {"prepare": PREPARE_ON_FAILURE} | {step.name: step.on_failure for step in STEPS}
HOURS = {
    "extract": 3,
    "build_star": 3,
}  # a first night reads and builds all history; every other task has one
PAGES = {
    "gate_raw": {"Gates": "gates.html", "Data Docs": "data_docs/index.html"},
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


def business_date(given: str | None, interval_start: datetime | None, zone: ZoneInfo) -> date:
    """The night of a run: as given, else the interval's start, else (no logical date) yesterday.

    Raises:
        ConfigurationError: what was given is no date.
    """
    if given:
        try:
            return date.fromisoformat(given)
        except ValueError:
            raise ConfigurationError(f"date must be a date like 2025-12-31, not {given!r}.") from None
    if interval_start is not None:
        return interval_start.astimezone(zone).date()
    return datetime.now(UTC).astimezone(zone).date() - timedelta(days=1)


def prepare() -> list[str]:
    """Open the run; returns the sources to load, and leaves the night beside it under the key `night`."""
    from ckm import nightly
    from ckm.check import check
    from ckm.home import Home
    from ckm.sources import load_sources

    context = get_current_context()
    with plain_failure():
        look_into_airflow()
        settings = load_settings()
        sources = load_sources(settings.sources)
        params = context["params"]
        interval_start = context["dag_run"].data_interval_start
        as_of_date = business_date(params.get("date"), interval_start, sources.company.zone)
        home = Home(settings.home.resolve())
        with hold(home):
            seen_before = nightly.objects_seen(home, settings.sources)
            check(settings.sources, settings.expectations, seen_before=seen_before)
            night = nightly.prepare(
                settings,
                settings.sources,
                as_of_date,
                full_refresh=bool(params.get("full_refresh")),
                accept=params.get("accept") or (),
                driver="airflow",
            )
    context["ti"].xcom_push("night", night.to_json())
    log.info(f"Night of {night.as_of_date}, run {night.run_id}, home {night.home_folder}")
    return list(sources.sources)


def run_step(name: str, source: str | None = None) -> str:
    """Run one declared step, for one source where it has one; returns its result in a line."""
    from ckm.nightly import run_step as run_and_record
    from ckm.results import brief, step_table

    ti = get_current_context()["ti"]
    step, prepared = BY_NAME[name], Night.from_json(ti.xcom_pull(task_ids="prepare", key="night"))
    with plain_failure(prepared, may_heal=step.heals):
        look_into_airflow()
        if not step.uses_warehouse:
            result = run_and_record(step, prepared, source)
        else:
            with hold(prepared.home):
                refuse_if_overtaken(prepared, step)
                result = run_and_record(step, prepared, source)
        show(step_table(result))
        if name.startswith("build_"):
            shown = [n for n in result if n.resource_type != "test" or n.status != "pass"]
            push_models((n.node, n.status, n.duration_seconds, n.failures) for n in shown)
        failures = [item.failure for item in result if item.failure] if step.name == "extract" else []
        if failures and ti.try_number <= ti.max_tries:
            give_up(" ".join(failures), ObjectFailed.exit_code, for_now=True)
        for failure in failures:
            log.warning(f"{failure} The object will be stale.")
    if step.name == "publish":
        ti.xcom_push("published", {"status": result.status, "stale": result.stale, "message": result.message})
    return brief(result)


def give_verdict() -> str:
    """Whatever happened, say how the night ended, close it on record, and fail unless it was published."""
    from ckm import nightly
    from ckm.alert import MEND_AND_RUN_AGAIN, Failure

    context = get_current_context()
    ti, run = context["ti"], context["dag_run"]
    states = ti.get_task_states(dag_id=run.dag_id, run_ids=[run.run_id])[run.run_id]
    bad = sorted(name for name, state in states.items() if state == "failed" and name != ti.task_id)
    published = ti.xcom_pull(task_ids="publish", key="published")
    night = ti.xcom_pull(task_ids="prepare", key="night")
    prepared = Night.from_json(night) if night else None
    if states.get("publish") == "success" and not bad:
        if published["message"]:
            log.warning(published["message"])
        if published["stale"]:
            objects = ", ".join(published["stale"])
            log.warning(f"Stale: {objects}; the marts show what was known of them before.")
        tell(prepared, None)
        return published["status"]
    names = ["prepare", *BY_NAME]
    reasons = [reason for reason in ti.xcom_pull(task_ids=names, key="failure") if reason]
    unsaid = f"{', '.join(bad) or 'publish'} did not end well: see its log."
    sentence = " ".join(dict.fromkeys(reason["sentence"] for reason in reasons)) or unsaid
    stopped = GateFailed if any(reason["gate"] for reason in reasons) else CkmError
    if prepared:
        try:
            with hold(prepared.home):
                nightly.finish(prepared, stopped(sentence))
        except LoadRunning as running:
            log.warning(f"The end of the run is not on record: {running}")
    cure = CURES[reasons[0]["task"]] if reasons else MEND_AND_RUN_AGAIN
    seen = tell(prepared, Failure(sentence, cure))
    give_up(
        f"Nothing was published; readers see {seen}. {sentence}",
        max((r["exit_code"] for r in reasons), default=1),
    )


def tell(prepared: Night | None, failed: Failure | None) -> str:
    """Send the alerts of a run, also of one that could not be prepared; returns what readers see."""
    from ckm import alert
    from ckm.home import Home

    look_into_airflow()
    if prepared:
        home, sources, run_id = prepared.home, prepared.sources_file, prepared.run_id
        night = prepared.as_of_date
    else:
        context = get_current_context()
        interval_start, given = context["dag_run"].data_interval_start, context["params"].get("date")
        try:
            settings = load_settings()
            night = business_date(given, interval_start, ZoneInfo(ZONE))
        except ConfigurationError:  # it does not say where to send anything
            return "what they saw before"
        home, sources, run_id = Home(settings.home.resolve()), settings.sources, None
    alert.tell(home, sources, night, run_id, failed, log.warning)
    version = alert.published_version(home)
    return f"version {version.name}" if version else "nothing yet"


@contextmanager
def hold(home: Home) -> Iterator[None]:
    """Hold the home's lock, waiting for whoever has it now for a while.

    Raises:
        LoadRunning: it was held all the time.
    """
    deadline = time.monotonic() + LOCK_PATIENCE.total_seconds()
    while True:
        lock = home.lock()
        try:
            lock.__enter__()
            break
        except LoadRunning:
            if time.monotonic() > deadline:
                raise
            time.sleep(2)
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def refuse_if_overtaken(night: Night, step: Step) -> None:
    """A cleared task must not go on where its run has no longer a say.

    Raises:
        CkmError: a later run has begun in this home, or the raw gates have already judged this run.
    """
    from ckm.warehouse import connect

    with connect(night.home.warehouse, read_only=True) as connection:
        status, overtaken = connection.execute(
            """
            select own.status,
                exists (select 1 from audit.runs as later where later.started_at > own.started_at)
            from audit.runs as own where own.run_id = ?
            """,
            [night.run_id],
        ).fetchone()
    if overtaken:
        raise CkmError(
            f"another load has begun since run {night.run_id}: clear from prepare to run it again."
        )
    if step.per_source and status != "running":
        raise CkmError(f"run {night.run_id} is over ({status}): clear from prepare.")


@contextmanager
def plain_failure(night: Night | None = None, *, may_heal: bool = False) -> Iterator[None]:
    """Turn an expected failure into its sentence, which is shown, kept for the verdict and put on record.

    Raises:
        SystemExit, AirflowFailException: see `give_up`.
    """
    from ckm import nightly

    ti = get_current_context()["ti"]
    try:
        yield
    except Exception as error:
        expected, sentence = isinstance(error, CkmError), sentence_of(error)
        code, is_gate = getattr(error, "exit_code", 1), isinstance(error, GateFailed)
        said = {"task": ti.task_id, "sentence": sentence, "exit_code": code, "gate": is_gate}
        ti.xcom_push("failure", said)
        if night is not None and expected:
            with hold(night.home):
                show_failures(night)
                if is_gate:  # at once, so that a task cleared before the verdict cannot pass the gate by
                    nightly.finish(night, error)
        if not expected:
            raise
        give_up(sentence, code, for_now=may_heal and not isinstance(error, ConfigurationError))


def give_up(sentence: str, code: int, *, for_now: bool = False) -> NoReturn:
    """Fail the task, `for_now` if trying again may help; its log ends with the sentence.

    Airflow prints a traceback for every exception but `SystemExit`, after which it retries while tries are
    left; so only a lasting failure before the last try needs the exception that forbids it.
    """
    ti = get_current_context()["ti"]
    log.error(sentence)
    if for_now or ti.try_number > ti.max_tries:
        sys.exit(code)
    raise AirflowFailException(sentence)


def show(shown: Any) -> None:
    """Log a table, line by line, so that it stands in the order of the log and within a page's width."""
    from ckm.console import WIDTH

    if shown is not None:
        page = Console(file=io.StringIO(), width=WIDTH, highlight=False, no_color=True)
        page.print(shown)
        for line in page.file.getvalue().splitlines():
            log.info(line.rstrip())


def show_failures(night: Night) -> None:
    """Print the nodes and rules of a run that did not hold; they are on record before the step fails."""
    from ckm.console import table
    from ckm.warehouse import connect

    with connect(night.home.warehouse, read_only=True) as connection:
        nodes = connection.execute(
            """select layer, node, status, failures, message from audit.test_results
            where run_id = ? and status not in ('success', 'pass', 'skipped') order by all""",
            [night.run_id],
        ).fetchall()
        rules = connection.execute(
            """select source || '.' || object, rule, outcome, failing_rows, evaluated_rows,
                coalesce(message, description)
            from audit.gate_results
            where run_id = ? and outcome in ('failed', 'object_failed') order by all""",
            [night.run_id],
        ).fetchall()
    if nodes:
        push_models((node, status, None, failures) for _, node, status, failures, _ in nodes)
        columns = ("layer", "node", "status", "failures", "message")
        show(table("what dbt could not pass", columns, nodes))
    if rules:
        columns = ("object", "rule", "outcome", "failing", "rows", "what it says")
        show(table("rules that do not hold", columns, rules))


def push_models(nodes: Iterable[tuple[str, str, float | None, int | None]]) -> None:
    """Leave (name, status, seconds, rows failing) of dbt's nodes where Airflow's page shows them, as XCom `models`."""
    columns = ("name", "status", "seconds", "rows_failing")
    get_current_context()["ti"].xcom_push("models", [dict(zip(columns, node, strict=True)) for node in nodes])


def task_of(step: Step) -> Any:
    """The Airflow task of a declared step."""
    return task(
        task_id=step.name,
        owner=OWNER,
        doc_md=f"{step.purpose}\n\n**When it fails:** {step.on_failure}",
        pool=WRITER_POOL if step.uses_warehouse else "default_pool",
        retries=2 if step.heals else 0,
        retry_delay=timedelta(seconds=15),
        retry_exponential_backoff=4,
        max_retry_delay=timedelta(minutes=10),
        execution_timeout=timedelta(hours=HOURS.get(step.name, 1)),
    )(run_step)


def task_around(function: Any, purpose: str, on_failure: str, **options: Any) -> Any:
    """The Airflow task that opens or closes a night."""
    return task(
        owner=OWNER,
        doc_md=f"{purpose}\n\n**When it fails:** {on_failure}",
        pool=WRITER_POOL,
        retries=0,
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
    """prepare → (extract → gate_raw) per source → build_star → … → publish → give_verdict."""
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
