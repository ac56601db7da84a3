"""The chains: which nights are killed, where, and what is left alone in the end.

Base is the home after the first night with a few rows of the quarantine decided on; the second night from there, once
undisturbed, is what all chains but the first are compared with.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from benchmarks.disturbance import moments
from benchmarks.disturbance.chain import Chain, Found
from benchmarks.disturbance.forks import Attempt, Forks
from benchmarks.disturbance.ground import FIRST, SECOND, Ground, seen
from benchmarks.disturbance.moments import Chosen

FIRST_DONE, BASE, SECOND_DONE = "first", "base", "second"  # homes
EARLY = 12.0  # seconds of computing in which whole runs are killed at random, of about sixty
DECISIONS = (
    ("quarantine", "replay", "crm.order_lines", "--reason", "looked at"),
    ("quarantine", "discard", "surveys.answers", "--reason", "a trial"),
)
RUN = ("run", "--date", SECOND.isoformat())
STEP_AGAIN, RUN_AGAIN = "SIGKILL of a step, the step again", "SIGKILL of `ckm run`, `ckm run` again"


@dataclass(frozen=True)
class Work:
    """What a chain works with: the ground, a process that forks, seeded chance, and how long steps take."""

    ground: Ground
    forks: Forks
    seed: int
    undisturbed: Future[dict[str, float]]

    @property
    def seconds(self) -> dict[str, float]:
        """How long the undisturbed night and its steps compute; waits for its end."""
        return self.undisturbed.result()

    def chance(self, name: str) -> random.Random:
        return random.Random(f"{self.seed} {name}")


def undisturbed(ground: Ground, forks: Forks, *, only_first: bool = False) -> dict[str, float]:
    """Run both nights once, keeping the home between them and before some steps, or the first one alone.

    Where an earlier run of the harness has done so in the same folder, nothing is run.

    Returns:
        Seconds of computing of the second night, as `night`, and of its steps by name, for one source each.
    """
    done = ground.folder / "undisturbed.json"
    if not done.exists():
        done.write_text(json.dumps(_undisturbed(ground, forks, only_first)))
    return json.loads(done.read_text())


def _undisturbed(ground: Ground, forks: Forks, only_first: bool) -> dict[str, float]:
    log = str(ground.folder / "undisturbed.log")

    def ckm(*arguments: str, home: Path, keep: str = "") -> float:
        ending = forks.run(Attempt(arguments, log, {"CKM_HOME": str(home)}, keep=keep))
        if ending.code:
            raise RuntimeError(f"{arguments} failed undisturbed: {Path(log).read_text()[-2000:]}")
        return ending.seconds

    if not seen(ground.home(FIRST_DONE)):
        first, kept = ground.home(FIRST_DONE), f"{ground.folder}/kept/first"
        ckm("run", "--date", FIRST.isoformat(), home=first, keep=kept)
    if only_first:
        return {}
    base = ground.copy(FIRST_DONE, BASE)
    for decision in DECISIONS:
        ckm(*decision, home=base)
    home = ground.copy(BASE, SECOND_DONE)
    seconds = ckm(*RUN, home=home, keep=str(ground.folder / "kept"))
    return {"night": seconds} | _shares(home, seconds)


def _shares(home: Path, seconds: float) -> dict[str, float]:
    import duckdb

    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        steps = connection.execute(
            "select step, avg(seconds), sum(seconds) from audit.run_steps where as_of_date = ? group by step",
            [SECOND],
        ).fetchall()
    total = sum(row[2] for row in steps)
    return {step: seconds * mean / total for step, mean, _ in steps}


def _at_random(work: Work, name: str, number: int, until: float) -> Iterator[float]:
    chance = work.chance(name)
    return (round(chance.uniform(0.01, until), 2) for _ in range(number))


def _step(
    work: Work, chain: Chain, name: str, source: str | None, chosen: Sequence[Chosen], at_random: int
) -> bool:
    """Kill a step at its moments, then let it end; returns whether it did."""
    for after in _at_random(work, f"{name} {source}", at_random, work.seconds.get(name, 1.0)):
        chain.killed(chain.step(name, source, after=after), name, f"after {after} s")
    for moment in chosen:
        if moment.source == source:
            chain.killed(chain.step(name, source, at=moment.at), name, moment.words)
    ending = chain.step(name, source)
    if ending.code:
        chain.found.wrong.append(f"{name} {source or ''}: exit code {ending.code}: {chain.last_words()}")
    return not ending.code


SOURCES = ("crm", "complaints", "surveys", "knowledge", "community")
STEPS = {"build_records": moments.RECORDS, "match": moments.MATCH, "build_star": moments.STAR,
         "score": moments.SCORE, "build_marts": moments.MARTS, "gate_marts": moments.GATE_MARTS,
         "publish": moments.PUBLISH}  # fmt: skip
AT_RANDOM = {
    "extract": 3,
    "gate_raw": 1,
    "build_records": 1,
    "match": 2,
    "build_star": 2,
    "score": 4,
    "build_marts": 2,
    "gate_marts": 3,
    "publish": 6,
}


def _rest(work: Work, chain: Chain, begin: str, end: str = "publish") -> None:
    """The steps from one on: those up to another are killed, too."""
    names = list(STEPS)
    for name in names[names.index(begin) :]:
        is_killed = end in names and names.index(name) <= names.index(end)
        chosen, at_random = (STEPS[name], AT_RANDOM[name]) if is_killed else ([], 0)
        if not _step(work, chain, name, None, chosen, at_random):
            return
    chain.compare(SECOND_DONE)


def sources(work: Work) -> list[Found]:
    """Decisions on the quarantine, the opening of the night, extraction and the raw gates."""
    work.undisturbed.result()
    chain = Chain(work.ground, work.forks, STEP_AGAIN, "sources", FIRST_DONE)
    for decision, chosen in zip(DECISIONS, (moments.REPLAY, moments.DISCARD), strict=True):
        for moment in chosen:
            chain.killed(chain.ckm(*decision, at=moment.at), f"quarantine {moment.step}", moment.words)
        for after in _at_random(work, decision[1], 3, 0.3):
            chain.killed(chain.ckm(*decision, after=after), f"quarantine {decision[1]}", f"after {after} s")
        ending = chain.ckm(*decision)
        if ending.code not in (0, 2):  # 2: a killed attempt had decided already
            chain.found.wrong.append(f"{decision}: exit code {ending.code}: {chain.last_words()}")
    for moment in moments.PREPARE:
        chain.killed(chain.open(SECOND, at=moment.at), moment.step, moment.words)
    chain.open(SECOND)
    for name, chosen in (("extract", moments.EXTRACT), ("gate_raw", moments.GATE)):
        for source in SOURCES:
            if not _step(work, chain, name, source, chosen, AT_RANDOM[name]):
                return [chain.found]
    _rest(work, chain, "build_records", end="")
    return [chain.found]


def star(work: Work) -> list[Found]:
    """dbt's building of staging, the matching, and dbt's building of the star."""
    work.undisturbed.result()
    chain = Chain(work.ground, work.forks, STEP_AGAIN, "star", "kept/build_records")
    _rest(work, chain, "build_records", end="build_star")
    return [chain.found]


def marts(work: Work) -> list[Found]:
    """Scoring, dbt's building of the marts and their gate."""
    work.undisturbed.result()
    chain = Chain(work.ground, work.forks, STEP_AGAIN, "marts", "kept/score")
    _rest(work, chain, "score", end="gate_marts")
    return [chain.found]


def publishing(work: Work) -> list[Found]:
    """Publishing; and from a home that was killed there after the switch, the whole command again."""
    work.undisturbed.result()
    chain = Chain(work.ground, work.forks, STEP_AGAIN, "publish", "kept/publish")
    _rest(work, chain, "publish")
    again = Chain(work.ground, work.forks, RUN_AGAIN, "again", "kept/publish")
    for words in ("before the rename", "after the switch"):
        (moment,) = (m for m in moments.PUBLISH if m.words == words)
        again.killed(again.step("publish", at=moment.at), "publish", words)
        _killed_runs(
            work, again, [*moments.PREPARE, *moments.EXTRACT][:: 2 if "rename" in words else 1], 6, RUN
        )
    again.compare_run(again.ckm(*RUN), SECOND_DONE)
    return [chain.found, again.found]


def _killed_runs(
    work: Work, chain: Chain, chosen: Sequence[Chosen], at_random: int, command: Sequence[str]
) -> None:
    """Kill the whole command at moments, and at random in the first quarter of the night, which is cheap."""
    for moment in chosen:
        chain.killed(chain.ckm(*command, at=moment.at), moment.step, moment.words)
    for after in _at_random(work, chain.name + chosen[0].words, at_random, EARLY):
        chain.killed(chain.ckm(*command, after=after), f"in the first {EARLY:.0f} s", f"after {after} s")


def first_night(work: Work) -> list[Found]:
    """A home that does not exist yet."""
    own_key = Chain(work.ground, work.forks, RUN_AGAIN, "key", None)
    own_key.environment = {"CKM_SECRET": ""}
    command = ("run", "--date", FIRST.isoformat())
    _killed_runs(work, own_key, moments.SECRET, 0, command)
    own_key.check_key(own_key.open(FIRST))
    chain = Chain(work.ground, work.forks, RUN_AGAIN, "first night", None)
    _killed_runs(work, chain, [*moments.PREPARE, *moments.EXTRACT, *moments.GATE[:6]], 10, command)
    last = chain.ckm(*command)
    work.undisturbed.result()
    chain.compare_run(last, FIRST_DONE)
    for place, times in own_key.found.kills.items():
        chain.found.count(place, times)
    chain.found.wrong += own_key.found.wrong
    return [chain.found]


def refreshing(work: Work) -> list[Found]:
    """`--full-refresh`, first by whole processes of the command line, then by forks."""
    work.undisturbed.result()
    chain = Chain(
        work.ground, work.forks, "SIGKILL of `ckm run --full-refresh`, the same again", "refresh", SECOND_DONE
    )
    command = (*RUN, "--full-refresh")
    for at in (
        "dbt.parser.manifest:ManifestLoader.write_manifest_for_partial_parse:before:1",
        "dbt.parser.manifest:ManifestLoader.write_manifest_for_partial_parse:after:1",
        "ckm.home:Home.secret:after:1",
    ):
        chain.killed(chain.process(*command, at=at), "a process of its own", at)
    for moment in moments.STAR[1:6]:
        chain.killed(chain.ckm(*command, at=moment.at), moment.step, moment.words)
    chain.compare_run(chain.process(*command), SECOND_DONE)
    return [chain.found]


Run = Callable[[Work], list[Found]]
CHAINS: dict[str, Run] = {  # those that need not wait for the undisturbed nights first
    "first night": first_night,
    "sources": sources,
    "publishing": publishing,
    "star": star,
    "refresh": refreshing,
    "marts": marts,
}


def short(work: Work) -> list[Found]:
    """A few kills of the first night's publishing, where readers look on."""
    work.undisturbed.result()
    chain = Chain(work.ground, work.forks, STEP_AGAIN, "short", "kept/first/publish")
    _step(work, chain, "publish", None, moments.PUBLISH[5:15:2], 0)
    chain.compare(FIRST_DONE)
    return [chain.found]


SHORT: dict[str, Run] = {"short": short}
