"""What one night took and what it left: time, rows, bytes on disk, and what the process holds."""

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ckm import nightly
from ckm.home import Home
from ckm.warehouse import connect

MB = 1e6


@dataclass(frozen=True)
class Measured:
    """A night. `number` counts from 0, the load of all that was before; sizes are in MB of 10⁶ bytes.

    Attributes:
        process: id of the process that loaded it; another one begins with less memory.
        seconds, cpu_seconds: of the whole of `ckm run`, by the clock and of all its threads' work.
        step_seconds, step_cpu_seconds: the same per step, its sources together.
        new_rows: row versions that this night put into the raw log, which then has `log_rows`.
        sizes: MB per entry of the home.
    """

    night: str
    number: int
    process: int
    seconds: float
    cpu_seconds: float
    step_seconds: dict[str, float]
    step_cpu_seconds: dict[str, float]
    extracted: int
    new_rows: int
    log_rows: int
    audit_rows: int
    published_rows: int
    resident_mb: float
    descriptors: int
    sockets: int
    threads: int
    files: int
    version_mb: float
    sizes: dict[str, float]

    @property
    def home_mb(self) -> float:
        return sum(self.sizes.values())


def measured_in(file: Path) -> list[Measured]:
    """The nights of a file, in their order."""
    if not file.exists():
        return []
    return [Measured(**json.loads(line)) for line in file.read_text("utf-8").splitlines()]


def keep(measured: Measured, file: Path) -> None:
    """Add a night to a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(measured)) + "\n")


class Watch:
    """Seconds and seconds of work of a night and of its steps."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.cpu_seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def over(self, name: str) -> Iterator[None]:
        """Add what passes inside to a name."""
        clock, work = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - clock
            self.cpu_seconds[name] += time.process_time() - work

    @contextmanager
    def over_steps(self) -> Iterator[None]:
        """While inside, watch every step that a driver runs."""
        run_step = nightly.run_step

        def watched(step: nightly.Step, *given: Any) -> Any:
            with self.over(step.name):
                return run_step(step, *given)

        nightly.run_step = watched
        try:
            yield
        finally:
            nightly.run_step = run_step


def measure(home: Home, night: date, number: int, watch: Watch) -> Measured:
    """Measure what a night, watched under the name `night`, has left in its home and in this process."""
    held = _held()  # before anything is opened to measure the rest
    with connect(home.warehouse, read_only=True) as connection:
        rows = dict(
            connection.execute(
                "select split_part(schema_name, '_', 1), sum(estimated_size)::bigint from duckdb_tables() group by 1"
            ).fetchall()
        )
        extracted, new = connection.execute(
            "select sum(extracted), sum(loaded + deleted + renewed) from audit.load_ledger where as_of_date = ?",
            [night],
        ).fetchone()
        (published,) = connection.execute(
            "select sum(row_count) from audit.published_tables where as_of_date = ?", [night]
        ).fetchone()
    steps = [step.name for step in nightly.STEPS]
    return Measured(
        night=night.isoformat(),
        number=number,
        process=os.getpid(),
        seconds=round(watch.seconds["night"], 3),
        cpu_seconds=round(watch.cpu_seconds["night"], 3),
        step_seconds={name: round(watch.seconds[name], 3) for name in steps},
        step_cpu_seconds={name: round(watch.cpu_seconds[name], 3) for name in steps},
        extracted=int(extracted),
        new_rows=int(new),
        log_rows=rows["raw"],
        audit_rows=rows["audit"],
        published_rows=int(published),
        **held,
        files=sum(len(names) for _, _, names in os.walk(home.folder)),
        version_mb=_size(home.current.resolve()),
        sizes={entry.name: _size(entry) for entry in sorted(home.folder.iterdir())},
    )


def _held() -> dict[str, Any]:
    """What this process holds of memory, open files, sockets among them, and threads."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    targets = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            targets.append(str(descriptor.readlink()))
        except OSError:  # the one that lists them
            continue
    return {
        "resident_mb": round(int(status["VmRSS"].split()[0]) * 1024 / MB, 1),
        "descriptors": len(targets),
        "sockets": sum(target.startswith("socket:") for target in targets),
        "threads": int(status["Threads"]),
    }


def _size(path: Path) -> float:
    """MB of a file, or of all files below a folder."""
    files = (
        [path] if path.is_file() else [Path(at) / name for at, _, names in os.walk(path) for name in names]
    )
    return round(sum(file.lstat().st_size for file in files) / MB, 3)
