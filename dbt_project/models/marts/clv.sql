-- Grain: one row per current customer with a purchase who has not opted out of profiling.
-- clv_segment is steadied: of the segments at the last three month-ends the one that two of them share, else
-- the latest, so that one odd month moves nobody; a customer new since then has the segment of the night.
-- Patterns, the first that holds:
--   one_time  no purchase after the first
--   seasonal  3 purchases or more in 2 years or more, three quarters of them in the same quarter of the year
--   lapsing   silent for more than twice the usual gap, and 30 days
--   growing   1.5 times as much in the last 180 days as in the 180 days before them, and something in both
--   steady    every other

with rfm_state as (

    select * from {{ ref('rfm_state') }}

),

dim_customer_current as (

    select * from {{ ref('dim_customer_current') }}

),

scores as (

    select * from {{ source('scores', 'clv') }}

),

purchase as (

    select * from {{ ref('purchase') }}

),

customer_score_history as (

    select * from {{ ref('customer_score_history') }}

),

month_end_segments as (

    select
        customer_key,
        clv_segment,
        row_number() over (partition by customer_key order by as_of_date desc) as month_end_number
    from customer_score_history
    where
        clv_segment is not null
        and {{ month_start(add_days('as_of_date', 1)) }} = {{ add_days('as_of_date', 1) }}

),

segments as (

    select
        customer_score_history.customer_key,
        customer_score_history.clv_segment as clv_segment_today,
        case
            when latest.clv_segment is null then customer_score_history.clv_segment
            when earlier.clv_segment = earliest.clv_segment then earlier.clv_segment
            else latest.clv_segment
        end as clv_segment
    from customer_score_history
    left join month_end_segments as latest
        on customer_score_history.customer_key = latest.customer_key and latest.month_end_number = 1
    left join month_end_segments as earlier
        on customer_score_history.customer_key = earlier.customer_key and earlier.month_end_number = 2
    left join month_end_segments as earliest
        on customer_score_history.customer_key = earliest.customer_key and earliest.month_end_number = 3
    where customer_score_history.as_of_date = {{ as_of_date() }}

),

purchase_counts as (

    select
        customer_key,
        count(distinct extract(year from order_date)) as years,
        sum(case when extract(quarter from order_date) = 1 then 1 else 0 end) as in_first_quarter,
        sum(case when extract(quarter from order_date) = 2 then 1 else 0 end) as in_second_quarter,
        sum(case when extract(quarter from order_date) = 3 then 1 else 0 end) as in_third_quarter,
        sum(case when extract(quarter from order_date) = 4 then 1 else 0 end) as in_fourth_quarter,
        sum(
            case when order_date > {{ add_days(as_of_date(), -180) }} then purchase_value end
        ) as recent_value,
        sum(
            case
                when
                    order_date > {{ add_days(as_of_date(), -360) }}
                    and order_date <= {{ add_days(as_of_date(), -180) }}
                    then purchase_value
            end
        ) as earlier_value
    from purchase
    group by customer_key

),

scored as (

    select
        rfm_state.customer_key,
        rfm_state.frequency,
        rfm_state.first_to_last_order_days,
        rfm_state.days_since_last_order,
        rfm_state.age_days,
        rfm_state.mean_purchase_value as avg_order_value,
        scores.p_alive,
        scores.expected_orders_90d,
        scores.expected_orders_365d,
        cast(scores.clv_90d as decimal(18, 4)) as clv_90d,
        cast(scores.expected_order_value as decimal(18, 4)) as expected_order_value,
        cast(scores.clv_365d as decimal(18, 4)) as clv_365d,
        cast(scores.clv_365d_low as decimal(18, 4)) as clv_365d_low,
        cast(scores.clv_365d_high as decimal(18, 4)) as clv_365d_high,
        cast(scores.clv_lifetime as decimal(18, 4)) as clv_lifetime,
        scores.value_basis,
        coalesce(scores.currency_code, {{ reporting_currency() }}) as currency_code,
        scores.scored_as_of_date,
        scores.model_run_id,
        scores.remark as score_remark,
        segments.clv_segment,
        segments.clv_segment_today,
        case
            when rfm_state.frequency = 0 then 'one_time'
            when
                rfm_state.frequency >= 2 and purchase_counts.years >= 2
                and greatest(
                    purchase_counts.in_first_quarter, purchase_counts.in_second_quarter,
                    purchase_counts.in_third_quarter, purchase_counts.in_fourth_quarter
                ) >= 0.75 * (rfm_state.frequency + 1)
                then 'seasonal'
            when
                rfm_state.days_since_last_order > 30
                and rfm_state.days_since_last_order * rfm_state.frequency
                > 2 * rfm_state.first_to_last_order_days
                then 'lapsing'
            when purchase_counts.recent_value >= 1.5 * purchase_counts.earlier_value then 'growing'
            else 'steady'
        end as behaviour_pattern
    from rfm_state
    inner join dim_customer_current on rfm_state.customer_key = dim_customer_current.customer_key
    left join scores on rfm_state.customer_key = scores.customer_key
    left join segments on rfm_state.customer_key = segments.customer_key
    left join purchase_counts on rfm_state.customer_key = purchase_counts.customer_key
    where dim_customer_current.is_profiling_allowed and not dim_customer_current.is_deleted

),

dated as (

    select
        {{ as_of_date() }} as as_of_date,
        customer_key,
        frequency,
        first_to_last_order_days,
        days_since_last_order,
        age_days,
        avg_order_value,
        p_alive,
        expected_orders_90d,
        expected_orders_365d,
        expected_order_value,
        clv_90d,
        clv_365d,
        clv_365d_low,
        clv_365d_high,
        clv_lifetime,
        value_basis,
        currency_code,
        case when clv_365d is not null then coalesce(clv_segment, clv_segment_today) end as clv_segment,
        clv_segment_today,
        behaviour_pattern,
        score_remark,
        scored_as_of_date,
        model_run_id
    from scored

)

select * from dated
