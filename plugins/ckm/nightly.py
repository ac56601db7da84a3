"""The nightly load: its steps, declared once. Airflow and `ckm run` both execute `STEPS`.

    prepare → extract → gate_raw → build_records → match → build_star → score → build_marts → gate_marts → publish

Each step reads what the one before left in the home and may be run again after a crash. Drivers hold the
home's lock around the steps that use the warehouse.
"""

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from ckm import audit, migrations, raw, retention, runs, transform, warehouse
from ckm.check.suites import demand_rules
from ckm.errors import CkmError, ConfigurationError, GateFailed, LoadRunning, sentence_of
from ckm.extract.window import Window
from ckm.home import Home, hmac_pads
from ckm.night import Night
from ckm.publish import record
from ckm.settings import Settings
from ckm.sources import load_sources
from ckm.warehouse import connect, patience


@dataclass(frozen=True)
class Step:
    """One step: `run(night)`, or `run(night, source)` once per source. Its result is a table to show.

    `heals` says that what it reports as failed may do better at the next try (a system that did not answer),
    `uses_warehouse` that it must not run beside another step that does.
    """

    name: str
    run: Callable[..., Any]
    purpose: str
    on_failure: str
    per_source: bool = False
    heals: bool = False
    uses_warehouse: bool = True


def prepare(
    settings: Settings,
    sources_file: Path,
    night: date,
    *,
    full_refresh: bool = False,
    accept: Collection[str] = (),
    driver: str = "ckm run",
) -> Night:
    """Check the configuration, make the home ready, open a run and note what each object must read.

    Args:
        accept: rules, as `source.object.rule` or `marts.mart.rule`, that an operator has looked at: tonight
            they stop nothing.
        driver: who runs the steps, for the record.

    Raises:
        ConfigurationError: before anything has changed.
    """
    started_at, clock = runs.now(), time.monotonic()
    sources = load_sources(sources_file)
    if accept:
        demand_rules(settings.expectations, accept)
    if night >= datetime.now(sources.company.zone).date():  # a guard only: no result depends on the clock
        raise ConfigurationError(
            f"{night} is not over yet in {sources.company.time_zone}: give an earlier date."
        )
    home = Home(settings.home.resolve())
    home.make()
    pads = hmac_pads(home.secret(settings.secret))
    with connect(home.warehouse) as connection:
        warehouse.prepare(connection, pads)
        retention.demand_log(connection, night)
        record.catch_up(connection, home)
        newest = connection.execute("select max(as_of_date) from audit.load_ledger").fetchone()[0]
        latest = connection.execute("select max(as_of_date) from audit.runs").fetchone()[0]
        is_past = newest is not None and night < newest
        rebuilds = (
            full_refresh
            or (latest is not None and night < latest)
            or migrations.asks_full_refresh(connection)
        )
        run_id = runs.start_run(
            connection,
            night,
            sources.configuration_hash,
            driver=driver,
            full_refresh=rebuilds,
            project=settings.project,
        )
        spans = {
            name: {o: asdict(w) for o, w in raw.windows(connection, sources, name, night).items()}
            for name in sources.sources
        }
    home.warehouse.chmod(0o600)
    prepared = Night(
        run_id=run_id,
        as_of_date=night,
        sources_file=sources.file,
        home_folder=home.folder,
        project=settings.project,
        full_refresh=rebuilds,
        extracts=not is_past and not full_refresh,
        accept=tuple(accept),
    )
    shutil.rmtree(home.gx, ignore_errors=True)
    shutil.rmtree(prepared.landing.parent, ignore_errors=True)
    prepared.landing.mkdir(parents=True)
    (prepared.landing / "windows.json").write_text(json.dumps(spans, default=str, indent=1))
    runs.leave(
        runs.StepRecord("prepare", "", "done", started_at, round(time.monotonic() - clock, 3)),
        prepared.step_records,
    )
    return prepared


def extract(night: Night, source: str) -> list[Any]:
    """Land one source's rows. A night before the newest one loaded reads the log, not the source."""
    from ckm.extract import extract_source

    if not night.extracts:
        return []
    spans = json.loads((night.landing / "windows.json").read_text())[source]
    windows = {
        name: Window(_moment(w["start"]), _moment(w["end"]), w["is_whole"]) for name, w in spans.items()
    }
    return extract_source(night.sources(), source, windows, night.landing)


def gate_raw(night: Night, source: str) -> Any:
    """Judge what one source landed, take in what is sound and set the rest aside."""
    from ckm.gate.admit import admit_source

    if not night.extracts:
        return None
    with connect(night.home.warehouse) as connection:
        return admit_source(
            connection,
            night.sources(),
            source,
            landing=night.landing,
            suites=night.suites,
            gx_store=night.home.gx,
            night=night.as_of_date,
            run_id=night.run_id,
            accept=night.accept,
        )


def build_records(night: Night) -> list[transform.NodeResult]:
    """Build staging, and of it what the sources say of persons and companies."""
    return _dbt(night, transform.LAYERS_BEFORE_MATCH)


def match(night: Night) -> Any:
    """Find out which records of all sources are one person or company, and for which customer they stand."""
    from ckm import identity

    told = night.sources().identity
    with connect(night.home.warehouse) as connection:
        return identity.resolve(
            connection,
            identity.read_model(told.model),
            night=night.as_of_date,
            run_id=night.run_id,
            decided=told.decisions,
            home_country=told.home_country,
            precision=told.precision,
        )


def build_star(night: Night) -> list[transform.NodeResult]:
    """Build the star on the customers that were found, and the purchase states that scoring reads."""
    return _dbt(night, transform.LAYERS_BEFORE_SCORES)


def score(night: Night) -> Any:
    """Fit and score customer lifetime value and the chance of no order in 90 days."""
    from ckm import score as scoring
    from ckm.churn import gate
    from ckm.churn import scoring as churn_scoring
    from ckm.forgetting import forget_scores

    company = night.sources().company
    with connect(night.home.warehouse) as connection:
        gate.keep_standing(connection)  # the value model writes chances of its own
        valued = scoring.score(
            connection,
            night=night.as_of_date,
            run_id=night.run_id,
            reporting_currency=company.reporting_currency,
            annual_discount_rate=company.annual_discount_rate,
        )
        risks = churn_scoring.score(
            connection,
            night=night.as_of_date,
            run_id=night.run_id,
            zero_value_orders=company.zero_value_orders,
        )
        connection.begin()  # whoever is half forgotten would keep a history without its purchases
        forget_scores(connection)
        connection.commit()
        return valued, risks


def build_marts(night: Night) -> list[transform.NodeResult]:
    """Build the marts on star and scores, and write dbt's own pages on the whole project."""
    built = _dbt(night, transform.LAYERS_AFTER_SCORES)
    transform.write_docs(
        night.home,
        night.project / "dbt_project",
        transform.dbt_vars(night.sources().company, night.as_of_date),
    )
    return built


def gate_marts(night: Night) -> list[Any]:
    """Judge the ledger and the marts; a critical rule that fails keeps the last good version public."""
    from ckm.gate.ledger import judge_ledger
    from ckm.gate.marts import judge_marts

    with connect(night.home.warehouse) as connection:
        audit.record_fact_customers(connection, night.run_id, night.as_of_date)
        accounts = []
        if night.extracts:
            accounts = judge_ledger(
                connection,
                night.sources(),
                suites=night.suites,
                gx_store=night.home.gx,
                night=night.as_of_date,
                run_id=night.run_id,
                accept=night.accept,
            )
        return [("load_ledger", result) for result in accounts] + judge_marts(
            connection,
            suites=night.suites,
            gx_store=night.home.gx,
            night=night.as_of_date,
            company=night.sources().company,
            run_id=night.run_id,
            accept=night.accept,
        )


def publish(night: Night) -> Any:
    """Make the new version and switch to it in one rename; then let go of what is too old to be kept."""
    from ckm import publish as publishing

    sources = night.sources()
    published = publishing.publish(
        night.home, night.as_of_date, night.run_id, sources.company.name, keep=sources.retention.versions
    )
    shutil.rmtree(night.landing, ignore_errors=True)
    if published.version is None:  # an older night: the newer one has done it
        return published
    try:
        retention.apply(night.home, sources.retention, night.as_of_date, night.run_id)
    except (CkmError, duckdb.Error, OSError) as error:  # readers have the night; the next one lets go of it
        sentence = f"version {published.version}; what is too old stays for a night: {sentence_of(error)}"
        return replace(published, message=sentence)
    return published


STEPS: tuple[Step, ...] = (
    Step(
        "extract", extract, "Land each source's new rows, as received, under the home's landing/.",
        "Look at the sentence for the object; mend the system or sources.yml and clear the task.",
        per_source=True, heals=True, uses_warehouse=False,
    ),
    Step(
        "gate_raw", gate_raw, "Judge the landed rows, take the sound ones into the raw log, set others aside.",
        "A critical rule failed: look at the rule in audit.gate_results, mend the source or the suite "
        "under expectations/raw/ and clear from prepare, or accept the rule for this night in a new run "
        "(docs/operations.md).",
        per_source=True,
    ),
    Step(
        "build_records", build_records, "Build staging and the records of persons with dbt, and test them.",
        "Read the failing node's message in the log table; mend the model or the data and clear the task.",
    ),
    Step(
        "match", match, "Find out which records of all sources are one customer (docs/identity.md).",
        "Read the sentence; correct the decisions or the model that sources.yml names and clear the task.",
    ),
    Step(
        "build_star", build_star, "Build the star schemas on the customers found with dbt, and test them.",
        "Read the failing node's message in the log table; mend the model or the data and clear the task.",
    ),
    Step(
        "score", score, "Score every customer's value and every active one's churn risk, once a month learned anew.",
        "The log says what could not be fitted; marts can still be built from the last scores.",
    ),
    Step(
        "build_marts", build_marts, "Build the marts with dbt, and test them.",
        "Read the failing node's message in the log table; mend the model or the data and clear the task.",
    ),
    Step(
        "gate_marts", gate_marts,
        "Judge the ledger and the marts; a critical failure keeps the last good version public.",
        "Look at the rule in audit.gate_results; nothing was published, readers still see the last version. "
        "Mend what is wrong and clear from prepare, or accept the rule for this night in a new run "
        "(docs/operations.md).",
    ),
    Step(
        "publish", publish,
        "Write the new version, switch readers to it in one rename, and let go of what is too old to keep.",
        "The last version is still public; free disk space if that was it, and clear the task.",
    ),
)  # fmt: skip


def run_step(step: Step, night: Night, source: str | None = None) -> Any:
    """Run one step, for one source where it has one, and put on record when, for how long and how it ended.

    A step that may run while another holds the warehouse leaves its record in the landing, where the next one
    finds it.
    """
    from ckm.results import brief

    started_at, clock = runs.now(), time.monotonic()

    def ended(status: str, result: str | None, message: str | None) -> None:
        record = runs.StepRecord(
            step.name, source or "", status, started_at, round(time.monotonic() - clock, 3), result, message
        )
        if step.uses_warehouse:
            _record_steps(night, record)
        else:
            runs.leave(record, night.step_records)

    try:
        result = step.run(night, source) if source else step.run(night)
    except Exception as error:
        # what went wrong first is what is to be told
        with contextlib.suppress(CkmError, duckdb.Error, OSError), _patience_left(error):
            ended("failed", None, sentence_of(error))
        raise
    ended("done", brief(result), None)
    return result


def finish(night: Night, error: BaseException | None) -> None:
    """Close the run on record when it did not end in publication; of one that a gate has stopped, write the page.

    Raises:
        LoadRunning: another program has the warehouse open; the next run finds this one interrupted.
    """
    if error is None:
        return
    status = "stopped at a gate" if isinstance(error, GateFailed) else "failed"
    with _patience_left(error):
        _record_steps(night)
        _close(night, status, error)


def _close(night: Night, status: str, error: BaseException) -> None:
    with connect(night.home.warehouse) as connection:
        record.catch_up(connection, night.home)
        if night.run_id in {switch.run_id for switch in record.switches(connection)}:
            return  # readers see it, whatever came after
        runs.finish_run(connection, night.run_id, status, sentence_of(error), None)
        if isinstance(error, GateFailed):
            from ckm.site import write_gate_page

            with contextlib.suppress(
                CkmError, OSError
            ):  # what stopped the night is to be told, with or without a page
                write_gate_page(
                    connection, night.home,
                    company=night.sources().company.name, night=night.as_of_date, run_id=night.run_id,
                )  # fmt: skip


def _patience_left(error: BaseException) -> contextlib.AbstractContextManager[None]:
    """Whoever has waited in vain for another program to close the warehouse does not wait a second time."""
    return patience(timedelta(0)) if isinstance(error, LoadRunning) else contextlib.nullcontext()


def _record_steps(night: Night, *steps: runs.StepRecord) -> None:
    """Put steps on record, and what other steps have left since."""
    with connect(night.home.warehouse) as connection:
        runs.record_steps(
            connection, night.run_id, night.as_of_date, [*runs.left_in(night.step_records), *steps]
        )


def _dbt(night: Night, layers: tuple[str, ...]) -> list[transform.NodeResult]:
    return transform.build(
        night.home,
        night.project / "dbt_project",
        transform.dbt_vars(night.sources().company, night.as_of_date),
        layers,
        night.run_id,
        full_refresh=night.full_refresh,
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
