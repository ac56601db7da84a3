"""Attempts that cost no start: one process imports everything and reads the dbt project once, and each attempt is a
fork of it that runs the command `ckm`, or one step of a night, in a session of its own.

    python -m benchmarks.disturbance.forks

reads an `Attempt` as a line of JSON and answers with an `Ending`.
"""

import importlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import NoReturn

from benchmarks.disturbance.victim import Moment, arm
from ckm.errors import CkmError, disk_told
from ckm.night import Night

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Attempt:
    """What to run, where, and when to kill it: at a moment, or after so many seconds of its own computing.

    Seconds of computing rather than of the clock, so that a busy machine does not move the moment. `keep` names a
    folder for copies of the home as it stands before each of the later steps; `strikes` are commands of the shell to
    run at moments.
    """

    arguments: Sequence[str]
    log: str
    environment: dict[str, str] = field(default_factory=dict)
    at: str = ""
    after: float = 0.0
    is_step: bool = False
    keep: str = ""
    strikes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ending:
    """How an attempt ended: its exit code, negative where a signal ended it, and the seconds that it computed."""

    code: int
    seconds: float

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Forks:
    """The process that forks, for any number of threads; it imports modules beside the product's where given."""

    def __init__(self, environment: dict[str, str], *modules: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, *modules],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        self._lock, self._asked = threading.Lock(), dict[int, Future[Ending]]()
        threading.Thread(target=self._listen, daemon=True).start()

    def run(self, attempt: Attempt) -> Ending:
        """Run an attempt until it ends or is killed."""
        assert self._process.stdin
        with self._lock:
            number, answer = len(self._asked), Future[Ending]()
            self._asked[number] = answer
            self._process.stdin.write(json.dumps([number, asdict(attempt)]) + "\n")
            self._process.stdin.flush()
        return answer.result()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            number, ending = json.loads(line)
            self._asked[number].set_result(Ending(**ending))
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(RuntimeError("the process that forks has ended"))


def run_step(name: str, night_file: str, source: str | None = None) -> None:
    """Run one step of an opened night as a scheduler does, or open one: `prepare` leaves it in the file."""
    from ckm import nightly
    from ckm.home import Home
    from ckm.settings import load_settings

    file = Path(night_file)
    if name == "prepare":
        wish = json.loads(file.read_text())
        settings = load_settings()
        with Home(settings.home.resolve()).lock():
            night = nightly.prepare(
                settings,
                settings.sources,
                date.fromisoformat(wish["date"]),
                full_refresh=wish["full_refresh"],
            )
        file.write_text(json.dumps(night.to_json()))
        return
    night = Night.from_json(json.loads(file.read_text()))
    step = next(step for step in nightly.STEPS if step.name == name)
    with disk_told(night.home_folder), night.home.lock():
        nightly.run_step(step, night, source)


def _keep(folder: Path) -> None:
    """From now on leave a copy of the home, and the night as JSON, before each step that is not one source's."""
    from ckm import nightly

    real = nightly.run_step

    def run_step(step: nightly.Step, night: Night, source: str | None = None) -> object:
        if not step.per_source:
            shutil.copytree(night.home_folder, folder / step.name, symlinks=True)
            (folder / f"{step.name}.night.json").write_text(json.dumps(night.to_json()))
        return real(step, night, source)

    nightly.run_step = run_step


def _end(attempt: Attempt) -> NoReturn:
    """Be the attempt and end with its exit code; at once, for what waits for threads waits for those of the parent."""
    code = 1
    try:
        _be(attempt)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except CkmError as error:
        print(f"ckm: {error}")
        code = error.exit_code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _be(attempt: Attempt) -> None:
    """Become the attempt; called in the child."""
    os.setsid()
    log = os.open(attempt.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, log, log)):
        os.dup2(descriptor, number)
    os.environ.update(attempt.environment)
    if attempt.at:
        arm(Moment.of(attempt.at))
    for moment, command in attempt.strikes.items():
        arm(Moment.of(moment), partial(subprocess.run, command, shell=True))
    if attempt.keep:
        _keep(Path(attempt.keep))
    if attempt.is_step:
        run_step(*attempt.arguments)
        return
    from ckm import cli

    sys.argv = ["ckm", *attempt.arguments]
    cli.main()


class _Children:
    """The attempts that run, watched until they end."""

    def __init__(self) -> None:
        self._running: dict[int, tuple[int, float]] = {}

    def start(self, number: int, attempt: Attempt) -> None:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            _end(attempt)
        self._running[pid] = (number, attempt.after)

    def ended(self) -> Iterator[tuple[int, Ending]]:
        """Those that have ended since; one that has computed for as long as it may is killed with its group."""
        for pid, (number, after) in list(self._running.items()):
            done, status, used = os.wait4(pid, os.WNOHANG)
            if done:
                del self._running[pid]
                seconds = round(used.ru_utime + used.ru_stime, 2)
                yield number, Ending(os.waitstatus_to_exitcode(status), seconds)
            elif after and _computed(pid) >= after:
                (os.killpg if os.getpgid(pid) == pid else os.kill)(pid, signal.SIGKILL)  # it may be just born
                self._running[pid] = (number, 0.0)

    def __bool__(self) -> bool:
        return bool(self._running)


def _computed(pid: int) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _warm_up() -> None:
    """Import what a night needs and read the dbt project, as the first night of a process does."""
    from ckm.settings import set_tool_defaults

    set_tool_defaults()
    import dlt.destinations  # noqa: F401

    import ckm.extract.rest
    import ckm.gate.admit
    import ckm.gate.marts
    import ckm.publish
    import ckm.quarantine
    import ckm.runner
    import ckm.score  # noqa: F401
    from ckm import transform
    from ckm.home import Home
    from ckm.settings import load_settings
    from ckm.sources import load_sources

    settings = load_settings()
    with tempfile.TemporaryDirectory() as folder:
        variables = transform.dbt_vars(load_sources(settings.sources).company, date(2025, 1, 1))
        transform.parse(Home(Path(folder)), settings.dbt_project, variables)


def main() -> None:
    """Entry point: a line an attempt, a line an ending."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print is no answer
    _warm_up()
    for module in sys.argv[1:]:
        importlib.import_module(module)
    children, heard, is_open = _Children(), b"", True
    while is_open or children:
        if select.select([0] if is_open else [], [], [], 0.01)[0]:
            read = os.read(0, 65536)
            is_open = bool(read)
            *lines, heard = (heard + read).split(b"\n")
            for line in lines:
                number, attempt = json.loads(line)
                children.start(number, Attempt(**attempt))
        for number, ending in children.ended():
            answers.write(json.dumps([number, asdict(ending)]) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
