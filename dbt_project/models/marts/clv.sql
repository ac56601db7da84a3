-- Grain: one row per current customer with a purchase who has not opted out of profiling.
-- Segments: customers ordered by value; those who together bring the first half of all value are key, up to
-- 80 % core, up to 95 % develop, the others tail. What counts is the running total before a customer's own
-- value, so that one customer with most of all value is key. Without a score there is no segment.

with rfm_state as (

    select * from {{ ref('rfm_state') }}

),

dim_customer_current as (

    select * from {{ ref('dim_customer_current') }}

),

scores as (

    select * from {{ source('scores', 'clv') }}

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
        cast(scores.expected_order_value as decimal(18, 4)) as expected_order_value,
        cast(scores.clv_365d as decimal(18, 4)) as clv_365d,
        cast(scores.clv_365d_low as decimal(18, 4)) as clv_365d_low,
        cast(scores.clv_365d_high as decimal(18, 4)) as clv_365d_high,
        cast(scores.clv_lifetime as decimal(18, 4)) as clv_lifetime,
        scores.value_basis,
        coalesce(scores.currency_code, {{ reporting_currency() }}) as currency_code,
        scores.scored_as_of_date,
        scores.model_run_id
    from rfm_state
    inner join dim_customer_current on rfm_state.customer_key = dim_customer_current.customer_key
    left join scores on rfm_state.customer_key = scores.customer_key
    where dim_customer_current.is_profiling_allowed and not dim_customer_current.is_deleted

),

valued as (

    select
        scored.*,
        case when clv_365d > 0 then clv_365d else cast(0 as decimal(18, 4)) end as value_365d
    from scored

),

cumulated as (

    select
        valued.*,
        sum(value_365d) over () as total_value,
        coalesce(
            sum(value_365d) over (
                order by value_365d desc, customer_key asc
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as value_before
    from valued

),

segmented as (

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
        clv_365d,
        clv_365d_low,
        clv_365d_high,
        clv_lifetime,
        value_basis,
        currency_code,
        case
            when clv_365d is null then null
            when value_before < {{ var('clv_share_key') }} * total_value then 'key'
            when value_before < {{ var('clv_share_core') }} * total_value then 'core'
            when value_before < {{ var('clv_share_develop') }} * total_value then 'develop'
            else 'tail'
        end as clv_segment,
        scored_as_of_date,
        model_run_id
    from cumulated

)

select * from segmented
