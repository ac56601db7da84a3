"""What is usual: the ranges that the last accepted nights give for the figures of a night.

A suite asks by the names of its parameters, `{"$PARAMETER": "mean_of_unit_price_low"}`:

    rows_<bound>                  number of rows
    mean_of_<column>_<bound>      mean of a number
    filled_of_<column>_<bound>    share of cells that are not null
    partition_of_<column>         share of each value, as GX's partition object
    divergence_of_<column>        the largest usual Kullback-Leibler divergence from that partition

`<bound>` is low or high, beyond which a figure is unusual, or lowest or highest, thrice as far away, beyond
which it can hardly be right.
"""

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from scipy.stats import chi2

from ckm.gate.profiles import CATEGORIES_KEPT, NIGHTS_COMPARED, Figures, Profile

NIGHTS_NEEDED = 7
ROWS_NEEDED = 30  # of fewer, a mean or a share says little
STANDARD_ERRORS = 6.0  # prices and amounts have long tails: a wider berth than a normal mean would need
COUNT_STANDARD_ERRORS = 3.0  # beyond the smallest and largest night, which are far out themselves
FARTHER = 3.0  # the bounds of the possible lie this much farther out than those of the usual
RARE = 1e-6  # how rarely a partition like the usual one may diverge more
TOLERATED_DIVERGENCE = 0.02
TOLERATED_SHARE = 0.02
LEVEL_SHARE = 0.2  # what a mart may change from one accepted night to the next
LEVEL_ROWS = 10
LEVEL_FILLED = 0.1
FIRST_LOAD = "the first load is not like a night"

_ASKED = re.compile(
    r"(?P<metric>rows)_(?P<bound>low|high|lowest|highest)"
    r"|(?P<of>mean|filled)_of_(?P<column>\w+?)_(?P<side>low|high|lowest|highest)"
    r"|(?P<shape>partition|divergence)_of_(?P<codes>\w+)"
)
Partition = dict[str, list[Any]]


@dataclass(frozen=True)
class Usual:
    """Parameters for a suite by name, and for those that cannot be given yet, why."""

    parameters: dict[str, Any]
    missing: dict[str, str]


def is_asked(parameter: str) -> bool:
    """Whether a parameter is one of those that this module gives."""
    return _ASKED.fullmatch(parameter) is not None


def parameters_of(column: str | None) -> list[str]:
    """The parameters that a rule about a column, or about no single one, may ask for."""
    figures = ["rows", *(f"{figure}_of_{column}" for figure in ("mean", "filled") if column)]
    bounds = [f"{figure}_{bound}" for figure in figures for bound in ("low", "high", "lowest", "highest")]
    return bounds + [f"{shape}_of_{column}" for shape in ("partition", "divergence") if column]


def example(parameter: str) -> Any:
    """A value that a parameter might have, to try a suite with."""
    if parameter.startswith("partition_of_"):
        return {"values": ["a"], "weights": [1.0]}
    return 0 if "low" in parameter else 1


def figures_asked(parameters: Iterable[str]) -> Figures:
    """The figures of a night that a suite's parameters ask for."""
    asked: dict[str, set[str]] = {"mean": set(), "filled": set(), "codes": set()}
    for match in filter(None, map(_ASKED.fullmatch, parameters)):
        if match["shape"]:
            asked["codes"].add(match["codes"])
        elif match["of"]:
            asked[match["of"]].add(match["column"])
    return Figures(*(tuple(sorted(columns)) for columns in asked.values()))


def usual_flow(
    asked: Collection[str],
    nights: list[Profile],
    tonight: Profile,
    taken_in: int = 0,
    replayed: int = 0,
    waiting: int = 0,
) -> Usual:
    """The parameters for rows that flow in night by night.

    A count may lie three standard errors of a count below the smallest or above the largest accepted night,
    per day; a mean or a share six standard errors from the pooled one, between-night scatter included.

    Args:
        nights: the last accepted nights in their order.
        taken_in: rows that an earlier run of the same night has taken in, which are no longer expected.
        replayed: rows that come out of the quarantine beside those of the night.
        waiting: rows of other nights that wait in the quarantine and are judged again beside those of the night.
    """
    nights = [night for night in nights if night.days is not None][-NIGHTS_COMPARED:]
    if len(nights) < NIGHTS_NEEDED:
        why = f"only {len(nights)} of the {NIGHTS_NEEDED} accepted nights that are needed to compare with"
        return Usual({}, dict.fromkeys(filter(is_asked, asked), why))
    given: dict[str, Any] = {}
    figures = figures_asked(asked)
    if tonight.days is not None:
        given |= _rows(nights, tonight.days, taken_in - waiting, replayed + waiting)
    if tonight.rows >= ROWS_NEEDED:
        for column in figures.means:
            given |= _mean(column, nights, tonight)
        for column in figures.filled:
            given |= _filled(column, nights, tonight)
        for column in figures.codes:
            given |= _codes(column, nights, tonight)
    why = f"fewer than {ROWS_NEEDED} rows, or none before, to compare"
    if tonight.days is None:
        why = FIRST_LOAD
    return Usual(given, {name: why for name in asked if is_asked(name) and name not in given})


def usual_level(asked: Collection[str], last: Profile | None, tonight: Profile) -> Usual:
    """The parameters for a table that is made anew each night: near what it was on the last accepted one.

    A fifth more or less is usual for rows and means, a tenth of the cells for what is filled.
    """
    if last is None:
        return Usual({}, dict.fromkeys(filter(is_asked, asked), "no accepted night yet to compare with"))
    figures = figures_asked(asked)
    given: dict[str, Any] = _bounds("rows", last.rows, LEVEL_SHARE * last.rows + LEVEL_ROWS, whole=True)
    for column in figures.means:
        if column in last.means and column in tonight.means:
            mean, deviation, cells = last.means[column]
            noise = STANDARD_ERRORS * deviation / math.sqrt(min(cells, tonight.filled[column]))
            given |= _bounds(f"mean_of_{column}", mean, LEVEL_SHARE * abs(mean) + noise)
    if last.rows >= ROWS_NEEDED and tonight.rows >= ROWS_NEEDED:
        for column in figures.filled:
            share = last.filled.get(column, 0) / last.rows
            given |= _bounds(f"filled_of_{column}", share, LEVEL_FILLED, largest=1.0)
        for column in figures.codes:
            given |= _codes(column, [last], tonight)
    why = f"fewer than {ROWS_NEEDED} rows, or none before, to compare"
    return Usual(given, {name: why for name in asked if is_asked(name) and name not in given})


def _bounds(
    name: str, centre: float, width: float, *, whole: bool = False, largest: float = math.inf
) -> dict[str, float]:
    """Both pairs of bounds around a figure; counts and shares do not go below zero."""
    floor = 0.0 if whole or largest < math.inf else -math.inf
    bounds = {
        f"{name}_low": max(floor, centre - width),
        f"{name}_high": min(largest, centre + width),
        f"{name}_lowest": max(floor, centre - FARTHER * width),
        f"{name}_highest": min(largest, centre + FARTHER * width),
    }
    if whole:
        return {key: math.floor(v) if "low" in key else math.ceil(v) for key, v in bounds.items()}
    return {key: float(f"{value:.6g}") for key, value in bounds.items()}


def _rows(nights: list[Profile], days: int, absent: int, beside: int) -> dict[str, int]:
    """The range of the number of judged rows, of which so many of the night's own are absent (or, below zero, so many
    others certainly there) and up to so many others may stand beside them."""
    rates = [night.rows / max(1, night.days or 1) for night in nights]
    least, most = min(rates) * days, max(rates) * days
    low = math.floor(least - COUNT_STANDARD_ERRORS * math.sqrt(least))
    high = math.ceil(most + COUNT_STANDARD_ERRORS * math.sqrt(most) + COUNT_STANDARD_ERRORS)
    low = max(low, 1 if _silent_for_too_long(nights, days) else 0)
    return {
        "rows_low": max(0, low - absent),
        "rows_high": high + beside,
        "rows_lowest": max(0, math.floor(low / FARTHER) - absent),
        "rows_highest": math.ceil(high * FARTHER) + beside,
    }


def _silent_for_too_long(nights: list[Profile], days: int) -> bool:
    """Whether rows have stayed out for more than thrice the longest pause that there was between two nights."""
    pauses, silence = [1], 0
    for night in nights:
        silence += night.days or 0
        if night.rows:
            pauses.append(silence)
            silence = 0
    return any(night.rows for night in nights) and silence + days > FARTHER * max(pauses)


def _mean(column: str, nights: list[Profile], tonight: Profile) -> dict[str, float]:
    known = [night.means[column] for night in nights if column in night.means]
    before, now = sum(cells for *_, cells in known), tonight.filled.get(column, 0)
    if before < ROWS_NEEDED or now < ROWS_NEEDED:
        return {}
    mean = sum(m * cells for m, _, cells in known) / before
    variance = sum(sd * sd * cells for _, sd, cells in known) / before
    scatter = sum((m - mean) ** 2 * cells for m, _, cells in known) / before
    between = max(0.0, scatter - variance * len(known) / before)
    error = math.sqrt(variance / now + variance / before + between)
    # Where no value ever differed, a mean may still differ in its last digits.
    return _bounds(f"mean_of_{column}", mean, STANDARD_ERRORS * error + 1e-6 * abs(mean))


def _filled(column: str, nights: list[Profile], tonight: Profile) -> dict[str, float]:
    shares = [(night.filled.get(column, 0), night.rows) for night in nights if night.rows]
    filled, rows = sum(f for f, _ in shares), sum(n for _, n in shares)
    if rows < ROWS_NEEDED:
        return {}
    share = (filled + 1) / (rows + 2)
    variance = share * (1 - share)
    scatter = sum((f / n - filled / rows) ** 2 * n for f, n in shares) / rows
    between = max(0.0, scatter - variance * len(shares) / rows)
    error = math.sqrt(variance / tonight.rows + variance / rows + between)
    return _bounds(
        f"filled_of_{column}", filled / rows, STANDARD_ERRORS * error + TOLERATED_SHARE, largest=1.0
    )


def _codes(column: str, nights: list[Profile], tonight: Profile) -> dict[str, Any]:
    """The pooled partition, and how far one of tonight's size may diverge from it.

    2·n·KL is about chi-square distributed with one degree of freedom less than there are values, times what
    rows of one night have in common, which is estimated from the nights themselves.
    """
    known = [night.counts[column] for night in nights if night.counts.get(column)]
    pooled: dict[str, float] = defaultdict(float)
    for counts in known:
        for code, count in counts.items():
            pooled[code] += count
    before, now = sum(pooled.values()), sum(tonight.counts.get(column, {}).values())
    if before < ROWS_NEEDED or now < ROWS_NEEDED:
        return {}
    codes = sorted(pooled, key=lambda code: (-pooled[code], code))[:CATEGORIES_KEPT]
    total = sum(pooled[code] + 0.5 for code in codes)
    weights = {code: (pooled[code] + 0.5) / total for code in codes}
    freedom = max(1, len(codes) - 1)
    statistics = [2 * sum(counts.values()) * divergence(counts, weights) for counts in known]
    in_common = max(1.0, sum(statistics) / len(statistics) / freedom) if len(statistics) > 1 else 1.0
    allowed = in_common * float(chi2.ppf(1 - RARE, freedom)) * (1 / now + 1 / before) / 2
    partition: Partition = {"values": codes, "weights": [weights[code] for code in codes]}
    return {
        f"partition_of_{column}": partition,
        f"divergence_of_{column}": float(f"{allowed + TOLERATED_DIVERGENCE:.6g}"),
    }


def divergence(counts: dict[str, int], weights: dict[str, float]) -> float:
    """Kullback-Leibler divergence in nats of a night's counts from a partition; values outside it left out."""
    total = sum(counts.values())
    known = [(count / total, weights[code]) for code, count in counts.items() if count and code in weights]
    return max(0.0, sum(share * math.log(share / weight) for share, weight in known))
