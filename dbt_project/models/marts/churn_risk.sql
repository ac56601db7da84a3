-- Grain: one row per active current customer who has not opted out of profiling.
-- Active: a sale order, not cancelled, on the as-of date or in the 365 days before; or an open subscription.
-- The three strongest readings stand as drivers, ties in the order of the rules.

with dim_customer_current as (

    select * from {{ ref('dim_customer_current') }}

),

fct_order_line as (

    select * from {{ ref('fct_order_line') }}

),

fct_subscription as (

    select * from {{ ref('fct_subscription') }}

),

churn_reading as (

    select * from {{ ref('churn_reading') }}

),

churn as (

    select * from {{ source('scores', 'churn') }}

),

last_orders as (

    select
        customer_key,
        max(order_date) as last_order_date
    from fct_order_line
    where line_kind = 'sale' and not is_cancelled and order_date <= {{ as_of_date() }}
    group by customer_key

),

open_subscriptions as (

    select distinct customer_key
    from fct_subscription
    where is_open

),

active_customers as (

    select dim_customer_current.customer_key
    from dim_customer_current
    left join last_orders on dim_customer_current.customer_key = last_orders.customer_key
    left join open_subscriptions on dim_customer_current.customer_key = open_subscriptions.customer_key
    where
        dim_customer_current.is_profiling_allowed
        and not dim_customer_current.is_deleted
        and (
            last_orders.last_order_date >= {{ add_days(as_of_date(), -365) }}
            or open_subscriptions.customer_key is not null
        )

),

ranked_readings as (

    select
        customer_key,
        reading,
        row_number() over (partition by customer_key order by strength desc, rule_number asc) as driver_rank
    from churn_reading

),

drivers as (

    select
        customer_key,
        max(case when driver_rank = 1 then reading end) as driver_1,
        max(case when driver_rank = 2 then reading end) as driver_2,
        max(case when driver_rank = 3 then reading end) as driver_3
    from ranked_readings
    group by customer_key

),

risks as (

    select
        {{ as_of_date() }} as as_of_date,
        active_customers.customer_key,
        churn.churn_probability_90d,
        case
            when churn.churn_probability_90d >= {{ var('risk_band_high') }} then 'high'
            when churn.churn_probability_90d >= {{ var('risk_band_medium') }} then 'medium'
            when churn.churn_probability_90d < {{ var('risk_band_medium') }} then 'low'
        end as risk_band,
        drivers.driver_1,
        drivers.driver_2,
        drivers.driver_3,
        churn.scored_as_of_date,
        churn.model_run_id
    from active_customers
    left join churn on active_customers.customer_key = churn.customer_key
    left join drivers on active_customers.customer_key = drivers.customer_key

)

select * from risks
