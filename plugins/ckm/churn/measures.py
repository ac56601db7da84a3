"""How good probabilities are: order, distance, and whether they come true as often as they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from scipy.stats import rankdata

from ckm.churn.frame import Floats

BINS = 10
_EDGE = 1e-6


def auc(probability: Floats, label: Floats) -> float:
    """Chance that one who stayed away had a higher probability than one who did not; ties count half.

    NaN where only one of the two outcomes came about.
    """
    positives = label.sum()
    negatives = len(label) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    ranks = rankdata(probability)
    return float((ranks[label == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def brier(probability: Floats, label: Floats) -> float:
    """Mean squared distance of the probability from what happened."""
    return float(np.mean((probability - label) ** 2))


def log_loss(probability: Floats, label: Floats) -> float:
    """Mean surprise in nats; probabilities are held a millionth away from 0 and 1."""
    held = np.clip(probability, _EDGE, 1 - _EDGE)
    return float(-np.mean(label * np.log(held) + (1 - label) * np.log1p(-held)))


@dataclass(frozen=True)
class Bin:
    """Rows of about equal probability: how many, what was said and what came about."""

    rows: int
    said: float
    happened: float


def calibration(probability: Floats, label: Floats, bins: int = BINS) -> list[Bin]:
    """Rows in order of their probability in bins of about equal count; rows of one probability share a bin."""
    values, inverse, counts = np.unique(probability, return_inverse=True, return_counts=True)
    before = np.cumsum(counts) - counts
    number = np.minimum((before + counts / 2) * bins // max(1, len(label)), bins - 1).astype(int)[inverse]
    return [
        Bin(int(inside.sum()), float(probability[inside].mean()), float(label[inside].mean()))
        for b in range(bins if len(values) else 0)
        if (inside := number == b).any()
    ]


def calibration_error(probability: Floats, label: Floats, bins: int = BINS) -> float:
    """Expected calibration error: mean distance of what was said from what happened, over bins of equal count."""
    parts = calibration(probability, label, bins)
    return sum(part.rows * abs(part.said - part.happened) for part in parts) / max(1, len(label))


def all_measures(probability: Floats, label: Floats) -> dict[str, float]:
    """Every measure by name."""
    return {
        "auc": auc(probability, label),
        "brier": brier(probability, label),
        "log_loss": log_loss(probability, label),
        "calibration_error": calibration_error(probability, label),
    }


@dataclass(frozen=True)
class Shares:
    """How values spread over bins: the edges between them, and the share of each; the last share is of NaN."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]


def spread(values: Floats, bins: int = BINS) -> Shares:
    """Shares over bins of about equal count."""
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])) if known.size else np.empty(0)
    return Shares(tuple(edges.tolist()), tuple(_shares(values, edges).tolist()))


def stability_index(before: Shares, now: Floats) -> float:
    """Population stability index: how far shares have moved since.

    The sum over bins of (share now - share before) ln(share now / share before); an empty bin counts half a row.
    Below .1 little has changed, above .25 much has. NaN where there is no value now.
    """
    if not len(now):
        return float("nan")
    p, q = np.array(before.shares), _shares(now, np.array(before.edges))
    return float(np.sum((q - p) * np.log(q / p)))


def _shares(values: Floats, edges: Floats) -> Floats:
    number = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="left"))
    counts = np.maximum(np.bincount(number, minlength=len(edges) + 2), 0.5)
    return counts / counts.sum()


def held_log_odds(probability: Floats) -> Floats:
    """Log-odds of probabilities, held a millionth away from 0 and 1; NaN stays."""
    return logit(np.clip(probability, _EDGE, 1 - _EDGE))


def probability_of(log_odds: Floats) -> Floats:
    """Probabilities of log-odds."""
    return expit(log_odds)
