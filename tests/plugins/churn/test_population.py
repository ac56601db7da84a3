"""Who is asked about, what comes of it, and that nothing behind the cut is seen in front of it."""

import csv
import hashlib
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from tests.conftest import PROJECT
from tests.plugins.churn.star import Star

from ckm.churn import backtest, population
from ckm.churn.features import FEATURES
from ckm.churn.frame import Frame
from ckm.months import month_ends

CUT = date(2024, 6, 30)
NIGHT = date(2024, 12, 31)


@pytest.fixture
def star() -> Star:
    """Ada comes back, Bob stays away, Cleo was last seen long ago, Dora comes back after the window."""
    made = Star()
    for customer, day in (
        ("ada", date(2024, 3, 1)), ("ada", date(2024, 5, 1)), ("ada", date(2024, 9, 28)),
        ("bob", date(2024, 6, 30)), ("cleo", date(2023, 6, 30)), ("cleo", date(2024, 8, 1)),
        ("dora", date(2024, 6, 1)), ("dora", date(2024, 9, 29)),
    ):  # fmt: skip
        made.order(customer, day)
    return made


class TestPopulationAndLabel:
    def test_active_are_asked_about_and_only_90_days_tell(self, star: Star) -> None:
        population.build(star.connection, [CUT], NIGHT)
        labels = {name: (star.row(CUT, name) or {}).get("label") for name in ("ada", "bob", "cleo", "dora")}
        assert labels == {"ada": 0, "bob": 1, "cleo": None, "dora": 1}
        assert star.row(CUT, "cleo") is None

    def test_a_window_that_is_not_over_has_no_label(self, star: Star) -> None:
        last_over = NIGHT - timedelta(days=population.HORIZON_DAYS)
        population.build(star.connection, [last_over, last_over + timedelta(days=1)], NIGHT)
        assert star.row(last_over, "bob")["label"] == 1
        assert star.row(last_over + timedelta(days=1), "bob")["label"] is None

    def test_a_cut_after_the_night_is_refused(self, star: Star) -> None:
        with pytest.raises(ValueError, match="after the night"):
            population.build(star.connection, [NIGHT + timedelta(days=1)], NIGHT)

    def test_who_has_only_a_subscription_leaves_when_none_is_open(self, star: Star) -> None:
        for customer, ends, cancelled in (
            ("eve", date(2025, 6, 30), None),
            ("finn", date(2025, 6, 30), date(2024, 8, 1)),
            ("gus", date(2024, 7, 31), None),
        ):
            star.add("about_customers.fct_subscription", customer_key=customer, subscription_key=customer,
                     started_on=date(2024, 1, 1), ends_on=ends, cancelled_on=cancelled,
                     status="cancelled" if cancelled else "active")  # fmt: skip
        population.build(star.connection, [CUT], NIGHT)
        assert {name: star.row(CUT, name)["label"] for name in ("eve", "finn", "gus")} == {
            "eve": 0, "finn": 1, "gus": 1,
        }  # fmt: skip
        assert star.row(CUT, "finn")["open_subscriptions"] == 1  # the cancellation was still to come

    def test_returns_and_cancelled_orders_are_no_purchases(self, star: Star) -> None:
        star.order("bob", date(2024, 7, 5), -10, line_kind="return")
        star.order("bob", date(2024, 7, 6), is_cancelled=True)
        population.build(star.connection, [CUT], NIGHT)
        assert star.row(CUT, "bob")["label"] == 1


class TestNoLookAhead:
    def test_a_row_dated_back_but_known_later_is_not_seen(self, star: Star) -> None:
        """The planted leak: somebody enters an order of May in August, when Bob's silence is known."""
        star.order("bob", date(2024, 5, 5), known_on=date(2024, 8, 1))
        population.build(star.connection, [CUT, date(2024, 8, 31)], NIGHT)
        assert star.row(CUT, "bob")["orders_so_far"] == 1
        assert star.row(date(2024, 8, 31), "bob")["orders_so_far"] == 2

    def test_a_complaint_resolved_after_the_cut_is_open_on_it(self, star: Star) -> None:
        star.add("from_customers.fct_complaint", customer_key="bob", complaint_key="k", received_date=date(2024, 6, 9),
                 due_date=date(2024, 7, 9), first_action_date=date(2024, 7, 1), minutes_to_first_action=600,
                 is_sla_breached=True, is_open=False, resolved_date=date(2024, 7, 20))  # fmt: skip
        population.build(star.connection, [CUT, date(2024, 7, 31)], NIGHT)
        before, after = star.row(CUT, "bob"), star.row(date(2024, 7, 31), "bob")
        assert (before["open_complaint_days"], before["bad_complaints_since_order"]) == (21, 0)
        assert before["hours_to_first_action"] is None
        assert (after["open_complaint_days"], after["bad_complaints_since_order"]) == (None, 1)
        assert after["hours_to_first_action"] == 10

    @pytest.mark.parametrize(
        ("complaint", "counts"),
        [
            ({"is_sla_breached": True, "resolved_date": date(2024, 6, 29)}, 0),  # Bob ordered after it
            ({"is_sla_breached": True, "resolved_date": date(2024, 6, 30)}, 1),
            ({"is_disputed": True, "closed_date": date(2024, 6, 30)}, 1),
            ({"resolved_date": date(2024, 6, 30)}, 0),  # handled well
            ({"is_open": True, "is_sla_breached": True}, 0),  # on the night, not yet on the cut
            ({"is_open": True, "due_date": date(2024, 6, 29)}, 1),
        ],
    )
    def test_a_complaint_handled_badly_counts_until_the_next_order(
        self, star: Star, complaint: dict, counts: int
    ) -> None:
        told = {"due_date": date(2024, 7, 9), "is_open": False} | complaint
        star.add("from_customers.fct_complaint", customer_key="bob", complaint_key="k",
                 received_date=date(2024, 6, 9), **told)  # fmt: skip
        population.build(star.connection, [CUT], NIGHT)
        assert star.row(CUT, "bob")["bad_complaints_since_order"] == counts

    @pytest.mark.parametrize(
        ("answered", "events", "counts", "open_days"),
        [
            (datetime(2024, 6, 30, 9), [], 0, None),  # in time, so nothing is known of what is to come
            (datetime(2024, 6, 30, 11), [], 1, None),
            (None, [], 0, 21),
            (datetime(2024, 6, 20, 9), [("reopened", datetime(2024, 6, 25))], 1, 21),
            (datetime(2024, 6, 20, 9), [("reopened", datetime(2024, 6, 22)), ("resolved", datetime(2024, 6, 30, 8))],
             1, None),
        ],
    )  # fmt: skip
    def test_a_complaint_reopened_after_the_cut_is_what_its_events_said_by_then(
        self, star: Star, answered: datetime | None, events: list, counts: int, open_days: int | None
    ) -> None:
        """The planted leak: whom a complaint is opened again for has reason to leave, and its first end is gone."""
        star.add("from_customers.fct_complaint", customer_key="bob", complaint_key="k",
                 received_date=date(2024, 6, 9), due_at=datetime(2024, 6, 30, 10), due_date=CUT, is_open=False,
                 is_sla_breached=True, is_disputed=True, resolved_date=date(2024, 7, 20))  # fmt: skip
        answers = [("resolved", answered)] if answered else []
        for kind, moment in [
            *answers,
            *events,
            ("reopened", datetime(2024, 7, 5)),
            ("resolved", datetime(2024, 7, 20)),
        ]:
            star.add("from_customers.fct_complaint_event", customer_key="bob", complaint_key="k", event_type=kind,
                     occurred_at=moment, occurred_date=moment.date())  # fmt: skip
        population.build(star.connection, [CUT], NIGHT)
        row = star.row(CUT, "bob")
        assert (row["bad_complaints_since_order"], row["open_complaint_days"]) == (counts, open_days)

    def test_a_contract_that_is_renewed_later_ends_as_was_said_by_the_cut(self, star: Star) -> None:
        """The planted leak: whoever renews is given another end, and whoever leaves is not."""
        key = hashlib.md5(b"crm|subscriptions|s").hexdigest()
        star.add("about_customers.fct_subscription", customer_key="bob", subscription_key=key,
                 started_on=date(2023, 8, 1), ends_on=date(2025, 7, 31), status="active")  # fmt: skip
        star.connection.execute("create schema raw_crm")
        star.connection.execute(
            """create table raw_crm.subscriptions as
            select 's' as row_key, date '2024-07-31' as ends_on, date '2024-02-01' as known_on
            union all select 's', date '2025-07-31', date '2024-08-01'"""
        )
        cuts = [date(2024, 1, 31), CUT, date(2024, 8, 31)]
        star.order("bob", date(2024, 1, 15))
        population.build(star.connection, cuts, NIGHT)
        ends = [star.row(cut, "bob")["days_to_contract_end"] for cut in cuts]
        assert ends == [None, 31, 334]  # before the first load nobody knows what was said
        assert [star.row(cut, "bob")["open_subscriptions"] for cut in cuts] == [1, 1, 1]

    def test_features_are_those_that_the_cut_itself_would_have_given(self, star: Star) -> None:
        star.add("from_customers.fct_complaint", customer_key="ada", complaint_key="k",
                 received_date=date(2024, 5, 9), is_open=True)  # fmt: skip
        population.build(star.connection, [CUT], CUT)
        then = [star.row(CUT, name) | {"label": None} for name in ("ada", "bob", "dora")]
        star.order("ada", date(2024, 6, 2), known_on=date(2024, 7, 2))
        star.order("dora", date(2024, 7, 2), known_on=date(2024, 7, 2))
        star.add("from_customers.fct_complaint", customer_key="bob", complaint_key="l",
                 received_date=date(2024, 6, 29), is_open=True, known_on=date(2024, 7, 3))  # fmt: skip
        population.build(star.connection, [CUT], NIGHT)
        assert [star.row(CUT, name) | {"label": None} for name in ("ada", "bob", "dora")] == then

    def test_labels_as_known_by_a_day_do_not_see_what_came_to_be_known_later(self, star: Star) -> None:
        star.order("bob", date(2024, 7, 5), known_on=date(2024, 11, 5))
        population.build(star.connection, [CUT], NIGHT, known_by=date(2024, 10, 31))
        assert star.row(CUT, "bob")["label"] == 1
        population.build(star.connection, [CUT], NIGHT)
        assert star.row(CUT, "bob")["label"] == 0

    def test_a_feature_that_gives_the_outcome_away_is_caught(self) -> None:
        draws = np.random.default_rng(4)
        label = (draws.random(1000) < 0.6).astype(float)
        honest = label + draws.normal(0, 1.5, 1000)
        frame = Frame(("honest", "closed_account"), np.column_stack([honest, label * 30]))
        assert backtest.given_away(frame, label) == ("closed_account",)
        assert backtest.usable_features(frame, label) == ("honest",)


class TestFeatures:
    def test_silence_is_measured_by_the_own_rhythm(self, star: Star) -> None:
        population.build(star.connection, [CUT], NIGHT)
        ada = star.row(CUT, "ada")
        assert ada["days_since_last_order"] == 60
        assert ada["times_usual_gap"] == pytest.approx(60 / 61)
        assert ada["times_longest_gap"] is None  # one gap is no longest one

    def test_an_absent_dimension_has_no_features(self, star: Star) -> None:
        star.connection.execute("drop table about_customers.fct_subscription")
        population.build(star.connection, [CUT], NIGHT)
        columns = {row[0] for row in star.connection.execute("describe churn_frame").fetchall()}
        assert not columns & {"open_subscriptions", "open_complaint_days", "last_nps_score", "visits_365d"}

    def test_each_is_described_for_who_has_to_act_on_it(self) -> None:
        with (PROJECT / "dbt_project" / "seeds" / "churn_feature.csv").open(encoding="utf-8") as file:
            described = [row["driver"] for row in csv.DictReader(file)]
        assert described == ["base", *FEATURES]

    def test_month_ends(self) -> None:
        assert month_ends(date(2024, 1, 15), date(2024, 4, 29)) == [
            date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31),
        ]  # fmt: skip
        assert month_ends(date(2024, 4, 1), date(2024, 4, 30)) == [date(2024, 4, 30)]
