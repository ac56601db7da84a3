"""Kill a night under Airflow wherever it can be killed, and compare what readers see with an undisturbed one.

    nice python -m benchmarks.airflow_kills /tmp/kills

A company of files has five months of news; Airflow runs with the components and settings of `make up`, and what is
killed of it is started again as Docker does. Each kind of kill meets a night of its own, in a copy of one home, several
times on its way. Nobody clears or mends anything. Results go to var/prove/airflow.jsonl; what was tried before with the
same code is not tried again.
"""

import argparse
import hashlib
import json
import shutil
import signal
import sys
from dataclasses import asdict
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from stack.local import Local
from stack.nights import switch_on
from tests.dags.company import write_company

from benchmarks.airflow_kills.scene import Kill, Scene, environment_for, pace_of, run_alone
from benchmarks.published import differences, tables_of, whole

PROJECT = Path(__file__).resolve().parents[2]
RESULTS = PROJECT / "var" / "prove" / "airflow.jsonl"
BEFORE, NIGHT = date(2025, 6, 30), date(2025, 11, 30)
STEPS = ("prepare", "extract", "gate_raw", "build_star", "score", "build_marts", "gate_marts", "publish")
NIGHTS = (
    [Kill("task killed", step) for step in STEPS[:4]],
    [Kill("scheduler killed with its workers", step) for step in ("extract", "build_star", "publish")],
    [Kill("task killed", step) for step in STEPS[4:]],
    [Kill("scheduler killed, its workers live on", step) for step in ("gate_raw", "build_marts")],
    [Kill("worker killed, its task left alone", "build_star")],
    [Kill("scheduler killed, its worker lives on with a task that hangs", "build_star")],
    [Kill("API server killed", "score")],
)


def fingerprint() -> str:
    """What a result depends on: it holds as long as this stays."""
    product = ("plugins", "dags", "stack", "dbt_project/models", "dbt_project/macros", "expectations")
    files = {file for folder in product for file in (PROJECT / folder).rglob("*")} | set(
        Path(__file__).parent.glob("*.py")
    )
    read = sorted(file for file in files if file.is_file() and file.suffix != ".pyc")
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in read)).hexdigest()


def tried_before(key: str) -> list[dict[str, Any]]:
    """The results that still hold."""
    lines = RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else []
    return [one for one in map(json.loads, lines) if one["key"] == key]


def outcome(scene: Scene, kills: list[Kill], undisturbed: Path) -> dict[str, Any] | str:
    """What came of a night's kills, or the sentence that says what is wrong."""
    ran = scene.run(*kills)
    if ran.state != "success":
        return f"the night ended as {ran.state}"
    found = [str(one) for one in differences(undisturbed, scene.home)]
    unwhole = whole(scene.home / "published" / "current")
    if found or unwhole:
        return "; ".join([*found, *([unwhole] if unwhole else [])])
    if not ran.went_on_after:
        return "every task ended before it was killed"
    counts = {
        "times": len(ran.went_on_after),
        "nights": 1,
        "tables": tables_of(undisturbed),
        "differences": 0,
    }
    return {"moment": ", ".join(ran.went_on_after)} | counts | asdict(ran)


def show(results: list[dict[str, Any]]) -> str:
    """The results as a table of Markdown, a line a fault."""
    lines = [
        "| fault | while at work | kills | the night went on after | nights | tables compared | differences |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for fault, of_fault in groupby(sorted(results, key=lambda one: one["fault"]), lambda one: one["fault"]):
        some = list(of_fault)
        waits = sorted(wait for one in some for wait in one["went_on_after"].values())
        span = f"{waits[0]:.0f} s" if len(waits) == 1 else f"{waits[0]:.0f} to {waits[-1]:.0f} s"
        cells = (
            fault,
            ", ".join(one["moment"] for one in some),
            sum(one["times"] for one in some),
            span,
            sum(one["nights"] for one in some),
            sum(one["tables"] for one in some),
            sum(one["differences"] for one in some),
        )
        lines.append(f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else cell for cell in cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Entry point: exit code 1 where a night did not end as if undisturbed."""
    parser = argparse.ArgumentParser(description="Kill nights under Airflow.")
    parser.add_argument("folder", type=Path, help="scratch folder; what a former run left in it is removed")
    parser.add_argument(
        "--port", type=int, default=8380, help="port of Airflow's page; the site has the next"
    )
    parser.add_argument("--only", default="", help="only kills whose fault contains this")
    given = parser.parse_args()
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # so that whoever ends it leaves nothing running
    screen, folder, key = Console(width=120), given.folder.resolve(), fingerprint()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sources, before = write_company(folder), folder / "before"
    run_alone(BEFORE, environment_for(sources, before))
    local = Local(folder / "airflow", given.port, environment_for(sources, folder / "home"))
    local.set_up()
    try:
        local.start()
        local.wait_until_ready()
        switch_on(local.rest)
        wrong = disturb(Scene(local, before, NIGHT.isoformat(), {}), folder, key, given.only, screen)
    finally:
        local.stop()
    print(show(tried_before(key)))
    sys.exit(1 if wrong else 0)


def disturb(scene: Scene, folder: Path, key: str, only: str, screen: Console) -> int:
    """Run the night undisturbed, then disturbed by what has not been tried; returns how many went wrong."""
    ran = scene.run()
    if ran.state != "success":
        raise SystemExit(f"The undisturbed night ended as {ran.state}: see {scene.local.logs}.")
    screen.print(f"An undisturbed night takes {ran.seconds:.0f} s.")
    undisturbed = shutil.copytree(scene.home, folder / "undisturbed", symlinks=True)
    scene.pace = pace_of(undisturbed)
    known = {(one["fault"], moment) for one in tried_before(key) for moment in one["went_on_after"]}
    wrong = 0
    for night in NIGHTS:
        kills = [kill for kill in night if (kill.fault, kill.moment) not in known and only in kill.fault]
        if not kills:
            continue
        fault, found = kills[0].fault, outcome(scene, kills, undisturbed)
        if isinstance(found, str):
            screen.print(f"[red]✗[/red] {fault}: {found}", highlight=False)
            wrong += 1
            continue
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "fault": fault} | found) + "\n")
        screen.print(
            f"✓ {fault}: it went on after {found['went_on_after']} s and took {found['seconds']:.0f} s, "
            f"tries {found['tries']}",
            highlight=False,
        )
    return wrong


if __name__ == "__main__":
    main()
