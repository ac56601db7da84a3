-- Grain: one row per customer with at least one purchase: what the lifetime and churn models need to know.
--
-- A return comes later than what it takes back and is not a negative visit, so it is kept beside the sales in
-- returns_value.
-- Customers who opted out of profiling stay, flagged: the load counts them, the models leave them out.

with purchase as (

    select * from {{ ref('purchase') }}

),

fct_order_line as (

    select * from {{ ref('fct_order_line') }}

),

dim_customer_current as (

    select * from {{ ref('dim_customer_current') }}

),

returned as (

    select
        customer_key,
        -- positive: the value that came back
        cast(0 - sum(net_revenue) as decimal(18, 4)) as returns_value
    from fct_order_line
    where
        customer_key is not null
        and order_date <= {{ as_of_date() }}
        and line_kind = 'return'
        and not is_cancelled
    group by customer_key

),

histories as (

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
    group by customer_key

),

states as (

    select
        histories.customer_key,
        cast(histories.frequency as bigint) as frequency,
        histories.first_order_date,
        histories.last_order_date,
        {{ days_between('histories.first_order_date', 'histories.last_order_date') }}
            as first_to_last_order_days,
        {{ days_between('histories.last_order_date', as_of_date()) }} as days_since_last_order,
        {{ days_between('histories.first_order_date', as_of_date()) }} as age_days,
        cast(histories.purchase_days as bigint) as purchase_days,
        cast(histories.valued_repeats as bigint) as valued_repeats,
        histories.gross_sales,
        coalesce(returned.returns_value, cast(0 as decimal(18, 4))) as returns_value,
        cast(
            {{ ratio('histories.gross_sales', 'histories.purchase_days') }} as decimal(18, 4)
        ) as mean_purchase_value,
        cast({{ ratio('histories.repeat_sales', 'histories.valued_repeats') }} as decimal(18, 4))
            as repeat_mean_value,
        coalesce(dim_customer_current.is_profiling_allowed, true) as is_profiling_allowed
    from histories
    left join returned on histories.customer_key = returned.customer_key
    left join dim_customer_current on histories.customer_key = dim_customer_current.customer_key

)

select * from states
