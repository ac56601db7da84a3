"""A chain: one night that is killed again and again and then left alone, watched all the while."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.disturbance.forks import Attempt, Ending, Forks
from benchmarks.disturbance.ground import Ground, left_behind, not_whole, seen
from benchmarks.published import differences, tables_of
from ckm.home import hmac_pads


@dataclass
class Found:
    """What became of a chain: kills by place, nights that were run again, tables compared, and all that was wrong."""

    fault: str
    kills: dict[str, int] = field(default_factory=dict)
    nights: int = 0
    tables: int = 0
    differences: int = 0
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def count(self, place: str, times: int = 1) -> None:
        """Count a disturbance at a place."""
        self.kills[place] = self.kills.get(place, 0) + times


class Chain:
    """Attempts in one home, which begins as a copy of another or empty."""

    def __init__(self, ground: Ground, forks: Forks, fault: str, name: str, begins_as: str | None) -> None:
        self.ground, self.forks, self.name = ground, forks, name
        shutil.rmtree(ground.home(name), ignore_errors=True)
        self.home = ground.copy(begins_as, name) if begins_as else ground.home(name)
        self.log = ground.folder / f"{name}.log"
        self.log.unlink(missing_ok=True)
        self.environment: dict[str, str] = {}
        opened = ground.folder / f"{begins_as}.night.json"
        if opened.exists():
            night = json.loads(opened.read_text()) | {"home_folder": str(self.home)}
            self._night.write_text(json.dumps(night))
        self.found = Found(fault)

    def ckm(
        self, *arguments: str, at: str = "", after: float = 0.0, strikes: dict[str, str] | None = None
    ) -> Ending:
        """The command `ckm`, in this home."""
        given = {"strikes": strikes} if strikes else {}
        return self._try(Attempt(arguments, str(self.log), self._environment, at, after, **given))

    def step(
        self,
        name: str,
        source: str | None = None,
        *,
        at: str = "",
        after: float = 0.0,
        strikes: dict[str, str] | None = None,
    ) -> Ending:
        """One step of the night that `open` has opened."""
        arguments = [name, str(self._night), *([source] if source else [])]
        given = {"strikes": strikes} if strikes else {}
        return self._try(
            Attempt(arguments, str(self.log), self._environment, at, after, is_step=True, **given)
        )

    def process(self, *arguments: str, at: str = "") -> Ending:
        """The command `ckm` as a process of its own, that dies at a moment where one is given."""
        launcher = ["benchmarks.disturbance.victim", "--at", at, "--"] if at else ["ckm.cli"]
        command = [sys.executable, "-m", *launcher, *arguments]
        with self._watched(at or "a process"), self.log.open("a") as log:
            began = os.times()
            done = subprocess.run(
                command, stdout=log, stderr=log, env=self.ground.environment | self._environment
            )
            ended = os.times()
        spent = ended.children_user + ended.children_system - began.children_user - began.children_system
        return Ending(done.returncode, round(spent, 2))

    def open(self, night: date, *, full_refresh: bool = False, at: str = "") -> Ending:
        """Open the night for `step`."""
        self._night.write_text(json.dumps({"date": night.isoformat(), "full_refresh": full_refresh}))
        return self.step("prepare", at=at)

    def killed(self, ending: Ending, place: str, when: str) -> None:
        """Take down that an attempt was to be killed; that it ended before is no fault, but does not count."""
        if ending.was_killed:
            self.found.count(place)
        elif ending.code == 0:
            self.found.missed.append(f"{place}: {when}")
        else:
            self.found.wrong.append(
                f"{self.name}, {place} ({when}): exit code {ending.code}: {self.last_words()}"
            )

    def failed(self, ending: Ending, place: str, code: int, sentence: str) -> None:
        """Take down how an attempt ended that met a fault: with its exit code, a sentence and no traceback."""
        said = self.log.read_text("utf-8", "replace")
        self.log.rename(self.log.with_suffix(f".{len(self.found.kills)}.log"))
        if ending.code == 0:
            self.found.missed.append(place)
            return
        self.found.count(place)
        last = next((line for line in reversed(said.splitlines()) if sentence in line), None)
        if ending.code != code or last is None or "Traceback" in said:
            words = " / ".join(said.splitlines()[-3:])
            self.found.wrong.append(f"{self.name}, {place}: exit code {ending.code}, not {code}: {words}")

    def compare_run(self, ending: Ending, undisturbed: str) -> None:
        """Take down how the command that was left alone ended, and how its home differs from an undisturbed one."""
        if ending.code:
            self.found.wrong.append(
                f"{self.name}: the run left alone ended with {ending.code}: {self.last_words()}"
            )
        else:
            self.compare(undisturbed)

    def compare(self, undisturbed: str) -> None:
        """Take down how this home differs from an undisturbed one, and what was left behind in it."""
        found, there = self.found, self.ground.home(undisturbed)
        found.nights += 1
        found.tables += tables_of(there)
        different = differences(self.home, there)
        found.differences += len(different)
        found.wrong += [f"{self.name}: {d}" for d in different]
        found.wrong += [f"{self.name}: {sentence}" for sentence in left_behind(self.home)]

    def check_key(self, ending: Ending) -> None:
        """A home that made its own key has it whole, for its owner only, and built the warehouse with it."""
        file = self.home / "secret.key"
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as connection:
            pads = connection.execute("from secrets.customer_key_pads").fetchall()
        if ending.code or pads != [hmac_pads(file.read_bytes().strip())] or file.stat().st_mode & 0o77:
            self.found.wrong.append(f"{self.name}: the key of the home is not whole: {self.last_words()}")

    def last_words(self) -> str:
        """The sentence with which the last attempts ended."""
        lines = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        return next(
            (line for line in reversed(lines) if line.startswith("ckm: ")), lines[-1] if lines else ""
        )

    @property
    def _night(self) -> Path:
        return self.ground.folder / f"{self.name}.night.json"

    @property
    def _environment(self) -> dict[str, str]:
        return {"CKM_HOME": str(self.home)} | self.environment

    def _try(self, attempt: Attempt) -> Ending:
        with self._watched(attempt.at or f"{attempt.arguments}"):
            return self.forks.run(attempt)

    @contextmanager
    def _watched(self, what: str) -> Iterator[None]:
        """Whatever happens inside, readers go on seeing a whole version."""
        before = seen(self.home)
        yield
        if wrong := not_whole(self.home):
            self.found.wrong.append(f"{self.name}, after {what}: {wrong}")
        if before and not seen(self.home):
            self.found.wrong.append(f"{self.name}, after {what}: nothing is published any more")
