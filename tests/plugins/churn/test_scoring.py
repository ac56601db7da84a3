"""A night's churn: learned once a month, explained to the last digit, the same again later, and watched."""

from datetime import date

import duckdb
import numpy as np
import pytest
from benchmarks.churn.scale import make_star

from ckm.churn import backtest, drift, learning, population, scoring
from ckm.churn.blend import Model
from ckm.churn.measures import stability_index
from ckm.churn.reasons import reasons
from ckm.forgetting import forget_scores
from ckm.warehouse import SCORE_TABLES

NIGHT, NEXT = date(2025, 9, 30), date(2025, 12, 31)
FIRST_REASONS = """
    select customer_key, driver from scores.churn_driver where driver <> 'base' and contribution > 0
    qualify row_number() over (partition by customer_key order by contribution desc, driver) = 1
"""
SCORES = "select customer_key, churn_probability_90d, model_run_id from scores.churn order by all"


@pytest.fixture(scope="module")
def scored() -> tuple[duckdb.DuckDBPyConnection, scoring.ChurnScored]:
    """A star of 800 customers as it stood on the night, scored."""
    connection = duckdb.connect()
    make_star(connection, 800)
    for table, day in (
        ("about_customers.fct_order_line", "order_date"),
        ("about_customers.fct_shipment", "shipment_date"),
        ("from_customers.fct_complaint", "received_date"),
    ):  # what is still to come is put aside, to come to be known on its day
        connection.execute(
            f"create table main.{table.split('.')[1]} as from {table} where {day} > date '{NIGHT}'"
        )
        connection.execute(f"delete from {table} where {day} > date '{NIGHT}'")
    return connection, scoring.score(connection, night=NIGHT, run_id="first")


def test_a_model_is_learned_and_everybody_who_is_active_has_a_chance(scored) -> None:
    connection, done = scored
    assert done.is_new and done.model_run_id == f"churn.{NIGHT}"
    ((count, low, high),) = connection.execute(
        "select count(*), min(churn_probability_90d), max(churn_probability_90d) from scores.churn"
    ).fetchall()
    assert count == done.customers > 300 and 0 < low < high < 1


def test_reasons_add_up_to_the_chance(scored) -> None:
    connection, _ = scored
    (worst,) = connection.execute(
        """
        select max(abs(churn_probability_90d - 1 / (1 + exp(-(intercept + slope * log_odds)))))
        from scores.churn join scores.churn_model using (model_run_id)
        join (select customer_key, sum(contribution) as log_odds from scores.churn_driver group by all)
            using (customer_key)
        """
    ).fetchone()
    assert worst < 1e-9


def test_again_and_a_season_later_a_night_says_what_it_said(scored) -> None:
    connection, _ = scored
    before, model = (
        connection.execute(SCORES).fetchall(),
        connection.execute("from scores.churn_model").fetchall(),
    )
    predicted = connection.execute("from scores.churn_prediction order by all").fetchall()
    assert not scoring.score(connection, night=NIGHT, run_id="again").is_new
    assert connection.execute(SCORES).fetchall() == before
    connection.begin()  # the log of a later night holds more; a night sees of it what was known then
    for table, day in (
        ("about_customers.fct_order_line", "order_date"), ("about_customers.fct_shipment", "shipment_date"),
        ("from_customers.fct_complaint", "received_date"),
    ):  # fmt: skip
        connection.execute(
            f"insert into {table} select * replace ({day} as known_on) from main.{table.split('.')[1]}"
        )
    connection.commit()
    scoring.score(connection, night=NIGHT, run_id="a season later")
    assert connection.execute(SCORES).fetchall() == before
    assert connection.execute("from scores.churn_model").fetchall() == model
    assert connection.execute("from scores.churn_prediction order by all").fetchall() == predicted != []


def test_what_was_said_is_held_against_what_came(scored) -> None:
    connection, _ = scored
    scoring.score(connection, night=NEXT, run_id="next")
    found = dict(
        connection.execute(
            "select measure, value from scores.model_drift where as_of_date = ? and subject = 'outcome'",
            [NEXT],
        ).fetchall()
    )
    assert set(found) == {"calibration_error", "auc", "brier", "said", "happened"}
    ((said,),) = connection.execute(
        "select avg(probability) from scores.churn_prediction where cut_date = ?", [NIGHT]
    ).fetchall()
    assert found["said"] == pytest.approx(said)
    assert 0 < found["happened"] < 1


def test_how_many_keep_their_reasons_is_measured_on_the_day_before_and_from_model_to_model(scored) -> None:
    connection, _ = scored

    def first_reasons() -> dict[str, str]:
        return dict(connection.execute(FIRST_REASONS).fetchall())

    connection.execute("delete from scores.churn_model where fitted_on > ?", [NIGHT])
    scoring.score(connection, night=NEXT, run_id="new")
    new = first_reasons()
    found = dict(
        connection.execute(
            "select name, value from scores.model_drift where as_of_date = ? and subject = 'reasons'", [NEXT]
        ).fetchall()
    )
    assert found.keys() == {"first", "shown"} and 0.5 < found["first"] <= 1
    changed = dict(
        connection.execute(
            "select parameter, parameter_value from audit.model_runs where run_id = 'new' and parameter like '%kept'"
        ).fetchall()
    )
    before = learning.newest(connection, NIGHT)
    assert before is not None
    population.build(connection, [NEXT], NEXT)
    rows = backtest.put_rhythm(population.read(connection), before.rhythm)
    old = {key: told[0] for key, told in reasons(before.model, rows).items() if told}
    share = sum(new.get(key) == reason for key, reason in old.items()) / len(old)
    assert changed["first_reasons_kept"] == pytest.approx(share)


def test_month_ends_before_the_night_are_told_by_the_model_of_the_night(scored) -> None:
    connection, _ = scored
    scoring.score(connection, night=NEXT, run_id="night")
    said = dict(
        connection.execute(
            "select customer_key, probability from scores.churn_prediction where cut_date = ?", [NIGHT]
        ).fetchall()
    )
    connection.execute("delete from scores.month_end")
    connection.execute(
        "insert into scores.month_end by name select ?::date as as_of_date, customer_key, 0.0 as churn_probability_90d "
        "from scores.churn_prediction where cut_date = ?",
        [NIGHT, NIGHT],
    )
    connection.execute("insert into scores.month_end values (?, 'long gone', 1, 0.5)", [NIGHT])
    scoring.score(connection, night=NEXT, run_id="again")
    told = dict(
        connection.execute("select customer_key, churn_probability_90d from scores.month_end").fetchall()
    )
    connection.execute("delete from scores.month_end")
    assert told.pop("long gone") == 0.5  # not active then: what the value model says stays
    assert told.keys() == said.keys() and min(told.values()) > 0 and told != said  # another model speaks
    shared = np.corrcoef([told[key] for key in said], [said[key] for key in said])[0, 1]
    assert shared > 0.8


def test_chances_unlike_those_of_the_night_before_are_not_shown(
    scored, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, _ = scored
    scoring.score(connection, night=NEXT, run_id="good")
    before, drivers = (
        connection.execute(SCORES).fetchall(),
        connection.execute("from scores.churn_driver order by all").fetchall(),
    )
    probability = Model.probability
    monkeypatch.setattr(Model, "probability", lambda model, frame: probability(model, frame) / 2)
    done = scoring.score(connection, night=NEXT, run_id="bad")
    assert "the mean chance of no order would go from" in done.note
    assert connection.execute(SCORES).fetchall() == before
    assert connection.execute("from scores.churn_driver order by all").fetchall() == drivers
    assert connection.execute(
        "select run_id, outcome from audit.gate_results where object = 'churn' and run_id in ('good', 'bad') order by 1"
    ).fetchall() == [("bad", "warned"), ("good", "passed")]
    assert connection.execute(
        "select status, last_loaded_on from audit.source_freshness where run_id = 'bad' and object = 'churn'"
    ).fetchall() == [("stale", NEXT)]


def test_who_refused_profiling_leaves_every_score_and_what_was_predicted(scored) -> None:
    connection, _ = scored
    ((refused,),) = connection.execute("select min(customer_key) from scores.churn_prediction").fetchall()
    connection.execute("begin")
    connection.execute(
        "update core.dim_customer_current set is_profiling_allowed = false where customer_key = ?", [refused]
    )
    held = {
        table
        for table in SCORE_TABLES
        if "customer_key" in SCORE_TABLES[table]
        and connection.execute(
            f"select count(*) from scores.{table} where customer_key = ?", [refused]
        ).fetchone()[0]
    }
    deleted = forget_scores(connection)
    assert held == set(deleted) >= {"churn", "churn_driver", "churn_prediction"}
    for table in held:
        assert connection.execute(
            f"select count(*) filter (customer_key = ?), count(*) > 0 from scores.{table}", [refused]
        ).fetchone() == (0, True)
    connection.execute("rollback")


def test_inputs_that_move_are_an_alarm(scored) -> None:
    connection, done = scored
    kept = learning.newest(connection, NIGHT)
    assert kept is not None
    model = kept.spreads["score"]
    moved = stability_index(model, np.full(500, 0.99))
    assert moved > drift.MOVED_A_LOT
    assert done.alarms == () or all(": " in alarm for alarm in done.alarms)


def test_a_model_of_a_release_with_other_features_is_learned_anew(scored) -> None:
    connection, _ = scored
    known = learning.newest(connection, NEXT)
    assert known is not None
    connection.execute(
        "update scores.churn_model set model = replace(model, ?, '\"feature_of_old\"')",
        [f'"{known.model.names[-1]}"'],
    )
    assert learning.newest(connection, NEXT) is None
    connection.execute("drop table if exists temp.churn_standing")
    connection.execute(
        "update scores.churn set churn_probability_90d = .001"
    )  # nor do its chances judge tonight's
    done = scoring.score(connection, night=NEXT, run_id="upgraded")
    assert (done.is_new, done.note) == (True, None)
    again = learning.newest(connection, NEXT)
    assert again is not None and again.model.names == known.model.names


def test_without_orders_nothing_is_learned_and_the_note_says_so() -> None:
    connection = duckdb.connect()
    make_star(connection, 0)
    done = scoring.score(connection, night=NIGHT, run_id="empty")
    assert done.kind is None and done.note == "chances are those of BG/NBD alone: there are no orders yet"
