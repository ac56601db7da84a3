"""Customers, labels and features as of a date, in SQL over the star.

    cuts → churn_line, churn_bought (what was known on the cut) → churn_customer (population and label) → blocks of
    features → churn_frame

A cut is a day on which one could have asked. The population are customers who were active on it: a purchase in the
365 days before, or an open subscription. The label looks only behind the cut: 1 where no purchase came in the
next 90 days; for customers with nothing but a subscription, where none was open at their end either. A window that
is not over on the night is censored: its label is null.

Features look only before the cut, and only at what was known then: rows whose date and `known_from` are not after
it. `known_from` is the date that first saw the row; what came with the first load of an object counts as known when
it happened, as nobody can tell any more. States that carry a date are taken back to the cut: a complaint resolved
after it is open, a subscription cancelled after it too. The end of a contract is what was said of it by the cut, as a
renewal moves it. A value corrected later reads as corrected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np

from ckm.churn.frame import Floats, Frame

HORIZON_DAYS = 90
ACTIVE_DAYS = 365
ROWS_TO_LEARN_FROM = 150_000
"""Beyond so many rows, a fixed share of the customers, told by a hash of the key, is learned from."""

_LONG_AGO = "date '0001-01-01'"


@dataclass(frozen=True)
class Block:
    """Features of one kind: `sql` gives one row per cut and customer who has any of it.

    `features` are its columns with what stands where a customer has no row: 0 for counts, else null. Without rows in
    each of the tables that it `needs`, the features are absent.
    """

    needs: tuple[str, ...]
    features: dict[str, str]
    sql: str


# In each block `asked` is the population (cut_date, customer_key); a fact's rows count where `known_from` allows it.
BLOCKS: tuple[Block, ...] = (
    Block(
        ("about_customers.fct_order_line",),
        {
            "days_since_last_order": "null", "times_usual_gap": "null", "times_longest_gap": "null",
            "gap_irregularity": "null", "orders_so_far": "0", "orders_90d": "0", "orders_365d": "0",
            "days_since_first_order": "null", "orders_same_season": "null", "mean_order_value": "null",
            "spend_change": "null",
        },
        """
        with gaps as (
            select *, day - lag(day) over (partition by cut_date, customer_key order by day) as gap
            from churn_bought
        ),
        sums as (
            select cut_date, customer_key, count(*) as n, min(day) as first_day, max(day) as last_day,
                sum(gap) as gap_sum, sum(gap * gap) as gap_squares, max(gap) as longest, sum(value) as value,
                count(*) filter (day > cut_date - 90) as n_90, count(*) filter (day > cut_date - 365) as n_365,
                count(*) filter (day > cut_date - 365 and day <= cut_date - 365 + 90) as n_season,
                count(*) filter (day > cut_date - 180) as n_late,
                coalesce(sum(value) filter (day > cut_date - 180), 0) as value_late
            from gaps group by all
        )
        select cut_date, customer_key,
            cut_date - last_day as days_since_last_order,
            case when n > 1 then (cut_date - last_day) / greatest(1, gap_sum / (n - 1)) end as times_usual_gap,
            case when n > 2 then (cut_date - last_day) / greatest(1, longest) end as times_longest_gap,
            case when n > 3 then sqrt(greatest(0, (gap_squares - gap_sum * gap_sum / (n - 1)) / (n - 2)))
                / greatest(1, gap_sum / (n - 1)) end as gap_irregularity,
            n as orders_so_far, n_90 as orders_90d, n_365 as orders_365d,
            cut_date - first_day as days_since_first_order,
            case when first_day <= cut_date - 365 then n_season end as orders_same_season,
            value / n as mean_order_value,
            case when n_late >= 2 and n - n_late >= 2 and value > value_late
                then 100 * ((value_late / n_late) / ((value - value_late) / (n - n_late)) - 1) end as spend_change
        from sums
        """,
    ),
    Block(
        ("about_customers.fct_order_line",),
        {"returned_share": "0"},
        """
        select cut_date, customer_key,
            least(100, 100 * coalesce(-sum(value) filter (kind = 'return'), 0)
                / nullif(sum(value) filter (kind = 'sale'), 0)) as returned_share
        from asked join churn_line as fact using (customer_key)
        where known_from <= cut_date and day between cut_date - 365 and cut_date
        group by all
        """,
    ),
    Block(
        ("about_customers.fct_shipment",),
        {"failed_deliveries_180d": "0", "last_delivery_days_late": "null"},
        """
        select cut_date, customer_key,
            count(*) filter (is_failed and happened_on > cut_date - 180) as failed_deliveries_180d,
            max_by(days_late, (happened_on, days_late)) filter (days_late is not null) as last_delivery_days_late
        from asked join churn_shipment as fact using (customer_key)
        where known_from <= cut_date and happened_on between cut_date - 365 and cut_date
        group by all
        """,
    ),
    Block(
        ("about_customers.fct_interaction",),
        {"contacts_180d": "0", "visits_365d": "0", "last_contact_mood": "null", "known_employee_left": "null"},
        """
        select cut_date, customer_key,
            count(*) filter (happened_on > cut_date - 180) as contacts_180d,
            count(*) filter (channel = 'visit') as visits_365d,
            max_by(mood, (started_at, interaction_key)) filter (mood is not null) as last_contact_mood,
            max_by(case when left_on <= cut_date then 1 else 0 end, (started_at, interaction_key))
                filter (employee_key is not null) as known_employee_left
        from asked join churn_interaction as fact using (customer_key)
        where known_from <= cut_date and happened_on between cut_date - 365 and cut_date
        group by all
        """,
    ),
    Block(
        ("about_customers.fct_usage",),
        {"uses_90d": "0", "use_change": "null"},
        """
        with counts as (
            select cut_date, customer_key, count(*) filter (happened_on > cut_date - 90) as late,
                count(*) filter (happened_on <= cut_date - 90) as early
            from asked join churn_usage as fact using (customer_key)
            where known_from <= cut_date and happened_on > cut_date - 180 and happened_on <= cut_date
            group by all
        )
        select cut_date, customer_key, late as uses_90d,
            case when early >= 4 then 100 * (late / early - 1) end as use_change
        from counts
        """,
    ),
    Block(
        ("about_customers.fct_subscription",),
        {"open_subscriptions": "0", "days_to_contract_end": "null"},
        """
        with said as (
            select cut_date, subscription_key, max_by(ends_on, said_on) as ends_on
            from churn_cut join churn_contract_end on said_on <= cut_date group by all
        )
        select cut_date, customer_key, count(*) as open_subscriptions,
            min(said.ends_on - cut_date) filter (said.ends_on >= cut_date) as days_to_contract_end
        from asked join churn_subscription as fact using (customer_key)
        left join said using (cut_date, subscription_key)
        where known_from <= cut_date and started_on <= cut_date and over_from > cut_date
        group by all
        """,
    ),
    Block(
        ("for_customers.fct_knowledge_delivery",),
        {"articles_read_180d": "0"},
        """
        select cut_date, customer_key, count(*) as articles_read_180d
        from asked join churn_delivery as fact using (customer_key)
        where known_from <= cut_date and happened_on > cut_date - 180 and happened_on <= cut_date
        group by all
        """,
    ),
    Block(
        ("for_customers.fct_knowledge_search",),
        {"searches_in_vain_180d": "0"},
        """
        select cut_date, customer_key, count(*) as searches_in_vain_180d
        from asked join churn_search as fact using (customer_key)
        where known_from <= cut_date and happened_on > cut_date - 180 and happened_on <= cut_date
            and is_without_result
        group by all
        """,
    ),
    Block(
        ("from_customers.fct_complaint",),
        {
            "open_complaint_days": "null", "complaints_365d": "0", "bad_complaints_365d": "0",
            "days_since_bad_complaint": "null", "hours_to_first_action": "null",
        },
        """
        with reopened as (
            select complaint_key, min(happened_on) as reopened_on from churn_complaint_event group by all
        ),
        states as (
            select asked.cut_date, fact.*,
                coalesce(ended_on <= cut_date, not is_open) as is_over,
                coalesce(due_date < least(coalesce(ended_on, cut_date), cut_date), false)
                    or coalesce(is_disputed and ended_on <= cut_date, false)
                    or coalesce(reopened_on <= cut_date, false) as is_bad
            from asked join churn_complaint as fact using (customer_key)
            left join reopened using (complaint_key)
            where known_from <= cut_date and happened_on between cut_date - 730 and cut_date
        )
        select cut_date, customer_key,
            max(cut_date - happened_on) filter (not is_over) as open_complaint_days,
            count(*) filter (happened_on > cut_date - 365) as complaints_365d,
            count(*) filter (is_bad and happened_on > cut_date - 365) as bad_complaints_365d,
            min(cut_date - case when is_over and ended_on is not null then ended_on else cut_date end)
                filter (is_bad) as days_since_bad_complaint,
            max_by(minutes_to_first_action / 60, (happened_on, complaint_key))
                filter (first_action_date <= cut_date) as hours_to_first_action
        from states
        group by all
        """,
    ),
    Block(
        ("from_customers.fct_survey_answer",),
        {"last_nps_score": "null", "nps_change": "null"},
        """
        with ranked as (
            select asked.cut_date, asked.customer_key, fact.score,
                row_number() over (
                    partition by asked.cut_date, asked.customer_key order by happened_on desc, answer_key
                ) as recency
            from asked join churn_nps as fact using (customer_key)
            where known_from <= cut_date and happened_on between cut_date - 730 and cut_date
        )
        select cut_date, customer_key, max(score) filter (recency = 1) as last_nps_score,
            max(score) filter (recency = 1) - max(score) filter (recency = 2) as nps_change
        from ranked
        group by all
        """,
    ),
    Block(
        ("from_customers.fct_survey_invitation",),
        {"unanswered_invitations_365d": "0"},
        """
        select cut_date, customer_key,
            count(*) filter (answered_on is null or answered_on > cut_date) as unanswered_invitations_365d
        from asked join churn_invitation as fact using (customer_key)
        where known_from <= cut_date and happened_on between cut_date - 365 and cut_date - 14
        group by all
        """,
    ),
    Block(
        ("co_created.fct_contribution",),
        {"contributions_365d": "0"},
        """
        select cut_date, customer_key, count(*) as contributions_365d
        from asked join churn_contribution as fact using (customer_key)
        where known_from <= cut_date and happened_on > cut_date - 365 and happened_on <= cut_date
        group by all
        """,
    ),
)  # fmt: skip

# Name of the temporary table → (fact, its rows as the blocks want them, the raw log that says when one was first seen).
_FACTS: dict[str, tuple[str, str, str | None]] = {
    "churn_line": (
        "about_customers.fct_order_line",
        """select customer_key, order_date as day, line_kind as kind, sum(net_revenue) as value, {known} as known_from
        from {fact} where line_kind in ('sale', 'return') and not is_cancelled and {sample} group by all""",
        "order_line",
    ),
    "churn_shipment": (
        "about_customers.fct_shipment",
        """select customer_key, is_failed, case when not is_failed and delivered_date is not null then days_late end
            as days_late, greatest(coalesce(delivered_date, shipment_date), case when is_failed then promised_on end)
            as happened_on, {known} as known_from from {fact} where {sample}""",
        None,
    ),
    "churn_interaction": (
        "about_customers.fct_interaction",
        """select fact.customer_key, interaction_key, employee_key, employee.left_on, channel, started_at,
            case mood when 'negative' then -1 when 'neutral' then 0 when 'positive' then 1 end as mood,
            started_date as happened_on, {known} as known_from
        from {fact} left join core.dim_employee as employee using (employee_key) where {sample}""",
        None,
    ),
    "churn_usage": (
        "about_customers.fct_usage",
        "select customer_key, used_date as happened_on, {known} as known_from from {fact} where {sample}",
        None,
    ),
    "churn_subscription": (
        "about_customers.fct_subscription",
        """select customer_key, subscription_key, started_on,
            least(cancelled_on, ends_on + 1, date '9999-12-31') as over_from, {known} as known_from
        from {fact}
        where {sample} and (cancelled_on is not null or ends_on is not null
            or coalesce(status not in ('cancelled', 'canceled', 'lapsed'), true))""",
        "subscriptions",
    ),
    "churn_delivery": (
        "for_customers.fct_knowledge_delivery",
        "select customer_key, delivered_date as happened_on, {known} as known_from from {fact} where {sample}",
        None,
    ),
    "churn_search": (
        "for_customers.fct_knowledge_search",
        """select customer_key, is_without_result, searched_date as happened_on, {known} as known_from
        from {fact} where {sample}""",
        None,
    ),
    "churn_complaint": (
        "from_customers.fct_complaint",
        """select customer_key, complaint_key, received_date as happened_on, due_date, first_action_date,
            minutes_to_first_action, is_disputed, is_open, coalesce(resolved_date, closed_date) as ended_on,
            {known} as known_from
        from {fact} where {sample}""",
        "complaints",
    ),
    "churn_complaint_event": (
        "from_customers.fct_complaint_event",
        """select complaint_key, greatest(occurred_date, {known}) as happened_on
        from {fact} where event_type = 'reopened' and {sample}""",
        None,
    ),
    "churn_nps": (
        "from_customers.fct_survey_answer",
        """select fact.customer_key, answer_key, answer_value::double as score, responded_date as happened_on,
            {known} as known_from
        from {fact} join from_customers.dim_survey_question as question using (question_key)
        where construct = 'nps' and answer_value is not null and {sample}""",
        None,
    ),
    "churn_invitation": (
        "from_customers.fct_survey_invitation",
        """select fact.customer_key, invited_date as happened_on, answers.answered_on, {known} as known_from
        from {fact} left join (
            select invitation_key, min(responded_date) as answered_on from from_customers.fct_survey_response
            group by all
        ) as answers using (invitation_key)
        where {sample}""",
        None,
    ),
    "churn_contribution": (
        "co_created.fct_contribution",
        "select customer_key, contributed_date as happened_on, {known} as known_from from {fact} where {sample}",
        None,
    ),
}  # fmt: skip


FEATURES: tuple[str, ...] = ("no_order_by_rhythm", *(name for block in BLOCKS for name in block.features))
"""Every feature there is; the first is BG/NBD's, which `scoring` and `backtest` add."""


@dataclass(frozen=True)
class Rows:
    """Rows of `churn_frame` as arrays, in the order of cut and key."""

    cut: np.ndarray
    """Day of each row, datetime64[D]."""
    key: np.ndarray
    label: Floats
    """1 stayed away, 0 did not, NaN not known yet."""
    frame: Frame


@dataclass(frozen=True)
class States:
    """Distinct purchase states on one cut, for BG/NBD: days, and customers in each."""

    frequency: Floats
    recency: Floats
    age: Floats
    weight: Floats


def month_ends(first: date, last: date) -> list[date]:
    """The last days of months from `first` to `last`."""
    found, day = [], last.replace(day=1) - timedelta(days=1)
    if (last + timedelta(days=1)).day == 1:
        day = last
    while day >= first:
        found.append(day)
        day = day.replace(day=1) - timedelta(days=1)
    return found[::-1]


def first_purchase(connection: duckdb.DuckDBPyConnection) -> date | None:
    """Day of the first sale in the star; None where there is none."""
    return connection.execute(
        "select min(order_date) from about_customers.fct_order_line where line_kind = 'sale' and not is_cancelled"
    ).fetchone()[0]


def present_blocks(connection: duckdb.DuckDBPyConnection) -> list[Block]:
    """The blocks whose facts have rows."""
    filled = {fact: _has_rows(connection, fact) for block in BLOCKS for fact in block.needs}
    return [block for block in BLOCKS if all(filled[fact] for fact in block.needs)]


def build(
    connection: duckdb.DuckDBPyConnection,
    cuts: Sequence[date],
    night: date,
    *,
    zero_value_orders: str = "ignored",
    most_rows: int | None = None,
    known_by: date | None = None,
) -> None:
    """Make the temporary tables `churn_frame` and `churn_state` for some cuts.

    Args:
        cuts: none after `night`.
        night: as of when the star was built; labels whose window ends after it are null.
        most_rows: learn from a share of the customers where all would make more rows; None takes all.
        known_by: labels, too, look only at what was known on this day, and windows that end after it are
            null; None stands for the night.

    Raises:
        ValueError: a cut lies after the night.
    """
    known_by = known_by or night
    if any(cut > night for cut in cuts):
        raise ValueError("A cut lies after the night on which the star was built.")
    connection.execute(
        "create or replace temp table churn_cut as select unnest(?::date[]) as cut_date", [list(cuts)]
    )
    share = _share(connection, len(cuts), most_rows)
    sample = "fact.customer_key is not null"
    if share < 1:  # by the key's own hexadecimal digits, which no release of DuckDB changes
        sample += f" and ('0x' || left(md5(fact.customer_key), 4))::int < {round(65_536 * share)}"
    for table, (fact, sql, log) in _FACTS.items():
        if _has_rows(connection, fact):
            known = _known(connection, fact, log)
            text = sql.format(fact=known.source, known=known.expression, sample=sample)
        else:
            text = sql.format(fact=f"{fact} as fact", known="fact.known_on", sample="false")
            if not _exists(connection, fact):
                if table in _EMPTY:
                    connection.execute(f"create or replace temp table {table} as {_EMPTY[table]}")
                continue
        connection.execute(f"create or replace temp table {table} as {text}")
    _make_contract_ends(connection)
    counted = ">=" if zero_value_orders == "counted" else ">"
    _make_population(connection, min(known_by, night), counted)
    _make_frame(connection)


def read(connection: duckdb.DuckDBPyConnection, where: str = "true") -> Rows:
    """The rows of `churn_frame`, all or some."""
    columns = connection.execute(
        f"from churn_frame where {where} order by cut_date, customer_key"
    ).fetchnumpy()
    cut, key, label = columns.pop("cut_date"), columns.pop("customer_key"), columns.pop("label")
    values = [_floats(column) for column in columns.values()]
    return Rows(
        np.asarray(cut).astype("datetime64[D]"), np.asarray(key), _floats(label),
        Frame(tuple(columns), np.column_stack(values) if values else np.empty((len(key), 0))),
    )  # fmt: skip


def states(connection: duckdb.DuckDBPyConnection, cut: date) -> States:
    """The purchase states of everybody who had bought by a cut, active or not."""
    columns = connection.execute(
        "select frequency, recency, age, weight from churn_state where cut_date = ? order by all", [cut]
    ).fetchnumpy()
    return States(*(_floats(column) for column in columns.values()))


def _make_population(connection: duckdb.DuckDBPyConnection, known_by: date, counted: str) -> None:
    connection.execute(
        f"""
        create or replace temp table churn_bought as
        select cut_date, customer_key, day, sum(value) as value
        from churn_cut join churn_line on day <= cut_date and known_from <= cut_date
        where kind = 'sale'
        group by all
        having sum(value) {counted} 0
        """
    )
    connection.execute(
        """
        create or replace temp table churn_state as
        select cut_date, frequency, recency, age, count(*) as weight
        from (
            select cut_date, count(*) - 1 as frequency, max(day) - min(day) as recency, cut_date - min(day) as age
            from churn_bought group by cut_date, customer_key
        )
        group by all
        """
    )
    allowed = (
        "semi join (from core.dim_customer_current where is_profiling_allowed and not is_deleted) using (customer_key)"
        if _exists(connection, "core.dim_customer_current")
        else ""
    )
    connection.execute(
        f"""
        create or replace temp table churn_customer as
        with buyers as (
            select cut_date, customer_key from churn_bought
            group by all having max(day) >= cut_date - {ACTIVE_DAYS}
        ),
        subscribers as (
            select distinct cut_date, customer_key from churn_cut join churn_subscription
                on known_from <= cut_date and started_on <= cut_date and over_from > cut_date
        ),
        active as (
            select cut_date, customer_key, buyers.customer_key is null as is_contract_only
            from buyers full join subscribers using (cut_date, customer_key)
        ),
        orders as (
            select customer_key, day from churn_line where kind = 'sale' and known_from <= date '{known_by}'
            group by all having sum(value) {counted} 0
        ),
        came_back as (
            select distinct cut_date, customer_key from active join orders using (customer_key)
            where day > cut_date and day <= cut_date + {HORIZON_DAYS}
        ),
        stayed as (
            select distinct cut_date, customer_key from active join churn_subscription using (customer_key)
            where is_contract_only and started_on <= cut_date + {HORIZON_DAYS}
                and over_from > cut_date + {HORIZON_DAYS}
        )
        select active.cut_date, active.customer_key, is_contract_only,
            case when active.cut_date + {HORIZON_DAYS} > date '{known_by}' then null
                when came_back.customer_key is not null or stayed.customer_key is not null then 0.0 else 1.0 end
                as label
        from (from active {allowed}) as active
        left join came_back using (cut_date, customer_key)
        left join stayed using (cut_date, customer_key)
        """
    )


def _make_contract_ends(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `churn_contract_end`: what was said of the end of each subscription, and since when.

    A contract that is renewed is given another end; read back, it would tell on the cut that it was going to be. So
    an end counts from the day that the log first saw it, also what came with the first load.
    """
    fact = "about_customers.fct_subscription"
    if not _exists(connection, fact):
        return
    if _exists(connection, "raw_crm.subscriptions"):
        said = """select md5('crm|subscriptions|' || row_key) as subscription_key, ends_on, known_on as said_on
            from raw_crm.subscriptions"""
    else:
        said = f"select subscription_key, ends_on, known_on as said_on from {fact}"
    connection.execute(f"create or replace temp table churn_contract_end as {said}")


def _make_frame(connection: duckdb.DuckDBPyConnection) -> None:
    columns, joins = [], []
    for number, block in enumerate(present_blocks(connection)):
        name = f"churn_block_{number}"
        connection.execute(
            f"create or replace temp table {name} as with asked as (select cut_date, customer_key from churn_customer) "
            f"select * from ({block.sql})"
        )
        joins.append(f"left join {name} using (cut_date, customer_key)")
        columns += [
            f"coalesce({name}.{feature}, {absent})::double as {feature}"
            for feature, absent in block.features.items()
        ]
    connection.execute(
        "create or replace temp table churn_frame as select "
        + ", ".join(["cut_date", "customer_key", "label", *columns])
        + " from churn_customer "
        + " ".join(joins)
    )


@dataclass(frozen=True)
class _Known:
    source: str
    expression: str


def _known(connection: duckdb.DuckDBPyConnection, fact: str, log: str | None) -> _Known:
    """The fact, aliased `fact`, joined to what its raw log says, and since when a row of it counts as known."""
    (first,) = connection.execute(f"select min(known_on) from {fact}").fetchone()
    source, later = f"{fact} as fact", "fact.known_on"
    if log and _exists(connection, "raw_crm.orders"):
        if log == "order_line":
            source += f""" left join (
                select md5('crm|order_lines|' || row_key) as order_line_key, min(known_on) as seen_on
                from raw_crm.order_lines group by row_key having max(known_on) > date '{first}'
            ) as line using (order_line_key)
            left join (
                select trim(order_id) as order_id, min(known_on) as seen_on
                from raw_crm.orders group by trim(order_id)
            ) as header using (order_id)"""
            later = "coalesce(greatest(line.seen_on, header.seen_on), fact.known_on)"
        else:
            schema, key = (
                ("raw_complaints", "complaint_key")
                if log == "complaints"
                else ("raw_crm", "subscription_key")
            )
            source += f""" left join (
                select md5('{schema[4:]}|{log}|' || row_key) as {key}, min(known_on) as seen_on
                from {schema}.{log} group by row_key having max(known_on) > date '{first}'
            ) as log using ({key})"""
            later = "coalesce(log.seen_on, fact.known_on)"
    expression = (
        f"case when fact.known_on <= date '{first}' then {_LONG_AGO} "
        f"when {later} <= date '{first}' then {_LONG_AGO} else {later} end"
    )
    return _Known(source, expression)


def _share(connection: duckdb.DuckDBPyConnection, cuts: int, most_rows: int | None) -> float:
    if most_rows is None:
        return 1.0
    (customers,) = connection.execute(
        "select count(distinct customer_key) from about_customers.fct_order_line"
    ).fetchone()
    return min(1.0, most_rows / max(1, customers * cuts))


def _exists(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(
        connection.execute(
            "select 1 from information_schema.tables where table_schema || '.' || table_name = ?", [table]
        ).fetchone()
    )


def _has_rows(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    return _exists(connection, table) and bool(
        connection.execute(f"select 1 from {table} limit 1").fetchone()
    )


def _floats(column: np.ndarray) -> Floats:
    """A column of DuckDB as floats, NaN for null."""
    if isinstance(column, np.ma.MaskedArray):
        return column.astype(float).filled(np.nan)
    return np.asarray(column, dtype=float)


_EMPTY: dict[str, str] = {
    "churn_subscription": """select null::varchar as customer_key, null::varchar as subscription_key,
        null::date as started_on, null::date as over_from, null::date as known_from where false""",
    "churn_complaint_event": "select null::varchar as complaint_key, null::date as happened_on where false",
}
"""Of a star without some facts: what the population and the blocks on other facts still read."""
