"""Files that are not what they were: the same under two names, corrected, shortened, growing, gone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.reliability.bench import Bench
from benchmarks.reliability.records import LINES, Kind, Mending, Record, State, nights, order_line, product
from benchmarks.reliability.written import both, content, text

A, B, C, D = (product(number) for number in (1, 2, 3, 4))
SOUND, LESS = text(A, B, C), text(A, C)
FIRST, SECOND, THIRD = (order_line(number) for number in (1, 2, 3))
FULL = [product(number) for number in range(1, 61)]
COMPARED = {"full_comparison_days": 1}


def named(name: str, *records: Record) -> State:
    """A file under a name of its own."""
    lines = [",".join(records[0].cells), *(record.line() for record in records)]
    return content("\n".join(lines).encode(), *records, name=name)


def growing(*records: Record) -> State:
    """The file's last line is still being written, for as long as the night reads."""
    whole = text(*records)

    def place(bench: Bench) -> object:
        whole.place(bench)
        data = bench.file.read_bytes()
        bench.file.write_bytes(data[:-20])
        return _appending(bench, data[-20:])

    return State(records, place)


@contextmanager
def _appending(bench: Bench, data: bytes) -> Iterator[None]:
    is_over = threading.Event()

    def write() -> None:
        with bench.file.open("ab", buffering=0) as file:
            while not is_over.wait(0.002):
                file.write(data[:1])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def moved(name: str, *left: Record) -> State:
    """One of several files is moved away, and only what stands in the others is left."""
    return State(left, lambda bench: (bench.folder / name).unlink())


def gone(bench: Bench) -> None:
    """The file is no longer in its folder."""
    bench.file.unlink()


KINDS: tuple[Kind, ...] = (
    Kind(
        "the same file twice, under two names",
        "csv",
        nights(both(named("products_1.csv", A, B, C), named("products_2.csv", A, B, C))),
        mapping={"file": "products_*.csv"},
        is_short=True,
    ),
    Kind(
        "a new file that holds a line of an older one",
        "csv",
        nights(
            named("products_1.csv", A, B), both(named("products_1.csv", A, B), named("products_2.csv", B, C))
        ),
        mapping={"file": "products_*.csv"},
        source=COMPARED,
    ),
    Kind(
        "the same file of lines without a key, under two names",
        "csv",
        nights(both(named("lines_1.csv", FIRST, SECOND), named("lines_2.csv", FIRST, SECOND))),
        mapping={"file": "lines_*.csv"},
        table=LINES,
    ),
    Kind(
        "a line corrected after it was loaded",
        "csv",
        nights(SOUND, text(A, B.but(Price="99.00"), C)),
        source=COMPARED,
    ),
    Kind("a line removed after it was loaded", "csv", nights(SOUND, LESS), source=COMPARED),
    Kind(
        "a line without a key corrected after it was loaded",
        "csv",
        nights(text(FIRST, SECOND, THIRD), text(FIRST, SECOND.but(Quantity="7"), THIRD)),
        table=LINES,
    ),
    Kind(
        "a line without a key removed after it was loaded",
        "csv",
        nights(text(FIRST, SECOND, THIRD), text(FIRST, THIRD)),
        table=LINES,
    ),
    Kind(
        "a sound line that is broken the next night",
        "csv",
        nights(SOUND, text(A, B.garbled("P2,Lamp"), C)),
        Mending("file", (B,), SOUND),
        source=COMPARED,
        stays=(B,),
    ),
    Kind(
        "a file that is still being written",
        "csv",
        nights(
            growing(A, B, C).but_refused(
                "products.csv changed while it was read, as if it were still being "
                "written: it is read the next night"
            )
        ),
        Mending("waiting", (A, B, C), SOUND),
        is_short=True,
    ),
    Kind(
        "a file that is gone the next night",
        "csv",
        nights(SOUND, State((A, B, C), gone, refused="no file matches products.csv")),
    ),
    Kind(
        "a file that has lost nearly all its lines",
        "csv",
        nights(text(*FULL), text(FULL[0]).but_refused("lacks 59 of 60 known rows")),
        Mending("file", state=text(*FULL)),
        source=COMPARED,
    ),
    Kind(
        "a file with nothing but its header after a full one",
        "csv",
        nights(SOUND, content(b"SKU,Name,Kind,Price,Changed\n")),
        source=COMPARED,
        stays=(A, B, C),
    ),
    Kind(
        "a file that is archived once it is loaded",
        "csv",
        nights(both(named("products_1.csv", A, B), named("products_2.csv", C)), moved("products_1.csv", C)),
        mapping={"file": "products_*.csv"},
        source=COMPARED,
        stays=(A, B),
    ),
)
