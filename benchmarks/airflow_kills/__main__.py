"""Kill a night under Airflow wherever it can be killed, and compare what readers see with an undisturbed one.

    nice python -m benchmarks.airflow_kills /tmp/kills

A company of files has five months of news; Airflow runs with the components and settings of `make up`, and what is
killed of it is started again as Docker does. A night begins in a copy of one home and is killed several times on its
way. Nobody clears or mends anything. Results go to var/prove/airflow.jsonl; what was tried before with the same code
is not tried again.
"""

import argparse
import hashlib
import json
import shutil
import signal
import sys
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
NIGHTS = (
    [Kill("task killed", step) for step in ("prepare", "extract", "gate_raw", "match", "build_star")],
    [
        *(Kill("scheduler killed with its workers", step) for step in ("extract", "build_star")),
        *(Kill("task killed", step) for step in ("score", "build_marts", "gate_marts", "publish")),
    ],
    [
        Kill("scheduler killed, its workers live on", "gate_raw"),
        Kill("worker killed, its task left alone", "build_star"),
        Kill("API server killed", "score"),
        Kill("scheduler killed, its worker lives on with a task that hangs", "build_marts"),
        Kill("scheduler killed with its workers", "publish"),
    ],
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
    done = [kill for kill in kills if kill.moment in ran.went_on_after]
    if not done:
        return "every task ended before it was killed"
    return {
        "fault": "under Airflow: " + ", ".join(dict.fromkeys(kill.fault for kill in done)),
        "moment": ", ".join(kill.moment for kill in done),
        "times": len(done),
        "nights": 1,
        "tables": tables_of(undisturbed),
        "differences": 0,
        "kills": [(kill.fault, kill.moment, ran.went_on_after[kill.moment]) for kill in done],
        "seconds": ran.seconds,
        "tries": ran.tries,
    }


def show(results: list[dict[str, Any]]) -> str:
    """The results as a table of Markdown, a line a fault, and their sums."""
    lines = [
        "| what is killed | while at work | times | the night goes on after |",
        "| --- | --- | ---: | ---: |",
    ]
    kills = sorted((kill for one in results for kill in one["kills"]), key=lambda kill: kill[0])
    for fault, of_fault in groupby(kills, lambda kill: kill[0]):
        _, moments, waits = zip(*of_fault, strict=True)
        span = " to ".join(dict.fromkeys(f"{wait:.0f}" for wait in (min(waits), max(waits))))
        lines.append(f"| {fault} | {', '.join(moments)} | {len(moments)} | {span} s |")
    nights, tables, differing = (
        sum(one[name] for one in results) for name in ("nights", "tables", "differences")
    )
    lines += ["", f"{len(kills)} kills, {nights} nights, {tables} tables compared, {differing} differences."]
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
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it leaves nothing running
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
    known = {(fault, moment) for one in tried_before(key) for fault, moment, _ in one["kills"]}
    wrong = 0
    for night in NIGHTS:
        kills = [kill for kill in night if (kill.fault, kill.moment) not in known and only in kill.fault]
        if not kills:
            continue
        found = outcome(scene, kills, undisturbed)
        if isinstance(found, str):
            screen.print(f"[red]✗[/red] {kills}: {found}", highlight=False)
            wrong += 1
            continue
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key} | found) + "\n")
        for fault, at, wait in found["kills"]:
            screen.print(f"✓ {fault} in {at}: the night went on after {wait} s", highlight=False)
    return wrong


if __name__ == "__main__":
    main()
