"""Backtests split in time: at each cut, a model learns only from cuts whose windows were over by then.

What is compared is a kind of model, with or without a calibration that was itself fitted on earlier cuts, never on
the rows it is judged by.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from ckm.churn.blend import KINDS, RHYTHM, Calibration, Model, assemble, fit_calibration, fit_members
from ckm.churn.frame import Floats, Frame, telling
from ckm.churn.measures import Bin, all_measures, auc, calibration, held_log_odds, probability_of
from ckm.churn.population import ACTIVE_DAYS, HORIZON_DAYS, Rows, States
from ckm.clv import bg_nbd

CUTS = 8
"""Cuts on which models are tried: the last ones, and the one a year before the last, of the same season."""
LEAST_ROWS, LEAST_OF_A_KIND = 200, 30
"""Fewer rows to learn from, or fewer who stayed away or came back, teach nothing that lasts."""
REFIT_EVERY = 3
LEAST_CUTS = 3
"""Who has seen fewer cuts takes the level of one season for the level of all."""
GIVES_AWAY = 0.995
"""A feature that alone tells who stayed away as well as this knows what comes after the cut."""


@dataclass(frozen=True)
class Trial:
    """What a kind of model said at one cut, and what happened: log-odds before calibration, and labels."""

    kind: str
    cut: date
    log_odds: Floats
    label: Floats
    rows_learned: int


@dataclass(frozen=True)
class Score:
    """How good a kind of model was at one cut."""

    kind: str
    is_calibrated: bool
    cut: date
    rows: int
    rows_learned: int
    measures: dict[str, float]


@dataclass(frozen=True)
class Choice:
    """The kind that did best, whether it is calibrated, how, and every score that it was chosen by."""

    kind: str
    is_calibrated: bool
    calibration: Calibration
    scores: tuple[Score, ...]


def with_rhythm(rows: Rows, states: Callable[[date], States]) -> tuple[Rows, bg_nbd.BgNbdParameters | None]:
    """The rows with `no_order_by_rhythm` in front: BG/NBD's log-odds of no order in the horizon.

    BG/NBD is fitted at every third cut on who had bought by then, and keeps its parameters until the next; where it
    cannot be fitted, the feature is unknown.

    Returns:
        The rows, and the parameters of the last cut.
    """
    column, parameters = np.full(len(rows.label), np.nan), None
    days = np.unique(rows.cut)
    for number, day in enumerate(days):
        if parameters is None or (len(days) - 1 - number) % REFIT_EVERY == 0:
            parameters = rhythm_of(states(day.astype(object)))
        if parameters is not None:
            inside = rows.cut == day
            column[inside] = rhythm(rows.frame.rows(inside), parameters)
    return _in_front(rows, column), parameters


def rhythm_of(states: States) -> bg_nbd.BgNbdParameters | None:
    """BG/NBD of some purchase states; None where they do not determine it."""
    try:
        fit = bg_nbd.fit(states.frequency, states.recency, states.age, states.weight)
    except ValueError:
        return None
    return fit.parameters if fit.identified or fit.converged else None


def rhythm(frame: Frame, parameters: bg_nbd.BgNbdParameters) -> Floats:
    """BG/NBD's log-odds of no order in the horizon, shape (n,).

    NaN for customers without an order and for those whose last one is so long ago that only a subscription makes them
    active: of them it is not asked whether an order comes.
    """
    orders, silence, age = frame.only(
        ("orders_so_far", "days_since_last_order", "days_since_first_order")
    ).values.T
    bought = (orders > 0) & (silence <= ACTIVE_DAYS)
    result = np.full(len(frame), np.nan)
    result[bought] = held_log_odds(
        bg_nbd.probability_no_order(
            parameters, orders[bought] - 1, (age - silence)[bought], age[bought], float(HORIZON_DAYS)
        )
    )
    return result


def put_rhythm(rows: Rows, parameters: bg_nbd.BgNbdParameters | None) -> Rows:
    """The rows with `no_order_by_rhythm` of given parameters in front; unknown without any."""
    column = np.full(len(rows.label), np.nan) if parameters is None else rhythm(rows.frame, parameters)
    return _in_front(rows, column)


def given_away(frame: Frame, label: Floats) -> tuple[str, ...]:
    """Features that know the outcome, whatever their dates say: alone they order the rows all but perfectly."""
    found = []
    for k, name in enumerate(frame.names):
        known = ~np.isnan(frame.values[:, k])
        if known.sum() < LEAST_ROWS or not 0 < label[known].mean() < 1:
            continue
        area = auc(frame.values[known, k], label[known])
        if max(area, 1 - area) >= GIVES_AWAY:
            found.append(name)
    return tuple(found)


def enough(rows: Rows, by: date) -> bool:
    """Whether there is enough to learn from on a day."""
    known = learnable(rows, by)
    label = rows.label[known]
    return (
        len(label) >= LEAST_ROWS
        and min(label.sum(), (1 - label).sum()) >= LEAST_OF_A_KIND
        and len(np.unique(rows.cut[known])) >= LEAST_CUTS
    )


def learnable(rows: Rows, by: date) -> np.ndarray:
    """Which rows one could have learned from on a day: their windows were over."""
    return (rows.cut <= np.datetime64(by - timedelta(days=HORIZON_DAYS))) & ~np.isnan(rows.label)


def trial_cuts(rows: Rows, most: int = CUTS) -> list[date]:
    """The cuts on which models can be tried, in order: outcomes known, and enough to learn from before them."""
    days = [day.astype(object) for day in np.unique(rows.cut[~np.isnan(rows.label)])]
    usable = [day for day in days if enough(rows, day)]
    if not usable:
        return []
    season = [day for day in usable if day <= usable[-1] - timedelta(days=350)][-1:]
    return sorted({*season, *usable[-most:]})


def trials(rows: Rows, cuts: Sequence[date], kinds: Mapping[str, Sequence[str]] = KINDS) -> list[Trial]:
    """Fit each member once per cut on what was known by then, and let each kind speak on the cut."""
    members = list(dict.fromkeys(member for kind in kinds.values() for member in kind))
    made = []
    for cut in cuts:
        before = learnable(rows, cut)
        on = (rows.cut == np.datetime64(cut)) & ~np.isnan(rows.label)
        names = usable_features(rows.frame.rows(before), rows.label[before])
        learned = fit_members(members, rows.frame.rows(before).only(names), rows.label[before])
        for kind in kinds:
            model = assemble(kind, learned)
            if model is not None:
                made.append(
                    Trial(kind, cut, model.log_odds(rows.frame.rows(on)), rows.label[on], int(before.sum()))
                )
    return made


def usable_features(frame: Frame, label: Floats) -> tuple[str, ...]:
    """The features that differ between rows and do not give the outcome away."""
    leaking = given_away(frame, label)
    return tuple(name for name in telling(frame) if name not in leaking)


def scores(tried: Sequence[Trial]) -> list[Score]:
    """Each trial as it stands, and calibrated on the trials of its kind that were over by then."""
    return [
        Score(trial.kind, is_calibrated, trial.cut, len(trial.label), trial.rows_learned,
              all_measures(probability, trial.label))
        for trial in tried
        for is_calibrated in (False, True)
        if (probability := said(trial, tried, is_calibrated)) is not None
    ]  # fmt: skip


def said(trial: Trial, tried: Sequence[Trial], is_calibrated: bool) -> Floats | None:
    """The probabilities of a trial; calibrated ones are None where no trial of the kind was over by then."""
    if not is_calibrated:
        return probability_of(trial.log_odds)
    by = trial.cut - timedelta(days=HORIZON_DAYS)
    earlier = [other for other in tried if other.kind == trial.kind and other.cut <= by]
    return probability_of(_calibration(earlier)(trial.log_odds)) if earlier else None


def come_true(tried: Sequence[Trial], choice: Choice) -> list[Bin]:
    """What the chosen way said on cuts that it had not seen, and what came of it, in ten bins of equal count."""
    pairs = [
        (probability, trial.label)
        for trial in tried
        if trial.kind == choice.kind and (probability := said(trial, tried, choice.is_calibrated)) is not None
    ]
    return calibration(*(np.concatenate(part) for part in zip(*pairs, strict=True)))


def choose(tried: Sequence[Trial]) -> Choice | None:
    """The kind with the least mean log loss, over the cuts that all could be judged on; the simpler one of equals.

    None where nothing could be tried.
    """
    judged = scores(tried)
    if not judged:
        return None
    ways = list(dict.fromkeys((s.kind, s.is_calibrated) for s in judged))
    cuts_of = {way: {s.cut for s in judged if (s.kind, s.is_calibrated) == way} for way in ways}
    longest = max(len(cuts) for cuts in cuts_of.values())
    # a calibration needs earlier cuts: two are the least that it is compared on
    shared = set.intersection(*(cuts for cuts in cuts_of.values() if len(cuts) >= min(2, longest)))
    compared = [way for way in ways if shared and shared <= cuts_of[way]]
    if not compared:
        compared, shared = [way for way in ways if not way[1]], {s.cut for s in judged}

    def loss(way: tuple[str, bool]) -> float:
        losses = [
            s.measures["log_loss"] for s in judged if (s.kind, s.is_calibrated) == way and s.cut in shared
        ]
        return math.fsum(losses) / len(losses) if losses else math.inf

    order = list(KINDS)
    kind, is_calibrated = min(compared, key=lambda way: (round(loss(way), 6), order.index(way[0]), way[1]))
    calibration = _calibration([t for t in tried if t.kind == kind]) if is_calibrated else Calibration()
    return Choice(kind, is_calibrated, calibration, tuple(judged))


def fit_chosen(rows: Rows, choice: Choice, by: date) -> Model:
    """The chosen kind, fitted on all that can be learned from by a day, with its calibration.

    Raises:
        ValueError: the rows do not allow it.
    """
    known = learnable(rows, by)
    frame, label = rows.frame.rows(known), rows.label[known]
    members = fit_members(KINDS[choice.kind], frame.only(usable_features(frame, label)), label)
    model = assemble(choice.kind, members)
    if model is None:
        raise ValueError(f"a model of the kind {choice.kind} cannot be fitted")
    return model.calibrated(choice.calibration)


def _calibration(tried: Sequence[Trial]) -> Calibration:
    """On all trials together, each cut with equal weight and the mean number of rows."""
    sizes = [len(trial.label) for trial in tried]
    weight = [np.full(size, sum(sizes) / len(sizes) / size) for size in sizes if size]
    return fit_calibration(
        np.concatenate([trial.log_odds for trial in tried]),
        np.concatenate([trial.label for trial in tried]),
        np.concatenate(weight),
    )


def _in_front(rows: Rows, column: Floats) -> Rows:
    frame = rows.frame
    return replace(
        rows, frame=Frame((RHYTHM, *frame.names), np.column_stack([column, frame.values]), frame.categories)
    )
