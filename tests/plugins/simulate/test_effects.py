"""Built-in effects are there with about their size, and tempting ones are not."""

import numpy as np
import pytest
from tests.plugins.simulate.lives import database, one

from ckm.simulate.company import COMPANY
from ckm.simulate.effects import effects

CUSTOMERS = 20_000
EFFECTS = {effect["name"]: effect for effect in effects(COMPANY)}

SALES = """
    select o.customer_id, o.order_id, ordered_at, ln(sum(quantity * unit_price - discount_amount)) as value
    from orders o join order_lines using (order_id)
    where lower(trim(order_type)) = 'sale' and lower(trim(status)) <> 'cancelled'
        and upper(trim(currency_code)) = 'EUR' and o.customer_id is not null
    group by all"""
NPS = """
    select a.customer_id, r.responded_at, v.answer_value as score
    from answers v join responses r using (response_id)
    join truth_actors a on a.object = 'responses' and a.native_id = r.response_id
    where r.survey_id = 'SV-NPS' and v.question_id = 'Q1' and a.customer_id is not null"""


def difference(sql: str) -> tuple[float, float, float]:
    """(difference of the means of y where x and where not, its standard error, spread of y)."""
    cells = database(CUSTOMERS).execute(
        f"select x::boolean as x, count(*), avg(y), var_samp(y) from ({sql}) where x is not null group by 1 order by 1"
    )
    (_, n0, mean0, var0), (_, n1, mean1, var1) = cells.fetchall()
    return mean1 - mean0, np.sqrt(var0 / n0 + var1 / n1), np.sqrt((var0 * n0 + var1 * n1) / (n0 + n1))


def slope(sql: str) -> tuple[float, float]:
    """(slope of y, in its standard deviations, on x in its own; its standard error)."""
    r, count = one(database(CUSTOMERS), f"select corr(x, y), count(*) from ({sql})")
    return r, 1 / np.sqrt(count)


def test_effects_are_small_and_some_are_absent() -> None:
    assert all(abs(effect["size_in_sd"]) <= 0.3 for effect in EFFECTS.values())
    assert all((effect["size"] != 0) == effect["is_real"] for effect in EFFECTS.values())
    assert {effect["is_real"] for effect in EFFECTS.values()} == {True, False}


def test_bad_handling_makes_customers_leave() -> None:
    sql = """select count(*), avg(makes_leave::int) from truth_complaints
        where customer_id is not null and {} is_badly_handled"""
    count, share = one(database(CUSTOMERS), sql.format(""))
    size = EFFECTS["bad handling makes customers leave"]["size"]
    assert abs(share - size) < 3 * np.sqrt(size * (1 - size) / count)
    assert one(database(CUSTOMERS), sql.format("not"))[1] == 0


def test_bad_handling_shows_in_orders() -> None:
    found, error, _ = difference("""
        select is_badly_handled as x, (count(order_id) = 0)::int as y
        from truth_complaints c left join orders o on o.customer_id = c.customer_id
            and lower(trim(order_type)) = 'sale' and ordered_at between ended_at and ended_at + interval 180 day
        where c.customer_id is not null and ended_at < timestamp '2025-07-01'
        group by complaint_id, is_badly_handled""")
    assert 0 < found < 0.12 + 2 * error


def test_reading_lowers_complaints() -> None:
    found, error, _ = difference("""
        select is_informed as x, (c.order_id is not null)::int as y
        from truth_sales s left join (select distinct order_id from complaints) c using (order_id)""")
    (without,) = one(
        database(CUSTOMERS),
        """select avg((order_id in (select order_id from complaints where order_id is not null))::int)
        from truth_sales where not is_informed""",
    )
    size = EFFECTS["knowledge lowers complaints"]["size"]
    assert abs(found - size * without) < 3 * error and found < -3 * error


def test_sales_are_informed_where_something_was_read_in_the_days_before() -> None:
    days = COMPANY.complaining.knowledge_days
    wrong = one(
        database(CUSTOMERS),
        f"""
        with read as (
            select a.customer_id, delivered_at from deliveries join truth_actors a
                on a.object = 'deliveries' and a.native_id = delivery_id
            where read_seconds > 0 and complaint_id is null),
        seen as (select order_id, is_informed, bool_or(delivered_at is not null) as has_read
            from truth_sales join orders o using (order_id) left join read on read.customer_id = o.customer_id
                and delivered_at < ordered_at and delivered_at >= ordered_at - interval {days} day
            group by all)
        select count(*) filter (is_informed), count(*) filter (is_informed <> has_read) from seen""",
    )
    assert wrong[0] > 1000 and wrong[1] == 0


def test_co_creation_raises_order_value() -> None:
    joined = "select a.customer_id, joined_at from members join truth_actors a on a.native_id = member_id"
    found, error, spread = difference(
        f"select coalesce(ordered_at >= joined_at, false) as x, value as y from ({SALES}) left join ({joined}"
        " where a.object = 'members') using (customer_id)"
    )
    effect = EFFECTS["co-creation raises order value"]
    # Orders of one customer are alike, so that the error of independent ones is too small.
    assert abs(found - effect["size"]) < 5 * error and found > 3 * error
    assert spread == pytest.approx(effect["size"] / effect["size_in_sd"], rel=0.05)


def test_trusted_employees_are_met_in_a_better_mood() -> None:
    mood = "case lower(trim(mood)) when 'positive' then 1 when 'negative' then -1 else 0 end"
    found, error = slope(
        f"select trust as x, {mood} as y from interactions join truth_employees using (employee_id)"
    )
    size = EFFECTS["trusted employees are met in a better mood"]["size"]
    assert 0.5 * size < found < 1.1 * size + 3 * error


def test_trusted_resolvers_raise_satisfaction_with_the_solution() -> None:
    found, error = slope("""
        select trust as x, answer_value as y from answers join responses r using (response_id)
        join complaints c using (complaint_id)
        join truth_employees e on e.employee_id = c.resolved_by_employee_id
        where r.survey_id = 'SV-CMP' and question_id = 'Q1'""")
    assert abs(found - EFFECTS["trusted employees raise scores"]["size"]) < 0.05 + 3 * error


def test_failed_deliveries_are_complained_about_and_lower_scores() -> None:
    found, error, _ = difference("""
        select failed_attempts > 0 as x, (c.order_id is not null)::int as y from shipments
        join truth_sales using (order_id)
        left join (select distinct order_id from complaints) c using (order_id)""")
    assert 0.5 * COMPANY.complaining.failed_rate < found < COMPANY.complaining.failed_rate + 3 * error
    failed = """select customer_id, shipped_at as tried from shipments join orders using (order_id)
        where failed_attempts > 0"""
    days = COMPANY.asking.memory_days
    found, error, spread = difference(f"""
        select bool_or(tried is not null) as x, any_value(score) as y from ({NPS}) n left join ({failed}) f
            on f.customer_id = n.customer_id and responded_at > tried and responded_at < tried + interval {days} day
        group by n.customer_id, responded_at""")
    size = EFFECTS["failed deliveries lower scores"]["size"]
    assert size * 1.1 * spread - 3 * error < found < 0.4 * size * spread


def test_bad_handling_lowers_satisfaction_with_the_solution() -> None:
    found, error, spread = difference("""
        select is_badly_handled as x, answer_value as y from answers join responses r using (response_id)
        join truth_complaints using (complaint_id) where r.survey_id = 'SV-CMP' and question_id = 'Q1'""")
    assert abs(found / spread - EFFECTS["bad handling lowers scores"]["size"]) < 0.05 + 3 * error / spread


def test_attitudes_follow_their_paths() -> None:
    names = ("brand", "quality", "switching_cost", "value", "satisfaction", "loyalty")
    columns = database(CUSTOMERS).execute("from truth_customers").fetchnumpy()
    held = {name: columns[f"attitude_{name}"] for name in names}
    for outcome, paths in (
        ("value", COMPANY.asking.value_paths),
        ("satisfaction", COMPANY.asking.satisfaction_paths),
        ("loyalty", COMPANY.asking.loyalty_paths),
    ):
        assert np.var(held[outcome]) == pytest.approx(1, abs=0.04)
        causes = np.column_stack([held[cause] for cause, _ in paths])
        found = np.linalg.lstsq(causes, held[outcome], rcond=None)[0]
        assert np.allclose(found, [path for _, path in paths], atol=0.03), outcome


def test_items_measure_their_attitude_and_nothing_else() -> None:
    for question, attitude, other in (("B1", "brand", "quality"), ("W2", "switching_cost", "brand")):
        answered = f"""from answers join responses using (response_id) join truth_actors a
            on a.object = 'responses' and a.native_id = response_id
            join truth_customers t on t.customer_id = a.customer_id where question_id = '{question}'"""
        found, error = slope(f"select attitude_{attitude} as x, answer_value as y {answered}")
        assert found == pytest.approx(COMPANY.asking.item_loading, abs=0.04)
        found, error = slope(f"select attitude_{other} as x, answer_value as y {answered}")
        assert abs(found) < 4 * error


def test_loyal_customers_respond_more_often() -> None:
    found, _ = slope("""
        select attitude_loyalty as x, (response_id is not null)::int as y from invitations
        left join responses using (invitation_id)
        join truth_actors a on a.object = 'invitations' and a.native_id = invitation_id
        join truth_customers t on t.customer_id = a.customer_id""")
    assert 0.08 < found < 0.25
    (rate,) = one(
        database(CUSTOMERS),
        "select avg((response_id is not null)::int) from invitations left join responses using (invitation_id)",
    )
    assert 0.22 < rate < 0.33


ABSENT = {
    "more contact, more spend": f"""
        select coalesce(n, 0) as x, avg(value) as y from ({SALES}) left join
        (select customer_id, count(*) as n from interactions group by 1) using (customer_id)
        group by customer_id, n""",
    "more searching, more spend": f"""
        select coalesce(n, 0) as x, avg(value) as y from ({SALES}) left join (
            select a.customer_id, count(*) as n from searches join truth_actors a
            on a.object = 'searches' and a.native_id = search_id group by 1) using (customer_id)
        group by customer_id, n""",
    "channel and leaving": """
        select (preferred_channel = 'email')::int as x, (left_at is not null)::int as y
        from customers join truth_customers using (customer_id)""",
    "age and recommendation": f"""
        select year(birth_date) // 10 as x, score as y from ({NPS}) join customers using (customer_id)
        where birth_date is not null""",
    "gender and complaints": """
        select (gender = 'female')::int as x, (c.order_id is not null)::int as y
        from truth_sales join orders using (order_id) join customers using (customer_id)
        left join (select distinct order_id from complaints) c using (order_id) where gender is not null""",
}


@pytest.mark.parametrize("name", [name for name, effect in EFFECTS.items() if not effect["is_real"]])
def test_absent_effects_are_absent(name: str) -> None:
    found, error = slope(ABSENT[name])
    assert abs(found) < 3 * error
