-- Grain: one row per current customer who has not opted out of profiling and as-of date: the last month-ends,
-- and the night itself. The model in use says it of all dates, so what moves is customers and not the model.
-- Segments: customers of one date ordered by value; those who together bring the first half of all value are
-- key, up to 80 % core, up to 95 % develop, the others tail. What counts is the running total before a
-- customer's own value, so that one customer with most of all value is key. Without a score there is none.

with dim_customer_current as (

    select * from {{ ref('dim_customer_current') }}

),

clv as (

    select * from {{ source('scores', 'clv') }}

),

churn as (

    select * from {{ source('scores', 'churn') }}

),

month_end as (

    select * from {{ source('scores', 'month_end') }}

),

scores as (

    select
        as_of_date,
        customer_key,
        cast(clv_365d as decimal(18, 4)) as clv_365d,
        churn_probability_90d
    from month_end
    where as_of_date < {{ as_of_date() }}

    union all

    select
        {{ as_of_date() }} as as_of_date,
        clv.customer_key,
        cast(clv.clv_365d as decimal(18, 4)) as clv_365d,
        churn.churn_probability_90d
    from clv
    left join churn on clv.customer_key = churn.customer_key

),

valued as (

    select
        scores.as_of_date,
        scores.customer_key,
        scores.clv_365d,
        scores.churn_probability_90d,
        case when scores.clv_365d > 0 then scores.clv_365d else cast(0 as decimal(18, 4)) end as value_365d
    from scores
    inner join dim_customer_current on scores.customer_key = dim_customer_current.customer_key
    where dim_customer_current.is_profiling_allowed and not dim_customer_current.is_deleted

),

cumulated as (

    select
        valued.*,
        sum(value_365d) over (partition by as_of_date) as total_value,
        coalesce(
            sum(value_365d) over (
                partition by as_of_date
                order by value_365d desc, customer_key asc
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as value_before
    from valued

),

segmented as (

    select
        as_of_date,
        customer_key,
        clv_365d,
        churn_probability_90d,
        case
            when clv_365d is null then null
            when value_before < {{ var('clv_share_key') }} * total_value then 'key'
            when value_before < {{ var('clv_share_core') }} * total_value then 'core'
            when value_before < {{ var('clv_share_develop') }} * total_value then 'develop'
            else 'tail'
        end as clv_segment,
        case
            when churn_probability_90d >= {{ var('risk_band_high') }} then 'high'
            when churn_probability_90d >= {{ var('risk_band_medium') }} then 'medium'
            when churn_probability_90d < {{ var('risk_band_medium') }} then 'low'
        end as risk_band
    from cumulated

)

select * from segmented
