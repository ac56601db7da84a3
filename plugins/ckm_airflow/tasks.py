"""What each task of the DAG does: one opens the night, one runs a declared step of it, one closes it.

The DAG processor imports this at every parse: what brings Great Expectations with it waits for the task.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo

import structlog
from airflow.sdk import get_current_context

from ckm import alert, nightly
from ckm.alert import MEND_AND_RUN_AGAIN, Failure
from ckm.errors import CkmError, ConfigurationError, GateFailed, LoadRunning, ObjectFailed
from ckm.home import Home
from ckm.night import Night
from ckm.nightly import STEPS, Step
from ckm.past import objects_seen
from ckm.settings import load_settings
from ckm.sources import load_sources
from ckm_airflow.failing import give_up, plain_failure
from ckm_airflow.secrets import look_into_airflow
from ckm_airflow.showing import push_models, show
from ckm_airflow.turn import hold, hold_landing, refuse_if_overtaken

log = structlog.get_logger("ckm.nightly")  # the one kind whose level can be set apart from Airflow's own

PREPARE = "Check the configuration, make the home ready and open a run."
PREPARE_ON_FAILURE = "The sentence names the file and the field, and nothing has changed: mend it and clear."
VERDICT = "Fail the run unless the night was published, put its end on record and send its alerts."
VERDICT_ON_FAILURE = "It repeats what stopped the night: mend that; clearing it downstream runs this again."
BY_NAME: dict[str, Step] = {step.name: step for step in STEPS}
CURES = {"prepare": PREPARE_ON_FAILURE} | {step.name: step.on_failure for step in STEPS}


def prepare() -> list[str]:
    """Open the run; returns the sources to load, and leaves the night beside it under the key `night`."""
    from ckm.check import check

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
            seen_before = objects_seen(home, settings.sources)
            check(settings.sources, settings.expectations, seen_before=seen_before)
            night = nightly.prepare(
                settings,
                settings.sources,
                as_of_date,
                full_refresh=bool(params.get("full_refresh")),
                accept=params.get("accept") or (),
                driver="airflow",
            )
            # while it holds the home, so that what a try before this one says cannot come after it
            context["ti"].xcom_push("night", night.to_json())
    log.info(f"Night of {night.as_of_date}, run {night.run_id}, home {night.home_folder}")
    return list(sources.sources)


def run_step(name: str, source: str | None = None) -> str:
    """Run one declared step, for one source where it has one; returns its result in a line."""
    from ckm.results import brief, step_table

    ti = get_current_context()["ti"]
    step, prepared = BY_NAME[name], Night.from_json(ti.xcom_pull(task_ids="prepare", key="night"))
    with plain_failure(prepared):
        look_into_airflow()
        if not step.uses_warehouse:
            with hold_landing(prepared, source):
                result = nightly.run_step(step, prepared, source)
        else:
            with hold(prepared.home):
                refuse_if_overtaken(prepared, step)
                result = nightly.run_step(step, prepared, source)
        show(step_table(result))
        if name.startswith("build_"):
            shown = [n for n in result if n.resource_type != "test" or n.status != "pass"]
            push_models((n.node, n.status, n.duration_seconds, n.failures) for n in shown)
        failures = [item.failure for item in result if item.failure] if step.heals else []
        if failures and ti.try_number <= ti.max_tries:
            give_up(" ".join(failures), ObjectFailed.exit_code, for_now=True)
        for failure in failures:
            log.warning(f"{failure} The object will be stale.")
    if step.name == "publish":
        ti.xcom_push("published", {"status": result.status, "stale": result.stale, "message": result.message})
    return brief(result)


def give_verdict() -> str:
    """Whatever happened, say how the night ended, close it on record, and fail unless it was published."""
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
    look_into_airflow()
    if prepared:
        home, sources, run_id = prepared.home, prepared.sources_file, prepared.run_id
        night = prepared.as_of_date
    else:
        context = get_current_context()
        interval_start, given = context["dag_run"].data_interval_start, context["params"].get("date")
        try:
            settings = load_settings()
            night = business_date(given, interval_start, context["dag"].timezone)
        except ConfigurationError:  # it does not say where to send anything
            return "what they saw before"
        home, sources, run_id = Home(settings.home.resolve()), settings.sources, None
    alert.tell(home, sources, night, run_id, failed, log.warning)
    version = alert.published_version(home)
    return f"version {version.name}" if version else "nothing yet"


def business_date(given: str | None, interval_start: datetime | None, zone: tzinfo) -> date:
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
