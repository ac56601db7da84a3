-- Grain: one row per active current customer who has not opted out of profiling.
-- Active: a sale order, not cancelled, on the as-of date or in the 365 days before; or an open subscription.
-- Drivers: the three that raise the log-odds of the model most; of a customer whom only BG/NBD scored, the
-- three strongest readings of the rules, ties in their order.
-- Worth: an offer costs churn_save_cost and keeps churn_save_rate of those who would stay away; what a
-- customer brought in the last 365 days is at stake.
-- Loss bands: customers ordered by expected loss; those who together bear the first half of it are high, up
-- to 80 % medium, the others low. What counts is the running total before a customer's own loss.

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

churn_driver as (

    select * from {{ ref('churn_driver') }}

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

revenues as (

    select
        customer_key,
        sum(net_revenue) as net_revenue_365d
    from fct_order_line
    where
        not is_cancelled
        and order_date > {{ add_days(as_of_date(), -365) }}
        and order_date <= {{ as_of_date() }}
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

rule_drivers as (

    select
        customer_key,
        max(case when driver_rank = 1 then reading end) as driver_1,
        max(case when driver_rank = 2 then reading end) as driver_2,
        max(case when driver_rank = 3 then reading end) as driver_3
    from ranked_readings
    group by customer_key

),

model_drivers as (

    select
        customer_key,
        max(case when driver_rank = 1 then reading end) as driver_1,
        max(case when driver_rank = 2 then reading end) as driver_2,
        max(case when driver_rank = 3 then reading end) as driver_3
    from churn_driver
    group by customer_key
    having max(case when driver in ('base', 'no_order_by_rhythm') then 0 else 1 end) = 1

),

explained as (

    select
        active_customers.customer_key,
        churn.churn_probability_90d,
        case
            when model_drivers.customer_key is null then rule_drivers.driver_1
            else model_drivers.driver_1
        end as driver_1,
        case
            when model_drivers.customer_key is null then rule_drivers.driver_2
            else model_drivers.driver_2
        end as driver_2,
        case
            when model_drivers.customer_key is null then rule_drivers.driver_3
            else model_drivers.driver_3
        end as driver_3,
        case
            when revenues.net_revenue_365d > 0 then cast(revenues.net_revenue_365d as decimal(18, 4))
            else cast(0 as decimal(18, 4))
        end as value_at_stake,
        churn.scored_as_of_date,
        churn.model_run_id
    from active_customers
    left join churn on active_customers.customer_key = churn.customer_key
    left join model_drivers on active_customers.customer_key = model_drivers.customer_key
    left join rule_drivers on active_customers.customer_key = rule_drivers.customer_key
    left join revenues on active_customers.customer_key = revenues.customer_key

),

risks as (

    select
        {{ as_of_date() }} as as_of_date,
        customer_key,
        churn_probability_90d,
        case
            when churn_probability_90d >= {{ var('risk_band_high') }} then 'high'
            when churn_probability_90d >= {{ var('risk_band_medium') }} then 'medium'
            when churn_probability_90d < {{ var('risk_band_medium') }} then 'low'
        end as risk_band,
        driver_1,
        driver_2,
        driver_3,
        value_at_stake,
        cast(churn_probability_90d * cast(value_at_stake as double) as decimal(18, 4)) as expected_loss,
        cast(
            churn_probability_90d * {{ var('churn_save_rate') }} * cast(value_at_stake as double)
            - {{ var('churn_save_cost') }} as decimal(18, 4)
        ) as saving_is_worth,
        case
            when
                value_at_stake > 0
                and value_at_stake * {{ var('churn_save_rate') }} >= {{ var('churn_save_cost') }}
                then
                    cast({{ var('churn_save_cost') }} as double)
                    / ({{ var('churn_save_rate') }} * cast(value_at_stake as double))
        end as worth_saving_from,
        scored_as_of_date,
        model_run_id
    from explained

),

cumulated as (

    select
        risks.*,
        sum(expected_loss) over () as total_loss,
        coalesce(
            sum(expected_loss) over (
                order by expected_loss desc nulls last, customer_key asc
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as loss_before
    from risks

),

banded as (

    select
        as_of_date,
        customer_key,
        churn_probability_90d,
        risk_band,
        driver_1,
        driver_2,
        driver_3,
        value_at_stake,
        expected_loss,
        case
            when expected_loss is null then null
            when loss_before < {{ var('loss_share_high') }} * total_loss then 'high'
            when loss_before < {{ var('loss_share_medium') }} * total_loss then 'medium'
            else 'low'
        end as loss_band,
        saving_is_worth,
        worth_saving_from,
        scored_as_of_date,
        model_run_id
    from cumulated

)

select * from banded
