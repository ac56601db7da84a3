-- Grain: one row per customer with at least one purchase: what the lifetime and churn models need to know as
-- of the night.
--
-- A table, made anew: every age changes each night, and scoring reads it many times.
-- Customers who opted out of profiling stay, flagged: the load counts them, the models leave them out.

with rfm_history as (

    select * from {{ ref('rfm_history') }}

),

dim_customer_current as (

    select * from {{ ref('dim_customer_current') }}

),

states as (

    select
        rfm_history.customer_key,
        rfm_history.frequency,
        rfm_history.first_order_date,
        rfm_history.last_order_date,
        rfm_history.first_to_last_order_days,
        {{ days_between('rfm_history.last_order_date', as_of_date()) }} as days_since_last_order,
        {{ days_between('rfm_history.first_order_date', as_of_date()) }} as age_days,
        rfm_history.purchase_days,
        rfm_history.valued_repeats,
        rfm_history.gross_sales,
        rfm_history.returns_value,
        rfm_history.mean_purchase_value,
        rfm_history.repeat_mean_value,
        coalesce(dim_customer_current.is_profiling_allowed, true) as is_profiling_allowed
    from rfm_history
    left join dim_customer_current on rfm_history.customer_key = dim_customer_current.customer_key

)

select * from states
