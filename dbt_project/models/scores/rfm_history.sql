{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook='{{ forget_changed_rows() }}'
) }}

-- Grain: one row per customer with at least one purchase: what the order lines add up to, whatever the day;
-- those of customers whose lines have changed are made anew.
--
-- A return comes later than what it takes back and is not a negative visit, so it is kept beside the sales in
-- returns_value.

-- depends_on: {{ ref('history_change') }}

with purchase as (

    select * from {{ ref('purchase') }}

),

fct_order_line as (

    select * from {{ ref('fct_order_line') }}

),

lines as (

    select
        customer_key,
        -- positive: the value that came back
        cast(0 - sum(case when line_kind = 'return' then net_revenue else 0 end) as decimal(18, 4))
            as returns_value,
        {{ history_fingerprint() }} as fingerprint
    from fct_order_line
    where
        {{ is_in_history() }}
        and {{ is_changed_history() }}
    group by customer_key

),

sums as (

    select
        customer_key,
        count(*) as purchase_days,
        count(*) - 1 as frequency,
        min(order_date) as first_order_date,
        max(order_date) as last_order_date,
        cast(sum(purchase_value) as decimal(18, 4)) as gross_sales,
        -- the first purchase tells what won the customer, the repeats what the customer is worth
        sum(purchase_value) - min_by(purchase_value, order_date) as repeat_sales,
        -- the value model knows only orders that have a value
        sum(case when purchase_value > 0 then 1 else 0 end)
        - case when min_by(purchase_value, order_date) > 0 then 1 else 0 end as valued_repeats
    from purchase
    where {{ is_changed_history() }}
    group by customer_key

),

histories as (

    select
        sums.customer_key,
        cast(sums.frequency as bigint) as frequency,
        sums.first_order_date,
        sums.last_order_date,
        {{ days_between('sums.first_order_date', 'sums.last_order_date') }} as first_to_last_order_days,
        cast(sums.purchase_days as bigint) as purchase_days,
        cast(sums.valued_repeats as bigint) as valued_repeats,
        sums.gross_sales,
        lines.returns_value,
        cast({{ ratio('sums.gross_sales', 'sums.purchase_days') }} as decimal(18, 4)) as mean_purchase_value,
        cast({{ ratio('sums.repeat_sales', 'sums.valued_repeats') }} as decimal(18, 4)) as repeat_mean_value,
        lines.fingerprint
    from sums
    inner join lines on sums.customer_key = lines.customer_key

)

select * from histories
