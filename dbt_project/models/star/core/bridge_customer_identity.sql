{{ config(materialized='view') }}

-- Grain: one row per reference by which a source names a customer or another person, and period in which it
-- stood for the same one; the reference itself stays private. Who stands for no customer has no customer_key.

with customer_link as (

    select * from {{ ref('customer_link') }}

),

bridge as (

    select
        identity_key,
        person_key,
        customer_key,
        source,
        object,
        valid_from,
        valid_to,
        valid_to is null as is_current
    from customer_link

)

select * from bridge
