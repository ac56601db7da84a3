-- Grain: one row per customer and rule that applies: what points to a customer staying away.
--
-- Readings are taken from the customer's own state, not from the model. Each has a strength from 0 to 1; the
-- strengths are judgement and order the reasons, while the probability comes from the model.
--   1 silence    time since the last purchase at least 1.5 times the usual gap; 1 - 1 / times
--   2 single     only one purchase so far; 0.4
--   3 delivery   last shipment of the last 180 days: failed, 0.6; n >= 3 days late, n / 60, at most 0.5
--   4 spend      per purchase day at least 25 % lower in the last 180 days than before, 2 days each; the fall
--   5 contract   the next open subscription to end does so within 60 days; 1 - days / 90
--   6 returns    at least 30 % of sales came back; that share, at most 1
--   7 mood       the last contact of the last 180 days left a negative mood; 0.5
--   8 use        at least 50 % fewer uses in the last 90 days than the 4 or more of the 90 before; the fall

with rfm_state as (

    select * from {{ ref('rfm_state') }}

),

fct_order_line as (

    select * from {{ ref('fct_order_line') }}

),

fct_shipment as (

    select * from {{ ref('fct_shipment') }}

),

fct_subscription as (

    select * from {{ ref('fct_subscription') }}

),

fct_interaction as (

    select * from {{ ref('fct_interaction') }}

),

fct_usage as (

    select * from {{ ref('fct_usage') }}

),

next_ends as (

    select
        customer_key,
        min(ends_on) as next_ends_on
    from fct_subscription
    where customer_key is not null and is_open
    group by customer_key

),

silences as (

    select
        customer_key,
        days_since_last_order,
        {{ ratio('first_to_last_order_days', 'frequency') }} as usual_gap_days,
        {{ ratio('days_since_last_order * frequency', 'first_to_last_order_days') }} as times_usual_gap
    from rfm_state
    where frequency > 0

),

ranked_shipments as (

    select
        customer_key,
        is_failed,
        days_late,
        row_number() over (
            partition by customer_key order by shipment_date desc nulls last, known_on desc, shipment_key asc
        ) as recency
    from fct_shipment
    where
        customer_key is not null
        and shipment_date between {{ add_days(as_of_date(), -180) }} and {{ as_of_date() }}

),

purchase_days as (

    select
        customer_key,
        order_date > {{ add_days(as_of_date(), -180) }} as is_recent,
        sum(net_revenue) as purchase_value
    from fct_order_line
    where
        customer_key is not null
        and line_kind = 'sale'
        and not is_cancelled
        and order_date <= {{ as_of_date() }}
    group by customer_key, order_date
    having sum(net_revenue) > 0

),

spend_means as (

    select
        customer_key,
        sum(case when is_recent then 1 else 0 end) as recent_days,
        sum(case when is_recent then 0 else 1 end) as earlier_days,
        sum(case when is_recent then purchase_value end) as recent_value,
        sum(case when is_recent then null else purchase_value end) as earlier_value
    from purchase_days
    group by customer_key

),

spend_changes as (

    select
        customer_key,
        recent_days,
        earlier_days,
        1 - {{ ratio(
            'cast(recent_value as double) * earlier_days', 'cast(earlier_value as double) * recent_days'
        ) }} as fall
    from spend_means

),

ranked_interactions as (

    select
        customer_key,
        mood,
        row_number() over (
            partition by customer_key order by started_at desc nulls last, known_on desc, interaction_key asc
        ) as recency
    from fct_interaction
    where
        customer_key is not null
        and started_date between {{ add_days(as_of_date(), -180) }} and {{ as_of_date() }}

),

use_counts as (

    select
        customer_key,
        sum(case when used_date > {{ add_days(as_of_date(), -90) }} then 1 else 0 end) as recent_uses,
        sum(case when used_date > {{ add_days(as_of_date(), -90) }} then 0 else 1 end) as earlier_uses
    from fct_usage
    where
        customer_key is not null
        and used_date > {{ add_days(as_of_date(), -180) }}
        and used_date <= {{ as_of_date() }}
    group by customer_key

),

use_changes as (

    select
        customer_key,
        earlier_uses,
        1 - {{ ratio('recent_uses', 'earlier_uses') }} as fall
    from use_counts

),

readings as (

    select
        customer_key,
        1 as rule_number,
        1 - 1 / times_usual_gap as strength,
        'no order for ' || cast(days_since_last_order as string) || ' days, '
        || cast(cast(times_usual_gap as decimal(18, 1)) as string) || ' times the usual gap of '
        || cast(cast(usual_gap_days as decimal(18, 0)) as string) || ' days' as reading
    from silences
    where times_usual_gap >= 1.5

    union all

    select
        customer_key,
        2 as rule_number,
        cast(0.4 as double) as strength,
        'only one order so far' as reading
    from rfm_state
    where frequency = 0

    union all

    select
        customer_key,
        3 as rule_number,
        case
            when is_failed then cast(0.6 as double)
            when days_late >= 30 then cast(0.5 as double)
            else cast(days_late as double) / 60
        end as strength,
        case
            when is_failed then 'last delivery failed'
            else 'last delivery came ' || cast(days_late as string) || ' days late'
        end as reading
    from ranked_shipments
    where recency = 1 and (is_failed or days_late >= 3)

    union all

    select
        customer_key,
        4 as rule_number,
        fall as strength,
        'spend per order fell by ' || cast(cast(100 * fall as decimal(18, 0)) as string)
        || ' % in the last 180 days' as reading
    from spend_changes
    where recent_days >= 2 and earlier_days >= 2 and fall >= 0.25

    union all

    select
        customer_key,
        5 as rule_number,
        1 - cast({{ days_between(as_of_date(), 'next_ends_on') }} as double) / 90 as strength,
        case {{ days_between(as_of_date(), 'next_ends_on') }}
            when 0 then 'contract ends today'
            when 1 then 'contract ends in 1 day'
            else
                'contract ends in '
                || cast({{ days_between(as_of_date(), 'next_ends_on') }} as string) || ' days'
        end as reading
    from next_ends
    where next_ends_on <= {{ add_days(as_of_date(), 60) }}

    union all

    select
        customer_key,
        6 as rule_number,
        case
            when returns_value >= gross_sales then cast(1 as double)
            else {{ ratio('returns_value', 'gross_sales') }}
        end as strength,
        'returned '
        || cast(cast({{ ratio('100 * returns_value', 'gross_sales') }} as decimal(18, 0)) as string)
        || ' % of what was bought' as reading
    from rfm_state
    where gross_sales > 0 and returns_value >= 0.3 * gross_sales

    union all

    select
        customer_key,
        7 as rule_number,
        cast(0.5 as double) as strength,
        'last contact left a negative mood' as reading
    from ranked_interactions
    where recency = 1 and mood = 'negative'

    union all

    select
        customer_key,
        8 as rule_number,
        fall as strength,
        'use fell by ' || cast(cast(100 * fall as decimal(18, 0)) as string)
        || ' % against the 90 days before' as reading
    from use_changes
    where earlier_uses >= 4 and fall >= 0.5

),

typed as (

    select
        customer_key,
        cast(rule_number as bigint) as rule_number,
        strength,
        reading
    from readings

)

select * from typed
