"""What readers see while versions switch under them: 10,000 reads by four processes, each wholly old or wholly new.

    python -m benchmarks.readers [--reads 10000] [--processes 4] [--publications 30] [--write]

A simulated company's night is loaded into a home of its own. From then on one process publishes night after night and
sends readers back and on, as fast as the real functions do it, while others read. A read resolves `published/current`
once and takes from there the database, the Parquet, the site and `version.json`: each must name the version, and show
the date and the number of rows that were put into it. One more process never resolves the link and goes through
`published/current/…` to the database, the site and `version.json`: each must be of one version, though not of the same
one as the next file.

A last process reads Parquet through the link, for the record: DuckDB opens a Parquet file a second time once it knows
its footer, Arrow does likewise, and where readers are switched in between the two are of two versions.
"""

import json
import multiprocessing
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import duckdb
import typer
from rich.console import Console

from ckm import publish, runs
from ckm.console import table
from ckm.home import Home
from ckm.publish.going_back import go_back
from ckm.warehouse import connect, literal

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "reliability.md"
BEGIN, END = "<!-- readers -->", "<!-- until here: readers -->"
MART = "marts.customer_360"
KEPT = 5
PAUSE = 0.02  # seconds between two reads, so that the writer is not left without a core
SWITCHES = 10  # of readers back and on again, after each publication
SPAWN = multiprocessing.get_context("spawn")


class Seen(NamedTuple):
    """What one file says: its version, and of the mart the earliest and latest date and the rows, as far as it can."""

    file: str
    version: str
    first: date | None = None
    last: date | None = None
    rows: int | None = None


@dataclass
class Tally:
    """What readers of one way read: how often, of which versions, and what must not be where `is_safe`."""

    way: str
    processes: int
    is_safe: bool = True
    reads: int = 0
    versions: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    mixtures: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        return [*self.errors, *self.mixtures]


@dataclass
class Press:
    """Publishes versions of a home, each with a date and a number of rows of its own in one mart."""

    home: Home
    mart: str
    night: date
    switches: int = 0
    published: dict[str, tuple[date, int]] = field(default_factory=dict)

    def publish(self) -> None:
        """Publish the next night: the mart of the last one with one row more."""
        self.night += timedelta(days=1)
        with connect(self.home.warehouse) as connection:
            run_id = runs.start_run(
                connection,
                self.night,
                "readers",
                driver="ckm run",
                full_refresh=False,
                project=self.home.folder,
            )
            connection.execute(f"insert into {self.mart} from {self.mart} limit 1")
            connection.execute(f"update {self.mart} set as_of_date = ?", [self.night])
            (rows,) = connection.execute(f"select count(*) from {self.mart}").fetchone()
        self.published[run_id] = (self.night, rows)  # a run's first version has its id
        made = publish.publish(self.home, self.night, run_id, "Readers", keep=KEPT)
        assert made.version == run_id
        self.switches += 1

    def send_back_and_on(self, times: int) -> None:
        """Send readers to the version before and to the newest again, in the end to the oldest one and back."""
        newest = self.home.current.resolve().name
        oldest = min(path.name for path in self.home.versions.iterdir() if path.name in self.published)
        for turn in range(times // 2):
            is_last = turn == times // 2 - 1
            with connect(self.home.warehouse) as connection:
                if newest != oldest:
                    go_back(connection, self.home, oldest if is_last else None)
                    go_back(connection, self.home, newest)
                    self.switches += 2


Session = duckdb.DuckDBPyConnection
Answer = tuple[Seen, ...]
FIGURES = "min(as_of_date), max(as_of_date), count(*)"


def resolving(current: Path, mart: str, session: Session) -> Answer:
    """Resolve the link once and read everything there."""
    folder = current.resolve()
    named = session.execute(f"select arg_max(version, number) from {_parquet(folder, 'audit.publications')}")
    parquet = Seen("Parquet", *named.fetchone(), *_parquet_of(folder, mart, session))
    return (_database(folder, mart), _site(folder), _file(folder, mart), parquet)


def through_the_link(current: Path, mart: str, session: Session) -> Answer:
    """Go through the link for each file."""
    return (_database(current, mart), _site(current), _file(current, mart))


def parquet_through_the_link(current: Path, mart: str, session: Session) -> Answer:
    """Go through the link for the Parquet of the mart."""
    return (Seen("Parquet", "", *_parquet_of(current, mart, session)),)


READERS: dict[str, Callable[[Path, str, Session], Answer]] = {
    "resolve current once": resolving,
    "database and site through current/": through_the_link,
    "Parquet through current/": parquet_through_the_link,
}


def _database(folder: Path, mart: str) -> Seen:
    with duckdb.connect(str(folder / "ckm.duckdb"), read_only=True) as connection:
        asked = f"select (select arg_max(version, number) from audit.publications), {FIGURES} from {mart}"
        return Seen("database", *connection.execute(asked).fetchone())


def _parquet(folder: Path, name: str) -> str:
    schema, table_name = name.split(".")
    return literal(str(folder / "parquet" / schema / table_name / f"{table_name}.parquet"))


def _parquet_of(folder: Path, mart: str, session: Session) -> tuple[Any, ...]:
    return session.execute(f"select {FIGURES} from {_parquet(folder, mart)}").fetchone()


def _site(folder: Path) -> Seen:
    page = (folder / "site" / "index.html").read_text("utf-8")
    (named,) = re.findall(r"published as version ([\w.-]*\w)", page)
    return Seen("site", named)


def _file(folder: Path, mart: str) -> Seen:
    said = json.loads((folder / "version.json").read_text("utf-8"))
    night = date.fromisoformat(said["as_of_date"])
    return Seen("version.json", said["version"], night, night, said["tables"][mart])


def keep_reading(way: str, current: Path, mart: str, done: Any, stop: Any, results: Any) -> None:
    """Read until told to stop, and hand in what was read, each kind of answer with how often it came."""
    seen: Counter[Any] = Counter()
    with duckdb.connect() as session:
        while not stop.is_set():
            try:
                seen[READERS[way](current, mart, session)] += 1
            except Exception as error:
                seen[f"{type(error).__name__}: {error}"] += 1
            with done.get_lock():
                done.value += 1
            time.sleep(PAUSE)
    results.put((way, seen))


def judged(tally: Tally, answers: Counter[Any], published: dict[str, tuple[date, int]]) -> None:
    """Add the answers of one process: what was an error, and what was not wholly one version that was published."""
    for answer, times in answers.items():
        tally.reads += times
        if isinstance(answer, str):
            tally.errors += [answer] * times
            continue
        tally.versions |= {seen.version for seen in answer if seen.version}
        is_one = READERS[tally.way] is not resolving or len({seen.version for seen in answer}) == 1
        if not is_one or not all(_is_known(seen, published) for seen in answer):
            tally.mixtures += [str(answer)] * times


def _is_known(seen: Seen, published: dict[str, tuple[date, int]]) -> bool:
    """Whether a file says what was put into a version."""
    if seen.version and seen.version not in published:
        return False
    if seen.rows is None:
        return True
    known = [published[seen.version]] if seen.version else published.values()
    return any((seen.first, seen.last, seen.rows) == (night, night, rows) for night, rows in known)


def readers_under(
    press: Press,
    *,
    reads: int,
    processes: int,
    publications: int,
    switches: int = SWITCHES,
    each: Callable[[int, int], Any] = lambda published, reads: None,
) -> list[Tally]:
    """Publish and switch while others read, until there were so many publications and reads; returns what was read.

    Args:
        reads: of those that resolve the link, at least.
        processes: of those that resolve the link; one does of each other way.
        each: is told after each publication how many there were and how many reads.
    """
    press.publish()
    stop, results = SPAWN.Event(), SPAWN.Queue()
    tallies = {
        way: Tally(way, processes if reader is resolving else 1, reader is not parquet_through_the_link)
        for way, reader in READERS.items()
    }
    done = {way: SPAWN.Value("q", 0) for way in READERS}
    started = [
        (
            way,
            SPAWN.Process(
                target=keep_reading,
                args=(way, press.home.current, press.mart, done[way], stop, results),
                daemon=True,
            ),
        )
        for way, tally in tallies.items()
        for _ in range(tally.processes)
    ]
    for _, process in started:
        process.start()
    while not all(count.value for count in done.values()):  # their libraries take seconds to load
        time.sleep(0.1)
    first = next(iter(done.values()))
    broken: list[tuple[str, Any]] = []
    while not broken and (len(press.published) <= publications or first.value < reads):
        press.publish()
        press.send_back_and_on(switches)
        each(len(press.published), first.value)
        broken = [(way, process) for way, process in started if not process.is_alive()]
    for way, process in broken:  # a file that changes under a reader can end its whole process
        tallies[way].errors.append(f"its process ended with {process.exitcode}")
    stop.set()
    living = [process for way, process in started if (way, process) not in broken]
    for way, answers in [results.get(timeout=120) for _ in living]:
        judged(tallies[way], answers, press.published)
    for process in living:
        process.join()
    return list(tallies.values())


def table_of(tallies: Iterable[Tally], press: Press) -> list[tuple[Any, ...]]:
    """A line for each way of reading."""
    return [
        (
            t.way, f"{t.reads:,}", t.processes, len(press.published), press.switches, len(t.versions),
            len(t.errors), len(t.mixtures),
        )
        for t in tallies
    ]  # fmt: skip


COLUMNS = ("readers", "reads", "processes", "publications", "switches", "versions seen", "errors", "mixtures")


def put_into(document: Path, rows: Iterable[tuple[Any, ...]]) -> None:
    """Put the table into the document, between its two marks."""
    before, rest = document.read_text("utf-8").split(BEGIN, 1)
    _, after = rest.split(END, 1)
    lines = [COLUMNS, ("---", *["---:"] * (len(COLUMNS) - 1)), *rows]
    made = "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
    document.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", "utf-8")


def main(
    reads: Annotated[int, typer.Option(help="Reads of all processes together, at least.")] = 10_000,
    processes: Annotated[int, typer.Option(help="Processes that resolve the link once a read.")] = 4,
    publications: Annotated[int, typer.Option(help="Nights to publish meanwhile, at least.")] = 30,
    customers: Annotated[int, typer.Option(help="Customers of the company.")] = 60,
    write: Annotated[bool, typer.Option("--write", help="Put the table into docs/reliability.md.")] = False,
) -> None:
    """Print what readers saw; exit code 1 if anything was wrong or not whole."""
    from benchmarks.company import Company

    screen = Console(width=120)
    night = date(2025, 6, 30)
    with tempfile.TemporaryDirectory() as folder:
        company = Company(Path(folder), customers=customers)
        company.live_until(night)
        with company.open_for_business():
            company.night(night, whole=True)
        press = Press(Home(company.settings.home.resolve()), MART, night)
        with screen.status("…") as status:
            tallies = readers_under(
                press,
                reads=reads,
                processes=processes,
                publications=publications,
                each=lambda nights, read: status.update(f"{nights} publications, {read:,} reads"),
            )
    screen.print(table("reads while versions switch", COLUMNS, table_of(tallies, press)))
    if write:
        put_into(DOCUMENT, table_of(tallies, press))
    wrong = [line for tally in tallies if tally.is_safe for line in tally.wrong]
    for line, times in Counter(wrong).most_common(5):
        screen.print(f"{times} × {line}")
    raise typer.Exit(1 if wrong else 0)


if __name__ == "__main__":
    typer.run(main)
