{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook=['{{ forget_changed_histories() }}', '{{ forget_changed_rows() }}']
) }}

-- Grain: one row per customer and day with a purchase; those of customers whose lines have changed are made
-- anew.
--
-- Purchase: a customer's day with sale lines whose net revenue sums to more than zero. Several orders on one
-- day are one decision to buy, and the models' clock counts days; a day that earned nothing, such as one of
-- free samples, is no purchase, unless the company counts it (zero_value_orders).
-- Cancelled lines, returns and adjustments make no purchase: a return comes later and is not a negative
-- visit. Days after the as-of date and lines without a day or a customer are left out.

-- depends_on: {{ ref('history_change') }}

with fct_order_line as (

    select * from {{ ref('fct_order_line') }}

),

purchases as (

    select
        customer_key,
        order_date,
        cast(sum(net_revenue) as decimal(18, 4)) as purchase_value,
        cast(sum(case when net_cost is null then 0 else net_revenue end) as decimal(18, 4)) as costed_value,
        cast(sum(coalesce(net_cost, 0)) as decimal(18, 4)) as purchase_cost
    from fct_order_line
    where
        customer_key is not null
        and order_date <= {{ as_of_date() }}
        and line_kind = 'sale'
        and not is_cancelled
        and {{ is_changed_history() }}
    group by customer_key, order_date
    having {{ is_purchase('sum(net_revenue)') }}

)

select * from purchases
