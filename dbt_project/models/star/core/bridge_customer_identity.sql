{{ config(materialized='view') }}

-- Grain: one row per reference by which a source names a customer or another person; the reference itself
-- stays private. A person who is no known customer has no customer_key.

with customer_identity as (

    select * from {{ ref('customer_identity') }}

),

bridge as (

    select
        identity_key,
        customer_key,
        source,
        object,
        valid_from,
        valid_to,
        valid_to is null as is_current
    from customer_identity

)

select * from bridge
