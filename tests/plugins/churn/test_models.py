"""Models: what they learn from known truths, that reasons add up exactly, and measures against naive arithmetic."""

import sys
from datetime import date

import numpy as np
import pytest

from ckm.churn import backtest, linear, measures, trees
from ckm.churn.blend import KINDS, RHYTHM, Calibration, Model, assemble, fit_calibration, fit_members
from ckm.churn.frame import Frame, telling
from ckm.churn.population import Rows


def drawn(rows: int = 3000, seed: int = 1) -> tuple[Frame, np.ndarray]:
    """Rows of known log-odds: the rhythm, plus 1.2 for a category, less .8 per unit of slope; noise does nothing."""
    draws = np.random.default_rng(seed)
    rhythm, slope, noise = draws.normal(0.5, 1, rows), draws.normal(0, 1, rows), draws.normal(0, 1, rows)
    category = draws.integers(0, 3, rows).astype(float)
    odds = rhythm + 1.2 * (category == 2) - 0.8 * slope - 0.4
    label = (draws.random(rows) < measures.probability_of(odds)).astype(float)
    slope[draws.random(rows) < 0.1] = np.nan
    frame = Frame(
        (RHYTHM, "slope", "noise", "category"),
        np.column_stack([rhythm, slope, noise, category]),
        {"category": ("a", "b", "c")},
    )
    return frame, label


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    members = fit_members(("rhythm", "corrected", "logistic", "trees"), *drawn())
    return {kind: assemble(kind, members) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
class TestReasons:
    def test_add_up_to_the_log_odds(self, models: dict[str, Model], kind: str) -> None:
        frame, _ = drawn(500, seed=2)
        base, shares = models[kind].explain(frame)
        assert np.abs(base + shares.sum(axis=1) - models[kind].log_odds(frame)).max() < 1e-9

    def test_a_model_that_is_kept_says_the_same(self, models: dict[str, Model], kind: str) -> None:
        frame, _ = drawn(500, seed=2)
        model = models[kind].calibrated(Calibration(0.1, 0.9))
        again = Model.from_json(model.to_json())
        np.testing.assert_array_equal(again.probability(frame), model.probability(frame))
        np.testing.assert_array_equal(again.explain(frame)[1], model.explain(frame)[1])

    def test_learning_again_gives_the_same_model(self, models: dict[str, Model], kind: str) -> None:
        members = fit_members(KINDS[kind], *drawn())
        assert assemble(kind, members).to_json() == models[kind].to_json()


class TestLearning:
    def test_known_drivers_are_found_with_their_sign(self, models: dict[str, Model]) -> None:
        frame, label = drawn(4000, seed=3)
        for kind in ("corrected rhythm", "logistic", "trees"):
            model = models[kind]
            _, shares = model.explain(frame)
            size = dict(zip(model.names, np.abs(shares).mean(axis=0), strict=True))
            assert size["noise"] < 0.15 < size["slope"], kind
            slope = frame.only(("slope",)).values[:, 0]
            known = ~np.isnan(slope)
            assert np.corrcoef(slope[known], shares[known, model.names.index("slope")])[0, 1] < -0.9
            assert measures.auc(model.probability(frame), label) > 0.75

    def test_an_unpenalised_regression_reaches_the_known_coefficients(self) -> None:
        draws = np.random.default_rng(5)
        x = (draws.random(200_000) < 0.5).astype(float)
        label = (draws.random(len(x)) < measures.probability_of(-1 + 1.5 * x)).astype(float)
        fitted = linear.fit(Frame(("x",), x[:, None]), label, ridge=0)
        odds = fitted.log_odds(Frame(("x",), np.array([[0.0], [1.0]])))
        assert odds == pytest.approx([-1, 0.5], abs=0.02)
        assert odds[1] == pytest.approx(np.log(label[x == 1].mean() / (1 - label[x == 1].mean())), abs=1e-6)

    def test_a_weight_is_a_count(self) -> None:
        frame, label = drawn(400)
        twice = np.repeat(np.arange(400), 2)
        weighted = linear.fit(frame, label, np.full(400, 2.0)).log_odds(frame)
        assert weighted == pytest.approx(
            linear.fit(frame.rows(twice), label[twice]).log_odds(frame), abs=1e-6
        )

    def test_values_beyond_those_seen_are_held_at_the_edge(self, models: dict[str, Model]) -> None:
        edge = Frame((RHYTHM, "slope", "noise", "category"), np.array([[0, 99, 0, 1], [0, 1e9, 0, 1.0]]))
        first, second = models["logistic"].log_odds(edge)
        assert first == second

    def test_one_outcome_alone_teaches_nothing(self) -> None:
        frame, label = drawn(300)
        with pytest.raises(ValueError, match="same outcome"):
            linear.fit(frame, np.zeros_like(label))

    def test_a_feature_that_never_differs_tells_nothing(self) -> None:
        values = np.array([[1, np.nan, 0, 2], [1, np.nan, 1, np.nan]], dtype=float)
        assert telling(Frame(("same", "unknown", "differs", "sometimes"), values)) == ("differs", "sometimes")


class TestCalibration:
    def test_takes_back_what_was_said_too_boldly(self) -> None:
        draws = np.random.default_rng(6)
        truth = draws.normal(-0.5, 1, 50_000)
        label = (draws.random(len(truth)) < measures.probability_of(truth)).astype(float)
        found = fit_calibration(2 * truth + 1, label)
        assert (found.slope, found.intercept) == (pytest.approx(0.5, abs=0.02), pytest.approx(-0.5, abs=0.03))


class TestMeasures:
    def test_auc_counts_pairs(self) -> None:
        draws = np.random.default_rng(7)
        said, label = draws.integers(0, 5, 60) / 5, draws.integers(0, 2, 60).astype(float)
        pairs = [(p > n) + (p == n) / 2 for p in said[label == 1] for n in said[label == 0]]
        assert measures.auc(said, label) == pytest.approx(np.mean(pairs))
        assert np.isnan(measures.auc(said, np.ones(60)))

    def test_calibration_error_of_what_comes_true_is_small_and_of_what_does_not_its_distance(self) -> None:
        draws = np.random.default_rng(8)
        said = draws.random(100_000)
        label = (draws.random(len(said)) < said).astype(float)
        assert measures.calibration_error(said, label) < 0.01
        assert measures.calibration_error(
            np.full(1000, 0.7), np.r_[np.ones(400), np.zeros(600)]
        ) == pytest.approx(0.3)

    def test_stability_is_zero_for_the_same_and_grows_with_a_shift(self) -> None:
        draws = np.random.default_rng(9)
        before = measures.spread(draws.normal(0, 1, 20_000))
        same = measures.stability_index(before, draws.normal(0, 1, 20_000))
        shifted = measures.stability_index(before, draws.normal(1, 1, 20_000))
        assert same < 0.01 < 0.25 < shifted
        assert shifted == pytest.approx(
            1, abs=0.15
        )  # of two normal laws one apart it tends to 1 in fine bins

    def test_values_that_become_unknown_are_a_shift(self) -> None:
        values = np.random.default_rng(10).normal(0, 1, 1000)
        gone = np.where(np.arange(1000) % 2 == 0, np.nan, values)
        assert measures.stability_index(measures.spread(values), gone) > 0.25


class TestBacktests:
    def rows(self) -> Rows:
        """Two years of cuts, the same customers on each."""
        cuts = np.repeat(
            np.array([date(2024 + m // 12, m % 12 + 1, 28) for m in range(24)], dtype="datetime64[D]"), 200
        )
        frame, label = drawn(len(cuts))
        return Rows(cuts, np.tile(np.arange(200).astype(str), 24), label, frame)

    def test_learn_only_from_windows_that_were_over(self) -> None:
        rows = self.rows()
        cut = date(2025, 6, 28)
        learned = rows.cut[backtest.learnable(rows, cut)]
        assert learned.max() == np.datetime64("2025-03-28")

    def test_take_the_last_cuts_and_the_same_season(self) -> None:
        assert backtest.trial_cuts(self.rows(), most=3) == [
            date(2024, 12, 28), date(2025, 10, 28), date(2025, 11, 28), date(2025, 12, 28),
        ]  # fmt: skip

    def test_choose_what_does_best_on_cuts_that_it_did_not_see(self) -> None:
        rows = self.rows()
        tried = backtest.trials(rows, backtest.trial_cuts(rows, most=4))
        choice = backtest.choose(tried)
        assert choice is not None
        assert choice.kind not in ("rhythm", "trees")  # the truth is the rhythm and a linear correction
        assert len({score.cut for score in choice.scores}) >= 4

    def test_without_enough_outcomes_nothing_is_chosen(self) -> None:
        rows = self.rows()
        early = rows.cut < np.datetime64("2024-04-01")
        few = Rows(rows.cut[early], rows.key[early], rows.label[early], rows.frame.rows(early))
        assert backtest.trial_cuts(few) == [] and backtest.choose([]) is None


def test_without_the_library_of_the_trees_the_other_members_are_fitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    trees.available.cache_clear()
    try:
        members = fit_members(("rhythm", "logistic", "trees"), *drawn(400))
        assert [*members] == ["rhythm", "logistic"]
        assert assemble("logistic and trees", members) is None and assemble("logistic", members) is not None
    finally:
        trees.available.cache_clear()
