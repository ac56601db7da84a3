"""Other processes that hold what a load needs, as long as a test wants."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OPEN = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "True")
print("held", flush=True)
sys.stdin.readline()
for line in connection.execute(sys.argv[3] or "select 1").fetchall():
    print(line, flush=True)
"""
LOCK = """
import sys
from pathlib import Path
from ckm.home import Home
with Home(Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of its own that has reached what it holds."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


@contextmanager
def holding(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """The process, which is killed in the end."""
    with start(program, *arguments) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def opened_by_another(file: Path, *, read_only: bool, at_last: str = "") -> Iterator[subprocess.Popen[str]]:
    """Another process has a DuckDB file open; told a line, it runs `at_last` on it, prints the rows and ends."""
    with holding(OPEN, file, read_only, at_last) as process:
        yield process
