"""The catalogue of features: for each kind of fact, what it says of a customer as of a cut, in SQL.

The seed `churn_feature` describes each in words; `population` joins them into `churn_frame`.
"""

from dataclasses import dataclass


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
            "open_complaint_days": "null", "complaints_365d": "0", "bad_complaints_since_order": "0",
            "hours_to_first_action": "null",
        },
        """
        with reopened as (
            select cut_date, complaint_key,
                max(happened_on) filter (event_type = 'reopened' and happened_on <= cut_date) as reopened_on,
                bool_or(event_type = 'reopened' and happened_on > cut_date) as is_reopened_later,
                coalesce(
                    max_by(struct_pack(day := happened_on, moment := occurred_at), occurred_at)
                        filter (event_type = 'resolved' and happened_on <= cut_date),
                    max_by(struct_pack(day := happened_on, moment := occurred_at), occurred_at)
                        filter (event_type = 'closed' and happened_on <= cut_date)
                ) as answer
            from churn_cut, churn_complaint_event
            where complaint_key in (select complaint_key from churn_complaint_event where event_type = 'reopened')
            group by all
        ),
        last_order as (
            select cut_date, customer_key, max(day) as ordered_on from churn_bought group by all
        ),
        states as (
            select asked.cut_date, fact.* exclude (ended_on), ordered_on, reopened_on is not null as was_reopened,
                coalesce(is_reopened_later, false) as is_reopened_later, answer.moment as answered_at,
                -- a complaint that is reopened after the cut ended on it as its events say
                case when is_reopened_later is not true then ended_on
                    when answer.day >= coalesce(reopened_on, answer.day) then answer.day end as ended_on
            from asked join churn_complaint as fact using (customer_key)
            left join last_order using (cut_date, customer_key)
            left join reopened using (cut_date, complaint_key)
            where known_from <= cut_date and happened_on between cut_date - 730 and cut_date
        ),
        judged as (
            select *, coalesce(ended_on <= cut_date, not is_open and not is_reopened_later) as is_over,
                was_reopened or coalesce(
                    case when not is_over then due_date < cut_date
                        when is_reopened_later then answered_at > due_at
                        else coalesce(is_sla_breached, false) or coalesce(is_disputed, false) end, false
                ) as is_bad
            from states
        )
        select cut_date, customer_key,
            max(cut_date - happened_on) filter (not is_over) as open_complaint_days,
            count(*) filter (happened_on > cut_date - 365) as complaints_365d,
            count(*) filter (
                is_bad and (not is_over or ordered_on is null or coalesce(ended_on, happened_on) >= ordered_on)
            ) as bad_complaints_since_order,
            max_by(minutes_to_first_action / 60, (happened_on, complaint_key))
                filter (first_action_date <= cut_date) as hours_to_first_action
        from judged
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


FEATURES: tuple[str, ...] = ("no_order_by_rhythm", *(name for block in BLOCKS for name in block.features))
"""Every feature there is; the first is BG/NBD's, which `scoring` and `backtest` add."""
