"""A simulated company whose nights pass quickly: its systems grow day by day and its gates judge them."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

from ckm.settings import Settings, load_settings, set_tool_defaults

set_tool_defaults()

from ckm import nightly  # noqa: E402
from ckm.errors import GateFailed  # noqa: E402
from ckm.gate.outcome import Outcome  # noqa: E402
from ckm.simulate import simulate  # noqa: E402
from ckm.simulate.serve import ComplaintServer  # noqa: E402
from ckm.warehouse import connect  # noqa: E402


class Found(NamedTuple):
    """What a rule found: its outcome, and how many rows break it, none where it is about the whole table."""

    outcome: Outcome
    rows: int

    def is_worse_than(self, other: "Found | None") -> bool:
        """Whether it is another outcome, or the same with more rows."""
        return other is None or self.outcome != other.outcome or self.rows > other.rows


Outcomes = dict[tuple[str, str], Found]  # by (source.object, rule)
RAW_STEPS = ("extract", "gate_raw")
NOT_AN_ALARM = ("passed", "skipped")


class Company:
    """Systems in `folder/company`, a home in `folder/home`."""

    def __init__(self, folder: Path, *, customers: int, seed: int = 1) -> None:
        self.folder, self.customers, self.seed = folder, customers, seed
        self.systems = folder / "company"
        self.settings: Settings = load_settings(home=folder / "home", sources=self.systems / "sources.yml")

    def live_until(self, day: date) -> None:
        """Let the systems stand as they do at the end of a day."""
        shutil.rmtree(self.systems, ignore_errors=True)
        simulate(self.systems, customers=self.customers, seed=self.seed, until=day)

    @contextmanager
    def open_for_business(self) -> Iterator[None]:
        """Serve the complaint API while the nights pass."""
        with ComplaintServer(
            self.systems, "127.0.0.1", 0, token_seconds=3600, requests_per_second=100_000
        ) as server:
            os.environ["CKM_COMPLAINTS_URL"] = server.url
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            yield
            server.shutdown()
            thread.join()

    def night(self, day: date, *, whole: bool = False, source: str | None = None) -> Outcomes:
        """Load a night up to the raw log, or the whole of it; a gate that stops ends it.

        Args:
            source: load this source alone.

        Returns:
            The outcome of every rule that was judged or skipped.
        """
        prepared = nightly.prepare(self.settings, self.settings.sources, day)
        names = [source] if source else list(prepared.sources().sources)
        for step in nightly.STEPS:
            if whole or step.name in RAW_STEPS:
                for name in names if step.per_source else [None]:
                    try:
                        step.run(prepared, name) if name else step.run(prepared)
                    except GateFailed as stop:
                        nightly.finish(prepared, stop)
                        return self.outcomes(prepared.run_id)
        return self.outcomes(prepared.run_id)

    def outcomes(self, run_id: str) -> Outcomes:
        """The outcomes of a run; an object that failed as a whole stands there under the rule `object`."""
        with connect(self.settings.home / "warehouse.duckdb", read_only=True) as connection:
            rules = connection.execute(
                """select source || '.' || object, rule, outcome, coalesce(failing_rows, 0)
                from audit.gate_results where run_id = ?
                union all
                select source || '.' || object, 'object', case status when 'loaded' then 'passed'
                    when 'stopped' then 'failed' else 'object_failed' end, 0
                from audit.load_ledger where run_id = ?""",
                [run_id, run_id],
            ).fetchall()
        return {(place, rule): Found(outcome, rows) for place, rule, outcome, rows in rules}


def alarms(outcomes: Outcomes, *, besides_quarantine: bool = True) -> Outcomes:
    """The rules that say something is wrong: that warn or stop, and those that set rows aside if wanted."""
    quiet = (*NOT_AN_ALARM, "quarantined") if besides_quarantine else NOT_AN_ALARM
    return {place: found for place, found in outcomes.items() if found.outcome not in quiet}
