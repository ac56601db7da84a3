"""What quarantine and ledger cost: their share of a shop's first load, and the memory that they take.

    python -m benchmarks.quarantine_cost [--lines 5000000] [--memory 1000000 --memory 10000000]

Each load is a process of its own, and the share is of one and the same load. To the quarantine belong finding the
rows that break a rule, writing them down as they came and settling those that wait; to the ledger the counting, the
account and its gate. Memory is the process's highest resident size during these, above what it held before.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.gate_cost import NIGHT, open_shop, resident
from ckm.console import table
from ckm.settings import load_settings, set_tool_defaults

set_tool_defaults()

LOAD = ("extract", "gate_raw")


class _Call:
    """One call, less the measured calls inside it."""

    def __init__(self) -> None:
        self.seconds = self.megabytes = 0.0
        self.resume()

    def resume(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # from here on, the process's peak is this call's
        self._held, self._began = resident("VmRSS"), time.perf_counter()

    def pause(self) -> None:
        self.seconds += time.perf_counter() - self._began
        self.megabytes = max(self.megabytes, (resident("VmHWM") - self._held) / 1024)


class Meter:
    """Seconds, and at most megabytes, that wrapped functions take, under names of ours."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.megabytes: dict[str, float] = defaultdict(float)
        self._outer: list[_Call] = []

    def wrap(self, owner: Any, function: str, name: str) -> None:
        """From now on measure a function of a module or class under a name."""
        run: Callable[..., Any] = getattr(owner, function)

        def measured(*given: Any, **named: Any) -> Any:
            for outer in self._outer[-1:]:
                outer.pause()
            call = _Call()
            self._outer.append(call)
            try:
                return run(*given, **named)
            finally:
                self._outer.pop().pause()
                self.seconds[name] += call.seconds
                self.megabytes[name] = max(self.megabytes[name], call.megabytes)
                for outer in self._outer[-1:]:
                    outer.resume()

        setattr(owner, function, measured)


def load(folder: Path, *, whole: bool) -> dict[str, Any]:
    """Load the shop in this process: seconds per step, seconds and megabytes per part, rows set aside."""
    from ckm import audit, nightly, raw
    from ckm.gate import admit, candidates, fates, ledger
    from ckm.gate.check import GateSession
    from ckm.warehouse import connect

    meter = Meter()
    for owner, function in (
        (GateSession, "_mark_broken_rows"),
        (candidates, "lay_out"),
        (candidates, "find_stand_ins"),
        (candidates, "settle_older"),
        (fates, "set_aside"),
        (fates, "nameless_rows"),
        (fates, "_settle"),
    ):
        meter.wrap(owner, function, "quarantine")
    meter.wrap(fates, "take_in", "ledger")  # less what it calls: the counting
    meter.wrap(audit, "record_ledger", "ledger")
    meter.wrap(ledger, "judge_ledger", "ledger")
    for owner, function in ((fates, "_admit"), (raw, "append"), (raw, "append_deletions")):
        meter.wrap(owner, function, "raw log")
    assert admit.fates is fates  # what is wrapped is what is called
    settings = load_settings(home=folder / "home", sources=folder / "sources.yml")
    night = nightly.prepare(settings, settings.sources, NIGHT)
    steps: dict[str, float] = {}
    for step in nightly.STEPS:
        if whole or step.name in LOAD:
            began = time.perf_counter()
            step.run(night, "crm") if step.per_source else step.run(night)
            steps[step.name] = time.perf_counter() - began
    with connect(night.home.warehouse, read_only=True) as connection:
        (held,) = connection.execute("select count(*) from quarantine.rows").fetchone()
    return {"steps": steps, "seconds": meter.seconds, "megabytes": meter.megabytes, "held": held}


def _in_a_process_of_its_own(folder: Path, *, whole: bool) -> dict[str, Any]:
    words = [sys.executable, "-m", "benchmarks.quarantine_cost", "--folder", str(folder)]
    words += ["--whole" if whole else "--no-whole"]
    said = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(said.splitlines()[-1])


def main(
    lines: Annotated[int, typer.Option(help="Order lines of the load that is timed.")] = 5_000_000,
    memory: Annotated[list[int] | None, typer.Option(help="Order lines to measure memory at.")] = None,
    folder: Annotated[Path | None, typer.Option(hidden=True)] = None,
    whole: Annotated[bool, typer.Option(hidden=True)] = True,
) -> None:
    """Print the share of quarantine and ledger in a load, with 0.1 % and with 5 % of broken rows, and their memory."""
    if folder:
        print(json.dumps(load(folder, whole=whole)))
        return
    screen = Console(width=120)
    with tempfile.TemporaryDirectory() as shop:
        shares = []
        for every in (1000, 20):
            place = Path(shop) / f"timed-{every}"
            open_shop(place, lines, broken_every=every)
            found = _in_a_process_of_its_own(place, whole=True)
            quarantine, ledger = found["seconds"]["quarantine"], found["seconds"]["ledger"]
            loading, night = sum(found["steps"][step] for step in LOAD), sum(found["steps"].values())
            shares.append(
                (
                    f"{100 / every:g} %", f"{found['held']:,}", round(quarantine, 1), round(ledger, 1),
                    round(loading, 1), f"{(quarantine + ledger) / loading:.1%}",
                    round(night, 1), f"{(quarantine + ledger) / night:.1%}",
                )
            )  # fmt: skip
        columns = ("broken", "rows set aside", "quarantine", "ledger", "load", "share", "night", "share")
        screen.print(table(f"{lines:,} order lines, seconds", columns, shares))
        screen.print(
            "A load is extract and gate_raw; a night has also the models, the scores and the publication.\n"
        )
        sizes = []
        for size in memory or [1_000_000, 10_000_000]:
            place = Path(shop) / f"memory-{size}"
            open_shop(place, size)
            found = _in_a_process_of_its_own(place, whole=False)
            parts = [round(found["megabytes"][part]) for part in ("quarantine", "ledger")]
            sizes.append((f"{size:,}", f"{found['held']:,}", *parts))
        columns = ("order lines", "rows set aside", "MB of the quarantine", "MB of the ledger")
        screen.print(table("memory, 0.1 % broken", columns, sizes))


if __name__ == "__main__":
    typer.run(main)
