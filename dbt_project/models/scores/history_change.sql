-- Grain: one row per customer whose order lines are not those that rfm_history was added up from.
--
-- Whatever the cause is found: a late or corrected line or rate, a merge or split, a day that has come, an
-- erasure, another setting of zero_value_orders. Who has lines but no history is among them each night:
-- customers without a purchase, and those who were taken out of the scores after the last night.

with fct_order_line as (

    select * from {{ ref('fct_order_line') }}

),

loaded as (

    {{ loaded_histories() }}

),

latest as (

    select
        customer_key,
        {{ history_fingerprint() }} as fingerprint
    from fct_order_line
    where {{ is_in_history() }}
    group by customer_key

),

changes as (

    select coalesce(latest.customer_key, loaded.customer_key) as customer_key
    from latest
    full outer join loaded on latest.customer_key = loaded.customer_key
    where
        latest.fingerprint is null
        or loaded.fingerprint is null
        or latest.fingerprint <> loaded.fingerprint

)

select * from changes
